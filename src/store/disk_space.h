// SPDX-License-Identifier: Apache-2.0
#pragma once
// Watches the free space on the disk of the data directory. RocksDB's log fails when the disk is
// full, and the server with it. So the store stops taking in new data before that, and keeps a
// reserve for deleting and for recovery.
//
//   DiskSpace disk(options.data_dir);
//   if (disk.low()) return no_space();   // ServiceUnavailable 503
#include <atomic>
#include <string>

#include "base/thread_safety.h"

namespace sluice {

// With less free space than this, requests that make the store grow are refused. Reading and
// deleting go on, and so do their audit records.
constexpr uint64_t kLowMarkBytes = 64 << 20;
// The file `reserve` in the data directory keeps room that nothing else can take. It is removed
// when fewer than kGiveUpBytes are free, or when a write failed because the disk was full: then
// deletes can be done and a restart can recover. It is made again when twice its size and the low
// mark are free.
constexpr uint64_t kReserveBytes = 64 << 20, kGiveUpBytes = 16 << 20;

// How often the disk is looked at.
constexpr int64_t kLookMs = 10;

class DiskSpace {
 public:
  explicit DiskSpace(const std::string& data_dir);
  // Whether there is less than kLowMarkBytes. This also removes or makes the reserve. The disk
  // itself is looked at every kLookMs only.
  bool low();
  void give_up_reserve();
  uint64_t free_bytes() const;

 private:
  void take_reserve() SLUICE_REQUIRES(mutex_);

  const std::string dir_, reserve_;
  Mutex mutex_;
  bool reserved_ SLUICE_GUARDED_BY(mutex_) = false;
  std::atomic<bool> was_low_{false};
  std::atomic<int64_t> looked_us_{0};
};

}  // namespace sluice
