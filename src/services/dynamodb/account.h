// SPDX-License-Identifier: Apache-2.0
#pragma once
// What DynamoDB says of the account and of its own ways: DescribeLimits, DescribeEndpoints and
// DescribeContinuousBackups.
//
//   constexpr auto rows = table<DescribeLimits, DescribeEndpoints, DescribeContinuousBackups>();
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
// There is no recovery to a point in time, and so it is always disabled.
struct DescribeContinuousBackups : OnTable<DescribeContinuousBackups> {
  static constexpr std::string_view name = "DescribeContinuousBackups",
                                    action = "dynamodb:DescribeContinuousBackups";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::dynamodb
