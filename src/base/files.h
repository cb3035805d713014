// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small files that are read and replaced whole, and folders. Nothing here throws when a file or a
// folder is gone: processes take theirs below /proc along when they end.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

std::optional<std::string> read_file(const std::string& path);  // nullopt: it cannot be read
// The names in a folder, as far as it can be read.
std::vector<std::string> entries_of(const std::string& folder);
// Writes `path`.new, syncs it and puts it in place of `path`, mode 0600: after a crash there is the
// old file or the new one. true: it and its name are on disk.
bool replace_file(const std::string& path, std::string_view text);
// A name that was made or taken away in the folder of `path` is on disk.
bool sync_folder_of(const std::string& path);

}  // namespace sluice
