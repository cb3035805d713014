// SPDX-License-Identifier: Apache-2.0
#include "store/outbox.h"

#include <spdlog/spdlog.h>

namespace sluice {

void Outbox::subscribe(std::string_view queue, std::function<void(OutboxEvent)> fn,
                       std::vector<OutboxEvent> left_over) {
  const std::lock_guard lock(mutex_);
  consumers_[std::string(queue)] = std::move(fn);
  for (OutboxEvent& event : left_over) waiting_.emplace_back(queue, std::move(event));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_one();
}

void Outbox::announce(const std::vector<std::pair<std::string, OutboxEvent>>& events) {
  const std::lock_guard lock(mutex_);
  for (const auto& event : events)
    if (consumers_.contains(event.first))
      waiting_.push_back(event);  // without a consumer yet: subscribe() will find it in the store
  wake_.notify_one();
}

void Outbox::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto [queue, event] = std::move(waiting_.front());
    waiting_.pop_front();
    const auto consumer = consumers_.at(queue);
    lock.unlock();
    try {
      consumer(std::move(event));
    } catch (const std::exception& bug) {
      spdlog::error(
          "the consumer of {} failed: {}; the event stays and is delivered again at the next start",
          queue, bug.what());
    }
    lock.lock();
  }
}

void Outbox::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace sluice
