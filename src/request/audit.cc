#include "request/audit.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice {
namespace {
// Hostile text goes into a record bounded and as valid UTF-8.
std::string bounded(std::string text, size_t max) {
  if (!is_utf8(text)) text = percent_encode(text, true);
  if (text.size() > max) { text.resize(max); while (!is_utf8(text)) text.pop_back(); }
  return text;
}
// CloudTrail User Guide, "Record contents": fields above their size are omitted, and say so.
json::value within_limit(const json::value& value, const char* name) {
  const size_t bytes = json::serialize(value).size();
  if (bytes <= kAuditMemberBytesMax) return value;
  return json::object{{"omitted", true}, {"originalSize", bytes}, {"reason", std::string(name) + " too large"}};
}
// S3 names the object and its bucket; only the bucket has an account.
json::array resources_of(const AuditFacts& facts, const Scope& scope) {
  json::array out, buckets;
  for (const json::value& one : facts.resources) {
    const std::string type = text_of(one.as_object(), "type"), arn = text_of(one.as_object(), "ARN");
    json::object shown = one.as_object();
    if (type != "AWS::S3::Object") { shown["accountId"] = scope.account_id; out.push_back(std::move(shown)); continue; }
    out.push_back(std::move(shown));
    const json::object bucket{{"accountId", scope.account_id}, {"type", "AWS::S3::Bucket"}, {"ARN", arn.substr(0, arn.find('/'))}};
    if (std::find(buckets.begin(), buckets.end(), json::value(bucket)) == buckets.end()) buckets.push_back(bucket);
  }
  for (json::value& one : buckets) if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
  return out;
}
}  // namespace

json::object audit_record(const Request& request, const Service& service, const Row* row, const Caller* caller, const AuditFacts& facts, const Error* error, const Scope& scope, const Response* response) {
  const bool data_event = row && row->data_event, read_only = !row || row->read_only;
  json::object r;
  r["eventVersion"] = "1.11";
  r["userIdentity"] = caller ? json::value(caller->user_identity()) : json::value(json::object{{"type", "Unknown"}, {"principalId", ""}, {"accountId", "anonymous"}});
  r["eventTime"] = iso_seconds(request.time);
  r["eventSource"] = service.event_source;
  r["eventName"] = row ? std::string(event_name(service, *row)) : bounded(request.query_value("Action") ? request.query_text("Action") : request.method, 64);
  r["awsRegion"] = scope.region;
  r["sourceIPAddress"] = request.source_ip;
  const std::string agent = bounded(request.headers.get("user-agent"), 1000);
  r["userAgent"] = service.protocol == Protocol::rest_xml && !request.tls_cipher.empty() ? "[" + agent + "]" : agent;
  if (error) {
    r["errorCode"] = error->code == "AccessDeniedException" ? "AccessDenied" : error->code;
    r["errorMessage"] = bounded(error->message, 1024);
  }
  r["requestParameters"] = within_limit(facts.request_parameters, "requestParameters");
  r["responseElements"] = error ? json::value() : within_limit(facts.response_elements, "responseElements");
  r["requestID"] = request.id;
  r["eventID"] = random_uuid();
  r["readOnly"] = read_only;
  if (!facts.resources.empty()) r["resources"] = resources_of(facts, scope);
  r["eventType"] = "AwsApiCall";
  r["managementEvent"] = !data_event;
  r["recipientAccountId"] = scope.account_id;
  r["eventCategory"] = data_event ? "Data" : "Management";
  if (service.protocol == Protocol::rest_xml && row) add_s3_shape(r, request, *row, error ? nullptr : response);
  if (!request.tls_cipher.empty()) r["tlsDetails"] = json::object{{"tlsVersion", request.tls_version}, {"cipherSuite", request.tls_cipher}, {"clientProvidedHostHeader", bounded(request.headers.get("host"), 255)}};
  return r;
}

std::optional<int64_t> StrangerLimit::admit(const std::string& source_ip, Time time) {
  const std::lock_guard lock(mutex_);
  if (seen_.size() >= kSourcesMax && !seen_.contains(source_ip)) seen_.clear();
  Seen& seen = seen_[source_ip];
  if (seen.minute != time / 60000) { seen.minute = time / 60000; seen.count = 0; }
  if (seen.count >= kPerMinute) { ++seen.left_out; return std::nullopt; }
  ++seen.count;
  return std::exchange(seen.left_out, 0);
}

}  // namespace sluice
