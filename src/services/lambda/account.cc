// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/account.h"

namespace sluice::lambda {
namespace {
constexpr int64_t kCodeBytesMax = 80'530'636'800;  // 75 GB: AWS's default quota for all code
}  // namespace

Result<JsonOut> GetAccountSettings::run(const Authorized<In>&, const Snapshot& snapshot) {
  int64_t functions = 0, code_bytes = 0, reserved = 0;
  snapshot.scan(RecordPrefix<Function>{}, "", false,
                [&](std::string_view, const Function& function) {
                  ++functions;
                  code_bytes += function.code_bytes;
                  reserved += function.reserved.value_or(0);
                  return true;
                });
  snapshot.scan(RecordPrefix<Version>{}, "", false, [&](std::string_view, const Version& version) {
    code_bytes += version.code_bytes;
    return true;
  });
  snapshot.scan(RecordPrefix<LayerVersion>{}, "", false,
                [&](std::string_view, const LayerVersion& layer) {
                  code_bytes += layer.code_bytes;
                  return true;
                });
  return JsonOut{
      200,
      {{"AccountLimit", json::object{{"TotalCodeSize", kCodeBytesMax},
                                     {"CodeSizeUnzipped", 262144000},
                                     {"CodeSizeZipped", 52428800},
                                     {"ConcurrentExecutions", kConcurrencyMax},
                                     {"UnreservedConcurrentExecutions",
                                      std::max<int64_t>(0, kConcurrencyMax - reserved)}}},
       {"AccountUsage",
        json::object{{"TotalCodeSize", code_bytes}, {"FunctionCount", functions}}}}};
}

}  // namespace sluice::lambda
