// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small files that are read and replaced as a whole, and folders. A file or a folder that is gone
// is no exception here: those of a process below /proc disappear when the process ends.
//
//   if (!replace_file(path, text)) return failure("cannot write " + path);
//   const std::optional<std::string> text = read_file(path);
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

std::optional<std::string> read_file(const std::string& path);  // nullopt: it cannot be read
// The names in a folder, or as many of them as can be read.
std::vector<std::string> entries_of(const std::string& folder);
// Writes `path`.new with mode 0600, syncs it and renames it to `path`. After a crash there is
// either the old file or the new one. True: the new file and its name are on disk.
bool replace_file(const std::string& path, std::string_view text);
// Syncs the folder of `path`. True: names that were made or removed there are so on disk.
bool sync_folder_of(const std::string& path);

}  // namespace sluice
