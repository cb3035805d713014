// SPDX-License-Identifier: Apache-2.0
#pragma once
// The root key, which opens the master secret of a data directory. It lies outside of the directory
// and is one of these:
//
//   /path/of/a/file          64 hex digits; made with a new directory
//   passphrase:/path         a file whose first line is a passphrase, through scrypt (RFC 7914)
//   pkcs11:token=T;object=K  a key of a PKCS#11 token (store/token.h), which never leaves it
//
//   TRY(const json::object sealed, seal_master(root_key, master));   // into keyring.json
//   TRY(const Secret master, open_master(root_key, sealed));
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"

namespace sluice {

constexpr size_t kPassphraseMin = 12, kPassphraseMax = 1024;  // limit: bytes of a passphrase

bool is_root_key_file(std::string_view root_key);
// "file", "passphrase" or "pkcs11"; in a seal it is the member root_key.
std::string kind_of_root_key(std::string_view root_key);
// As it may be shown: a PKCS#11 URI without its query, which may hold a PIN.
std::string shown_root_key(const std::string& root_key);
// Refuses a file that other users may read. `what` is its name in the error.
Result<Done> check_private(const std::string& file, const std::string& what);
// The 32 bytes of a root key that is a file. Errors: it cannot be read, it is open to other users,
// or it is no key.
Result<Secret> read_root_key(const std::string& file);
// Makes the file of a new root key. It is on disk when this returns.
Result<Done> make_root_key(const std::string& file);

// What keyring.json keeps of one root key: its kind, and the master secret sealed under it.
Result<json::object> seal_master(const std::string& root_key, const Secret& master);
// Errors: the root key cannot be used, or it is another one; "WrongRootKey" is the code of the
// latter.
Result<Secret> open_master(const std::string& root_key, const json::object& sealed);

}  // namespace sluice
