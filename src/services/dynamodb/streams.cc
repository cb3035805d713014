// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/streams.h"

#include <cstdio>

#include "base/bytes.h"
#include "base/random.h"
#include "services/dynamodb/change_log.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/schema.h"

namespace sluice::dynamodb {
namespace {
// So many changes of other streams of the table one GetRecords passes over.
constexpr size_t kPassedMax = 10'000;

std::string stream_arn(const Scope& scope, const std::string& table, const std::string& label) {
  return table_arn(scope, table) + "/stream/" + label;
}
// The table and the label in an ARN of a stream.
struct StreamName {
  std::string table, label;
};
std::optional<StreamName> stream_name_of(std::string_view arn) {
  const auto parsed = parse_arn(std::string(arn));
  if (!parsed || parsed->service != "dynamodb" || !parsed->resource.starts_with("table/"))
    return std::nullopt;
  constexpr std::string_view kBetween = "/stream/";
  const std::string rest = parsed->resource.substr(6);
  const size_t cut = rest.find(kBetween);
  if (cut == 0 || cut == std::string::npos) return std::nullopt;
  return StreamName{rest.substr(0, cut), rest.substr(cut + kBetween.size())};
}
Error no_stream(const std::string& arn) {
  return {400,
          "ResourceNotFoundException",
          "Requested resource not found: Stream: " + arn.substr(0, 1024) + " not found",
          {}};
}
Error trimmed() {
  return {400,
          "TrimmedDataAccessException",
          "The operation attempted to read past the oldest stream record in a shard: the requested "
          "records are older than 24 hours.",
          {}};
}

// A stream and the table that it is of, which may be deleted.
struct OpenedStream {
  std::shared_ptr<const StreamRecord> record;
  std::shared_ptr<const TableRecord> table;
};
std::shared_ptr<const TableRecord> table_of(const StreamRecord& stream, const Snapshot& s) {
  if (auto table = s.get(table_key(stream.table)); table && table->id == stream.table_id)
    return table;
  return s.get(former_table_key(stream.table_id));
}
bool is_over(const StreamRecord& stream, Time now) {
  return stream.ended && now - stream.ended > kStreamKeptMs;
}
Result<OpenedStream> find_stream(const std::string& arn, const Snapshot& s,
                                 std::optional<Time> now) {
  const auto name = stream_name_of(arn);
  if (!name) return validation("Invalid StreamArn");
  const auto stream = s.get(stream_key(name->table, name->label));
  if (!stream || stream_arn(s.scope(), name->table, name->label) != arn) return no_stream(arn);
  if (now && is_over(*stream, *now)) return no_stream(arn);
  auto table = table_of(*stream, s);
  if (!table) return no_stream(arn);
  return OpenedStream{stream, std::move(table)};
}

// The only shard of a stream. The form is AWS's: a time and eight hexadecimal digits.
std::string shard_id(const StreamRecord& stream) {
  char id[64];
  std::snprintf(id, sizeof id, "shardId-%020lld-%s", static_cast<long long>(stream.created),
                stream.id.substr(0, 8).c_str());
  return id;
}
// 21 digits that sort like the numbers of the log.
std::string sequence_number(uint64_t number) {
  const std::string digits = std::to_string(number);
  return "1" + std::string(20 - digits.size(), '0') + digits;
}
std::optional<uint64_t> number_of_sequence(const std::string& text) {
  if (text.size() != 21 || text[0] != '1') return std::nullopt;
  const auto number = parse_int(std::string_view(text).substr(1));
  if (!number || *number < 0) return std::nullopt;
  return static_cast<uint64_t>(*number);
}

std::string encode_place(const StreamPlace& place) {
  return place.stream_arn + "|1|" +
         base64(big_endian64(place.number) + big_endian64(static_cast<uint64_t>(place.made)));
}
// Nothing that it says opens more than the permission to read the stream does, so it bears no seal.
Result<StreamPlace> decode_place(const std::string& text) {
  const size_t cut = text.find("|1|");
  const auto bytes = cut == std::string::npos ? std::nullopt : unbase64(text.substr(cut + 3));
  if (!bytes || bytes->size() != 16) return validation("Invalid ShardIterator");
  const std::string_view numbers(*bytes);
  return StreamPlace{text.substr(0, cut), from_big_endian64(numbers.substr(0, 8)),
                     static_cast<Time>(from_big_endian64(numbers.substr(8)))};
}
// The first change of the stream that is young enough to be read.
uint64_t horizon(const OpenedStream& stream, const Snapshot& s, Time now) {
  return std::max(static_cast<uint64_t>(stream.record->first),
                  first_change_after(s, stream.table->id, now - kStreamKeptMs));
}
// The numbers of the log have no gaps: what is not there, and came, was erased.
bool is_gone(const OpenedStream& stream, const Snapshot& s, uint64_t number) {
  const Log log = change_log(stream.table->id);
  return number == 0 || (number <= s.last_number(log) && !s.get(log.entry(number)));
}
// The last change of a stream that has ended; 0: it has none that is still kept.
uint64_t last_of(const OpenedStream& stream, const Snapshot& s) {
  uint64_t last = 0;
  size_t looked_at = 0;
  constexpr Time kClocksApart = 60'000;
  const uint64_t start =
      first_change_after(s, stream.table->id, stream.record->ended + kClocksApart);
  s.read(change_log(stream.table->id), start, true, [&](uint64_t number, std::string_view entry) {
    if (stream_of_change(entry) == stream.record->id) last = number;
    return !last && number > static_cast<uint64_t>(stream.record->first) &&
           ++looked_at < kPassedMax;
  });
  return last;
}

Result<std::optional<int64_t>> read_limit(const json::object& body, Constraints& constraints,
                                          int64_t most) {
  TRY(const auto limit, Fields(body).integer("Limit"));
  if (limit) {
    constraints.check(*limit >= 1, std::to_string(*limit), "limit",
                      "Member must have value greater than or equal to 1");
    constraints.check(*limit <= most, std::to_string(*limit), "limit",
                      "Member must have value less than or equal to " + std::to_string(most));
  }
  return limit;
}
int64_t limit_of(const json::object& body, size_t otherwise) {
  return int_of(body, "Limit", static_cast<int64_t>(otherwise));
}
Result<Done> check_text(const json::object& body, const char* member, const std::string& where,
                        size_t least, size_t most, bool required, Constraints& constraints) {
  TRY(const auto text, Fields(body).text(member));
  if (required) constraints.not_null(text.has_value(), where);
  if (text) constraints.length(*text, where, least, most);
  return Done{};
}
}  // namespace

Result<std::optional<AskedStream>> asked_stream(const json::object& body) {
  TRY(const json::object* asked, Fields(body).object("StreamSpecification"));
  if (!asked) return std::optional<AskedStream>();
  TRY(const auto enabled, Fields(*asked).boolean("StreamEnabled"));
  TRY(const auto view, Fields(*asked).text("StreamViewType"));
  Constraints constraints;
  constraints.not_null(enabled.has_value(), "streamSpecification.streamEnabled");
  if (view)
    constraints.one_of(*view, "streamSpecification.streamViewType",
                       {"NEW_AND_OLD_IMAGES", "OLD_IMAGE", "KEYS_ONLY", "NEW_IMAGE"});
  CHECK(constraints.met());
  if (*enabled && !view)
    return validation(
        "One or more parameter values were invalid: StreamViewType must be specified when stream "
        "is enabled");
  if (!*enabled && view)
    return validation(
        "One or more parameter values were invalid: StreamViewType cannot be specified when stream "
        "is disabled");
  return std::optional(AskedStream{*enabled, view.value_or("")});
}
Result<Done> set_stream(const AskedStream& asked, TableRecord& table, Time now, Staged& staged) {
  const bool there = !table.stream.id.empty();
  if (asked.enabled && there)
    return validation("Table already has an enabled stream: TableName: " + table.name);
  if (!asked.enabled) {
    if (!there) return validation("Table has no stream to disable: TableName: " + table.name);
    auto ended = staged.get(stream_key(table.name, table.stream.label));
    if (ended) {
      ended->ended = now;
      staged.put(stream_key(table.name, table.stream.label), *ended);
    }
    table.stream.id.clear();
    return Done{};
  }
  StreamRecord stream{
      .table = table.name,
      .table_id = table.id,
      .id = random_uuid(),
      .view = asked.view,
      .created = now,
      .first = static_cast<int64_t>(number_after_last(staged.snapshot(), table.id))};
  const auto label = [&] { return iso_millis(stream.created).substr(0, 23); };
  while (staged.look(stream_key(table.name, label()))) ++stream.created;  // of this millisecond
  stream.label = label();
  staged.put(stream_key(table.name, stream.label), stream);
  table.stream = {stream.id, stream.label, stream.view};
  return Done{};
}
bool leave_streams(const TableRecord& table, Time now, Staged& staged) {
  bool any = false;
  staged.snapshot().scan(RecordPrefix<StreamRecord>({table.name}), "", false,
                         [&](std::string_view, StreamRecord&& stream) {
                           any = any || (stream.table_id == table.id && !is_over(stream, now));
                           return true;
                         });
  if (!any) return false;
  if (!table.stream.id.empty())
    if (auto stream = staged.get(stream_key(table.name, table.stream.label))) {
      stream->ended = now;
      staged.put(stream_key(table.name, table.stream.label), *stream);
    }
  FormerTable former;
  static_cast<TableRecord&>(former) = table;
  staged.put(former_table_key(table.id), former);
  return true;
}
void describe_stream(json::object& description, const TableRecord& table, const Scope& scope) {
  if (table.stream.label.empty()) return;
  if (!table.stream.id.empty())
    description["StreamSpecification"] =
        json::object{{"StreamEnabled", true}, {"StreamViewType", table.stream.view}};
  description["LatestStreamLabel"] = table.stream.label;
  description["LatestStreamArn"] = stream_arn(scope, table.name, table.stream.label);
}

template <class Self>
Result<StreamIn> OnStream<Self>::parse(const Request& request) {
  StreamIn in;
  TRY(in.body, parse_json_object(request.body));
  Constraints constraints;
  constexpr bool reads = std::is_same_v<Self, GetRecords>;
  if constexpr (reads) {
    CHECK(check_text(in.body, "ShardIterator", "shardIterator", 1, 2048, true, constraints));
    CHECK(read_limit(in.body, constraints, kStreamRecordsMax));
  } else {
    CHECK(check_text(in.body, "StreamArn", "streamArn", 37, 1024, true, constraints));
  }
  if constexpr (std::is_same_v<Self, DescribeStream>) {
    CHECK(check_text(in.body, "ExclusiveStartShardId", "exclusiveStartShardId", 28, 65, false,
                     constraints));
    CHECK(read_limit(in.body, constraints, kStreamsPageMax));
  }
  if constexpr (std::is_same_v<Self, GetShardIterator>) {
    CHECK(check_text(in.body, "ShardId", "shardId", 28, 65, true, constraints));
    CHECK(check_text(in.body, "SequenceNumber", "sequenceNumber", 21, 40, false, constraints));
    TRY(const auto type, Fields(in.body).text("ShardIteratorType"));
    constraints.not_null(type.has_value(), "shardIteratorType");
    if (type)
      constraints.one_of(*type, "shardIteratorType",
                         {"AT_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AFTER_SEQUENCE_NUMBER"});
  }
  CHECK(constraints.met());
  if constexpr (reads) {
    TRY(in.place, decode_place(text_of(in.body, "ShardIterator")));
    in.stream_arn = in.place.stream_arn;
  } else {
    in.stream_arn = text_of(in.body, "StreamArn");
  }
  if (!stream_name_of(in.stream_arn)) return validation("Invalid StreamArn");
  return in;
}
// The records of a stream are sealed like the items of its table: who reads them needs its key.
template <class Self>
Result<std::vector<Need>> OnStream<Self>::needs(const In& in, const Snapshot& s,
                                                const Ports& ports) {
  std::vector<Need> needs{
      {std::string(Self::action), in.stream_arn, {}, {}, "AWS::DynamoDB::Stream"}};
  if constexpr (std::is_same_v<Self, GetRecords>)
    if (const auto stream = find_stream(in.stream_arn, s, std::nullopt))
      CHECK(add_key_need(needs, *stream->table, s, ports));
  return needs;
}
template struct OnStream<DescribeStream>;
template struct OnStream<GetShardIterator>;
template struct OnStream<GetRecords>;

Result<JsonOut> DescribeStream::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const OpenedStream stream, find_stream(in->stream_arn, s, in.time()));
  const StreamRecord& record = *stream.record;
  json::object range{{"StartingSequenceNumber", sequence_number(horizon(stream, s, in.time()))}};
  if (record.ended)
    range["EndingSequenceNumber"] =
        sequence_number(std::max(last_of(stream, s), horizon(stream, s, in.time())));
  json::array shards;
  if (text_of(in->body, "ExclusiveStartShardId") < shard_id(record))
    shards.push_back(
        json::object{{"ShardId", shard_id(record)}, {"SequenceNumberRange", std::move(range)}});
  return JsonOut{
      {{"StreamDescription",
        json::object{{"StreamArn", in->stream_arn},
                     {"StreamLabel", record.label},
                     {"StreamStatus", record.ended ? "DISABLED" : "ENABLED"},
                     {"StreamViewType", record.view},
                     {"CreationRequestDateTime", static_cast<double>(record.created) / 1000},
                     {"TableName", record.table},
                     {"KeySchema", key_schema(*stream.table)},
                     {"Shards", std::move(shards)}}}}};
}

