// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small files that are read and replaced whole.
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

std::optional<std::string> read_file(const std::string& path);  // nullopt: it cannot be read
// Writes `path`.new, syncs it and puts it in place of `path`, mode 0600: after a crash there is the
// old file or the new one. true: it and its name are on disk.
bool replace_file(const std::string& path, std::string_view text);
// A name that was made or taken away in the folder of `path` is on disk.
bool sync_folder_of(const std::string& path);

}  // namespace sluice
