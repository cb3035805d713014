#include "request/audit.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice {
namespace {
constexpr size_t kAuditRecordBytes =
    8192;  // the usual record in memory; it grows when that is not enough
// Hostile text goes into a record bounded and as valid UTF-8.
std::string bounded(std::string text, size_t max) {
  if (!is_utf8(text)) text = percent_encode(text, true);
  if (text.size() > max) {
    text.resize(max);
    while (!is_utf8(text)) text.pop_back();
  }
  return text;
}
// A sixth of what its JSON can have at most, without writing that: six bytes for one that is
// escaped, 48 for a number, or for quotes, colon and comma.
size_t sixth_of_bytes(const json::value& value) {
  size_t bytes = 8;
  if (value.is_string()) bytes += value.get_string().size();
  if (value.is_array())
    for (const json::value& one : value.get_array()) bytes += sixth_of_bytes(one);
  if (value.is_object())
    for (const auto& [name, one] : value.get_object()) bytes += name.size() + sixth_of_bytes(one);
  return bytes;
}
// CloudTrail User Guide, "Record contents": fields above their size are omitted, and say so.
void add_within_limit(json::object& record, const char* name, const json::value& value) {
  const size_t bytes =
      sixth_of_bytes(value) * 6 <= kAuditMemberBytesMax ? 0 : json::serialize(value).size();
  if (bytes <= kAuditMemberBytesMax)
    record[name] = value;
  else
    record[name] = json::object{
        {"omitted", true}, {"originalSize", bytes}, {"reason", std::string(name) + " too large"}};
}
// S3 names the object and its bucket; only the bucket has an account.
void add_resources(json::array& out, const AuditFacts& facts, const Scope& scope) {
  std::vector<std::string> buckets;
  std::set<std::string> seen;
  for (const json::value& one : facts.resources) {
    const std::string arn = text_of(one.as_object(), "ARN");
    if (!seen.insert(arn).second) continue;  // that two needs are on it
    out.push_back(one);
    if (text_of(one.as_object(), "type") != "AWS::S3::Object") {
      out.back().get_object()["accountId"] = scope.account_id;
      continue;
    }
    std::string bucket = arn.substr(0, arn.find('/'));
    if (std::find(buckets.begin(), buckets.end(), bucket) == buckets.end())
      buckets.push_back(std::move(bucket));
  }
  for (const std::string& bucket : buckets) {
    if (std::any_of(out.begin(), out.end(), [&](const json::value& one) {
          return text_of(one.get_object(), "ARN") == bucket;
        }))
      continue;
    json::object& shown = out.emplace_back(json::object()).get_object();
    shown["accountId"] = scope.account_id;
    shown["type"] = "AWS::S3::Bucket";
    shown["ARN"] = bucket;
  }
}
}  // namespace

json::object audit_record(const Request& request, const Service& service, const Row* row,
                          const Caller* caller, const AuditFacts& facts, const Error* error,
                          const Scope& scope, const Response* response) {
  const bool data_event = row && row->data_event, read_only = !row || row->read_only;
  json::object r(json_arena(kAuditRecordBytes));  // every member is made where it stays
  r["eventVersion"] = "1.11";
  if (caller)
    r["userIdentity"] = caller->user_identity();
  else
    r["userIdentity"] =
        json::object{{"type", "Unknown"}, {"principalId", ""}, {"accountId", "anonymous"}};
  r["eventTime"] = iso_seconds(request.time);
  r["eventSource"] = service.event_source;
  r["eventName"] =
      row ? std::string(event_name(service, *row))
          : bounded(request.query_value("Action") ? request.query_text("Action") : request.method,
                    64);
  r["awsRegion"] = scope.region;
  // Of a service, in its own name or a caller's, the two name the service.
  const std::string by = caller ? text_of(caller->user_identity(), "invokedBy") : "";
  r["sourceIPAddress"] = by.empty() ? request.source_ip : by;
  const std::string agent = by.empty() ? bounded(request.headers.get("user-agent"), 1000) : by;
  r["userAgent"] = service.protocol == Protocol::rest_xml && !request.tls_cipher.empty()
                       ? "[" + agent + "]"
                       : agent;
  if (error) {
    r["errorCode"] = error->code == "AccessDeniedException" ? "AccessDenied" : error->code;
    r["errorMessage"] = bounded(error->message, 1024);
  }
  add_within_limit(r, "requestParameters", facts.request_parameters);
  add_within_limit(r, "responseElements", error ? json::value() : facts.response_elements);
  r["requestID"] = request.id;
  r["eventID"] = random_uuid();
  r["readOnly"] = read_only;
  if (!facts.resources.empty()) add_resources(r["resources"].emplace_array(), facts, scope);
  r["eventType"] = "AwsApiCall";
  r["managementEvent"] = !data_event;
  r["recipientAccountId"] = scope.account_id;
  r["eventCategory"] = data_event ? "Data" : "Management";
  if (service.protocol == Protocol::rest_xml && row)
    add_s3_shape(r, request, *row, error ? nullptr : response);
  else if (row)
    add_shape(r, service, *row);
  if (!request.tls_cipher.empty()) {
    json::object& tls = r["tlsDetails"].emplace_object();
    tls["tlsVersion"] = request.tls_version;
    tls["cipherSuite"] = request.tls_cipher;
    tls["clientProvidedHostHeader"] = bounded(request.headers.get("host"), 255);
  }
  return r;
}

std::optional<int64_t> StrangerLimit::admit(const std::string& source_ip, Time time) {
  const std::lock_guard lock(mutex_);
  if (seen_.size() >= kSourcesMax && !seen_.contains(source_ip)) seen_.clear();
  Seen& seen = seen_[source_ip];
  if (seen.minute != time / 60000) {
    seen.minute = time / 60000;
    seen.count = 0;
  }
  if (seen.count >= kPerMinute) {
    ++seen.left_out;
    return std::nullopt;
  }
  ++seen.count;
  return std::exchange(seen.left_out, 0);
}

}  // namespace sluice
