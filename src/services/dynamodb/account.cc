// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/account.h"

namespace sluice::dynamodb {

template <class Self>
auto OnAccount<Self>::parse(const Request& request) -> Result<In> {
  TRY(const json::object body, parse_json_object(request.body));
  return In{request.headers.get("host")};
}
template struct OnAccount<DescribeLimits>;
template struct OnAccount<DescribeEndpoints>;

Result<JsonOut> DescribeLimits::run(const Authorized<In>&, const Snapshot&) {
  return JsonOut{{{"AccountMaxReadCapacityUnits", 80'000},
                  {"AccountMaxWriteCapacityUnits", 80'000},
                  {"TableMaxReadCapacityUnits", 40'000},
                  {"TableMaxWriteCapacityUnits", 40'000}}};
}
Result<JsonOut> DescribeEndpoints::run(const Authorized<In>& in, const Snapshot&) {
  constexpr int kMinutes = 1440;
  return JsonOut{{{"Endpoints", json::array{json::object{{"Address", in->host},
                                                         {"CachePeriodInMinutes", kMinutes}}}}}};
}

}  // namespace sluice::dynamodb
