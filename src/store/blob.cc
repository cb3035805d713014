// SPDX-License-Identifier: Apache-2.0
#include "store/blob.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/bytes.h"
#include "base/files.h"
#include "base/random.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {
constexpr size_t kChunkBytes = 64 * 1024, kSealedBytes = kChunkBytes + kAeadTagBytes;

// The key is used for one file only, so the number of the chunk is used only once with it.
std::string nonce(uint64_t index) { return std::string(4, '\0') + big_endian64(index); }
std::string aad(const std::string& id, uint64_t index, bool last) {
  return id + big_endian64(index) + (last ? "L" : "-");
}
Error no_space() {
  return {503,
          "ServiceUnavailable",
          "The server cannot write to its data directory: is the disk full?",
          {}};
}
Error broken_seal() {
  return {500,
          "InternalError",
          "The object's seal is broken: its file was changed or is damaged. Run: sluice verify",
          {}};
}

Error unreadable() {
  return {503,
          "ServiceUnavailable",
          std::string("The object's file cannot be read now: ") + strerror(errno),
          {}};
}

// What is written past the page cache begins and ends at such places (open(2), "O_DIRECT").
constexpr size_t kBlockBytes = 4096;
constexpr size_t kChunksPerWrite = 4;
// A body that is larger goes past the page cache from here on. In the cache it would be copied once
// more, and stand in the way of what is read often. A smaller one is mostly read as soon as it is
// there.
constexpr uint64_t kDirectFrom = 1 << 20;
constexpr size_t in_blocks(size_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

class Writer : public BlobWriter {
 public:
  Writer(Blobs& blobs, std::string id, const Secret& key)
      : path_(blobs.path(id)), disk_(blobs.disk()), id_(std::move(id)), aead_(key) {
    if (!held_) throw std::bad_alloc();
    if (blobs.make_folder_of(path_))
      fd_ = open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  }
  ~Writer() override {
    if (fd_ >= 0) close(fd_);
    if (!finished_) ::unlink(path_.c_str());
  }
  Result<Done> write(std::string_view plain) override {
    total_ += plain.size();
    while (!plain.empty()) {
      // The last chunk, full or not, is left for finish().
      if (pending_bytes_ == kChunkBytes) CHECK(seal(false));
      char* const place = held_.get() + held_bytes_ + pending_bytes_;
      const size_t n = plain.copy(place, kChunkBytes - pending_bytes_);
      pending_bytes_ += n;
      plain.remove_prefix(n);
    }
    return Done{};
  }
  Result<BlobRef> finish() override {
    CHECK(seal(true));
    // Past the page cache the end is a whole block, too, of which the rest is then cut off.
    const size_t rest = held_bytes_, whole = direct_ ? in_blocks(rest) : rest;
    std::fill(held_.get() + rest, held_.get() + whole, '\0');
    held_bytes_ = whole;
    CHECK(write_out(whole));
    const auto size = static_cast<off_t>(written_ - whole + rest);
    if ((whole != rest && ftruncate(fd_, size) != 0) || fsync(fd_) != 0 || !sync_folder_of(path_))
      return no_space();
    finished_ = true;
    return BlobRef{id_, total_, std::make_shared<UncommittedFile>(path_)};
  }

 private:
  Result<Done> seal(bool last) {
    if (disk_.low()) return no_space();
    char* const chunk = held_.get() + held_bytes_;
    aead_.seal(nonce(index_), {chunk, pending_bytes_}, aad(id_, index_, last), chunk);
    ++index_;
    held_bytes_ += std::exchange(pending_bytes_, 0) + kAeadTagBytes;
    if (last || held_bytes_ < kChunksPerWrite * kSealedBytes) return Done{};
    return write_out(held_bytes_ / kBlockBytes * kBlockBytes);
  }
  // The first `count` bytes of what is held.
  Result<Done> write_out(size_t count) {
    for (size_t at = 0; at < count;) {
      const ssize_t put = ::write(fd_, held_.get() + at, count - at);
      if (put > 0)
        at += static_cast<size_t>(put);
      else if (put < 0 && direct_ && (errno == EINVAL || errno == EOPNOTSUPP))
        go_through_cache();  // this file system wants other blocks
      else if (put == 0 || errno != EINTR)
        return give_up();
    }
    std::copy(held_.get() + count, held_.get() + held_bytes_, held_.get());
    held_bytes_ -= count;
    const bool was_small = written_ < kDirectFrom;
    written_ += count;
    // Where the file system has no such way, it says so here.
    if (was_small && written_ >= kDirectFrom) direct_ = fcntl(fd_, F_SETFL, O_DIRECT) == 0;
    return Done{};
  }
  void go_through_cache() {
    fcntl(fd_, F_SETFL, 0);
    direct_ = false;
  }
  // Part of what is held is written, and nobody knows which: every later write fails, too.
  Error give_up() {
    held_bytes_ = 0;
    close(std::exchange(fd_, -1));
    return no_space();
  }
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  const std::string path_;
  DiskSpace& disk_;
  const std::string id_;
  Aead aead_;
  int fd_ = -1;
  bool finished_ = false, direct_ = false;
  uint64_t total_ = 0, index_ = 0, written_ = 0;
  // Sealed chunks that are to be written, with less than a block before them that was left over,
  // and then the chunk that is coming: it is sealed where it stands.
  const std::unique_ptr<char, Free> held_{static_cast<char*>(
      std::aligned_alloc(kBlockBytes, in_blocks(kBlockBytes + kChunksPerWrite * kSealedBytes)))};
  size_t held_bytes_ = 0, pending_bytes_ = 0;
};

class Reader : public BlobReader {
 public:
  Reader(int fd, BlobRef blob, const Secret& key) : fd_(fd), blob_(std::move(blob)), aead_(key) {}
  ~Reader() override { close(fd_); }
  Result<std::string> read(uint64_t offset, size_t count) override {
    std::string out(static_cast<size_t>(
                        offset < blob_.bytes ? std::min<uint64_t>(count, blob_.bytes - offset) : 0),
                    '\0');
    for (size_t done = 0; done < out.size();) {
      const uint64_t index = (offset + done) / kChunkBytes;
      const size_t from = (offset + done) % kChunkBytes,
                   n = std::min(out.size() - done, chunk_bytes(index) - from);
      if (n == chunk_bytes(index)) {  // a whole chunk is opened directly into `out`
        CHECK(open_chunk(index, out.data() + done));
      } else {
        if (!loaded_ || index != index_) {
          chunk_.resize(chunk_bytes(index));
          loaded_ = false;
          CHECK(open_chunk(index, chunk_.data()));
          index_ = index;
          loaded_ = true;
        }
        chunk_.copy(out.data() + done, n, from);
      }
      done += n;
    }
    return out;
  }

 private:
  size_t chunk_bytes(uint64_t index) const {
    return static_cast<size_t>(std::min<uint64_t>(kChunkBytes, blob_.bytes - index * kChunkBytes));
  }
  Result<Done> open_chunk(uint64_t index, char* plain) {
    const bool last = (index + 1) * kChunkBytes >= blob_.bytes;
    sealed_.resize(chunk_bytes(index) + kAeadTagBytes);
    ssize_t got = 0;
    do got = pread(fd_, sealed_.data(), sealed_.size(), static_cast<off_t>(index * kSealedBytes));
    while (got < 0 && errno == EINTR);
    if (got < 0) return unreadable();
    if (got != static_cast<ssize_t>(sealed_.size())) return broken_seal();
    if (!aead_.open(nonce(index), sealed_, aad(blob_.id, index, last), plain)) return broken_seal();
    return Done{};
  }
  const int fd_;
  const BlobRef blob_;
  Aead aead_;
  std::string sealed_, chunk_;  // `chunk_` is one of which only a part was wanted
  uint64_t index_ = 0;
  bool loaded_ = false;
};
}  // namespace

