// SPDX-License-Identifier: Apache-2.0
#include "services/logs/groups.h"

#include <algorithm>
#include <array>

#include "services/logs/sealing.h"

namespace sluice::logs {
namespace {
constexpr std::array<int64_t, 22> kRetentionDays = {1,    3,    5,    7,    14,   30,  60,  90,
                                                    120,  150,  180,  365,  400,  545, 731, 1096,
                                                    1827, 2192, 2557, 2922, 3288, 3653};
constexpr size_t kCountedMax = 20000;

int64_t stored_bytes(const Snapshot& s, const Group& group) {
  int64_t bytes = 0;
  size_t count = 0;
  s.scan(events_of(group.id), "", false, [&](std::string_view, std::string_view message) {
    bytes += static_cast<int64_t>(message.size()) + kEventOverheadBytes;
    return ++count < kCountedMax;
  });
  return bytes;
}
}  // namespace

Result<In> CreateLogGroup::parse(const Request& request) {
  TRY(In in, parse_in(request, false));
  const Fields fields(in.body);
  CHECK(fields.text("kmsKeyId"));
  TRY(const json::object* tags, fields.object("tags"));
  if (tags && !tags->empty())
    return invalid("Tags of log groups are not implemented by Sluice yet.");
  TRY(const auto kind, fields.text("logGroupClass"));
  if (kind && *kind != "STANDARD")
    return invalid("The log group class " + *kind + " is not implemented by Sluice: use STANDARD.");
  TRY(const auto kept, fields.boolean("deletionProtectionEnabled"));
  if (kept.value_or(false))
    return invalid("deletionProtectionEnabled is not implemented by Sluice yet.");
  return in;
}
Result<json::object> CreateLogGroup::run(const Authorized<In>& in, Staged& staged) {
  if (staged.look(group_key(in->group)))
    return Error{
        400, "ResourceAlreadyExistsException", "The specified log group already exists", {}};
  Group group = new_group(in->group, in.time());
  if (const std::string key = text_of(in->body, "kmsKeyId"); !key.empty())
    CHECK(use_key(group, key, staged, in.ports()));
  staged.put(group_key(in->group), group);
  return json::object{};
}

Result<DescribeLogGroups::In> DescribeLogGroups::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  const Fields fields(body);
  In in;
  TRY(const auto prefix, fields.text("logGroupNamePrefix"));
  TRY(const auto part, fields.text("logGroupNamePattern"));
  if (prefix && part)
    return invalid(
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  in.prefix = prefix.value_or("");
  in.part = part.value_or("");
  TRY(in.limit, limit_of(body, kDescribeMax));
  TRY(in.after, from_token(body));
  return in;
}
Result<json::object> DescribeLogGroups::run(const Authorized<In>& in, const Snapshot& s) {
  json::array groups;
  std::string last;
  bool more = false;
  // Names sort as their bytes, so a prefix is a range that starts at the prefix itself.
  const RecordPrefix<Group> all{};
  const std::string start = all.bytes + std::max(in->after, in->prefix);
  s.scan(all, start, false, [&](std::string_view, const Group& group) {
    if (!group.name.starts_with(in->prefix)) return false;
    if (group.name == in->after || group.name.find(in->part) == group.name.npos) return true;
    if (static_cast<int64_t>(groups.size()) == in->limit) {
      more = true;
      return false;
    }
    json::object shown{{"logGroupName", group.name},
                       {"creationTime", group.created},
                       {"metricFilterCount", 0},
                       {"arn", group_arn(s.scope(), group.name) + ":*"},
                       {"logGroupArn", group_arn(s.scope(), group.name)},
                       {"storedBytes", stored_bytes(s, group)},
                       {"logGroupClass", group.log_class}};
    if (group.retention_days) shown["retentionInDays"] = group.retention_days;
    if (!group.kms_key.empty()) shown["kmsKeyId"] = group.kms_key;
    groups.push_back(std::move(shown));
    last = group.name;
    return true;
  });
  json::object out{{"logGroups", std::move(groups)}};
  if (more) out["nextToken"] = to_token(last);
  return out;
}

Result<json::object> DeleteLogGroup::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Group group, find_group(staged, in->group));
  staged.erase(group_key(in->group));
  staged.enqueue({.queue = "logs.purge", .event = members_of(PurgeEvent{group.id})});
  return json::object{};
}