Result<JsonOut> GetShardIterator::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const OpenedStream stream, find_stream(in->stream_arn, s, in.time()));
  if (text_of(in->body, "ShardId") != shard_id(*stream.record))
    return Error{400,
                 "ResourceNotFoundException",
                 "Requested resource not found: Shard: " + text_of(in->body, "ShardId") +
                     " in Stream: " + in->stream_arn + " not found",
                 {}};
  const std::string type = text_of(in->body, "ShardIteratorType");
  const std::string sequence = text_of(in->body, "SequenceNumber");
  const bool by_number = type.ends_with("_SEQUENCE_NUMBER");
  if (by_number != !sequence.empty())
    return validation(by_number
                          ? "SequenceNumber is required for ShardIteratorType " + type
                          : "SequenceNumber must not be given with ShardIteratorType " + type);
  const uint64_t oldest = horizon(stream, s, in.time());
  const uint64_t next = number_after_last(s, stream.table->id);
  StreamPlace place{in->stream_arn, type == "LATEST" ? next : oldest, in.time()};
  if (by_number) {
    const auto number = number_of_sequence(sequence);
    const uint64_t after = type == "AFTER_SEQUENCE_NUMBER";
    if (!number || *number + after < static_cast<uint64_t>(stream.record->first) || *number >= next)
      return validation("Invalid SequenceNumber: " + sequence + " is not of this shard");
    place.number = *number + after;
    // A little later than the horizon, which moves on while a client reads what DescribeStream
    // says.
    const uint64_t margin =
        first_change_after(s, stream.table->id, in.time() - kStreamKeptMs - kIteratorMs);
    if (place.number < margin || is_gone(stream, s, place.number)) return trimmed();
  }
  return JsonOut{{{"ShardIterator", encode_place(place)}}};
}

