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
  // Of the directory; while it is brought up to date, the one that it comes from.
  int64_t format = kFormatVersion;
};
// Opens <data_dir>/keyring.json, or makes it, and the root key file, when the directory is new.
// Errors say what to do: a newer format, a missing or a wrong root key.
Result<Keyring> open_keyring(const std::string& data_dir, const std::string& root_key_file);
// Before the first change: an older program refuses the directory from now on, since it would take
// what is moved already for lost.
Result<Done> begin_format(const std::string& data_dir, int64_t from);
Result<Done> end_format(const std::string& data_dir);  // it has this program's format

}  // namespace sluice
