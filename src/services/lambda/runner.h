// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs functions: warm environments, bounded concurrency, logs and metrics; and the asynchronous
// queue with its retries and destinations. Source: Lambda Developer Guide, "Understanding retry
// behavior", "Capturing records of Lambda asynchronous invocations".
#include <chrono>

#include "services/lambda/lambda.h"

namespace sluice {

class FunctionRunner {
 public:
  struct Outcome {
    std::string body, function_error;  // function_error: "" or "Unhandled"
    std::string log_tail;              // the last 4 KB of the log
  };
  virtual ~FunctionRunner() = default;
  // Does the jobs of "lambda.async" from now on, first those left over: ports.runner is set by
  // then, and the store's jobs stop before this goes.
  virtual void start() = 0;
  // Takes no more work, gives what runs kStopGraceMs, then kills it. Events not finished stay.
  virtual void stop() = 0;
  // Runs the function and stores its log and metrics. Errors: ResourceNotFoundException 404,
  // TooManyRequestsException 429, ServiceException 500.
  virtual Result<Outcome> run(const std::string& function, const std::string& payload,
                              const std::string& request_id) = 0;
};

namespace lambda {
constexpr int64_t kIdleMaxMs = 600'000,
                  kEnvironmentLifeMaxMs =
                      40 * 60'000;  // a session lasts an hour, an invocation 15 minutes
constexpr auto kIdleLookEvery = std::chrono::seconds(10);
constexpr size_t kLogTailBytes = 4096;
constexpr int64_t kStopGraceMs = 5000;
// `ports` must outlive it; its endpoint_url and wire are set.
std::unique_ptr<FunctionRunner> make_runner(const Ports& ports, const std::string& data_dir);
}  // namespace lambda

}  // namespace sluice
