// SPDX-License-Identifier: Apache-2.0
#pragma once
// How groups, streams and events are stored. docs/on-disk.md
//   logs  logs.group (name) {"Id","Name","Created","RetentionDays"?,"Class"} logs  logs.stream
//   (group id, name)                        {"Id","Name","Created"} logs  e (group id, stream id,
//   timestamp ms, sequence)     the message
// Ids are random, so that what is created anew under an old name never shows old events. A sequence
// is unique in the store and holds the ingestion time: milliseconds << 20 | counter. An event never
// touches the record of its stream: writers do not conflict.
#include "base/bytes.h"
#include "services/logs/logs.h"

namespace sluice::logs {

inline Key group_key(std::string_view name) {
  return schema::key(Family::logs, "logs.group", {name});
}
inline Key stream_key(std::string_view group_id, std::string_view name) {
  return schema::key(Family::logs, "logs.stream", {group_id, name});
}
inline Key event_key(std::string_view group_id, std::string_view stream_id, Time time,
                     uint64_t sequence) {
  return schema::key(
      Family::logs, "e",
      {group_id, stream_id, big_endian64(static_cast<uint64_t>(time)), big_endian64(sequence)});
}
inline Key events_of(std::string_view group_id, std::string_view stream_id) {
  return schema::prefix(Family::logs, "e", {group_id, stream_id});
}
uint64_t next_sequence(Time ingested);  // greater than all before it in this process
inline Time ingestion_time(uint64_t sequence) { return static_cast<Time>(sequence >> 20); }

// The place of an event within its group: unique, and the order of FilterLogEvents.
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

struct Group {
  std::string id, name;
  Time created = 0;
  int64_t retention_days = 0;
};  // 0: never expires
struct Stream {
  std::string id, name;
  Time created = 0;
};
Group group_of(const json::object& record);
Stream stream_of(const json::object& record);
inline Time oldest_shown(const Group& group, Time at) {
  return group.retention_days ? std::max<Time>(0, at - group.retention_days * kDayMs) : 0;
}
json::object new_group(std::string_view name, Time at);
json::object new_stream(std::string_view name, Time at);

Result<Done> check_group_name(std::string_view name);
Result<Done> check_stream_name(std::string_view name);
std::string group_arn(const Scope& scope, std::string_view name);  // without ":*"
// IAM is asked about "...:log-group:NAME:log-stream:" for a whole group, as AWS asks: policies on
// NAME:* and on NAME* match it.
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

// A read through a Snapshot, or through a Staged that then conflicts with a deletion.
template <class Source>
Result<Group> find_group(Source& source, std::string_view name) {
  const auto record = source.get_json(group_key(name));
  if (!record) return no_group();
  return group_of(*record);
}
template <class Source>
Result<Stream> find_stream(Source& source, const Group& group, std::string_view name) {
  const auto record = source.get_json(stream_key(group.id, name));
  if (!record) return no_stream();
  return stream_of(*record);
}

// What every operation takes: the body, and the group and stream it names.
struct In {
  json::object body;
  std::string group, stream;
};
Result<In> parse_in(const Request& request, bool with_stream);
inline Response render_json(const json::object& body) {
  return {200, {}, json::serialize(body), nullptr, 0};
}
Result<int64_t> limit_of(const json::object& body, int64_t max);
// Tokens of the Describe operations: opaque, but only text of ours.
inline std::string to_token(std::string_view text) { return base64url(text); }
Result<std::string> from_token(const json::object& body);  // "" when absent

// Metrics in a line of the embedded metric format; does nothing for other lines.
// Source: CloudWatch User Guide, "Specification: Embedded metric format".
// At most 100 metrics a directive, 30 dimensions a set, 100 values an array, 1000 metrics times
// sets a line; what is outside is left out. AWS/ namespaces are left out.
void record_embedded_metrics(Meter& meter, Staged& staged, std::string_view line, Time time);

}  // namespace sluice::logs
