// SPDX-License-Identifier: Apache-2.0
#include "store/wal_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/bytes.h"
#include "base/thread_safety.h"
#include "crypto/crc.h"

namespace sluice {
namespace {
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::string_view kLetters = "SluiceWL";
constexpr size_t kHeadBytes = 32, kCrcAt = 24;
constexpr size_t kPageBytes = 4096;
// How many zeros are written ahead: as many as there are bytes already, within these bounds. So
// small stores stay small.
constexpr uint64_t kAheadBytesMin = 64 << 10, kAheadBytesMax = 1 << 20;
// Zeros cost as much as other bytes: where more than this is synced at once, they would cost more
// than the sync gains by them.
constexpr uint64_t kZerosPay = 32 << 10;
constexpr size_t kReadBytes = 1 << 20;

constexpr uint64_t in_pages(uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

IOStatus failed(const std::string& path, const char* what) {
  const std::string why = std::string(what) + ": " + strerror(errno);
  return errno == ENOSPC ? IOStatus::NoSpace(path, why) : IOStatus::IOError(path, why);
}

// What cannot be read must never look like the end of a log. Only this file sees these exceptions.
class Unreadable : public std::system_error {
 public:
  explicit Unreadable(const char* what) : system_error(errno, std::generic_category(), what) {}
};
template <class Call>
IOStatus guarded(const std::string& path, const Call& call) {
  try {
    return call();
  } catch (const Unreadable& bad) {
    return IOStatus::IOError(path, bad.what());
  }
}

// Reading throws Unreadable.
class File {
 public:
  File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return fd_ >= 0; }
  // False: errno says why.
  bool write_at(uint64_t at, std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t put = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(put));
      at += static_cast<uint64_t>(put);
    }
    return true;
  }
  // Fewer bytes than `count`: the file ends there.
  std::string read_at(uint64_t at, uint64_t count) const {
    std::string bytes(count, '\0');
    size_t have = 0;
    while (have < count) {
      const ssize_t got =
          pread(fd_, bytes.data() + have, count - have, static_cast<off_t>(at + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Unreadable("it cannot be read");
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }
  // After one that failed none succeeds: Linux forgets what it could not write.
  bool sync() const {
    if (!lost_ && fdatasync(fd_) == 0) return true;
    if (lost_.exchange(true)) errno = EIO;
    return false;
  }
  bool make_empty() const { return ftruncate(fd_, 0) == 0; }
  uint64_t size() const {
    struct stat facts{};
    if (fstat(fd_, &facts) != 0) throw Unreadable("its size cannot be read");
    return static_cast<uint64_t>(facts.st_size);
  }

 private:
  const int fd_;
  mutable std::atomic<bool> lost_ = false;
};
// Those that are still open: RocksDB closes a log when all of it is synced, or in tables.
using OpenFiles = std::vector<std::weak_ptr<const File>>;

uint64_t checksum(uint64_t place, std::string_view head, std::string_view content) {
  uint64_t state = crc32c().update(~uint32_t{0}, big_endian64(place));
  state = crc32c().update(state, head.substr(0, kCrcAt));
  return crc32c().update(state, content);
}

std::string encode_head(uint64_t place, uint64_t synced, std::string_view content) {
  std::string head = std::string(kLetters) + big_endian64(synced) + big_endian64(content.size());
  return head + big_endian64(checksum(place, head, content));
}

// RocksDB appends on one thread at a time, and syncs on another meanwhile.
class WalWriter : public rocksdb::FSWritableFile {
 public:
  WalWriter(std::string path, std::shared_ptr<const File> empty, OpenFiles earlier)
      : path_(std::move(path)), file_(std::move(empty)), earlier_(std::move(earlier)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    const MutexLock lock(mutex_);
    const bool is_content = content_ + data.size() > kPageBytes;  // behind the encryption's prefix
    if (is_content && !sync_earlier()) return failed(path_, "the log before it cannot be synced");
    return add(data.ToStringView());
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    uint64_t until;
    {
      const MutexLock lock(mutex_);
      until = end();
    }
    if (!file_->sync()) return failed(path_, "it cannot be synced");
    const MutexLock lock(mutex_);
    synced_ = std::max(synced_, until);
    add({});  // nothing waits for this frame: where there is no room for it, the next one says it
    return IOStatus::OK();
  }
  bool IsSyncThreadSafe() const override { return true; }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  // The last frame is synced, since no later one will bring it to the disk. Of a log in which
  // nothing was noted nothing stays: an older version can open what was stopped cleanly.
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    const MutexLock lock(mutex_);
    const bool closed = content_ > kPageBytes ? file_->sync() : file_->make_empty();
    return closed ? IOStatus::OK() : failed(path_, "it cannot be closed");
  }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    const MutexLock lock(mutex_);
    return content_;
  }
  void PrepareWrite(size_t, size_t, const IOOptions&, IODebugContext*) override {}

 private:
  // False: errno says why.
  bool sync_earlier() SLUICE_REQUIRES(mutex_) {
    for (const auto& one : earlier_)
      if (const auto file = one.lock(); file && !file->sync()) return false;
    earlier_.clear();
    return true;
  }
  uint64_t end() const SLUICE_REQUIRES(mutex_) { return last_page_at_ + last_page_.size(); }
  // Whole pages are written, so that the kernel need not read what was there.
  IOStatus add(std::string_view content) SLUICE_REQUIRES(mutex_) {
    const size_t before = last_page_.size();
    last_page_.append(encode_head(end(), synced_, content)).append(content);
    const size_t used = last_page_.size(), full = used / kPageBytes * kPageBytes;
    last_page_.resize(in_pages(used));
    if (!file_->write_at(last_page_at_, last_page_)) {
      last_page_.resize(before);
      return failed(path_, "it cannot be written");
    }
    last_page_.resize(used);
    last_page_.erase(0, full);
    last_page_at_ += full;
    content_ += content.size();
    if (in_pages(end()) > size_) grow();
    return IOStatus::OK();
  }
  // Without zeros the log only is slower, so no error of theirs counts.
  void grow() SLUICE_REQUIRES(mutex_) {
    static constexpr std::array<char, 64 << 10> zeros{};
    size_ = in_pages(end());
    if (end() - synced_ > kZerosPay) return;
    const uint64_t until = size_ + std::clamp(size_, kAheadBytesMin, kAheadBytesMax);
    while (size_ < until && file_->write_at(size_, {zeros.data(), zeros.size()}))
      size_ += zeros.size();
  }

  const std::string path_;
  const std::shared_ptr<const File> file_;
  Mutex mutex_;
  OpenFiles earlier_ SLUICE_GUARDED_BY(mutex_);     // that may not be synced
  uint64_t content_ SLUICE_GUARDED_BY(mutex_) = 0;  // its bytes, without the frames
  uint64_t synced_ SLUICE_GUARDED_BY(mutex_) = 0;   // all before this place of the file
  uint64_t size_ SLUICE_GUARDED_BY(mutex_) = 0;     // of the file, with its zeros
  uint64_t last_page_at_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::string last_page_ SLUICE_GUARDED_BY(mutex_);  // what of it is used
};

class WalReader : public rocksdb::FSSequentialFile {
 public:
  WalReader(std::string path, std::unique_ptr<const File> file)
      : path_(std::move(path)), file_(std::move(file)), size_(file_->size()) {}
  // Whether a log can be this: one of an older version cannot.
  bool is_framed() {
    const std::string_view letters = bytes_at(0, kLetters.size());
    return letters == kLetters || letters == std::string(kLetters.size(), '\0') || tells_of_more();
  }
  IOStatus Read(size_t count, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    return guarded(path_, [&] {
      size_t have = 0;
      while (have < count) {
        if (rest_.empty()) {
          IOStatus status = next_frame();
          if (!status.ok()) return status;
          if (rest_.empty()) break;
        }
        const size_t some = rest_.copy(scratch + have, count - have);
        rest_.remove_prefix(some);
        have += some;
      }
      *result = Slice(scratch, have);
      return IOStatus::OK();
    });
  }
  IOStatus Skip(uint64_t count) override {
    std::string skipped(std::min<uint64_t>(count, kPageBytes), '\0');
    Slice got;
    for (; count > 0; count -= got.size()) {
      const size_t some = std::min<uint64_t>(count, skipped.size());
      IOStatus status = Read(some, {}, &got, skipped.data(), nullptr);
      if (!status.ok()) return status;
      if (got.empty()) break;
    }
    return IOStatus::OK();
  }

