#include "request/audit.h"

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
}  // namespace

json::object audit_record(const Request& request, const Service& service, const Row* row, const Caller* caller, const AuditFacts& facts, const Error* error, const Scope& scope) {
  const bool data_event = row && row->data_event, read_only = !row || row->read_only;
  json::object r;
  r["eventVersion"] = "1.11";
  r["userIdentity"] = caller ? json::value(caller->user_identity()) : json::value(json::object{{"type", "Unknown"}, {"principalId", ""}, {"accountId", "anonymous"}});
  r["eventTime"] = iso_seconds(request.time);
  r["eventSource"] = service.event_source;
  r["eventName"] = row ? std::string(row->name) : bounded(request.query_value("Action") ? request.query_text("Action") : request.method, 64);
  r["awsRegion"] = scope.region;
  r["sourceIPAddress"] = request.source_ip;
  r["userAgent"] = bounded(request.headers.get("user-agent"), 512);
  if (error) {
    r["errorCode"] = error->code == "AccessDeniedException" ? "AccessDenied" : error->code;
    r["errorMessage"] = bounded(error->message, 1024);
  }
  r["requestParameters"] = facts.request_parameters;
  r["responseElements"] = error ? json::value() : facts.response_elements;
  r["requestID"] = request.id;
  r["eventID"] = random_uuid();
  r["readOnly"] = read_only;
  if (!facts.resources.empty()) {
    json::array resources = facts.resources;
    for (json::value& one : resources) one.as_object()["accountId"] = scope.account_id;
    r["resources"] = std::move(resources);
  }
  r["eventType"] = "AwsApiCall";
  r["managementEvent"] = !data_event;
  r["recipientAccountId"] = scope.account_id;
  r["eventCategory"] = data_event ? "Data" : "Management";
  if (!request.tls_version.empty()) r["tlsDetails"] = json::object{{"tlsVersion", request.tls_version}, {"cipherSuite", request.tls_cipher}, {"clientProvidedHostHeader", bounded(request.headers.get("host"), 255)}};
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