Result<In> PutRetentionPolicy::parse(const Request& request) {
  TRY(In in, parse_in(request, false));
  TRY(const auto days, Fields(in.body).integer("retentionInDays"));
  if (!days ||
      std::find(kRetentionDays.begin(), kRetentionDays.end(), *days) == kRetentionDays.end())
    return invalid("1 validation error detected: Value '" +
                   (days ? std::to_string(*days) : "null") +
                   "' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum "
                   "value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, "
                   "1096, 1827, 2192, 2557, 2922, 3288, 3653]");
  return in;
}
Result<json::object> PutRetentionPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(Group group, find_group(staged, in->group));
  group.retention_days = int_of(in->body, "retentionInDays");
  staged.put(group_key(in->group), group);
  return json::object{};
}
Result<json::object> DeleteRetentionPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(Group group, find_group(staged, in->group));
  group.retention_days = 0;
  staged.put(group_key(in->group), group);
  return json::object{};
}

namespace {
// The group is named, or is the resource; a query's results are not built.
Result<In> parse_of_key(const Request& request) {
  TRY(json::object body, parse_json_object(request.body));
  TRY(const auto resource, Fields(body).text("resourceIdentifier"));
  if (!resource) return parse_in(request, false);
  const auto arn = parse_arn(*resource);
  if (!arn || arn->service != "logs" || !arn->resource.starts_with("log-group:"))
    return invalid("resourceIdentifier must be the ARN of a log group.");
  if (body.contains("logGroupName"))
    return invalid("logGroupName and resourceIdentifier cannot both be specified.");
  In in{std::move(body), arn->resource.substr(10), ""};
  if (in.group.ends_with(":*")) in.group.resize(in.group.size() - 2);
  CHECK(check_group_name(in.group));
  return in;
}
}  // namespace

Result<In> AssociateKmsKey::parse(const Request& request) {
  TRY(In in, parse_of_key(request));
  CHECK(Fields(in.body).required_text("kmsKeyId"));
  return in;
}
Result<json::object> AssociateKmsKey::run(const Authorized<In>& in, Staged& staged) {
  TRY(Group group, find_group(staged, in->group));
  CHECK(use_key(group, text_of(in->body, "kmsKeyId"), staged, in.ports()));
  staged.put(group_key(in->group), group);
  return json::object{};
}
Result<In> DisassociateKmsKey::parse(const Request& request) { return parse_of_key(request); }
Result<json::object> DisassociateKmsKey::run(const Authorized<In>& in, Staged& staged) {
  TRY(Group group, find_group(staged, in->group));
  group.kms_key.clear();
  staged.put(group_key(in->group), group);
  return json::object{};
}

Result<ListTagsForResource::In> ListTagsForResource::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  TRY(const auto text, Fields(body).text("resourceArn"));
  const auto arn = parse_arn(text.value_or(""));
  if (!arn || arn->service != "logs" || !arn->resource.starts_with("log-group:"))
    return invalid("resourceArn must be the ARN of a log group.");
  In in{arn->resource.substr(10)};
  if (in.group.ends_with(":*")) in.group.resize(in.group.size() - 2);
  CHECK(check_group_name(in.group));
  return in;
}
Result<json::object> ListTagsForResource::run(const Authorized<In>& in, const Snapshot& s) {
  CHECK(find_group(s, in->group));
  return json::object{{"tags", json::object{}}};
}

Result<json::object> CreateLogStream::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Group group, find_group(staged, in->group));
  if (staged.look(stream_key(group.id, in->stream)))
    return Error{
        400, "ResourceAlreadyExistsException", "The specified log stream already exists", {}};
  staged.put(stream_key(group.id, in->stream), new_stream(in->stream, in.time()));
  return json::object{};
}
Result<json::object> DeleteLogStream::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Group group, find_group(staged, in->group));
  TRY(const Stream stream, find_stream(staged, group, in->stream));
  staged.erase(stream_key(group.id, in->stream));
  staged.enqueue({.queue = "logs.purge", .event = members_of(PurgeEvent{group.id, stream.id})});
  return json::object{};
}