 private:
  struct Frame {
    uint64_t synced;  // all before this place
    std::string_view content;
  };
  // The next one that has content; `rest_` stays empty at the end.
  IOStatus next_frame() {
    while (rest_.empty()) {
      const auto frame = frame_at(place_);
      if (!frame && tells_of_more())
        return IOStatus::Corruption(path_,
                                    "what was synced is damaged at byte " + std::to_string(place_));
      if (!frame) break;
      place_ += kHeadBytes + frame->content.size();
      rest_ = frame->content;
    }
    return IOStatus::OK();
  }
  // nullopt: no whole frame begins there.
  std::optional<Frame> frame_at(uint64_t place) {
    const std::string_view head = bytes_at(place, kHeadBytes);
    if (head.size() < kHeadBytes || !head.starts_with(kLetters)) return std::nullopt;
    const std::string_view numbers = head.substr(kLetters.size());
    const uint64_t synced = from_big_endian64(numbers),
                   length = from_big_endian64(numbers.substr(8)),
                   crc = from_big_endian64(numbers.substr(16));
    if (length > size_) return std::nullopt;
    const std::string_view bytes = bytes_at(place, kHeadBytes + length);
    if (bytes.size() < kHeadBytes + length) return std::nullopt;
    const std::string_view content = bytes.substr(kHeadBytes);
    if (checksum(place, bytes, content) != crc) return std::nullopt;
    return Frame{synced, content};
  }
  // Whether a later frame says that more was synced than what was read.
  bool tells_of_more() {
    for (uint64_t from = place_;;) {
      const std::string bytes = file_->read_at(from, kReadBytes);
      if (bytes.size() < kLetters.size()) return false;
      for (size_t at = bytes.find(kLetters); at != std::string::npos;
           at = bytes.find(kLetters, at + 1))
        if (const auto frame = frame_at(from + at); frame && frame->synced > place_) return true;
      from += bytes.size() - (kLetters.size() - 1);
    }
  }
  // They stay until the next call. Fewer than `count`: the file ends there.
  std::string_view bytes_at(uint64_t place, uint64_t count) {
    if (place < window_at_ || place + count > window_at_ + window_.size()) {
      window_ = file_->read_at(place, std::max<uint64_t>(count, kReadBytes));
      window_at_ = place;
    }
    return std::string_view(window_).substr(place - window_at_, count);
  }

