// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the streams of event source mappings and invokes their functions. The records of one key
// come in their order, and each at least once: how far a mapping is stands on disk and moves on
// with each batch that the function has taken, or that was given up. Source: Lambda Developer
// Guide, "How Lambda processes records from stream and queue-based event sources".
//
//   StreamPoller poller(ports, runner);
//   poller.serve();
//
// A batch that fails is tried again after a second, and each time later, up to a minute. Halved or
// from the first failed record on, where the mapping says so. What has had its attempts, or is too
// old, goes to the on-failure bucket or, where there is none, its loss is told in the function's
// log. GetShardIterator and GetRecords are calls of the function's execution role, which are
// authorised and recorded like those of anybody else.
#include <set>
#include <span>

#include "base/thread_safety.h"
#include "services/lambda/event_filter.h"
#include "services/lambda/event_sources.h"
#include "services/lambda/execution_role.h"
#include "services/lambda/runner.h"
#include "store/jobs.h"

namespace sluice::lambda {

class StreamPoller {
 public:
  StreamPoller(const Ports& ports, FunctionRunner& runner) : ports_(ports), runner_(runner) {}
  // Does the jobs from now on. This object must outlive the jobs of the store.
  void serve();

 private:
  JobResult work(const Job& job, const Stopping& stopping);
  // Of a mapping one run at a time reads, until what this returns goes. nullptr: one does.
  std::shared_ptr<void> begin(const std::string& uuid);

  const Ports& ports_;
  FunctionRunner& runner_;
  Mutex mutex_;
  std::set<std::string> running_ SLUICE_GUARDED_BY(mutex_);  // ids of mappings
};

}  // namespace sluice::lambda
