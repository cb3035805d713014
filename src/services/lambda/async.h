// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asynchronous invocation: the jobs of "lambda.async", a lane for each function. A function's error
// is retried after one and two minutes; while a function is throttled, or cannot be run for a
// reason of ours, its lane is parked until its events are too old. Then the event goes to the
// on-failure bucket, or, where none is set, its loss is written to the function's log. An event
// leaves the queue in the commit that finishes it: delivery is at least once.
#include "request/async_event.h"
#include "services/lambda/records.h"
#include "services/lambda/runner.h"
#include "store/jobs.h"

namespace sluice::lambda {

constexpr int64_t kRetryDelayMs = 60'000;

class AsyncQueue {
 public:
  AsyncQueue(const Ports& ports, FunctionRunner& runner) : ports_(ports), runner_(runner) {}
  void serve();  // from now on; it must outlive the store's jobs

 private:
  JobResult process(const Job& job, const Stopping& stopping);
  Result<FunctionRunner::Outcome> deliver(const AsyncEvent& event, const std::string& name);
  void retry_function(const Job& job, AsyncEvent event);
  // Into the on-failure bucket; false: that failed too, keep the event.
  bool set_aside(const AsyncEvent& event, const std::string& name, const EventConfig& rules,
                 const char* condition, const FunctionRunner::Outcome& outcome);
  JobResult finish(const Job& job, const AsyncEvent& event, const std::string& dropped_from);

  const Ports& ports_;
  FunctionRunner& runner_;
};

}  // namespace sluice::lambda
