// SPDX-License-Identifier: Apache-2.0
#include "services/logs/model.h"

#include <atomic>

#include "base/random.h"

namespace sluice::logs {

namespace {
struct LastSequence {
  std::atomic<uint64_t> value{0};
};
}  // namespace

uint64_t next_sequence(Time ingested, const Snapshot& snapshot) {
  std::atomic<uint64_t>& last = snapshot.attached<LastSequence>().value;
  const uint64_t wanted = static_cast<uint64_t>(ingested) << 20;
  uint64_t seen = last.load();
  uint64_t next = 0;
  do next = std::max(wanted, seen + 1);
  while (!last.compare_exchange_weak(seen, next));
  return next;
}
std::optional<Position> position_of(std::string_view key) {
  const auto parts = schema::parts(key);
  if (parts.size() != 4) return std::nullopt;
  return Position{static_cast<Time>(from_big_endian64(parts[2])), from_big_endian64(parts[3])};
}

Group new_group(std::string_view name, Time at) {
  return {.id = random_hex(24), .name = std::string(name), .created = at};
}
Stream new_stream(std::string_view name, Time at) {
  return {.id = random_hex(24), .name = std::string(name), .created = at};
}

Result<Done> check_group_name(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kNameMax &&
      name.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_/#") == name.npos;
  if (!good)
    return invalid("1 validation error detected: Value '" + std::string(name.substr(0, kNameMax)) +
                   "' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular "
                   "expression pattern: [\\.\\-_/#A-Za-z0-9]+ and have length 1 to 512");
  if (name.starts_with("aws/"))
    return invalid("Log groups starting with AWS/ are reserved for AWS.");
  return Done{};
}
Result<Done> check_stream_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax || name.find_first_of(":*") != name.npos ||
      !is_utf8(name))
    return invalid("1 validation error detected: Value '" +
                   std::string(is_utf8(name) ? name.substr(0, kNameMax) : "") +
                   "' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular "
                   "expression pattern: [^:*]* and have length 1 to 512");
  return Done{};
}
std::string group_arn(const Scope& scope, std::string_view name) {
  return make_arn(scope, "logs", "log-group:" + std::string(name));
}
Need group_need(std::string_view action, std::string_view group, const Scope& scope) {
  return {std::string(action), group_arn(scope, group) + ":log-stream:", {}, {}, ""};
}
Need stream_need(std::string_view action, std::string_view group, std::string_view stream,
                 const Scope& scope) {
  return {std::string(action),
          group_arn(scope, group) + ":log-stream:" + std::string(stream),
          {},
          {},
          ""};
}

namespace {
// A group's name, or its ARN with or without ":*".
std::string name_of(const std::string& identifier) {
  const auto arn = parse_arn(identifier);
  if (!arn || arn->service != "logs" || !arn->resource.starts_with("log-group:")) return identifier;
  std::string name = arn->resource.substr(10);
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  return name;
}
}  // namespace

Result<In> parse_in(const Request& request, bool with_stream) {
  In in;
  TRY(in.body, parse_json_object(request.body));
  const Fields fields(in.body);
  TRY(const auto name, fields.text("logGroupName"));
  TRY(const auto identifier, fields.text("logGroupIdentifier"));
  if (name && identifier)
    return invalid("logGroupName and logGroupIdentifier cannot both be specified.");
  if (!name && !identifier)
    return invalid(
        "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: "
        "Member must not be null");
  in.group = name ? *name : name_of(*identifier);
  CHECK(check_group_name(in.group));
  if (with_stream) {
    TRY(const auto stream, fields.text("logStreamName"));
    if (!stream)
      return invalid(
          "1 validation error detected: Value null at 'logStreamName' failed to satisfy "
          "constraint: Member must not be null");
    in.stream = *stream;
    CHECK(check_stream_name(in.stream));
  }
  return in;
}
Result<int64_t> limit_of(const json::object& body, int64_t max) {
  TRY(const auto limit, Fields(body).integer("limit"));
  if (limit && (*limit < 1 || *limit > max))
    return invalid(
        "1 validation error detected: Value '" + std::to_string(*limit) +
        "' at 'limit' failed to satisfy constraint: Member must have value between 1 and " +
        std::to_string(max));
  return limit.value_or(max);
}
Result<std::string> from_token(const json::object& body) {
  TRY(const auto token, Fields(body).text("nextToken"));
  if (!token) return std::string();
  const auto text = unbase64url(*token);
  if (!text || text->empty() || text->size() > 2 * kNameMax)
    return invalid("The specified nextToken is invalid.");
  return *text;
}

}  // namespace sluice::logs
