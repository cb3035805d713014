// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/package.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace sluice::lambda {
namespace {
Error unreadable() {
  return {400,
          "InvalidParameterValueException",
          "Could not unzip uploaded file. Please check your file, then try to upload again.",
          {}};
}

bool stays_inside(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != name.npos ||
      name.find('\\') != name.npos)
    return false;
  for (const auto part : split(name, '/'))
    if (part == "..") return false;
  return true;
}

struct Entry {
  std::string name;
  mode_t mode;
  bool folder;
};
// Called with the bytes of an entry, piece by piece. The first piece of each entry is empty.
using Take = std::function<Result<Done>(const Entry&, std::string_view piece)>;

Result<Entry> entry_at(zip_t* archive, zip_uint64_t index) {
  const char* name = zip_get_name(archive, index, ZIP_FL_ENC_GUESS);
  if (!name || !stays_inside(name)) return unreadable();
  Entry entry{name, 0644, std::string_view(name).ends_with('/')};
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  if (zip_file_get_external_attributes(archive, index, 0, &system, &attributes) == 0 &&
      system == ZIP_OPSYS_UNIX) {
    const mode_t mode = static_cast<mode_t>(attributes >> 16);
    if (S_ISLNK(mode))
      return Error{400,
                   "InvalidParameterValueException",
                   "The zip file holds the symbolic link '" + entry.name +
                       "'. Sluice takes regular files only.",
                   {}};
    if (mode & 0777) entry.mode = mode & 0777;
  }
  return entry;
}

Result<Done> each_entry(std::string_view zip, const Take& take) {
  zip_error_t problem;
  zip_error_init(&problem);
  zip_source_t* source = zip_source_buffer_create(zip.data(), zip.size(), 0, &problem);
  if (!source) return unreadable();
  // ZIP_CHECKCONS would refuse archives that were written as a stream, whose sizes come after the
  // data. Checksums are checked without it too.
  const std::unique_ptr<zip_t, void (*)(zip_t*)> archive(
      zip_open_from_source(source, ZIP_RDONLY, &problem), [](zip_t* z) {
        if (z) zip_discard(z);
      });
  if (!archive) {
    zip_source_free(source);
    return unreadable();
  }
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count <= 0 || count > kZipEntriesMax) return unreadable();
  uint64_t total = 0;
  std::vector<char> buffer(1 << 16);
  for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(count); ++i) {
    TRY(const Entry entry, entry_at(archive.get(), i));
    CHECK(take(entry, {}));
    if (entry.folder) continue;
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
        zip_fopen_index(archive.get(), i, 0), zip_fclose);
    if (!file) return unreadable();
    zip_int64_t got = 0;
    while ((got = zip_fread(file.get(), buffer.data(), buffer.size())) > 0) {
      if ((total += static_cast<uint64_t>(got)) > kUnzippedBytesMax)
        return Error{400,
                     "InvalidParameterValueException",
                     "Unzipped size must be smaller than 262144000 bytes",
                     {}};
      CHECK(take(entry, {buffer.data(), static_cast<size_t>(got)}));
    }
    if (got < 0) return unreadable();
  }
  return Done{};
}
}  // namespace

Result<Done> check_package(std::string_view zip) {
  return each_entry(zip, [](const Entry&, std::string_view) -> Result<Done> { return Done{}; });
}

Result<Done> unpack(std::string_view zip, const std::string& folder) {
  const Error failed{
      500,
      "ServiceException",
      "The function's code could not be unpacked under " + folder + "; is its file system full?",
      {}};
  int fd = -1;
  const auto close_file = [&] {
    if (fd >= 0) close(fd);
    fd = -1;
  };
  auto done = each_entry(zip, [&](const Entry& entry, std::string_view piece) -> Result<Done> {
    const std::filesystem::path path = std::filesystem::path(folder) / entry.name;
    if (piece.empty()) {  // a new entry begins
      close_file();
      std::error_code problem;
      std::filesystem::create_directories(entry.folder ? path : path.parent_path(), problem);
      if (problem) return failed;
      if (!entry.folder &&
          (fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                     entry.mode | 0444)) < 0)
        return failed;
      return Done{};
    }
    if (write(fd, piece.data(), piece.size()) != static_cast<ssize_t>(piece.size())) return failed;
    return Done{};
  });
  close_file();
  return done;
}

}  // namespace sluice::lambda
