// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/usage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"

namespace sluice::lambda {
namespace {
constexpr size_t kProcessesSeenMax = 2048;  // a sandbox has at most kProcessesMax, 1,024
constexpr uint64_t kBlockBytes = 512;       // the unit of st_blocks

std::string proc(pid_t pid) { return "/proc/" + std::to_string(pid); }

// Orphans are children of the first process: it is the init of their pid namespace.
std::vector<pid_t> processes_from(pid_t first) {
  std::vector<pid_t> found{first};
  for (size_t at = 0; at < found.size() && found.size() < kProcessesSeenMax; ++at) {
    const std::string tasks = proc(found[at]) + "/task";
    for (const std::string& task : entries_of(tasks)) {
      std::ifstream children(tasks + "/" + task + "/children");
      for (pid_t child; children >> child;) found.push_back(child);
    }
  }
  return found;
}

// The bytes of a line such as "RssAnon:     123 kB" in a file of /proc; 0 when the line has another
// name.
uint64_t kilobytes(const std::string& line, std::string_view name) {
  if (!line.starts_with(name)) return 0;
  const auto value = trim(std::string_view(line).substr(name.size()));
  return static_cast<uint64_t>(parse_int(value.substr(0, value.find(' '))).value_or(0)) << 10;
}

void add_status(pid_t pid, Usage& usage) {
  std::ifstream status(proc(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    usage.memory += kilobytes(line, "RssAnon:") + kilobytes(line, "RssShmem:");
    usage.files += kilobytes(line, "RssFile:");
  }
}

// Adds up the mappings of a process. Mapped files of /dev/shm and memfds are counted elsewhere.
void add_mappings(pid_t pid, Usage& usage) {
  std::ifstream mappings(proc(pid) + "/smaps");
  enum class Kind { memory, file, counted_elsewhere } kind = Kind::memory;
  for (std::string line; std::getline(mappings, line);) {
    const size_t colon = line.find(':');
    const bool is_head = colon == line.npos || line.find('-') < colon;
    if (is_head) {
      const size_t path = line.find('/');
      const std::string_view name =
          path == line.npos ? std::string_view() : std::string_view(line).substr(path);
      kind = name.starts_with("/dev/shm/") || name.starts_with("/memfd:") ? Kind::counted_elsewhere
             : name.empty() || name.starts_with("/dev/zero")              ? Kind::memory
                                                                          : Kind::file;
    } else if (kind == Kind::memory) {
      usage.memory += kilobytes(line, "Pss:");
    } else if (kind == Kind::file) {
      usage.memory += kilobytes(line, "Anonymous:");
      usage.files += kilobytes(line, "Pss:");
    }
  }
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat a{}, b{};
  return stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

uint64_t bytes_on(const std::string& path) {
  struct statvfs facts{};
  if (statvfs(path.c_str(), &facts) != 0) return 0;
  return static_cast<uint64_t>(facts.f_blocks - facts.f_bfree) * facts.f_frsize;
}

// Adds the files that have no name and lie only in memory: memfds. Files of /tmp and /dev/shm that
// were unlinked while they were open are counted with their file system.
void add_nameless_files(pid_t pid, const std::set<dev_t>& counted,
                        std::set<std::pair<dev_t, ino_t>>& seen, Usage& usage) {
  const std::string descriptors = proc(pid) + "/fd/";
  for (const std::string& descriptor : entries_of(descriptors)) {
    struct stat facts{};
    if (stat((descriptors + descriptor).c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_nlink != 0 || counted.contains(facts.st_dev) ||
        !seen.emplace(facts.st_dev, facts.st_ino).second)
      continue;
    usage.memory += static_cast<uint64_t>(facts.st_blocks) * kBlockBytes;
  }
}

template <class AddProcess>
Usage usage_from(pid_t first, AddProcess add_process) {
  Usage usage;
  const std::string root = proc(first) + "/root/";
  if (is_same_file(root, "/")) return usage;  // bubblewrap has not made its own root yet
  std::set<dev_t> counted;
  for (const char* folder : {"tmp", "dev/shm"}) {
    struct stat facts{};
    if (stat((root + folder).c_str(), &facts) == 0) counted.insert(facts.st_dev);
  }
  usage.tmp = bytes_on(root + "tmp");
  usage.memory = bytes_on(root + "dev/shm");
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const pid_t pid : processes_from(first)) {
    ++usage.processes;
    add_process(pid, usage);
    add_nameless_files(pid, counted, seen, usage);
  }
  return usage;
}
}  // namespace

Usage estimate_usage(pid_t first) { return usage_from(first, add_status); }
Usage measure_usage(pid_t first) { return usage_from(first, add_mappings); }

}  // namespace sluice::lambda
