// SPDX-License-Identifier: Apache-2.0
#pragma once
// Work that comes again: on a thread of its own, every `interval`, first after one. An exception is
// logged and the work runs again.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace sluice {

using Stopping = std::function<bool()>;  // long work asks it between its steps

class Periodic {
 public:
  // `name` begins the log line "<name> failed: ...".
  Periodic(std::string name, std::chrono::seconds interval,
           std::function<void(const Stopping&)> work);
  ~Periodic();  // waits for a run under way
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

 private:
  void run();
  bool stopping();
  const std::string name_;
  const std::chrono::seconds interval_;
  const std::function<void(const Stopping&)> work_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice
