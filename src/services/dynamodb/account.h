// SPDX-License-Identifier: Apache-2.0
#pragma once
// What DynamoDB says of the account: DescribeLimits and DescribeEndpoints.
//
//   constexpr auto rows = table<DescribeLimits, DescribeEndpoints>();
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

// An operation of the whole account, without parameters.
template <class Self>
struct OnAccount {
  struct In {
    std::string host;
  };
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(Self::action), "*", {}, {}, ""}};
  }
  static Response render(const Out& out) { return render_json(out); }
};
// The limits of AWS's default quotas: nothing here is throttled by them.
struct DescribeLimits : OnAccount<DescribeLimits> {
  static constexpr std::string_view name = "DescribeLimits", action = "dynamodb:DescribeLimits";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct DescribeEndpoints : OnAccount<DescribeEndpoints> {
  static constexpr std::string_view name = "DescribeEndpoints",
                                    action = "dynamodb:DescribeEndpoints";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::dynamodb