namespace {
struct Times {
  Time first = 0, last = 0, ingested = 0;
};
Times times_of(const Snapshot& s, const Group& group, const Stream& stream, Time at) {
  Times times;
  const Key all = events_of(group.id, stream.id);
  const Time oldest = oldest_shown(group, at);
  s.scan(all, event_key(group.id, stream.id, oldest, 0).bytes, false,
         [&](std::string_view key, std::string_view) {
           times.first = position_of(key).value_or(Position{}).time;
           return false;
         });
  if (times.first)
    s.scan(all, "", true, [&](std::string_view key, std::string_view) {
      const Position last = position_of(key).value_or(Position{});
      times.last = last.time;
      times.ingested = ingestion_time(last.sequence);
      return false;
    });
  return times;
}
json::object shown(const Scope& scope, const Group& group, const Stream& stream,
                   const Times& times) {
  json::object o{{"logStreamName", stream.name},
                 {"creationTime", stream.created},
                 {"arn", group_arn(scope, group.name) + ":log-stream:" + stream.name},
                 {"storedBytes", 0},
                 {"uploadSequenceToken", std::string(56, '0')}};
  if (times.first) {
    o["firstEventTimestamp"] = times.first;
    o["lastEventTimestamp"] = times.last;
    o["lastIngestionTime"] = times.ingested;
  }
  return o;
}
}  // namespace

Result<In> DescribeLogStreams::parse(const Request& request) {
  TRY(In in, parse_in(request, false));
  const Fields fields(in.body);
  TRY(const auto order, fields.text("orderBy"));
  TRY(const auto prefix, fields.text("logStreamNamePrefix"));
  CHECK(fields.boolean("descending"));
  CHECK(limit_of(in.body, kDescribeMax));
  CHECK(from_token(in.body));
  if (order && *order != "LogStreamName" && *order != "LastEventTime")
    return invalid("1 validation error detected: Value '" + order->substr(0, 64) +
                   "' at 'orderBy' failed to satisfy constraint: Member must satisfy enum value "
                   "set: [LogStreamName, LastEventTime]");
  if (order && *order == "LastEventTime" && prefix)
    return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
  return in;
}
Result<json::object> DescribeLogStreams::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Group group, find_group(s, in->group));
  TRY(const int64_t limit, limit_of(in->body, kDescribeMax));
  TRY(const std::string after, from_token(in->body));
  const std::string prefix = text_of(in->body, "logStreamNamePrefix");
  const bool by_time = text_of(in->body, "orderBy") == "LastEventTime",
             descending = bool_of(in->body, "descending");
  struct Entry {
    std::string sort;
    Stream stream;
  };
  std::vector<Entry> entries;
  const RecordPrefix<Stream> all = streams_of(group.id);
  s.scan(all, all.bytes + prefix, false, [&](std::string_view, Stream stream) {
    if (!stream.name.starts_with(prefix)) return false;
    std::string sort =
        by_time
            ? hex(big_endian64(static_cast<uint64_t>(times_of(s, group, stream, in.time()).last))) +
                  stream.name
            : stream.name;
    if (after.empty() || (descending ? sort < after : sort > after))
      entries.push_back({std::move(sort), std::move(stream)});
    return by_time || descending || static_cast<int64_t>(entries.size()) <= limit;
  });
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    return descending ? a.sort > b.sort : a.sort < b.sort;
  });
  json::array streams;
  json::object out;
  for (const Entry& entry : entries) {
    if (static_cast<int64_t>(streams.size()) == limit) break;
    streams.push_back(
        shown(s.scope(), group, entry.stream, times_of(s, group, entry.stream, in.time())));
    if (static_cast<int64_t>(streams.size()) == limit && entries.size() > streams.size())
      out["nextToken"] = to_token(entry.sort);
  }
  out["logStreams"] = std::move(streams);
  return out;
}

}  // namespace sluice::logs
