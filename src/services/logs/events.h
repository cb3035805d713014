// SPDX-License-Identifier: Apache-2.0
#pragma once
// Log events: PutLogEvents, GetLogEvents, FilterLogEvents.
//
//   constexpr auto rows = table<PutLogEvents, GetLogEvents, FilterLogEvents>();   // logs.cc
#include "services/logs/groups.h"
#include "services/logs/pattern.h"

namespace sluice::logs {

// PutLogEvents:
//   https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
// A request has events in the order of time, with messages of 1 byte to 1 MB. Events that are too
// new, too old or older than the retention are dropped, and the answer says so. Lines in the
// embedded metric format also become metrics. Errors: ResourceNotFoundException,
// InvalidParameterException.
struct PutLogEvents {
  static constexpr std::string_view name = "PutLogEvents", action = "logs:PutLogEvents";
  static constexpr bool data_event = true;
  struct In {
    std::string group, stream;
    std::vector<Journal::Line> events;
  };
  using Out = json::object;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{stream_need(action, in.group, in.stream, s.scope())};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) {
    return json::object{{"logGroupName", in.group}, {"logStreamName", in.stream}};
  }
};
// GetLogEvents: the events of one stream, in pages of 1 MB or `limit`. endTime is not included.
// When the answer has the token of the request, there are no more events now.
struct GetLogEvents : OnGroup<GetLogEvents, true> {
  static constexpr std::string_view name = "GetLogEvents", action = "logs:GetLogEvents";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
// FilterLogEvents: the events of several streams of a group, in the order of their time and their
// ingestion. endTime is included. A page may be empty and still have a nextToken.
struct FilterLogEvents : OnGroup<FilterLogEvents> {
  static constexpr std::string_view name = "FilterLogEvents", action = "logs:FilterLogEvents";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::logs
