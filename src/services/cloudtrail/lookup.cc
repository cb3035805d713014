// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/lookup.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sluice::cloudtrail {
namespace {
constexpr const char* kAttributes[] = {"EventId",     "EventName",    "ReadOnly",
                                       "Username",    "ResourceType", "ResourceName",
                                       "EventSource", "AccessKeyId"};
Error bad_attribute(std::string text) {
  return {400, "InvalidLookupAttributesException", std::move(text), {}};
}

const json::object& identity_of(const json::object& record) {
  static const json::object kNone;
  const json::value* identity = record.if_contains("userIdentity");
  return identity && identity->is_object() ? identity->get_object() : kNone;
}
// Of a role its session's name, as AWS lists it; of a service nothing.
std::string user_name(const json::object& record) {
  const json::object& identity = identity_of(record);
  if (const std::string own = text_of(identity, "userName"); !own.empty()) return own;
  const std::string arn = text_of(identity, "arn");
  return arn.substr(arn.rfind('/') == std::string::npos ? arn.size() : arn.rfind('/') + 1);
}
struct Resource {
  std::string type, name, arn;
};
std::vector<Resource> resources_of(const json::object& record) {
  std::vector<Resource> out;
  const json::value* resources = record.if_contains("resources");
  for (const json::value& one :
       resources && resources->is_array() ? resources->get_array() : json::array()) {
    if (!one.is_object()) continue;
    const std::string type = text_of(one.get_object(), "type"),
                      arn = text_of(one.get_object(), "ARN");
    if (!arn.empty()) out.push_back({type, shown_name(type, arn), arn});
  }
  return out;
}

bool matches(const LookupEvents::In& in, const json::object& record) {
  const std::string& key = in.attribute;
  if (key.empty()) return true;
  if (key == "EventId") return text_of(record, "eventID") == in.value;
  if (key == "EventName") return text_of(record, "eventName") == in.value;
  if (key == "EventSource") return text_of(record, "eventSource") == in.value;
  if (key == "ReadOnly") return (bool_of(record, "readOnly") ? "true" : "false") == in.value;
  if (key == "Username") return user_name(record) == in.value;
  if (key == "AccessKeyId") return text_of(identity_of(record), "accessKeyId") == in.value;
  for (const Resource& one : resources_of(record))
    if (key == "ResourceType" ? one.type == in.value : one.name == in.value || one.arn == in.value)
      return true;
  return false;
}

json::object shown(const json::object& record, std::string_view text, Time time) {
  json::object event{{"EventId", text_of(record, "eventID")},
                     {"EventName", text_of(record, "eventName")},
                     {"ReadOnly", bool_of(record, "readOnly") ? "true" : "false"},
                     {"EventTime", seconds(time)},
                     {"EventSource", text_of(record, "eventSource")},
                     {"Resources", json::array{}},
                     {"CloudTrailEvent", text}};
  if (const std::string name = user_name(record); !name.empty()) event["Username"] = name;
  if (const std::string key = text_of(identity_of(record), "accessKeyId"); !key.empty())
    event["AccessKeyId"] = key;
  for (const Resource& one : resources_of(record))
    event["Resources"].as_array().push_back(
        json::object{{"ResourceType", one.type}, {"ResourceName", one.name}});
  return event;
}

Result<Done> parse_attribute(const json::object& body, LookupEvents::In& in) {
  TRY(const json::array* attributes, Fields(body).array("LookupAttributes"));
  if (!attributes || attributes->empty()) return Done{};
  if (attributes->size() > 1 || !(*attributes)[0].is_object())
    return bad_attribute("You can only specify one lookup attribute.");
  const Fields fields((*attributes)[0].get_object());
  TRY(const auto key, fields.text("AttributeKey"));
  TRY(const auto value, fields.text("AttributeValue"));
  in.attribute = key.value_or("");
  in.value = value.value_or("");
  if (std::find(std::begin(kAttributes), std::end(kAttributes), in.attribute) ==
      std::end(kAttributes))
    return bad_attribute("The lookup attribute '" + in.attribute + "' is not valid.");
  if (in.value.empty() || in.value.size() > 2000)
    return bad_attribute("The value of a lookup attribute has 1 to 2000 characters.");
  return Done{};
}
// Times are seconds since 1970; what is out of any calendar is no time.
Result<Time> time_of(const json::object& body, std::string_view name, Time otherwise) {
  TRY(const auto value, Fields(body).number(name));
  if (!value) return otherwise;
  if (!std::isfinite(*value) || *value < 0 || *value > 253402300799.0)
    return Error{400, "InvalidTimeRangeException", std::string(name) + " is not a time.", {}};
  return static_cast<Time>(*value * 1000);
}
}  // namespace

