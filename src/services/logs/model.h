// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations on groups, streams and events share.
//
//   TRY(const Group group, find_group(staged, in->group));
//   TRY(const Stream stream, find_stream(staged, group, in->stream));
//   staged.put(event_key(group.id, stream.id, time, next_sequence(now)), message);
#include "services/logs/logs.h"
#include "services/logs/records.h"

namespace sluice::logs {

// Greater than all that the server gave before.
uint64_t next_sequence(Time ingested, const Snapshot& snapshot);
inline Time ingestion_time(uint64_t sequence) { return static_cast<Time>(sequence >> 20); }

// The place of an event in its group. No two events have the same, and FilterLogEvents gives events
// in this order.
struct Position {
  Time time = 0;
  uint64_t sequence = 0;
  auto operator<=>(const Position&) const = default;
};
struct Event {
  Position at;
  std::string message;
};
std::optional<Position> position_of(std::string_view event_key);

inline Time oldest_shown(const Group& group, Time at) {
  return group.retention_days ? std::max<Time>(0, at - group.retention_days * kDayMs) : 0;
}
Group new_group(std::string_view name, Time at);
Stream new_stream(std::string_view name, Time at);

Result<Done> check_group_name(std::string_view name);
Result<Done> check_stream_name(std::string_view name);
std::string group_arn(const Scope& scope, std::string_view name);  // without ":*"
// For a whole group IAM is asked about "...:log-group:NAME:log-stream:", as AWS does it. Policies
// on NAME:* and on NAME* match that.
Need group_need(std::string_view action, std::string_view group, const Scope& scope);
Need stream_need(std::string_view action, std::string_view group, std::string_view stream,
                 const Scope& scope);

inline Error invalid(std::string text) {
  return {400, "InvalidParameterException", std::move(text), {}};
}
inline Error no_group() {
  return {400, "ResourceNotFoundException", "The specified log group does not exist.", {}};
}
inline Error no_stream() {
  return {400, "ResourceNotFoundException", "The specified log stream does not exist.", {}};
}

// Reads through a Snapshot, or through a Staged, whose commit then conflicts with a deletion.
template <class Source>
Result<Group> find_group(Source& source, std::string_view name) {
  const auto group = source.get(group_key(name));
  if (!group) return no_group();
  return *group;
}
template <class Source>
Result<Stream> find_stream(Source& source, const Group& group, std::string_view name) {
  const auto stream = source.get(stream_key(group.id, name));
  if (!stream) return no_stream();
  return *stream;
}

// What every operation takes: the body, and the group and the stream that it names.
struct In {
  json::object body;
  std::string group, stream;
};
Result<In> parse_in(const Request& request, bool with_stream);
inline Response render_json(const json::object& body) {
  return {200, {}, json::serialize(body), nullptr, 0};
}
Result<int64_t> limit_of(const json::object& body, int64_t max);
// The tokens of the Describe operations.
inline std::string to_token(std::string_view text) { return base64url(text); }
Result<std::string> from_token(const json::object& body);  // "" when absent

// Records the metrics in a line of the embedded metric format. Other lines are left alone. A
// directive may have 100 metrics, a set 30 dimensions, an array 100 values, and a line 1000 metrics
// times sets. What is outside of these limits is left out, and so are AWS/ namespaces. Source:
// CloudWatch User Guide, "Specification: Embedded metric format".
void record_embedded_metrics(Meter& meter, Staged& staged, std::string_view line, Time time);

}  // namespace sluice::logs
