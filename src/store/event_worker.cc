// SPDX-License-Identifier: Apache-2.0
#include "store/event_worker.h"

#include <spdlog/spdlog.h>

#include <deque>

namespace sluice {

// Shared with the store's outbox thread, which may still deliver when the worker is gone.
struct EventWorker::Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::pair<std::shared_ptr<const Work>, OutboxEvent>> queue;
  bool stopping = false;
};

EventWorker::EventWorker(std::string name)
    : name_(std::move(name)), waiting_(std::make_shared<Waiting>()), thread_([this] { run(); }) {}

EventWorker::~EventWorker() {
  {
    const std::lock_guard lock(waiting_->mutex);
    waiting_->stopping = true;
    waiting_->changed.notify_one();
  }
  thread_.join();
}

void EventWorker::take(Store& store, std::string_view queue, Work work) {
  store.on_event(queue, [waiting = waiting_,
                         work = std::make_shared<const Work>(std::move(work))](OutboxEvent event) {
    const std::lock_guard lock(waiting->mutex);
    waiting->queue.emplace_back(work, std::move(event));
    waiting->changed.notify_one();
  });
}

void EventWorker::run() {
  Waiting& waiting = *waiting_;
  const Stopping stopping = [&waiting] {
    const std::lock_guard lock(waiting.mutex);
    return waiting.stopping;
  };
  std::unique_lock lock(waiting.mutex);
  for (;;) {
    waiting.changed.wait(lock, [&] { return waiting.stopping || !waiting.queue.empty(); });
    if (waiting.stopping) return;
    const auto [work, event] = std::move(waiting.queue.front());
    waiting.queue.pop_front();
    lock.unlock();
    try {
      (*work)(event, stopping);
    } catch (const std::exception& bug) {
      spdlog::error("{} failed: {}; it is taken up at the next start", name_, bug.what());
    }
    lock.lock();
  }
}

}  // namespace sluice
