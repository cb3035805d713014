// SPDX-License-Identifier: Apache-2.0
#pragma once
// Event selectors: which records a trail takes.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html In:
// EventSelectors (5; 250 data resources in all; S3 objects, functions, tables) or
// AdvancedEventSelectors (500 values in all); one kind replaces the other. Errors:
// InvalidEventSelectorsException. Differs: the category NetworkActivity is refused, there are no
// such events here.
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
// Insights do not exist here: Get answers InsightNotEnabledException, as AWS does for a trail
// without them; Put takes the empty list only.
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

std::vector<EventSelector> default_selectors();  // all management events
Result<Done> check_selectors(
    const json::object& body);               // EventSelectors or AdvancedEventSelectors as sent
Selectors selectors_of(const Trail& trail);  // of the kind that it has
// Does a trail with them take this audit record?
bool chooses(const Selectors& selectors, const json::object& record);

}  // namespace sluice::cloudtrail
