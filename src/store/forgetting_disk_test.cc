// SPDX-License-Identifier: Apache-2.0
#include "store/forgetting_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <fstream>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/random.h"

namespace sluice {
namespace fs = std::filesystem;
namespace {
std::atomic<ForgettingDisk*> the_disk = nullptr;

// The calls as the kernel knows them.
int real_open(const char* path, int flags, unsigned mode) {
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
int real_close(int fd) { return static_cast<int>(syscall(SYS_close, fd)); }
ssize_t real_write(int fd, const void* bytes, size_t count) {
  return syscall(SYS_write, fd, bytes, count);
}
ssize_t real_write_at(int fd, const void* bytes, size_t count, int64_t at) {
  return syscall(SYS_pwrite64, fd, bytes, count, at);
}
int real_resize(int fd, int64_t size) { return static_cast<int>(syscall(SYS_ftruncate, fd, size)); }
int real_make_folder(const char* path, unsigned mode) {
  return static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
int real_rename(const char* from, const char* to) {
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int real_unlink(const char* path, int flags) {
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, flags));
}
std::string folder_of(const std::string& name) {
  return name.substr(0, name.find('/') == std::string::npos ? 0 : name.rfind('/'));
}
}  // namespace

ForgettingDisk::ForgettingDisk(const fs::path& folder) : folder_(folder.lexically_normal()) {
  the_disk = this;
}
ForgettingDisk::~ForgettingDisk() { the_disk = nullptr; }

size_t ForgettingDisk::calls() const {
  const MutexLock lock(mutex_);
  return calls_.size();
}

std::string ForgettingDisk::call(size_t number) const {
  static constexpr std::array kWords{"open", "make", "write", "resize", "rename", "unlink", "sync"};
  const MutexLock lock(mutex_);
  const Call& call = calls_.at(number);
  std::string words = std::string(kWords.at(static_cast<size_t>(call.what))) + " " + call.name;
  if (call.what == What::rename) words += " to " + call.to;
  if (call.what == What::write)
    words += ", " + std::to_string(call.bytes.size()) + " bytes at " + std::to_string(call.at);
  return words;
}

void ForgettingDisk::fail_at(size_t number, int error) {
  const MutexLock lock(mutex_);
  fails_at_ = number;
  error_ = error;
}

std::optional<std::string> ForgettingDisk::below(const char* path) const {
  std::string name = fs::path(path).lexically_normal();
  if (name.ends_with('/')) name.pop_back();
  if (name == folder_) return "";
  if (!name.starts_with(folder_ + "/")) return std::nullopt;
  return name.substr(folder_.size() + 1);
}

// Makes the call, or lets it fail. Noted is what changes something, and what was made to fail.
template <class Real>
std::invoke_result_t<Real> ForgettingDisk::note(Call call, const Real& real) {
  decltype(real()) answer = -1;
  if (calls_.size() == fails_at_) {
    call.failed = true;
    errno = error_;
  } else {
    answer = real();
    if (answer < 0) return answer;
  }
  calls_.push_back(std::move(call));
  return answer;
}

size_t ForgettingDisk::direct_writes() const {
  const MutexLock lock(mutex_);
  return direct_writes_;
}
void ForgettingDisk::fail_next_direct_write(int error) {
  const MutexLock lock(mutex_);
  direct_error_ = error;
}

int ForgettingDisk::open(const char* path, int flags, unsigned mode) {
  const auto name = below(path);
  if (!name) return real_open(path, flags, mode);
  const MutexLock lock(mutex_);
  const auto known = named_.find(*name);
  const bool is_new = known == named_.end();
  const size_t file = is_new ? files_ : known->second;
  const int fd = note({is_new ? What::make : What::open, *name, file},
                      [&] { return real_open(path, flags, mode); });
  if (fd < 0) return fd;
  if (is_new) named_[*name] = files_++;
  if (flags & O_TRUNC) calls_.push_back({What::resize, *name, file});
  opened_[fd] = {*name, file};
  return fd;
}

int ForgettingDisk::close(int fd) {
  const MutexLock lock(mutex_);
  opened_.erase(fd);
  return real_close(fd);
}

ssize_t ForgettingDisk::write(int fd, const void* bytes, size_t count) {
  const MutexLock lock(mutex_);
  const auto file = opened_.find(fd);
  if (file == opened_.end()) return real_write(fd, bytes, count);
  if (fcntl(fd, F_GETFL) & O_DIRECT) {
    ++direct_writes_;
    constexpr size_t kBlock = 4096;  // open(2): what disks take
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % kBlock, 0u);
    EXPECT_EQ(count % kBlock, 0u);
    if (const int error = std::exchange(direct_error_, 0)) {
      errno = error;
      return -1;
    }
  }
  Call call{What::write, file->second.first, file->second.second};
  call.bytes.assign(static_cast<const char*>(bytes), count);
  if (fcntl(fd, F_GETFL) & O_APPEND) lseek(fd, 0, SEEK_END);
  call.at = static_cast<uint64_t>(lseek(fd, 0, SEEK_CUR));
  return note(std::move(call), [&] { return real_write(fd, bytes, count); });
}

ssize_t ForgettingDisk::write_at(int fd, const void* bytes, size_t count, int64_t at) {
  const MutexLock lock(mutex_);
  const auto file = opened_.find(fd);
  if (file == opened_.end()) return real_write_at(fd, bytes, count, at);
  Call call{What::write, file->second.first, file->second.second};
  call.bytes.assign(static_cast<const char*>(bytes), count);
  call.at = static_cast<uint64_t>(at);
  return note(std::move(call), [&] { return real_write_at(fd, bytes, count, at); });
}

int ForgettingDisk::sync(int fd) {
  const MutexLock lock(mutex_);
  const auto file = opened_.find(fd);
  if (file == opened_.end()) return 0;
  return note({What::sync, file->second.first, file->second.second}, [] { return 0; });
}

int ForgettingDisk::resize(int fd, int64_t size) {
  const MutexLock lock(mutex_);
  const auto file = opened_.find(fd);
  if (file == opened_.end()) return real_resize(fd, size);
  Call call{What::resize, file->second.first, file->second.second};
  call.at = static_cast<uint64_t>(size);
  return note(std::move(call), [&] { return real_resize(fd, size); });
}

int ForgettingDisk::make_folder(const char* path, unsigned mode) {
  const auto name = below(path);
  if (!name) return real_make_folder(path, mode);
  const MutexLock lock(mutex_);
  if (named_.contains(*name) && !name->empty()) {
    errno = EEXIST;
    return -1;
  }
  Call call{What::make, *name, name->empty() ? 0 : files_};
  call.is_folder = true;
  const int made = note(std::move(call), [&] { return real_make_folder(path, mode); });
  if (made == 0 && !name->empty()) named_[*name] = files_++;
  return made;
}

int ForgettingDisk::rename(const char* from, const char* to) {
  const auto old_name = below(from), new_name = below(to);
  if (!old_name || !new_name) return real_rename(from, to);
  const MutexLock lock(mutex_);
  Call call{What::rename, *old_name, named_[*old_name]};
  call.to = *new_name;
  const int renamed = note(std::move(call), [&] { return real_rename(from, to); });
  if (renamed == 0) {
    named_[*new_name] = named_[*old_name];
    named_.erase(*old_name);
  }
  return renamed;
}

int ForgettingDisk::unlink(const char* path, int flags) {
  const auto name = below(path);
  if (!name) return real_unlink(path, flags);
  const MutexLock lock(mutex_);
  const auto known = named_.find(*name);
  if (known == named_.end()) return real_unlink(path, flags);
  const int gone =
      note({What::unlink, *name, known->second}, [&] { return real_unlink(path, flags); });
  if (gone == 0) named_.erase(known);
  return gone;
}

struct ForgettingDisk::State {
  enum class On { its_way, disk, nothing };
  struct Change {
    const Call* call;
    On on;
  };
  std::map<std::string, size_t> seen, kept;  // names: as the program sees them, on disk
  std::map<size_t, std::vector<Change>> changes;
  std::set<size_t> folders{0};
  size_t latest = 0;  // the file that was written to last

