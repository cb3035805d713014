// SPDX-License-Identifier: Apache-2.0
#include "services/logs/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <queue>

#include "crypto/crypto.h"
#include "services/logs/sealing.h"

namespace sluice::logs {
namespace {
constexpr Time kForever = std::numeric_limits<Time>::max() / 2;

std::string digits(const Position& at) {
  return fmt::format("{:028}{:028}", static_cast<uint64_t>(at.time), at.sequence);
}
std::optional<Position> from_digits(std::string_view text) {
  if (text.size() != 56) return std::nullopt;
  const auto part = [&](size_t from) -> std::optional<uint64_t> {
    uint64_t value = 0;
    for (const char c : text.substr(from, 28)) {
      if (c < '0' || c > '9' || value > (std::numeric_limits<uint64_t>::max() - 9) / 10)
        return std::nullopt;
      value = value * 10 + static_cast<uint64_t>(c - '0');
    }
    return value;
  };
  const auto time = part(0), sequence = part(28);
  if (!time || !sequence || *time > static_cast<uint64_t>(kForever)) return std::nullopt;
  return Position{static_cast<Time>(*time), *sequence};
}
Result<Time> time_of(const json::object& body, std::string_view name, Time otherwise) {
  TRY(const auto value, Fields(body).integer(name));
  if (value && *value < 0)
    return invalid(
        "1 validation error detected: Value '" + std::to_string(*value) + "' at '" +
        std::string(name) +
        "' failed to satisfy constraint: Member must have value greater than or equal to 0");
  return std::min(value.value_or(otherwise), kForever);
}
}  // namespace

Result<PutLogEvents::In> PutLogEvents::parse(const Request& request) {
  TRY(auto base, parse_in(request, true));
  In in{std::move(base.group), std::move(base.stream), {}};
  TRY(const json::array* events, Fields(base.body).array("logEvents"));
  if (!events || events->empty() || events->size() > static_cast<size_t>(kEventsMax))
    return invalid(
        "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member "
        "must have length between 1 and 10000");
  int64_t bytes = 0;
  Time first = 0, last = 0;
  for (const json::value& one : *events) {
    if (!one.is_object())
      return Error{400, "SerializationException", "Expected a structure in logEvents.", {}};
    const Fields fields(one.get_object());
    TRY(const auto time, fields.integer("timestamp"));
    TRY(auto message, fields.text("message"));
    if (!time || *time < 0 || *time > kForever)
      return invalid(
          "1 validation error detected: Value at 'logEvents.member.timestamp' failed to satisfy "
          "constraint: Member must have value greater than or equal to 0");
    if (!message || message->empty())
      return invalid(
          "1 validation error detected: Value '' at 'logEvents.member.message' failed to satisfy "
          "constraint: Member must have length greater than or equal to 1");
    if (static_cast<int64_t>(message->size()) + kEventOverheadBytes > kBatchBytesMax)
      return invalid("Log event too large: " +
                     std::to_string(static_cast<int64_t>(message->size()) + kEventOverheadBytes) +
                     " bytes exceeds limit of 1048576");
    bytes += static_cast<int64_t>(message->size()) + kEventOverheadBytes;
    if (in.events.empty()) first = *time;
    if (*time < last)
      return invalid("Log events in a single PutLogEvents request must be in chronological order.");
    last = *time;
    in.events.push_back({*time, *std::move(message)});
  }
  if (bytes > kBatchBytesMax)
    return invalid("Upload too large: " + std::to_string(bytes) +
                   " bytes exceeds limit of 1048576");
  if (last - first > kSpanMaxMs)
    return invalid(
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  return in;
}
Result<json::object> PutLogEvents::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Group group, find_group(staged, in->group));
  TRY(const Stream stream, find_stream(staged, group, in->stream));
  const Sealing sealing(group, staged.snapshot(), in.ports());
  const Time at = in.time(), oldest = at - kPastMaxMs, kept_from = oldest_shown(group, at),
             newest = at + kFutureMaxMs;
  json::object rejected;
  for (size_t i = 0; i < in->events.size(); ++i) {
    const Journal::Line& line = in->events[i];
    if (line.time > newest) {
      rejected.emplace("tooNewLogEventStartIndex", i);
      continue;
    }
    if (line.time < kept_from) rejected["expiredLogEventEndIndex"] = i + 1;
    if (line.time < oldest) rejected["tooOldLogEventEndIndex"] = i + 1;
    if (line.time < kept_from || line.time < oldest) continue;
    const Key key = event_key(group.id, stream.id, line.time, next_sequence(at, staged.snapshot()));
    TRY(std::string stored, sealing.seal(key.bytes, line.message));
    staged.put(key, std::move(stored));
    if (in.ports().meter)
      record_embedded_metrics(*in.ports().meter, staged, line.message, line.time);
  }
  json::object out{{"nextSequenceToken", digits({at, next_sequence(at, staged.snapshot())})}};
  if (!rejected.empty()) out["rejectedLogEventsInfo"] = std::move(rejected);
  return out;
}

