// SPDX-License-Identifier: Apache-2.0
#pragma once
// The root key (a file outside the data directory) and what it wraps. docs/on-disk.md
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace sluice {

constexpr int kFormatVersion = 3, kFormatWithScope = 3;  // keys carry account and Region
struct Keyring {
  Secret root, store;
  int64_t format = kFormatVersion;  // of the directory
};
// Opens <data_dir>/keyring.json, or makes it, and the root key file, when the directory is new.
// Errors say what to do: a newer format, a missing or a wrong root key.
Result<Keyring> open_keyring(const std::string& data_dir, const std::string& root_key_file);
// The directory has this program's format from now on: an older one refuses it.
Result<Done> note_format(const std::string& data_dir);

}  // namespace sluice
