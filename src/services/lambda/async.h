// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asynchronous invocation: the outbox queue "lambda.async". A function's error is retried after one
// and two minutes, a throttle or a failure of ours with growing delays until the event is too old;
// then the event goes to the on-failure bucket, or, where none is set, its loss is written to the
// function's log. An event leaves the queue in the commit that finishes it: delivery is at least
// once.
#include <condition_variable>
#include <mutex>
#include <queue>
#include <thread>

#include "services/lambda/runner.h"

namespace sluice::lambda {

constexpr int64_t kRetryDelayMs = 60'000, kBackoffMinMs = 1000, kBackoffMaxMs = 300'000;

class AsyncQueue {
 public:
  AsyncQueue(const Ports& ports, FunctionRunner& runner);
  ~AsyncQueue();  // waits for what runs
  void stop();    // begins nothing more, and finishes no event that failed

 private:
  struct Waiting {
    Time due;
    uint64_t order;
    OutboxEvent event;
    int system_attempts = 0;
  };
  struct Later {
    bool operator()(const Waiting& a, const Waiting& b) const {
      return std::tie(a.due, a.order) > std::tie(b.due, b.order);
    }
  };
  struct Settings {
    int64_t retries = kRetriesMax, age_s = kEventAgeMaxS;
    std::string on_failure;
  };

  void work();
  void process(Waiting waiting);
  Result<FunctionRunner::Outcome> deliver(const json::object& event, const std::string& name);
  Settings settings(const std::string& name) const;
  void push(Waiting waiting, int64_t delay_ms);
  void retry_function(const Waiting& waiting, int64_t delay_ms);
  // Into the on-failure bucket; false: that failed too, keep the event.
  bool set_aside(const json::object& event, const std::string& name, const Settings& settings,
                 const char* condition, const FunctionRunner::Outcome& outcome);
  void finish(const OutboxEvent& event, const std::string& dropped_from);
  void tell_of_waiting(const std::string& name, const Error& why);

  const Ports& ports_;
  FunctionRunner& runner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  Time told_of_waiting_ = 0;
  size_t waiting_untold_ = 0;
  uint64_t order_ = 0;
  std::priority_queue<Waiting, std::vector<Waiting>, Later> queue_;
  std::vector<std::thread> workers_;
};

}  // namespace sluice::lambda