Result<In> GetLogEvents::parse(const Request& request) {
  TRY(In in, parse_in(request, true));
  CHECK(limit_of(in.body, kEventsMax));
  CHECK(Fields(in.body).boolean("startFromHead"));
  CHECK(time_of(in.body, "startTime", 0));
  CHECK(time_of(in.body, "endTime", kForever));
  TRY(const auto token, Fields(in.body).text("nextToken"));
  if (token && (token->size() != 60 || (!token->starts_with("f/") && !token->starts_with("b/")) ||
                !token->ends_with("/s") || !from_digits(token->substr(2, 56))))
    return invalid("The specified nextToken is invalid.");
  return in;
}
Result<json::object> GetLogEvents::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Group group, find_group(s, in->group));
  TRY(const Stream stream, find_stream(s, group, in->stream));
  const Sealing sealing(group, s, in.ports());
  TRY(const int64_t limit, limit_of(in->body, kEventsMax));
  TRY(const Time asked, time_of(in->body, "startTime", 0));
  TRY(const Time end, time_of(in->body, "endTime", kForever));
  const Time start = std::max(asked, oldest_shown(group, in.time()));
  const std::string token = text_of(in->body, "nextToken");
  const auto from =
      token.empty() ? std::nullopt : from_digits(std::string_view(token).substr(2, 56));
  const bool backwards =
      token.empty() ? !bool_of(in->body, "startFromHead") : token.starts_with('b');
  // The range [low, high] of positions; a token's own position is outside.
  Position low{start, 0}, high{end, 0};
  if (from && !backwards) low = std::max(low, Position{from->time, from->sequence + 1});
  if (from && backwards) high = std::min(high, *from);
  std::vector<Event> page;
  size_t bytes = 0;
  Result<Done> readable = Done{};
  const Position begin = backwards ? high : low;
  s.scan(events_of(group.id, stream.id),
         event_key(group.id, stream.id, begin.time, begin.sequence).bytes, backwards,
         [&](std::string_view key, std::string_view message) {
           const auto at = position_of(key);
           if (!at || (backwards && *at >= high)) return true;
           if (*at < low || *at >= high) return false;
           if (!page.empty() && bytes + message.size() > kPageBytesMax) return false;
           bytes += message.size() + kEventOverheadBytes;
           auto text = sealing.open(key, message);
           if (!text) {
             readable = std::move(text).error();
             return false;
           }
           page.push_back({*at, *std::move(text)});
           return static_cast<int64_t>(page.size()) < limit;
         });
  CHECK(readable);
  if (backwards) std::reverse(page.begin(), page.end());
  json::array events;
  for (const Event& e : page)
    events.push_back(json::object{{"timestamp", e.at.time},
                                  {"message", e.message},
                                  {"ingestionTime", ingestion_time(e.at.sequence)}});
  const Position here = from ? *from : Position{start, 0};
  json::object out{{"events", std::move(events)}};
  out["nextForwardToken"] = "f/" + digits(page.empty() ? here : page.back().at) + "/s";
  out["nextBackwardToken"] = "b/" + digits(page.empty() ? here : page.front().at) + "/s";
  return out;
}

Result<In> FilterLogEvents::parse(const Request& request) {
  TRY(In in, parse_in(request, false));
  const Fields fields(in.body);
  CHECK(limit_of(in.body, kEventsMax));
  CHECK(time_of(in.body, "startTime", 0));
  CHECK(time_of(in.body, "endTime", kForever));
  TRY(const auto prefix, fields.text("logStreamNamePrefix"));
  TRY(const auto names, fields.texts("logStreamNames"));
  if (names.size() > static_cast<size_t>(kStreamNamesMax))
    return invalid(
        "1 validation error detected: Value at 'logStreamNames' failed to satisfy constraint: "
        "Member must have length less than or equal to 100");
  if (prefix && !names.empty())
    return invalid("logStreamNamePrefix and logStreamNames cannot both be specified.");
  TRY(const auto pattern, fields.text("filterPattern"));
  CHECK(Pattern::parse(pattern.value_or("")));
  TRY(const std::string token, from_token(in.body));
  if (!token.empty() && !from_digits(token)) return invalid("The specified nextToken is invalid.");
  return in;
}

