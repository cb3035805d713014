// SPDX-License-Identifier: Apache-2.0
#pragma once
// Log events: PutLogEvents, GetLogEvents, FilterLogEvents.
#include "services/logs/groups.h"
#include "services/logs/pattern.h"

namespace sluice::logs {

// PutLogEvents.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html In:
// events in the order of time, each message 1 byte to 1 MB. Events too new, too old or past the
// retention are dropped and reported. Errors: ResourceNotFoundException, InvalidParameterException.
// Lines in the embedded metric format become metrics, too.
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
// GetLogEvents: one stream, pages of 1 MB or `limit`; endTime is exclusive. The same token back
// means the end, for now.
struct GetLogEvents : OnGroup<GetLogEvents, true> {
  static constexpr std::string_view name = "GetLogEvents", action = "logs:GetLogEvents";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
// FilterLogEvents: streams of a group merged by time and ingestion; endTime is inclusive. A page
// may be empty and yet have a nextToken.
struct FilterLogEvents : OnGroup<FilterLogEvents> {
  static constexpr std::string_view name = "FilterLogEvents", action = "logs:FilterLogEvents";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::logs