  const std::string path_;
  const std::unique_ptr<const File> file_;
  const uint64_t size_;    // of the file
  uint64_t place_ = 0;     // of the next frame
  std::string_view rest_;  // of the last one's content, in the window
  std::string window_;
  uint64_t window_at_ = 0;
};

class WalFiles : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "SluiceWalFiles"; }
  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext* context) override {
    if (!is_log(path)) return FileSystemWrapper::NewWritableFile(path, options, out, context);
    auto file = std::make_shared<const File>(path, O_CREAT | O_TRUNC | O_WRONLY);
    if (!file->is_open()) return failed(path, "it cannot be made");
    const MutexLock lock(mutex_);
    std::erase_if(logs_, [](const auto& log) { return log.expired(); });
    *out = std::make_unique<WalWriter>(path, file, logs_);
    logs_.push_back(file);
    return IOStatus::OK();
  }
  // RocksDB would cut off what stands behind the content of a log that it has recovered, and would
  // count without the frames.
  IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* out,
                              IODebugContext* context) override {
    if (is_log(path)) return IOStatus::NotSupported(path, "a log is not written to again");
    return FileSystemWrapper::ReopenWritableFile(path, options, out, context);
  }
  IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* out,
                             IODebugContext* context) override {
    return guarded(path, [&] {
      auto reader = reader_of(path);
      if (!reader) return FileSystemWrapper::NewSequentialFile(path, options, out, context);
      *out = std::move(reader);
      return IOStatus::OK();
    });
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* size,
                       IODebugContext* context) override {
    return guarded(path, [&] {
      const auto reader = reader_of(path);
      if (!reader) return FileSystemWrapper::GetFileSize(path, options, size, context);
      std::string scratch(kPageBytes, '\0');
      Slice got;
      *size = 0;
      for (;;) {
        IOStatus status = reader->Read(scratch.size(), options, &got, scratch.data(), context);
        if (!status.ok() || got.empty()) return status;
        *size += got.size();
      }
    });
  }

 private:
  static bool is_log(const std::string& path) { return path.ends_with(".log"); }
  // nullptr: it is no log, not there, or not framed.
  static std::unique_ptr<WalReader> reader_of(const std::string& path) {
    if (!is_log(path)) return nullptr;
    auto file = std::make_unique<const File>(path, O_RDONLY);
    if (!file->is_open()) {
      if (errno != ENOENT) throw Unreadable("it cannot be opened");
      return nullptr;
    }
    auto reader = std::make_unique<WalReader>(path, std::move(file));
    return reader->is_framed() ? std::move(reader) : nullptr;
  }

  Mutex mutex_;
  OpenFiles logs_ SLUICE_GUARDED_BY(mutex_);
};
}  // namespace

std::shared_ptr<rocksdb::FileSystem> with_wal_files(std::shared_ptr<rocksdb::FileSystem> below) {
  return std::make_shared<WalFiles>(std::move(below));
}

}  // namespace sluice