std::string shown_name(std::string_view type, const std::string& arn) {
  if (type == "AWS::S3::Bucket") return arn.substr(arn.rfind(':') + 1);
  if (type == "AWS::DynamoDB::Table" || type == "AWS::IAM::Role" || type == "AWS::IAM::Policy")
    return arn.substr(arn.rfind('/') + 1);
  if (type == "AWS::Lambda::Function") {
    const auto parsed = parse_arn(arn);
    return parsed && parsed->resource.starts_with("function:") ? parsed->resource.substr(9) : arn;
  }
  return arn;
}

Result<LookupEvents::In> LookupEvents::parse(const Request& request) {
  In in;
  TRY(in.body, parse_json_object(request.body));
  const Fields fields(in.body);
  CHECK(parse_attribute(in.body, in));
  TRY(in.start, time_of(in.body, "StartTime", 0));
  TRY(in.end, time_of(in.body, "EndTime", 0));
  if (in.end && in.start > in.end)
    return Error{
        400, "InvalidTimeRangeException", "The start time must be before the end time.", {}};
  TRY(const auto count, fields.integer("MaxResults"));
  if (count && (*count < 1 || *count > kLookupMax))
    return Error{400, "InvalidMaxResultsException", "MaxResults must be 1 to 50.", {}};
  in.count = count.value_or(kLookupMax);
  TRY(const auto token, fields.text("NextToken"));
  if (token) {
    const auto sequence = parse_int(*token);
    if (!sequence || *sequence < 1)
      return Error{
          400, "InvalidNextTokenException", "The token is not one that LookupEvents gave.", {}};
    in.before = static_cast<uint64_t>(*sequence);
  }
  TRY(const auto category, fields.text("EventCategory"));
  if (category)
    return Error{400,
                 "InvalidEventCategoryException",
                 "Sluice has no insight events: leave EventCategory out.",
                 {}};
  return in;
}

Result<LookupEvents::Out> LookupEvents::run(const Authorized<In>& in, const Snapshot& snapshot) {
  Out out;
  size_t scanned = 0;
  const Time oldest = std::max(in->start, in.time() - kLookupDays * 86'400'000);
  in.ports().store->audit_scan(snapshot, in->before, [&](uint64_t sequence, std::string_view text) {
    if (in->before && sequence >= in->before) return true;
    const auto record = parse_json_object(text);
    const Time time = record ? parse_iso(text_of(*record, "eventTime")).value_or(0) : 0;
    if (record && bool_of(*record, "managementEvent") && time >= oldest &&
        (!in->end || time <= in->end) && matches(*in, *record))
      out.events.push_back(shown(*record, text, time));
    if (out.events.size() < static_cast<size_t>(in->count) && ++scanned < kScannedPerCallMax)
      return true;
    if (sequence > 1) out.token = std::to_string(sequence);
    return false;
  });
  return out;
}
Response LookupEvents::render(const Out& out) {
  json::object body{{"Events", out.events}};
  if (!out.token.empty()) body["NextToken"] = out.token;
  return render_json(body);
}

}  // namespace sluice::cloudtrail