UncommittedFile::~UncommittedFile() {
  if (!may_be_named) ::unlink(path.c_str());
}

Blobs::Blobs(std::string dir, DiskSpace& disk, const Clock& clock, ReleasedFiles::Free free)
    : dir_(std::move(dir)), disk_(disk), released_(clock, std::move(free)) {}

// Synced once, also where it was there: whoever made it may have died before that, or be at it.
bool Blobs::make_folder_of(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  const MutexLock lock(mutex_);
  if (synced_folders_.contains(folder)) return true;
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return false;
  if (!sync_folder_of(folder)) return false;
  synced_folders_.insert(folder);
  return true;
}

std::string Blobs::path(const std::string& id) const {
  return dir_ + "/" + id.substr(id.size() - 2) + "/" + id;
}
std::unique_ptr<BlobWriter> Blobs::write(const Secret& data_key) {
  return std::make_unique<Writer>(*this, random_hex(32), data_key);
}
Result<std::unique_ptr<BlobReader>> Blobs::read(const BlobRef& blob, const Secret& data_key) {
  const int fd = open(path(blob.id).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? broken_seal() : unreadable();
  return std::unique_ptr<BlobReader>(std::make_unique<Reader>(fd, blob, data_key));
}
void Blobs::unlink(const std::string& id) { ::unlink(path(id).c_str()); }

std::vector<std::string> Blobs::ids() const {
  std::vector<std::string> out;
  const auto each = [](const std::string& dir, const auto& fn) {
    DIR* handle = opendir(dir.c_str());
    while (const dirent* entry = handle ? readdir(handle) : nullptr)
      if (entry->d_name[0] != '.') fn(std::string(entry->d_name));
    if (handle) closedir(handle);
  };
  each(dir_, [&](const std::string& sub) {
    each(dir_ + "/" + sub, [&](std::string id) { out.push_back(std::move(id)); });
  });
  return out;
}

}  // namespace sluice
