// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opens the keys of a data directory. The root key (store/root_key.h) lies outside of the
// directory; it opens the master secret, from which all other keys are derived. The master secret
// and the store key stand sealed in <data_dir>/keyring.json (docs/on-disk.md).
//
//   TRY(const Keyring keys, open_keyring(data_dir, root_key));
//   TRY(auto rocks, open_rocks(data_dir + "/db", keys.store, scope));
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace sluice {

// The format of the data directory that this program writes, and the first one whose keys carry the
// account and the Region.
constexpr int kFormatVersion = 3, kFormatWithScope = 3;
struct Keyring {
  Secret master, store;
  // The format of the directory. While it is being brought up to date: the format that it had.
  int64_t format = kFormatVersion;
};
// Opens <data_dir>/keyring.json with the root key. When the directory is new, it makes both.
// Errors say what to do: the format is newer, or the root key is missing or wrong.
Result<Keyring> open_keyring(const std::string& data_dir, const std::string& root_key);
// Seals the master secret under another root key, and forgets the old one. A file may be replaced
// in its place. A crash leaves a directory that the root key of that moment opens, the old one or
// the new one. Nobody else may use the directory meanwhile. `crash_point` is for tests.
struct Rotated {
  // The directory is of an earlier version: whoever has its first root key can still derive what is
  // derived from it (docs/on-disk.md).
  bool first_root_key_matters = false;
};
Result<Rotated> rotate_root_key(
    const std::string& data_dir, const std::string& from, const std::string& to,
    const std::function<void(std::string_view place)>& crash_point = {});
// Called before the directory is changed to a newer format. From now on an older program refuses
// the directory: it would not find what is moved already.
Result<Done> begin_format(const std::string& data_dir, int64_t from);
// The directory has this program's format now.
Result<Done> end_format(const std::string& data_dir);

}  // namespace sluice
