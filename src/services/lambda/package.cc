// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/package.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"

namespace sluice::lambda {
namespace {
Error unreadable() {
  return {400,
          "InvalidParameterValueException",
          "Could not unzip uploaded file. Please check your file, then try to upload again.",
          {}};
}

// A name that every file system takes and that stays inside. Sources: NAME_MAX of limits.h; the
// other two are ours, so that a small zip costs little time and few folders.
constexpr size_t kEntryNameBytesMax = 1024, kEntryNamePartsMax = 64, kEntryNamePartBytesMax = 255;
bool stays_inside(std::string_view name) {
  if (name.empty() || name.size() > kEntryNameBytesMax || name.front() == '/' ||
      name.find('\0') != name.npos || name.find('\\') != name.npos)
    return false;
  const auto parts = split(name, '/');
  if (parts.size() > kEntryNamePartsMax) return false;
  for (const auto part : parts)
    if (part == ".." || part.size() > kEntryNamePartBytesMax) return false;
  return true;
}

struct Entry {
  std::string name;
  mode_t mode;
  bool folder;
  bool link;  // its bytes are the path that it leads to
};
// Called with the bytes of an entry, piece by piece. The first piece of each entry is empty.
using Take = std::function<Result<Done>(const Entry&, std::string_view piece)>;

Result<Entry> entry_at(zip_t* archive, zip_uint64_t index) {
  const char* name = zip_get_name(archive, index, ZIP_FL_ENC_GUESS);
  if (!name || !stays_inside(name)) return unreadable();
  Entry entry{name, 0644, std::string_view(name).ends_with('/'), false};
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  if (zip_file_get_external_attributes(archive, index, 0, &system, &attributes) == 0 &&
      system == ZIP_OPSYS_UNIX) {
    const mode_t mode = static_cast<mode_t>(attributes >> 16);
    entry.link = S_ISLNK(mode) && !entry.folder;
    if (mode & 0777) entry.mode = mode & 0777;
  }
  return entry;
}

// kLinkStepsMax: the parts of all ways that the links of a package lead.
constexpr size_t kLinkBytesMax = 1024, kLinksFollowedMax = 40, kLinkStepsMax = 400'000;

// The symbolic links of a package, by their paths in it, with the paths that they lead to.
class Links {
 public:
  Result<Done> add(const Entry& entry) {
    const std::string path = plain(entry.name);
    if (path.empty() && !entry.folder) return unreadable();
    if (entry.link)
      links_[path];
    else if (!path.empty())
      (entry.folder ? folders_ : files_).insert(path);
    return Done{};
  }
  Result<Done> extend(const Entry& entry, std::string_view piece) {
    std::string& target = links_[plain(entry.name)];
    target += piece;
    if (target.size() > kLinkBytesMax) return refused(entry.name, "is too long");
    return Done{};
  }
  const std::map<std::string, std::string>& all() const { return links_; }

  // Each link must stay inside, whatever links it leads through; and nothing may lie where a link
  // is, or below a link or a file.
  Result<Done> check() const {
    size_t steps = 0;
    for (const auto& [path, target] : links_) {
      if (files_.contains(path) || folders_.contains(path))
        return refused(path, "has the name of another entry");
      if (target.empty() || target.front() == '/' || target.find('\0') != target.npos ||
          !leads_inside(path, steps))
        return refused(path, "leads outside the package");
      if (is_below(path, links_)) return refused(path, "lies below another one");
      if (is_below(path, files_)) return unreadable();
    }
    for (const auto* others : {&files_, &folders_})
      for (const std::string& path : *others) {
        if (is_below(path, links_)) return refused(path, "has an entry below it");
        if (is_below(path, files_)) return unreadable();
      }
    for (const std::string& path : folders_)
      if (files_.contains(path)) return unreadable();
    return Done{};
  }

