// SPDX-License-Identifier: Apache-2.0
#pragma once
// LookupEvents: management events of the last 90 days, newest first.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html In: at most
// one attribute, a time range, MaxResults 1-50, NextToken. Needs: cloudtrail:LookupEvents. Errors:
// InvalidLookupAttributesException, InvalidTimeRangeException, InvalidMaxResultsException,
// InvalidNextTokenException, InvalidEventCategoryException. Differs: sees a call at once, not after
// minutes; no limit of 2 calls a second.
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

struct LookupEvents {
  static constexpr std::string_view name = "LookupEvents", action = "cloudtrail:LookupEvents";
  struct In {
    json::object body;
    std::string attribute, value;
    Time start = 0, end = 0;
    int64_t count = kLookupMax;
    uint64_t before = 0;
  };  // end 0: no end
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
// A resource's name as LookupEvents shows it: the name of a bucket, table, function, role; the ARN
// of others.
std::string shown_name(std::string_view type, const std::string& arn);

}  // namespace sluice::cloudtrail
