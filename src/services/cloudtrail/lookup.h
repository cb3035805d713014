// SPDX-License-Identifier: Apache-2.0
#pragma once
// LookupEvents: management events of the last 90 days, the newest first.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
//
//   constexpr auto rows = table<LookupEvents>();   // cloudtrail.cc
//
// A request has at most one attribute, a time range, MaxResults 1 to 50 and NextToken. It needs
// cloudtrail:LookupEvents. Errors: InvalidLookupAttributesException, InvalidTimeRangeException,
// InvalidMaxResultsException, InvalidNextTokenException, InvalidEventCategoryException. It differs
// from AWS's: it sees a call at once and not after minutes, and has no limit of 2 calls a second.
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

struct LookupEvents {
  static constexpr std::string_view name = "LookupEvents", action = "cloudtrail:LookupEvents";
  struct In {
    json::object body;
    std::string attribute, value;
    Time start = 0, end = 0;  // `end` 0: there is no end
    int64_t count = kLookupMax;
    uint64_t before = 0;
  };
  struct Out {
    json::array events;
    std::string token;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
  static json::value audit(const In& in) {
    return in.body.empty() ? json::value() : camel_case(in.body);
  }
};
// The name of a resource as LookupEvents shows it: the name of a bucket, table, function or role,
// and the ARN of anything else.
std::string shown_name(std::string_view type, const std::string& arn);

}  // namespace sluice::cloudtrail