namespace {
// The events of one stream from a position on, read a few at a time so that many streams can be
// merged in bounded memory.
struct Cursor {
  Stream stream;
  std::vector<Event> ahead;  // reversed: the next one is last
  Position next;
  bool ended = false;
  Result<Done> fill(const Snapshot& s, const Group& group, const Sealing& sealing, Time end) {
    constexpr size_t kAheadMax = 16, kAheadBytesMax = 16384;
    size_t bytes = 0;
    if (ended) return Done{};
    ended = true;
    Result<Done> readable = Done{};
    s.scan(events_of(group.id, stream.id),
           event_key(group.id, stream.id, next.time, next.sequence).bytes, false,
           [&](std::string_view key, std::string_view message) {
             const auto at = position_of(key);
             if (!at) return true;
             if (at->time > end) return false;
             bytes += message.size();
             auto text = sealing.open(key, message);
             if (!text) {
               readable = std::move(text).error();
               return false;
             }
             ahead.push_back({*at, *std::move(text)});
             if (ahead.size() < kAheadMax && bytes < kAheadBytesMax) return true;
             ended = false;
             return false;
           });
    if (!ahead.empty()) next = {ahead.back().at.time, ahead.back().at.sequence + 1};
    std::reverse(ahead.begin(), ahead.end());
    return readable;
  }
};
Result<std::vector<Cursor>> open_cursors(const In& in, const Snapshot& s, const Group& group,
                                         const Sealing& sealing, Position from, Time end) {
  std::vector<Cursor> cursors;
  const auto add = [&](Stream stream) -> Result<Done> {
    Cursor cursor{std::move(stream), {}, from, false};
    CHECK(cursor.fill(s, group, sealing, end));
    if (!cursor.ahead.empty()) cursors.push_back(std::move(cursor));
    return Done{};
  };
  TRY(std::vector<std::string> names, Fields(in.body).texts("logStreamNames"));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    TRY(Stream stream, find_stream(s, group, name));
    CHECK(add(std::move(stream)));
  }
  if (!names.empty()) return cursors;
  const std::string prefix = text_of(in.body, "logStreamNamePrefix");
  const RecordPrefix<Stream> all = streams_of(group.id);
  Result<Done> readable = Done{};
  s.scan(all, all.bytes + prefix, false, [&](std::string_view, Stream stream) {
    if (!stream.name.starts_with(prefix)) return false;
    readable = add(std::move(stream));
    return readable.has_value();
  });
  CHECK(readable);
  return cursors;
}
}  // namespace

Result<json::object> FilterLogEvents::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Group group, find_group(s, in->group));
  TRY(const int64_t limit, limit_of(in->body, kEventsMax));
  TRY(const Time start, time_of(in->body, "startTime", 0));
  TRY(const Time end, time_of(in->body, "endTime", kForever));
  TRY(const Pattern pattern, Pattern::parse(text_of(in->body, "filterPattern")));
  TRY(const std::string token, from_token(in->body));
  Position from{std::max(start, oldest_shown(group, in.time())), 0};
  if (const auto after = from_digits(token))
    from = std::max(from, Position{after->time, after->sequence + 1});
  const Sealing sealing(group, s, in.ports());
  TRY(std::vector<Cursor> cursors, open_cursors(*in, s, group, sealing, from, end));
  const auto later = [&](size_t a, size_t b) {
    return cursors[a].ahead.back().at > cursors[b].ahead.back().at;
  };
  std::priority_queue<size_t, std::vector<size_t>, decltype(later)> queue(later);
  for (size_t i = 0; i < cursors.size(); ++i) queue.push(i);
  json::array events;
  size_t bytes = 0, scanned = 0;
  json::object out;
  while (!queue.empty()) {
    const size_t i = queue.top();
    queue.pop();
    Cursor& cursor = cursors[i];
    const Event event = std::move(cursor.ahead.back());
    cursor.ahead.pop_back();
    if (pattern.matches(event.message)) {
      bytes += event.message.size() + kEventOverheadBytes;
      events.push_back(json::object{{"logStreamName", cursor.stream.name},
                                    {"timestamp", event.at.time},
                                    {"message", event.message},
                                    {"ingestionTime", ingestion_time(event.at.sequence)},
                                    {"eventId", digits(event.at)}});
    }
    if (cursor.ahead.empty()) CHECK(cursor.fill(s, group, sealing, end));
    if (!cursor.ahead.empty()) queue.push(i);
    if (queue.empty()) break;
    if (static_cast<int64_t>(events.size()) == limit || bytes >= kPageBytesMax ||
        ++scanned == kScannedPerCallMax) {
      out["nextToken"] = to_token(digits(event.at));
      break;
    }
  }
  out["events"] = std::move(events);
  out["searchedLogStreams"] = json::array{};
  return out;
}

}  // namespace sluice::logs