  void apply(const Call& call) {
    switch (call.what) {
      case What::open: break;
      case What::make:
        if (call.failed) break;
        seen[call.name] = call.file;
        if (call.is_folder) folders.insert(call.file);
        break;
      case What::write:
      case What::resize:
        if (call.failed) break;
        changes[call.file].push_back({&call, On::its_way});
        latest = call.file;
        break;
      case What::sync:
        if (!folders.contains(call.file)) {
          for (Change& change : changes[call.file])
            if (change.on == On::its_way) change.on = call.failed ? On::nothing : On::disk;
        } else if (!call.failed) {
          sync_names_in(call.name);
        }
        break;
      case What::rename:
        if (call.failed) break;
        seen[call.to] = call.file;
        seen.erase(call.name);
        break;
      case What::unlink:
        if (!call.failed) seen.erase(call.name);
        break;
    }
  }
  void sync_names_in(const std::string& folder) {
    const auto is_in = [&](const auto& named) {
      return !named.first.empty() && folder_of(named.first) == folder;
    };
    std::erase_if(kept, is_in);
    for (const auto& named : seen)
      if (is_in(named)) kept.insert(named);
  }
  static uint64_t size_on_disk(const std::vector<Change>& changes) {
    uint64_t size = 0;
    for (const auto& [call, on] : changes)
      if (on == On::disk)
        size =
            call->what == What::resize ? call->at : std::max(size, call->at + call->bytes.size());
    return size;
  }
  std::string bytes_of(size_t file, Keeps keeps) const {
    std::string bytes;
    const auto all = changes.find(file);
    if (all == changes.end()) return bytes;
    const uint64_t size = size_on_disk(all->second);
    const bool is_latest = keeps == Keeps::latest && file == latest;
    const auto may_be_there = [&](const Change& one) {
      return one.on == On::its_way &&
             (keeps == Keeps::half ||
              (keeps == Keeps::holes && one.call->at + one.call->bytes.size() <= size));
    };
    uint64_t more = 0, missing = 0;  // of what is not synced: how much is there, and is not before
    for (const Change& one : all->second)
      if (may_be_there(one)) more += one.call->bytes.size();
    if (keeps == Keeps::holes) missing = more / 2;
    if (keeps == Keeps::half) more /= 2;
    for (const Change& one : all->second) {
      const auto& [call, on] = one;
      size_t count = call->bytes.size();
      const bool is_kept = keeps == Keeps::everything || (is_latest && on == On::its_way);
      if (on != On::disk && !is_kept) {
        if (!may_be_there(one) || more == 0) continue;
        if (missing > 0) {
          missing -= std::min<uint64_t>(missing, count);
          continue;
        }
        count = std::min<size_t>(count, more);
        more -= count;
      }
      if (call->what == What::resize || bytes.size() < call->at + count)
        bytes.resize(call->at + count);
      bytes.replace(call->at, count, call->bytes, 0, count);
    }
    return bytes;
  }
};

ForgettingDisk::Files ForgettingDisk::after(size_t calls, Keeps keeps) const {
  State state;
  const MutexLock lock(mutex_);
  for (size_t n = 0; n < calls; ++n) state.apply(calls_.at(n));
  Files files{{"", std::nullopt}};
  // In the order of names a folder comes before what is in it.
  for (const auto& [name, file] : keeps == Keeps::nothing ? state.kept : state.seen) {
    if (!files.contains(folder_of(name))) continue;
    files[name] =
        state.folders.contains(file) ? std::nullopt : std::optional(state.bytes_of(file, keeps));
  }
  return files;
}

void lay_out(const ForgettingDisk::Files& files, const fs::path& to) {
  fs::remove_all(to);
  for (const auto& [name, bytes] : files) {
    const fs::path path = name.empty() ? to : to / name;
    if (!bytes) {
      fs::create_directory(path);
      fs::permissions(path, fs::perms::owner_all);
    } else {
      std::ofstream(path, std::ios::binary) << *bytes;
      fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    }
  }
}

namespace {
class ForgettingDiskTest : public testing::Test {
 protected:
  ForgettingDiskTest() { fs::create_directory(dir_); }
  ~ForgettingDiskTest() override { fs::remove_all(dir_); }
  // Without the folder itself.
  ForgettingDisk::Files after(size_t calls, ForgettingDisk::Keeps keeps) {
    ForgettingDisk::Files files = disk_.after(calls, keeps);
    files.erase("");
    return files;
  }
  using Found = ForgettingDisk::Files;
  using Keeps = ForgettingDisk::Keeps;
  std::string at(std::string_view name) const { return dir_ / "live" / name; }
  const fs::path dir_ = fs::temp_directory_path() / ("sluice-forgetting-" + random_hex(12));
  ForgettingDisk disk_{dir_ / "live"};
};

TEST_F(ForgettingDiskTest, ForgetsWhatWasNotSynced) {
  fs::create_directory(at(""));
  const int fd = open(at("a").c_str(), O_CREAT | O_WRONLY, 0600);
  ASSERT_EQ(write(fd, "123", 3), 3);
  ASSERT_EQ(write(fd, "4", 1), 1);
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing), Found{});
  EXPECT_EQ(after(disk_.calls(), Keeps::names), (Found{{"a", ""}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::half), (Found{{"a", "12"}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::everything), (Found{{"a", "1234"}}));
  ASSERT_EQ(fsync(fd), 0);
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing), Found{});
  EXPECT_EQ(after(disk_.calls(), Keeps::names), (Found{{"a", "1234"}}));
  ASSERT_TRUE(sync_folder_of(at("a")));
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing), (Found{{"a", "1234"}}));
  ASSERT_EQ(rename(at("a").c_str(), at("b").c_str()), 0);
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing), (Found{{"a", "1234"}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::names), (Found{{"b", "1234"}}));
  ASSERT_TRUE(fs::remove(at("b")));
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing), (Found{{"a", "1234"}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::everything), Found{});
  ASSERT_TRUE(sync_folder_of(at("b")));
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing), Found{});
  EXPECT_EQ(after(1, Keeps::everything), Found{});
  close(fd);
}

