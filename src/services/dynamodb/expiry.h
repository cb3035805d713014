// SPDX-License-Identifier: Apache-2.0
#pragma once
// UpdateTimeToLive, DescribeTimeToLive, and the sweep that deletes what has expired: items whose
// attribute is a number, a time in seconds since 1970 that has passed, but not by five years or
// more. Source: Developer Guide, "Using time to live (TTL) in DynamoDB".
//
//   dynamodb::start_expiry(ports);
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

constexpr int64_t kExpiredYearsMax = 5;
// From now on expired items are deleted within minutes.
void start_expiry(Ports& ports);

struct UpdateTimeToLive : OnTable<UpdateTimeToLive> {
  static constexpr std::string_view name = "UpdateTimeToLive", action = "dynamodb:UpdateTimeToLive";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DescribeTimeToLive : OnTable<DescribeTimeToLive> {
  static constexpr std::string_view name = "DescribeTimeToLive",
                                    action = "dynamodb:DescribeTimeToLive";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

// Whether an item has expired.
bool is_expired(const json::object& item, const std::string& attribute, Time now);

}  // namespace sluice::dynamodb