namespace {
// The id of an event is the same each time that it is read.
std::string event_id(const StreamRecord& stream, uint64_t number) {
  return hex(sha256(stream.id + " " + std::to_string(number)).substr(0, 16));
}
json::object shown_change(const Change& change, const OpenedStream& stream, const Scope& scope) {
  const std::string& view = stream.record->view;
  const json::object& item = change.after ? *change.after : *change.before;
  json::object keys{{stream.table->hash, item.at(stream.table->hash)}};
  if (!stream.table->range.empty()) keys[stream.table->range] = item.at(stream.table->range);
  size_t bytes = item_bytes(keys);
  json::object d{{"ApproximateCreationDateTime", change.time / 1000},
                 {"Keys", std::move(keys)},
                 {"SequenceNumber", sequence_number(change.number)},
                 {"StreamViewType", view}};
  const auto show = [&](const char* member, const std::optional<json::object>& image) {
    if (!image) return;
    bytes += item_bytes(*image);
    d[member] = *image;
  };
  if (view == "NEW_IMAGE" || view == "NEW_AND_OLD_IMAGES") show("NewImage", change.after);
  if (view == "OLD_IMAGE" || view == "NEW_AND_OLD_IMAGES") show("OldImage", change.before);
  d["SizeBytes"] = static_cast<int64_t>(bytes);
  json::object shown{{"eventID", event_id(*stream.record, change.number)},
                     {"eventName", !change.before  ? "INSERT"
                                   : !change.after ? "REMOVE"
                                                   : "MODIFY"},
                     {"eventVersion", "1.1"},
                     {"eventSource", "aws:dynamodb"},
                     {"awsRegion", scope.region},
                     {"dynamodb", std::move(d)}};
  if (change.by == By::expiry)
    shown["userIdentity"] =
        json::object{{"Type", "Service"}, {"PrincipalId", "dynamodb.amazonaws.com"}};
  return shown;
}
}  // namespace

