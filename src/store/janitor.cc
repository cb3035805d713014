// SPDX-License-Identifier: Apache-2.0
#include "store/janitor.h"

#include <spdlog/spdlog.h>

#include "store/blob.h"

namespace sluice {
namespace {
constexpr char kName[] = "the freeing of files";
constexpr auto kLookEvery = std::chrono::minutes(1);
constexpr Time kHeldLongMs = 600'000;  // ten minutes
}  // namespace

void Janitor::start() {
  jobs_.every(kName, kLookEvery, [this](const Stopping& stopping) { work(stopping); });
  jobs_.wake(kName);
}

void Janitor::free(std::vector<std::string> ids) {
  {
    const MutexLock lock(mutex_);
    for (std::string& id : ids) files_.push_back(std::move(id));
  }
  jobs_.wake(kName);
}

size_t Janitor::waiting() const {
  const MutexLock lock(mutex_);
  return files_.size();
}

void Janitor::work(const Stopping& stopping) {
  bool freed = false;
  for (MutexLock lock(mutex_); !files_.empty() && !stopping();) {
    const std::string id = std::move(files_.front());
    files_.pop_front();
    lock.unlock();
    blobs_.unlink(id);
    freed = true;
    lock.lock();
  }
  if (freed) blobs_.disk().low();  // there may be room for the reserve again
  name_who_holds_too_long();
}

void Janitor::name_who_holds_too_long() {
  const Time now = jobs_.clock().now();
  for (const ActiveReader& one : blobs_.released().held_too_long(now - kHeldLongMs))
    spdlog::warn(
        "{} has been reading for {} s; what was deleted since then keeps its place on the disk",
        one.owner, (now - one.since) / 1000);
}

}  // namespace sluice
