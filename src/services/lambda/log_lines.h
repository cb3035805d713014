// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an invocation leaves in CloudWatch Logs: the lines of the platform around those of the
// function, as text or as JSON. Sources: Lambda Developer Guide, "Configuring advanced logging
// controls", "Lambda Telemetry API Event schema reference".
//
//   const std::vector<Journal::Line> log = log_lines({*function, runtime, id, region, began},
//                                                    finished);
#include "services/lambda/environment.h"

namespace sluice::lambda {

struct LoggedInvocation {
  const Function& function;
  const Runtime& runtime;
  const std::string& request_id;
  const std::string& region;
  Time began;
};
// Moves the function's own lines out of `finished`.
std::vector<Journal::Line> log_lines(const LoggedInvocation& about, Finished& finished);

}  // namespace sluice::lambda