Result<JsonOut> GetRecords::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const OpenedStream stream, find_stream(in->stream_arn, s, in.time()));
  const StreamPlace& place = in->place;
  if (place.made < 0 || place.made > in.time() + kIteratorMs ||
      in.time() - place.made > kIteratorMs)
    return Error{400,
                 "ExpiredIteratorException",
                 "The shard iterator is older than 15 minutes: get another one.",
                 {}};
  if (is_gone(stream, s, place.number)) return trimmed();
  TRY(const Table table, Table::open(stream.table, s, in.ports()));
  const auto limit = static_cast<size_t>(limit_of(in->body, kStreamRecordsMax));
  json::array records;
  size_t bytes = 0;
  TRY(const uint64_t next,
      read_changes(
          table, s, place.number, stream.record->id, kPassedMax, [&](const Change& change) {
            json::object shown = shown_change(change, stream, s.scope());
            bytes += static_cast<size_t>(int_of(shown["dynamodb"].as_object(), "SizeBytes"));
            if (records.size() == limit || (bytes > kStreamBytesMax && !records.empty()))
              return false;
            records.push_back(std::move(shown));
            return true;
          }));
  JsonOut out{{{"Records", std::move(records)}}};
  // A shard that has ended has no iterator after its last record.
  const bool ended = stream.record->ended && next == number_after_last(s, stream.table->id);
  if (!ended) out.body["NextShardIterator"] = encode_place({in->stream_arn, next, in.time()});
  return out;
}

