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

constexpr size_t kLinkBytesMax = 1024, kLinksFollowedMax = 40;

// The symbolic links of a package, by their paths in it, with the paths that they lead to.
class Links {
 public:
  void add(const Entry& entry) {
    const std::string path = plain(entry.name);
    entry.link ? void(links_[path]) : void(others_.insert(path));
  }
  Result<Done> extend(const Entry& entry, std::string_view piece) {
    std::string& target = links_[plain(entry.name)];
    target += piece;
    if (target.size() > kLinkBytesMax) return refused(entry.name, "is too long");
    return Done{};
  }
  const std::map<std::string, std::string>& all() const { return links_; }

  // Each link must stay inside, whatever links it leads through; and nothing may lie where a link
  // is, or below one.
  Result<Done> check() const {
    for (const auto& [path, target] : links_) {
      if (others_.contains(path)) return refused(path, "has the name of another entry");
      if (target.empty() || target.front() == '/' || target.find('\0') != target.npos ||
          !leads_inside(path))
        return refused(path, "leads outside the package");
      if (is_below_link(path)) return refused(path, "lies below another one");
    }
    for (const std::string& path : others_)
      if (is_below_link(path)) return refused(path, "has an entry below it");
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
  bool is_below_link(const std::string& path) const {
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (links_.contains(path.substr(0, slash))) return true;
    return false;
  }
  // Goes the way as the kernel does, one part after the other.
  bool leads_inside(const std::string& path) const {
    std::vector<std::string> here, ahead;  // `ahead` has the next part last
    const auto put_ahead = [&ahead](std::string_view way) {
      const auto parts = split(way, '/');
      ahead.insert(ahead.end(), parts.rbegin(), parts.rend());
    };
    put_ahead(path);
    for (size_t followed = 0; !ahead.empty();) {
      const std::string part = ahead.back();
      ahead.pop_back();
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        if (here.empty()) return false;
        here.pop_back();
        continue;
      }
      std::string at;
      for (const std::string& one : here) at += one + "/";
      const auto link = links_.find(at + part);
      if (link == links_.end()) {
        here.push_back(part);
      } else {
        if (++followed > kLinksFollowedMax || link->second.starts_with('/')) return false;
        put_ahead(link->second);
      }
    }
    return true;
  }

  std::map<std::string, std::string> links_;
  std::set<std::string> others_;
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
    links.add(entry);
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

}  // namespace sluice::lambda
