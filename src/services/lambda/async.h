// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asynchronous invocations: does the jobs of the queue "lambda.async", in a lane for each function.
// A function's error is retried after one and two minutes. While a function is throttled, or cannot
// be run for a reason of ours, its lane is parked until its events are too old; one that has not
// run yet is not too old before it was tried for that long since the start. An event that could not
// be delivered goes to the on-failure bucket or, where there is none, its loss is written into the
// function's log.
//
//   AsyncQueue queue(ports, runner);
//   queue.serve();
//
// An event leaves the queue in the commit that finishes it, so it is delivered at least once.
#include <map>
#include <string>

#include "base/thread_safety.h"
#include "request/async_event.h"
#include "services/lambda/model.h"
#include "services/lambda/runner.h"
#include "store/jobs.h"

namespace sluice::lambda {

constexpr int64_t kRetryDelayMs = 60'000;

class AsyncQueue {
 public:
  AsyncQueue(const Ports& ports, FunctionRunner& runner) : ports_(ports), runner_(runner) {}
  // Does the jobs from now on. This object must outlive the jobs of the store.
  void serve();
  // Called by the runner when a function has answered an invocation without an error: when it was
  // an event that is delivered now, it is finished together with the call that delivers it.
  void answered(const std::string& request_id);

 private:
  JobResult process(const Job& job, const Stopping& stopping);
  Result<FunctionRunner::Outcome> deliver(const Job& job, const AsyncEvent& event,
                                          const FunctionName& function);
  // `ran`: the function has just answered, with an error.
  bool is_too_old(const AsyncEvent& event, const EventConfig& rules, bool ran) const;
  void retry_function(const Job& job, AsyncEvent event);
  // Puts the event into the on-failure bucket. False: that failed too, and the event must be kept.
  bool set_aside(const AsyncEvent& event, const FunctionName& named, const EventConfig& rules,
                 const char* condition, const FunctionRunner::Outcome& outcome);
  JobResult finish(const Job& job, const AsyncEvent& event, const std::string& dropped_from);

  const Ports& ports_;
  FunctionRunner& runner_;
  Time begun_ = 0;  // by the clock of the jobs
  Mutex mutex_;
  // The ids of the events that are delivered now, and whether the function has answered.
  std::map<std::string, bool> delivered_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::lambda