// A folder's content is nowhere while its own name is not on disk.
TEST_F(ForgettingDiskTest, ForgetsAFolderThatWasNotSynced) {
  fs::create_directory(at(""));
  fs::create_directory(at("folder"));
  ASSERT_TRUE(replace_file(at("folder/a"), "1"));
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing), Found{});
  EXPECT_EQ(after(disk_.calls(), Keeps::everything),
            (Found{{"folder", std::nullopt}, {"folder/a", "1"}}));
  ASSERT_TRUE(sync_folder_of(at("folder")));
  EXPECT_EQ(after(disk_.calls(), Keeps::nothing),
            (Found{{"folder", std::nullopt}, {"folder/a", "1"}}));
}

// The disk need not take the files in the order in which they were written to.
TEST_F(ForgettingDiskTest, KeepsOneFileOfTwo) {
  fs::create_directory(at(""));
  for (const char* name : {"a", "b"}) {
    const int fd = open(at(name).c_str(), O_CREAT | O_WRONLY, 0600);
    ASSERT_EQ(write(fd, "12", 2), 2);
    ASSERT_EQ(fsync(fd), 0);
    ASSERT_EQ(write(fd, "34", 2), 2);
    close(fd);
  }
  EXPECT_EQ(after(disk_.calls(), Keeps::names), (Found{{"a", "12"}, {"b", "12"}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::latest), (Found{{"a", "12"}, {"b", "1234"}}));
}

// Bytes that are written over others may come to the disk in any order.
TEST_F(ForgettingDiskTest, LeavesHolesInWhatIsWrittenOver) {
  fs::create_directory(at(""));
  const int fd = open(at("a").c_str(), O_CREAT | O_WRONLY, 0600);
  ASSERT_EQ(write(fd, "....", 4), 4);
  ASSERT_EQ(fsync(fd), 0);
  ASSERT_EQ(pwrite(fd, "12", 2, 0), 2);
  ASSERT_EQ(pwrite(fd, "34", 2, 2), 2);
  ASSERT_EQ(pwrite(fd, "56", 2, 4), 2);
  EXPECT_EQ(after(disk_.calls(), Keeps::names), (Found{{"a", "...."}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::half), (Found{{"a", "123."}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::holes), (Found{{"a", "..34"}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::everything), (Found{{"a", "123456"}}));
  close(fd);
}

TEST_F(ForgettingDiskTest, WhatASyncLostIsLost) {
  fs::create_directory(at(""));
  const int fd = open(at("a").c_str(), O_CREAT | O_WRONLY, 0600);
  ASSERT_EQ(write(fd, "12", 2), 2);
  disk_.fail_at(disk_.calls(), EIO);
  EXPECT_EQ(fsync(fd), -1);
  EXPECT_EQ(errno, EIO);
  ASSERT_EQ(write(fd, "34", 2), 2);
  EXPECT_EQ(fsync(fd), 0);
  EXPECT_EQ(after(disk_.calls(), Keeps::names), (Found{{"a", std::string("\0\00034", 4)}}));
  EXPECT_EQ(after(disk_.calls(), Keeps::everything), (Found{{"a", "1234"}}));
  disk_.fail_at(disk_.calls(), ENOSPC);
  EXPECT_EQ(write(fd, "56", 2), -1);
  disk_.fail_at(disk_.calls(), EIO);
  EXPECT_EQ(unlink(at("a").c_str()), -1);
  EXPECT_EQ(read_file(at("a")), "1234");
  close(fd);
}
}  // namespace
}  // namespace sluice

// They take the place of the C library's, for this program and the libraries that it uses.
#define IN_PLACE_OF(call) __asm__(#call)
extern "C" {
using sluice::the_disk;
int forgetting_open(const char* path, int flags, ...) IN_PLACE_OF(open);
int forgetting_open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, unsigned) : 0;
  va_end(more);
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->open(path, flags, mode) : sluice::real_open(path, flags, mode);
}
int forgetting_close(int fd) IN_PLACE_OF(close);
int forgetting_close(int fd) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->close(fd) : sluice::real_close(fd);
}
ssize_t forgetting_write(int fd, const void* bytes, size_t count) IN_PLACE_OF(write);
ssize_t forgetting_write(int fd, const void* bytes, size_t count) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->write(fd, bytes, count) : sluice::real_write(fd, bytes, count);
}
ssize_t forgetting_pwrite(int fd, const void* bytes, size_t count, off_t at) IN_PLACE_OF(pwrite);
ssize_t forgetting_pwrite(int fd, const void* bytes, size_t count, off_t at) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->write_at(fd, bytes, count, at) : sluice::real_write_at(fd, bytes, count, at);
}
int forgetting_fsync(int fd) IN_PLACE_OF(fsync);
int forgetting_fsync(int fd) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->sync(fd) : static_cast<int>(syscall(SYS_fsync, fd));
}
int forgetting_fdatasync(int fd) IN_PLACE_OF(fdatasync);
int forgetting_fdatasync(int fd) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->sync(fd) : static_cast<int>(syscall(SYS_fdatasync, fd));
}
int forgetting_ftruncate(int fd, off_t size) IN_PLACE_OF(ftruncate);
int forgetting_ftruncate(int fd, off_t size) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->resize(fd, size) : sluice::real_resize(fd, size);
}
int forgetting_mkdir(const char* path, mode_t mode) IN_PLACE_OF(mkdir);
int forgetting_mkdir(const char* path, mode_t mode) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->make_folder(path, mode) : sluice::real_make_folder(path, mode);
}
int forgetting_rename(const char* from, const char* to) IN_PLACE_OF(rename);
int forgetting_rename(const char* from, const char* to) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->rename(from, to) : sluice::real_rename(from, to);
}
int forgetting_unlink(const char* path) IN_PLACE_OF(unlink);
int forgetting_unlink(const char* path) {
  sluice::ForgettingDisk* disk = the_disk;
  return disk ? disk->unlink(path, 0) : sluice::real_unlink(path, 0);
}
// Of std::filesystem::remove: a file, or an empty folder.
int forgetting_remove(const char* path) IN_PLACE_OF(remove);
int forgetting_remove(const char* path) {
  if (forgetting_unlink(path) == 0) return 0;
  return errno == EISDIR ? sluice::real_unlink(path, AT_REMOVEDIR) : -1;
}
// RocksDB's pause of a second behind what failed on its own threads.
int forgetting_usleep(useconds_t time_us) IN_PLACE_OF(usleep);
int forgetting_usleep(useconds_t time_us) {
  if (the_disk) return 0;
  std::this_thread::sleep_for(std::chrono::microseconds(time_us));
  return 0;
}
// Room that is set aside is no content.
int forgetting_fallocate(int, int, off_t, off_t) IN_PLACE_OF(fallocate);
int forgetting_fallocate(int fd, int mode, off_t from, off_t count) {
  return the_disk ? 0 : static_cast<int>(syscall(SYS_fallocate, fd, mode, from, count));
}
}
