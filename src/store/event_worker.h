// SPDX-License-Identifier: Apache-2.0
#pragma once
// A thread of its own for events whose work takes long, so that no other event waits for it. Done
// one at a time, in order.
#include "base/periodic.h"
#include "store/store.h"

namespace sluice {

class EventWorker {
 public:
  // Asks Stopping between its steps, and erases the event with the last one: what it leaves is
  // taken up at the next start.
  using Work = std::function<void(const OutboxEvent& event, const Stopping& stopping)>;
  // `name` begins the log line "<name> failed: ...".
  explicit EventWorker(std::string name);
  ~EventWorker();  // waits for the step under way
  EventWorker(const EventWorker&) = delete;
  EventWorker& operator=(const EventWorker&) = delete;
  void take(Store& store, std::string_view queue, Work work);  // from now on

 private:
  struct Waiting;
  void run();
  const std::string name_;
  const std::shared_ptr<Waiting> waiting_;
  std::thread thread_;
};

}  // namespace sluice