 private:
  static Error refused(const std::string& path, const char* why) {
    return {400,
            "InvalidParameterValueException",
            "The symbolic link '" + path.substr(0, 200) + "' of the zip file " + why + ".",
            {}};
  }
  // Without empty parts and ".".
  static std::string plain(std::string_view path) {
    std::string out;
    for (const auto part : split(path, '/'))
      if (!part.empty() && part != ".") out += (out.empty() ? "" : "/") + std::string(part);
    return out;
  }
  static bool is_below(const std::string& path, const auto& paths) {
    if (paths.empty()) return false;
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (paths.contains(path.substr(0, slash))) return true;
    return false;
  }
  // Goes the way as the kernel does, one part after the other.
  bool leads_inside(const std::string& path, size_t& steps) const {
    std::string here;
    std::vector<std::string> ahead;  // the next part last
    const auto put_ahead = [&ahead](std::string_view way) {
      const auto parts = split(way, '/');
      ahead.insert(ahead.end(), parts.rbegin(), parts.rend());
    };
    put_ahead(path);
    for (size_t followed = 0; !ahead.empty();) {
      if (++steps > kLinkStepsMax || here.size() > 2 * kEntryNameBytesMax) return false;
      const std::string part = ahead.back();
      ahead.pop_back();
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        if (here.empty()) return false;
        const size_t slash = here.rfind('/');
        here.resize(slash == here.npos ? 0 : slash);
        continue;
      }
      std::string there = here.empty() ? part : here + "/" + part;
      const auto link = links_.find(there);
      if (link == links_.end()) {
        here = std::move(there);
      } else {
        if (++followed > kLinksFollowedMax || link->second.starts_with('/')) return false;
        put_ahead(link->second);
      }
    }
    return true;
  }

  std::map<std::string, std::string> links_;
  std::set<std::string> files_, folders_;
};

// Every entry but the links goes to `take`. The links are given back when all is well.
Result<Links> each_entry(std::string_view zip, const Take& take) {
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
  Links links;
  std::vector<char> buffer(1 << 16);
  for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(count); ++i) {
    TRY(const Entry entry, entry_at(archive.get(), i));
    CHECK(links.add(entry));
    if (!entry.link) CHECK(take(entry, {}));
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
      const std::string_view piece(buffer.data(), static_cast<size_t>(got));
      CHECK(entry.link ? links.extend(entry, piece) : take(entry, piece));
    }
    if (got < 0) return unreadable();
  }
  CHECK(links.check());
  return links;
}
}  // namespace

Result<PackageFacts> check_package(std::string_view zip) {
  PackageFacts facts;
  CHECK(each_entry(zip, [&](const Entry& entry, std::string_view piece) -> Result<Done> {
    facts.unpacked_bytes += piece.size();
    if (facts.extension.empty() && !entry.folder && entry.name.starts_with("extensions/"))
      facts.extension = entry.name;
    return Done{};
  }));
  return facts;
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
  auto links = each_entry(zip, [&](const Entry& entry, std::string_view piece) -> Result<Done> {
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
  if (!links) return std::move(links).error();
  for (const auto& [path, target] : links->all()) {
    const std::filesystem::path link = std::filesystem::path(folder) / path;
    std::error_code problem;
    std::filesystem::create_directories(link.parent_path(), problem);
    if (problem || symlink(target.c_str(), link.c_str()) != 0) return failed;
  }
  return Done{};
}

Result<Done> lay_over(const std::string& from, const std::string& onto) {
  namespace fs = std::filesystem;
  std::error_code problem, absent;
  for (const std::string& name : entries_of(from)) {
    const fs::path above = fs::path(from) / name, below = fs::path(onto) / name;
    const fs::file_status there = fs::symlink_status(below, absent);
    if (fs::is_directory(fs::symlink_status(above, absent)) && fs::is_directory(there)) {
      CHECK(lay_over(above, below));
      continue;
    }
    if (fs::exists(there)) fs::remove_all(below, problem);
    if (!problem) fs::rename(above, below, problem);
    if (problem) break;
  }
  if (problem)
    return Error{500, "ServiceException", "Layers could not be joined: " + problem.message(), {}};
  return Done{};
}

}  // namespace sluice::lambda