Result<json::object> ListStreams::parse(const Request& request) {
  TRY(json::object body, parse_json_object(request.body));
  Constraints constraints;
  CHECK(check_text(body, "TableName", "tableName", 3, 255, false, constraints));
  CHECK(check_text(body, "ExclusiveStartStreamArn", "exclusiveStartStreamArn", 37, 1024, false,
                   constraints));
  CHECK(read_limit(body, constraints, kStreamsPageMax));
  CHECK(constraints.met());
  if (const std::string after = text_of(body, "ExclusiveStartStreamArn");
      !after.empty() && !stream_name_of(after))
    return validation("Invalid StreamArn");
  return body;
}
Result<JsonOut> ListStreams::run(const Authorized<In>& in, const Snapshot& s) {
  const std::string table = text_of(*in, "TableName"),
                    after = text_of(*in, "ExclusiveStartStreamArn");
  const auto limit = static_cast<size_t>(limit_of(*in, kStreamsPageMax));
  std::string start;
  if (const auto last_seen = stream_name_of(after))
    start = stream_key(last_seen->table, last_seen->label).bytes;
  json::array streams;
  std::string last;
  const auto list = [&](std::string_view, StreamRecord&& stream) {
    const std::string arn = stream_arn(s.scope(), stream.table, stream.label);
    if (arn == after || is_over(stream, in.time())) return true;
    if (streams.size() == limit) {
      last = text_of(streams.back().as_object(), "StreamArn");
      return false;
    }
    streams.push_back(json::object{
        {"StreamArn", arn}, {"StreamLabel", stream.label}, {"TableName", stream.table}});
    return true;
  };
  if (table.empty())
    s.scan(RecordPrefix<StreamRecord>{}, start, false, list);
  else
    s.scan(RecordPrefix<StreamRecord>({table}), start, false, list);
  JsonOut out{{{"Streams", std::move(streams)}}};
  if (!last.empty()) out.body["LastEvaluatedStreamArn"] = last;
  return out;
}

