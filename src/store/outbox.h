// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hands committed events to their consumers, on one thread. An event stays in the store until its
// consumer erases it in a commit of its own: at least once, whatever crashes.
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "store/store.h"

namespace sluice {

class Outbox {
 public:
  ~Outbox() { stop(); }
  void subscribe(std::string_view queue, std::function<void(OutboxEvent)> fn,
                 std::vector<OutboxEvent> left_over);
  void announce(const std::vector<std::pair<std::string, OutboxEvent>>& events);
  void stop();

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, std::function<void(OutboxEvent)>, std::less<>> consumers_;
  std::deque<std::pair<std::string, OutboxEvent>> waiting_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace sluice
