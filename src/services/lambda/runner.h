// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs functions: it keeps warm environments, bounds how many there are, makes their logs and
// metrics, and does the asynchronous invocations. Source: Lambda Developer Guide, "Understanding
// retry behavior", "Capturing records of Lambda asynchronous invocations".
//
//   const auto runner = lambda::make_runner(ports, data_dir);
//   runner->start();
//   TRY(const auto outcome, runner->run("ingest", "prod", payload, request_id, ""));
//   outcome.keep(staged);   // its log and metrics, in the commit of who asked for the run
#include <chrono>

#include "services/lambda/lambda.h"

namespace sluice {

class FunctionRunner {
 public:
  struct Outcome {
    std::string body, function_error;  // `function_error` is "" or "Unhandled"
    std::string log_tail;              // the last 4 KB of the log
    std::string version;               // which one has run
    // Stages the run's log and metrics. Whoever asked for the run has them in his commit, so that
    // they are there together with his audit record, and for one sync.
    std::function<void(Staged&)> keep;
    // The run's place among those at once, and its environment. They are free for the next run when
    // this goes: after the commit, so that a log stream grows in the order of its runs.
    std::shared_ptr<void> place;
  };
  virtual ~FunctionRunner() = default;
  // Does the jobs of "lambda.async" from now on, beginning with those of before. ports.runner must
  // be set, and the jobs of the store must stop before this object goes.
  virtual void start() = 0;
  // Takes no more work. What runs has kStopGraceMs to end and is then killed. Events that are not
  // finished stay in the queue.
  virtual void stop() = 0;
  // Runs the function. `qualifier` is a version, an alias or ""; `client_context` is what the
  // caller tells of himself, in JSON, or "".
  // Errors: ResourceNotFoundException 404, TooManyRequestsException 429, ServiceException 500.
  virtual Result<Outcome> run(const std::string& function, const std::string& qualifier,
                              const std::string& payload, const std::string& request_id,
                              const std::string& client_context) = 0;
  // The same, and commits what is to be kept of it, for a caller who has no commit of his own.
  virtual Result<Outcome> run_and_keep(const std::string& function, const std::string& qualifier,
                                       const std::string& payload,
                                       const std::string& request_id) = 0;
};

namespace lambda {
// An environment's session lasts an hour, and an invocation may take 15 minutes of it.
constexpr int64_t kIdleMaxMs = 600'000, kEnvironmentLifeMaxMs = 40 * 60'000;
constexpr auto kIdleLookEvery = std::chrono::seconds(10);
constexpr size_t kLogTailBytes = 4096;
constexpr int64_t kStopGraceMs = 5000;
// `ports` must outlive the runner, and have an endpoint_url and a wire.
std::unique_ptr<FunctionRunner> make_runner(const Ports& ports, const std::string& data_dir);
}  // namespace lambda

}  // namespace sluice
