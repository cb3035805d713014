#include "services/cloudtrail/cloudtrail.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"

namespace sluice::cloudtrail {
namespace {

// LookupEvents: management events, newest first. https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
// In: at most one attribute, a time range, MaxResults 1-50, NextToken. Needs: cloudtrail:LookupEvents. Errors: InvalidLookupAttributesException,
// InvalidTimeRangeException, InvalidMaxResultsException, InvalidNextTokenException. Differs: sees a call at once, not after minutes.
struct LookupEvents {
  static constexpr std::string_view name = "LookupEvents", action = "cloudtrail:LookupEvents";
  struct In { std::string attribute, value; double start_s = 0, end_s = 1e18; int64_t count = kLookupMax; uint64_t before = 0; };
  struct Out { json::array events; std::string token; };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) { return std::vector<Need>{{std::string(action), "*", {}, {}, ""}}; }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
  static json::value audit(const In& in) { return json::object{{"maxResults", in.count}}; }
};

constexpr const char* kAttributes[] = {"EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"};

Result<LookupEvents::In> LookupEvents::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  const Fields fields(body);
  In in;
  TRY(const json::array* attributes, fields.array("LookupAttributes"));
  if (attributes && attributes->size() > 1) return Error{400, "InvalidLookupAttributesException", "You can only specify one lookup attribute.", {}};
  if (attributes && !attributes->empty() && (*attributes)[0].is_object()) {
    in.attribute = text_of((*attributes)[0].get_object(), "AttributeKey");
    in.value = text_of((*attributes)[0].get_object(), "AttributeValue");
    if (std::find(std::begin(kAttributes), std::end(kAttributes), in.attribute) == std::end(kAttributes)) return Error{400, "InvalidLookupAttributesException", "The lookup attribute '" + in.attribute + "' is not valid.", {}};
  }
  TRY(const auto start, fields.number("StartTime"));
  TRY(const auto end, fields.number("EndTime"));
  in.start_s = start.value_or(in.start_s);
  in.end_s = end.value_or(in.end_s);
  if (in.start_s > in.end_s) return Error{400, "InvalidTimeRangeException", "The start time must be before the end time.", {}};
  TRY(const auto count, fields.integer("MaxResults"));
  if (count && (*count < 1 || *count > kLookupMax)) return Error{400, "InvalidMaxResultsException", "MaxResults must be 1 to 50.", {}};
  in.count = count.value_or(kLookupMax);
  TRY(const auto token, fields.text("NextToken"));
  if (token) {
    const auto sequence = parse_int(*token);
    if (!sequence || *sequence < 1) return Error{400, "InvalidNextTokenException", "The token is not one that LookupEvents gave.", {}};
    in.before = static_cast<uint64_t>(*sequence);
  }
  if (text_of(body, "EventCategory") == "insight") return Error{400, "InvalidEventCategoryException", "Sluice has no insight events.", {}};
  return in;
}

// The session's name for a role, as AWS lists it.
std::string user_name(const json::object& record) {
  const json::value* identity = record.if_contains("userIdentity");
  const std::string arn = identity && identity->is_object() ? text_of(identity->get_object(), "arn") : "";
  return arn.substr(arn.rfind('/') == std::string::npos ? arn.size() : arn.rfind('/') + 1);
}
std::string access_key(const json::object& record) {
  const json::value* identity = record.if_contains("userIdentity");
  return identity && identity->is_object() ? text_of(identity->get_object(), "accessKeyId") : "";
}

bool matches(const LookupEvents::In& in, const json::object& record) {
  if (in.attribute.empty()) return true;
  if (in.attribute == "EventId") return text_of(record, "eventID") == in.value;
  if (in.attribute == "EventName") return text_of(record, "eventName") == in.value;
  if (in.attribute == "EventSource") return text_of(record, "eventSource") == in.value;
  if (in.attribute == "ReadOnly") return (bool_of(record, "readOnly") ? "true" : "false") == in.value;
  if (in.attribute == "Username") return user_name(record) == in.value;
  if (in.attribute == "AccessKeyId") return access_key(record) == in.value;
  if (const json::value* resources = record.if_contains("resources"))
    for (const json::value& one : resources->as_array()) {
      const std::string arn = text_of(one.as_object(), "ARN");
      if (in.attribute == "ResourceType" ? text_of(one.as_object(), "type") == in.value : arn == in.value || arn.ends_with(":" + in.value) || arn.ends_with("/" + in.value)) return true;
    }
  return false;
}

json::object shown(const json::object& record, std::string_view text) {
  json::object event{{"EventId", text_of(record, "eventID")}, {"EventName", text_of(record, "eventName")}, {"ReadOnly", bool_of(record, "readOnly") ? "true" : "false"},
                     {"EventTime", static_cast<double>(parse_iso(text_of(record, "eventTime")).value_or(0)) / 1000}, {"EventSource", text_of(record, "eventSource")}, {"Username", user_name(record)}, {"Resources", json::array{}}, {"CloudTrailEvent", text}};
  if (const std::string key = access_key(record); !key.empty()) event["AccessKeyId"] = key;
  if (const json::value* resources = record.if_contains("resources"))
    for (const json::value& one : resources->as_array()) event["Resources"].as_array().push_back(json::object{{"ResourceType", text_of(one.as_object(), "type")}, {"ResourceName", text_of(one.as_object(), "ARN")}});
  return event;
}

Result<LookupEvents::Out> LookupEvents::run(const Authorized<In>& in, const Snapshot& snapshot) {
  Out out;
  size_t scanned = 0;
  in.ports().store->audit_scan(snapshot, in->before, [&](uint64_t sequence, std::string_view text) {
    if (in->before && sequence >= in->before) return true;
    const auto record = parse_json_object(text);
    if (!record || !bool_of(*record, "managementEvent")) return ++scanned < kScannedPerCallMax;
    const double time_s = static_cast<double>(parse_iso(text_of(*record, "eventTime")).value_or(0)) / 1000;
    if (time_s >= in->start_s && time_s <= in->end_s && matches(*in, *record)) out.events.push_back(shown(*record, text));
    if (out.events.size() == static_cast<size_t>(in->count) || ++scanned == kScannedPerCallMax) { if (sequence > 1) out.token = std::to_string(sequence); return false; }
    return true;
  });
  return out;
}
Response LookupEvents::render(const Out& out) {
  json::object body{{"Events", out.events}};
  if (!out.token.empty()) body["NextToken"] = out.token;
  return {200, {}, json::serialize(body), nullptr, 0};
}

constexpr auto rows = table<LookupEvents>();
}  // namespace

const Service service{"cloudtrail", "cloudtrail.amazonaws.com", Protocol::json11, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "", rows, ""};

}  // namespace sluice::cloudtrail
