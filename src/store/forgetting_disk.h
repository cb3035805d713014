// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: a disk that forgets. Every call by which this process changes the files below one
// folder is noted: ours, and RocksDB's, because forgetting_disk_test.cc takes the place of the C
// library's open, write, fsync, rename and so on in this program. From the notes come the states in
// which a power cut at any of the calls could have left the disk; and a call can be made to fail.
//
//   ForgettingDisk disk(folder / "live");
//   ... work in folder / "live" ...
//   lay_out(disk.after(17, ForgettingDisk::Keeps::nothing), folder / "after");
//
// It is stricter than a file system has to be, and no more forgetful than it may be: bytes stay
// after an fsync of their file, names after an fsync of their folder.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/thread_safety.h"

namespace sluice {

class ForgettingDisk {
 public:
  // Of what was not synced.
  enum class Keeps {
    nothing,     // neither bytes nor names
    names,       // new files are there, and empty
    half,        // names, and the first half of each file's bytes
    holes,       // names, and the second half of the bytes that are written over others
    latest,      // names, and all bytes of the file that was written to last
    everything,  // the process died, the machine went on
  };
  // From here to the end of this nothing in the process waits for the disk, below the folder or
  // elsewhere. One at a time.
  explicit ForgettingDisk(const std::filesystem::path& folder);
  ~ForgettingDisk();
  ForgettingDisk(const ForgettingDisk&) = delete;
  ForgettingDisk& operator=(const ForgettingDisk&) = delete;

  size_t calls() const;
  std::string call(size_t number) const;  // in words
  // The call with this number answers with `error`. What it would have synced is lost, also when it
  // is synced later: so does Linux.
  void fail_at(size_t number, int error);
  // Writes past the page cache (O_DIRECT) so far. The next one answers with `error`.
  size_t direct_writes() const;
  void fail_next_direct_write(int error);
  // What is there after a power cut behind the first `calls`: bytes by name; nullopt: a folder.
  using Files = std::map<std::string, std::optional<std::string>>;
  Files after(size_t calls, Keeps keeps) const;

  // What the C library's calls become.
  int open(const char* path, int flags, unsigned mode);
  int close(int fd);
  ssize_t write(int fd, const void* bytes, size_t count);
  ssize_t write_at(int fd, const void* bytes, size_t count, int64_t at);
  int sync(int fd);
  int resize(int fd, int64_t size);
  int make_folder(const char* path, unsigned mode);
  int rename(const char* from, const char* to);
  int unlink(const char* path, int flags);

 private:
  enum class What { open, make, write, resize, rename, unlink, sync };
  struct Call {
    What what;
    std::string name;
    size_t file = 0;  // a number for each file and folder that ever was
    bool failed = false;
    std::string to = {};     // the new name
    bool is_folder = false;  // of what is made
    uint64_t at = 0;         // where it writes; the size after a resize
    std::string bytes = {};
  };
  struct State;
  std::optional<std::string> below(const char* path) const;
  template <class Real>
  std::invoke_result_t<Real> note(Call call, const Real& real) SLUICE_REQUIRES(mutex_);

  const std::string folder_;
  mutable Mutex mutex_;
  std::vector<Call> calls_ SLUICE_GUARDED_BY(mutex_);
  // What is there; "": the folder itself.
  std::map<std::string, size_t> named_ SLUICE_GUARDED_BY(mutex_){{"", 0}};
  std::map<int, std::pair<std::string, size_t>> opened_ SLUICE_GUARDED_BY(mutex_);
  size_t files_ SLUICE_GUARDED_BY(mutex_) = 1;
  size_t fails_at_ SLUICE_GUARDED_BY(mutex_) = ~size_t{};
  int error_ SLUICE_GUARDED_BY(mutex_) = 0;
  size_t direct_writes_ SLUICE_GUARDED_BY(mutex_) = 0;
  int direct_error_ SLUICE_GUARDED_BY(mutex_) = 0;
};
void lay_out(const ForgettingDisk::Files& files, const std::filesystem::path& to);

}  // namespace sluice
