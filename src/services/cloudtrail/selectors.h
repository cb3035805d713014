// SPDX-License-Identifier: Apache-2.0
#pragma once
// Event selectors: which records a trail takes.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
//
//   if (chooses(selectors_of(trail), record)) batch.taken.push_back(...);
//
// A request has EventSelectors (at most 5, with 250 data resources in all: S3 objects, functions
// and tables) or AdvancedEventSelectors (with 500 values in all); one kind replaces the other.
// Errors: InvalidEventSelectorsException. It differs from AWS's: the category NetworkActivity is
// refused, because there are no such events here.
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

struct PutEventSelectors : OnTrail<PutEventSelectors> {
  static constexpr std::string_view name = "PutEventSelectors",
                                    action = "cloudtrail:PutEventSelectors", member = "TrailName";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit_result(const Out& out) { return camel_case(out); }
};
struct GetEventSelectors : OnTrail<GetEventSelectors> {
  static constexpr std::string_view name = "GetEventSelectors",
                                    action = "cloudtrail:GetEventSelectors", member = "TrailName";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
// There are no Insights here. Get answers InsightNotEnabledException, as AWS does for a trail
// without them, and Put takes only the empty list.
struct GetInsightSelectors : OnTrail<GetInsightSelectors> {
  static constexpr std::string_view name = "GetInsightSelectors",
                                    action = "cloudtrail:GetInsightSelectors", member = "TrailName";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct PutInsightSelectors : OnTrail<PutInsightSelectors> {
  static constexpr std::string_view name = "PutInsightSelectors",
                                    action = "cloudtrail:PutInsightSelectors", member = "TrailName";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

// All management events.
std::vector<EventSelector> default_selectors();
// Checks EventSelectors or AdvancedEventSelectors as they were sent.
Result<Done> check_selectors(const json::object& body);
// The selectors of the kind that the trail has.
Selectors selectors_of(const Trail& trail);
// Whether a trail with these selectors takes this audit record.
bool chooses(const Selectors& selectors, const json::object& record);

}  // namespace sluice::cloudtrail