namespace {
class StoredStreams : public ChangeStreams {
 public:
  explicit StoredStreams(Store& store) : store_(store) {}
  Result<std::string> now_at(const std::string& arn, const Snapshot& s) const override {
    TRY(const OpenedStream stream, find_stream(arn, s, std::nullopt));
    return sequence_number(number_after_last(s, stream.table->id) - 1);
  }
  bool wait_past(const std::string& arn, const std::string& sequence,
                 std::chrono::steady_clock::time_point until,
                 const std::function<bool()>& stopping) const override {
    const auto stream = find_stream(arn, store_.snapshot(), std::nullopt);
    const auto number = number_of_sequence(sequence);
    return stream && number &&
           store_.wait_past(change_log(stream->table->id), *number, until, stopping);
  }

 private:
  Store& store_;
};
}  // namespace

std::unique_ptr<ChangeStreams> change_streams(Store& store) {
  return std::make_unique<StoredStreams>(store);
}

namespace {
constexpr auto kSweepEvery = std::chrono::minutes(1);
constexpr Time kWorkKeptMs = Time{90} * 24 * 3600 * 1000;

// How long the changes of each table are kept, by its id. What is not among them may go whole.
using KeptMs = std::map<std::string, Time>;
struct Sweep {
  std::set<std::string> tables;  // that have, or had, a log
  KeptMs kept;
  std::vector<Key> over;  // records of what nobody may read any more
};
Sweep look_around(const Snapshot& snapshot, Time now) {
  Sweep sweep;
  snapshot.scan(RecordPrefix<TableRecord>{}, "", false, [&](std::string_view, TableRecord&& table) {
    sweep.tables.insert(table.id);
    if (table.recovery.since) sweep.kept[table.id] = table.recovery.days * kStreamKeptMs;
    return true;
  });
  snapshot.scan(
      RecordPrefix<StreamRecord>{}, "", false, [&](std::string_view key, StreamRecord&& stream) {
        if (is_over(stream, now))
          sweep.over.push_back({Family::meta, std::string(key)});
        else
          sweep.kept.emplace(stream.table_id, kStreamKeptMs + kIteratorMs);  // unless longer
        return true;
      });
  snapshot.scan(RecordPrefix<FormerTable>{}, "", false,
                [&](std::string_view key, FormerTable&& table) {
                  sweep.tables.insert(table.id);
                  if (!sweep.kept.contains(table.id))
                    sweep.over.push_back({Family::meta, std::string(key)});
                  return true;
                });
  return sweep;
}
// What became of old exports and imports.
template <class R>
void look_at_work(const Snapshot& snapshot, Time now, Sweep& sweep) {
  snapshot.scan(RecordPrefix<R>{}, "", false, [&](std::string_view key, R&& work) {
    if (work.ended && now - work.ended > kWorkKeptMs)
      sweep.over.push_back({Family::meta, std::string(key)});
    return true;
  });
}
void sweep_changes(Store& store, const Stopping& stopping) {
  const Time now = store.jobs().clock().calendar();
  const Snapshot snapshot = store.snapshot();  // what comes after it belongs to newer streams
  Sweep sweep = look_around(snapshot, now);
  look_at_work<ExportRecord>(snapshot, now, sweep);
  look_at_work<ImportRecord>(snapshot, now, sweep);
  for (const std::string& id : sweep.tables) {
    const auto kept = sweep.kept.find(id);
    const uint64_t first = kept == sweep.kept.end()
                               ? number_after_last(snapshot, id)
                               : first_change_after(snapshot, id, now - kept->second);
    if (!truncate(store, change_log(id), first, stopping)) return;
  }
  if (sweep.over.empty()) return;
  Staged staged = store.stage();
  for (const Key& key : sweep.over) staged.erase(key);
  (void)store.commit(std::move(staged), {}).has_value();  // else the next sweep does it
}
}  // namespace

void start_change_sweep(Ports& ports) {
  ports.store->jobs().every(
      "the sweep of changes", kSweepEvery,
      [&ports](const Stopping& stopping) { sweep_changes(*ports.store, stopping); });
}

}  // namespace sluice::dynamodb
