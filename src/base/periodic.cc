// SPDX-License-Identifier: Apache-2.0
#include "base/periodic.h"

#include <spdlog/spdlog.h>

namespace sluice {

Periodic::Periodic(std::string name, std::chrono::seconds interval,
                   std::function<void(const Stopping&)> work)
    : name_(std::move(name)),
      interval_(interval),
      work_(std::move(work)),
      thread_([this] { run(); }) {}

Periodic::~Periodic() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

bool Periodic::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Periodic::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    try {
      work_([this] { return stopping(); });
    } catch (const std::exception& bug) {
      spdlog::error("{} failed: {}; it runs again in {} s", name_, bug.what(), interval_.count());
    }
    lock.lock();
  }
}

}  // namespace sluice
