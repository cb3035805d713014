#pragma once
// AWS Lambda: functions of custom runtimes, run in sandboxes. Source: Lambda API Reference
// 2015-03-31, Developer Guide "Lambda quotas", "Asynchronous invocation". Versions, aliases,
// layers, event source mappings, function URLs and images are not built.
#include "request/ports.h"

namespace sluice::lambda {

constexpr size_t kSyncPayloadBytesMax = 6 << 20, kAsyncPayloadBytesMax = 1 << 20,
                 kEnvironmentBytesMax = 4096, kPolicyBytesMax = 20480;
constexpr int64_t kTimeoutMaxS = 900, kMemoryMinMb = 128, kMemoryMaxMb = 10240;
constexpr int64_t kConcurrencyMax = 64;  // execution environments at one time, of all functions
constexpr int64_t kEventAgeMinS = 60, kEventAgeMaxS = 21600, kRetriesMax = 2;
extern const Service service;
void verify(const Ports& ports, Verification& found);
std::unique_ptr<FunctionPolicies> function_policies();
// What functions run in on this machine, tried once: "bubblewrap: ..." or "no sandbox: ...", when
// functions do not start.
std::string sandbox_in_force();

}  // namespace sluice::lambda
