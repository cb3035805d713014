// SPDX-License-Identifier: Apache-2.0
#include "store/disk_space.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <limits>

#include "base/clock.h"

namespace sluice {

DiskSpace::DiskSpace(const std::string& data_dir)
    : dir_(data_dir),
      reserve_(data_dir + "/reserve"),
      reserved_(access(reserve_.c_str(), F_OK) == 0) {}

bool DiskSpace::low() {
  const int64_t now_us = monotonic_us();
  if (now_us - looked_us_ < kLookMs * 1000) return was_low_;
  const MutexLock lock(mutex_);
  looked_us_ = now_us;
  const uint64_t free = free_bytes();
  const bool is_low = free < kLowMarkBytes;
  if (is_low && !was_low_)
    spdlog::error(
        "the disk of {} is nearly full, {} MiB are free: what makes it grow is refused until {} "
        "are; "
        "reading and deleting go on",
        dir_, free >> 20, kLowMarkBytes >> 20);
  if (!is_low && was_low_) spdlog::warn("the disk of {} has room again: {} MiB", dir_, free >> 20);
  was_low_ = is_low;
  if (reserved_ && free < kGiveUpBytes) {
    reserved_ = false;
    unlink(reserve_.c_str());
    spdlog::error("the reserve of {} MiB was given up", kReserveBytes >> 20);
  }
  if (!reserved_ && free > 2 * kReserveBytes + kLowMarkBytes) take_reserve();
  return is_low;
}

void DiskSpace::give_up_reserve() {
  const MutexLock lock(mutex_);
  reserved_ = false;
  unlink(reserve_.c_str());
}

// When the file system does not answer, that counts as room: the next write will say what is wrong.
uint64_t DiskSpace::free_bytes() const {
  struct statvfs facts{};
  if (statvfs(dir_.c_str(), &facts) != 0) return std::numeric_limits<uint64_t>::max();
  return static_cast<uint64_t>(facts.f_bavail) * facts.f_frsize;
}

// There is no reserve on a file system that cannot set room aside.
void DiskSpace::take_reserve() {
  const int fd = open(reserve_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return;
  reserved_ = true;  // also when it fails, because it would fail again
  if (fallocate(fd, 0, 0, kReserveBytes) != 0) unlink(reserve_.c_str());
  close(fd);
}

}  // namespace sluice
