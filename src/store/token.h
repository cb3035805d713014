// SPDX-License-Identifier: Apache-2.0
#pragma once
// A key that never leaves a PKCS#11 token: a hardware security module, a smart card, SoftHSM. The
// token encrypts and decrypts a few bytes, over the module that p11-kit finds. Sources: PKCS #11
// Cryptographic Token Interface 2.40; RFC 7512, "The PKCS #11 URI Scheme".
//
//   const std::string uri = "pkcs11:token=sluice;object=root?pin-source=/run/secrets/pin";
//   TRY(const std::string sealed, token_encrypt(uri, plain));
//   TRY(const Secret plain, token_decrypt(uri, sealed));
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace sluice {

// The URI names one AES key. Its PIN comes from pin-source (a file) or pin-value; module-path names
// the module when p11-kit does not know it. What is encrypted is not authenticated: put what
// follows from it to a proof. Errors say what to do: there is no such token or key, the PIN is
// wrong; WrongRootKey when another key encrypted it.
Result<std::string> token_encrypt(const std::string& uri, const Secret& plain);
Result<Secret> token_decrypt(const std::string& uri, std::string_view sealed);

}  // namespace sluice
