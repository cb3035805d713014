// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/account.h"

namespace sluice::lambda {
namespace {
constexpr int64_t kCountedMax = 100'000,
                  kCodeBytesMax = 80'530'636'800;  // AWS's default quota of all code: 75 GB
}  // namespace

Result<JsonOut> GetAccountSettings::run(const Authorized<In>&, const Snapshot& snapshot) {
  int64_t functions = 0, code_bytes = 0, reserved = 0, waiting = 0;
  snapshot.scan(schema::prefix(Family::meta, "lambda.function", {}), "", false,
                [&](std::string_view, std::string_view value) {
                  const auto function = parse_json_object(value);
                  if (!function) return true;
                  ++functions;
                  code_bytes += int_of(*function, "CodeSize");
                  reserved += int_of(*function, "Reserved");
                  return true;
                });
  snapshot.scan(schema::prefix(Family::outbox, "outbox", {"lambda.async"}), "", false,
                [&](std::string_view, std::string_view) { return ++waiting < kCountedMax; });
  return JsonOut{
      200,
      {{"AccountLimit", json::object{{"TotalCodeSize", kCodeBytesMax},
                                     {"CodeSizeUnzipped", 262144000},
                                     {"CodeSizeZipped", 52428800},
                                     {"ConcurrentExecutions", kConcurrencyMax},
                                     {"UnreservedConcurrentExecutions",
                                      std::max<int64_t>(0, kConcurrencyMax - reserved)}}},
       {"AccountUsage", json::object{{"TotalCodeSize", code_bytes},
                                     {"FunctionCount", functions},
                                     {"AsyncEventsWaiting", waiting}}}}};
}

}  // namespace sluice::lambda
