// SPDX-License-Identifier: Apache-2.0
#pragma once
// Room on the disk of the data directory. A log that meets a full disk has failed, and the server
// with it; so the store stops taking in before that, and keeps a reserve for what comes after.
#include <atomic>
#include <string>

#include "base/thread_safety.h"

namespace sluice {

// Below this, what makes the store grow is refused: reading and deleting go on, and their audit
// records with them.
constexpr uint64_t kLowMarkBytes = 64 << 20;
// `reserve` in the data directory: room that nothing else can take. It is given up when fewer than
// kGiveUpBytes are free, or when a write failed for want of room, so that what deletes can be done
// and a restart can recover; taken again when twice what it takes, and the low mark, are free.
constexpr uint64_t kReserveBytes = 64 << 20, kGiveUpBytes = 16 << 20;

constexpr int64_t kLookMs = 10;

class DiskSpace {
 public:
  explicit DiskSpace(const std::string& data_dir);
  bool low();  // looks at the disk every kLookMs; gives up or takes the reserve
  void give_up_reserve();

 private:
  uint64_t free_bytes() const;
  void take_reserve() SLUICE_REQUIRES(mutex_);

  const std::string dir_, reserve_;
  Mutex mutex_;
  bool reserved_ SLUICE_GUARDED_BY(mutex_) = false;
  std::atomic<bool> was_low_{false};
  std::atomic<int64_t> looked_us_{0};
};

}  // namespace sluice
