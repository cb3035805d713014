// SPDX-License-Identifier: Apache-2.0
#pragma once
// What CloudWatch Logs stores: groups, streams, and the job that erases the events of deleted ones.
// The value of an event is its message alone, or that sealed (services/logs/sealing.h).
//
//   if (const auto group = snapshot.get(group_key(name))) use(group->retention_days);
//   snapshot.scan(events_of(group->id, stream->id), "", false, fn);
//
// Ids are random, so that what is made again under an old name never shows old events. An event
// does not touch the record of its stream, so that writers do not conflict.
#include "base/bytes.h"
#include "store/record.h"

namespace sluice::logs {

// A data key under which events of a group are sealed.
struct GroupKey {
  std::string key;      // the ARN of the KMS key that has wrapped it
  std::string wrapped;  // in Base64
  static constexpr auto members() {
    return std::tuple{member("Key", &GroupKey::key), member("Wrapped", &GroupKey::wrapped)};
  }
  bool operator==(const GroupKey&) const = default;
};
struct Group {
  static constexpr RecordType record{Family::logs, "logs.group", 2};
  std::string id, name;
  Time created = 0;
  int64_t retention_days = 0;          // 0: events never expire
  std::string log_class = "STANDARD";  // there is no other yet
  std::string kms_key;                 // "": what is written now is not sealed
  std::vector<GroupKey> keys;          // of all that was written; the last one is that of kms_key
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{
        member("Id", &Group::id),           member("Name", &Group::name),
        member("Created", &Group::created), member("RetentionDays", &Group::retention_days),
        member("Class", &Group::log_class), member("KmsKey", &Group::kms_key),
        member("Keys", &Group::keys)};
  }
  bool operator==(const Group&) const = default;
};
inline RecordKey<Group> group_key(std::string_view name) { return {name}; }

struct Stream {
  static constexpr RecordType record{Family::logs, "logs.stream", 1};
  std::string id, name;
  Time created = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &Stream::id), member("Name", &Stream::name),
                      member("Created", &Stream::created)};
  }
  bool operator==(const Stream&) const = default;
};
inline RecordKey<Stream> stream_key(std::string_view group_id, std::string_view name) {
  return {group_id, name};
}
inline RecordPrefix<Stream> streams_of(std::string_view group_id) { return {group_id}; }

// A sequence is unique in the store and contains the time of ingestion: milliseconds << 20 |
// counter.
inline Key event_key(std::string_view group_id, std::string_view stream_id, Time time,
                     uint64_t sequence) {
  return schema::key(
      Family::logs, "e",
      {group_id, stream_id, big_endian64(static_cast<uint64_t>(time)), big_endian64(sequence)});
}
inline Key events_of(std::string_view group_id, std::string_view stream_id) {
  return schema::prefix(Family::logs, "e", {group_id, stream_id});
}
inline Key events_of(std::string_view group_id) {
  return schema::prefix(Family::logs, "e", {group_id});
}

// The event of a job of the queue "logs.purge": what is to be erased.
struct PurgeEvent {
  std::string group_id;
  std::string stream_id;  // "": the whole group, with its streams
  static constexpr auto members() {
    return std::tuple{member("Group", &PurgeEvent::group_id),
                      member("Stream", &PurgeEvent::stream_id)};
  }
};

}  // namespace sluice::logs
