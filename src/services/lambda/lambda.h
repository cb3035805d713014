// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS Lambda: functions of custom runtimes, Python and Node.js with their versions, aliases and
// layers, which run in sandboxes. Event source mappings, function URLs and images are not built.
// Sources: Lambda API Reference 2015-03-31; Developer Guide, "Lambda quotas", "Asynchronous
// invocation".
//
//   const std::unique_ptr<FunctionPolicies> policies = lambda::function_policies();
//   Ports ports{.services = {&lambda::service}};
//   ports.function_policies = policies.get();
#include "request/ports.h"

namespace sluice::lambda {

// An answer may have a hundred bytes more than a request, as on AWS.
constexpr size_t kSyncPayloadBytesMax = 6 << 20, kResponseBytesMax = kSyncPayloadBytesMax + 100,
                 kAsyncPayloadBytesMax = 1 << 20, kEnvironmentBytesMax = 4096,
                 kPolicyBytesMax = 20480, kClientContextBytesMax = 3583;
constexpr int64_t kTimeoutMaxS = 900, kMemoryMinMb = 128, kMemoryMaxMb = 10240;
constexpr int64_t kConcurrencyMax = 64;  // environments of all functions at one time
constexpr int64_t kEventAgeMinS = 60, kEventAgeMaxS = 21600, kRetriesMax = 2;
extern const Service service;
void verify(const Ports& ports, Verification& found);
std::unique_ptr<FunctionPolicies> function_policies();
// Why functions cannot start on this machine, and what to do about it; "" when they can. Each call
// tries it, for at most kProbeTries x kProbeTimeoutMs.
constexpr int kProbeTries = 3, kProbeTimeoutMs = 10'000;
std::string why_functions_cannot_start();

}  // namespace sluice::lambda
