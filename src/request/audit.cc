// SPDX-License-Identifier: Apache-2.0
#include "request/audit.h"

#include <algorithm>
#include <set>

#include "base/address.h"
#include "base/bytes.h"
#include "base/random.h"
#include "request/route.h"

namespace sluice {
namespace {
// The memory that a usual record needs. It grows when a record needs more.
constexpr size_t kAuditRecordBytes = 8192;
// Text that a stranger may have written goes into a record in bounded length and as valid UTF-8.
std::string bounded(std::string text, size_t max) {
  if (!is_utf8(text)) text = percent_encode(text, true);
  if (text.size() > max) {
    text.resize(max);
    while (!is_utf8(text)) text.pop_back();
  }
  return text;
}
// Bounds the size of a value's JSON without writing it: the JSON has at most six times as many
// bytes. A byte of text may be escaped into six; 48 bytes are enough for a number, or for quotes,
// colon and comma.
size_t sixth_of_bytes(const json::value& value) {
  size_t bytes = 8;
  if (value.is_string()) bytes += value.get_string().size();
  if (value.is_array())
    for (const json::value& one : value.get_array()) bytes += sixth_of_bytes(one);
  if (value.is_object())
    for (const auto& [name, one] : value.get_object()) bytes += name.size() + sixth_of_bytes(one);
  return bytes;
}
// A field that is too large is left out, and the record says so. Source: CloudTrail User Guide,
// "Record contents".
void add_within_limit(json::object& record, const char* name, const json::value& value) {
  const size_t bytes =
      sixth_of_bytes(value) * 6 <= kAuditMemberBytesMax ? 0 : json::serialize(value).size();
  if (bytes <= kAuditMemberBytesMax)
    record[name] = value;
  else
    record[name] = json::object{
        {"omitted", true}, {"originalSize", bytes}, {"reason", std::string(name) + " too large"}};
}
// S3 lists the object and its bucket. Only the bucket has an account.
void add_resources(json::array& out, const AuditFacts& facts, const Scope& scope) {
  std::vector<std::string> buckets;
  std::set<std::string> seen;
  for (const json::value& one : facts.resources) {
    const std::string arn = text_of(one.as_object(), "ARN");
    if (!seen.insert(arn).second) continue;  // another need was on the same resource
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
std::string_view policy_type(policy::Kind kind) {
  switch (kind) {
    case policy::Kind::identity: return "identity";
    case policy::Kind::boundary: return "permissionsBoundary";
    case policy::Kind::session: return "session";
    case policy::Kind::grant: return "grant";
    case policy::Kind::resource:
    case policy::Kind::key:
    case policy::Kind::trust: return "resource";
  }
  return "";
}
// In additionalEventData: why the call was allowed, or denied (docs/audit.md).
void add_determining(json::object& record, const AuditFacts& facts) {
  if (facts.determining.empty()) return;
  json::value& extra = record["additionalEventData"];
  if (!extra.is_object()) extra.emplace_object();
  json::array& shown = extra.get_object()["determiningStatements"].emplace_array();
  for (const policy::DeterminingStatement& one : facts.determining) {
    if (shown.size() == kDeterminingStatementsMax) {
      extra.get_object()["moreDeterminingStatements"] = true;
      break;
    }
    json::object& statement = shown.emplace_back(json::object()).get_object();
    if (!one.allows) statement["effect"] = "Deny";
    statement["policyType"] = policy_type(one.kind);
    statement["policy"] = bounded(one.policy, 1024);
    if (one.kind == policy::Kind::grant) continue;  // it has no statements
    if (!one.index)
      statement["malformed"] = true;
    else if (one.sid.empty())
      statement["index"] = *one.index;
    else
      statement["sid"] = bounded(one.sid, 128);
  }
}
// Of a call that found no row: its operation, else its method.
std::string shown_operation(const Request& request, const Service& service) {
  std::string name = claimed_operation(request, service);
  if (name.empty()) name = request.method;
  return bounded(std::move(name), 64);
}
bool reads_by_name(std::string_view name) {
  constexpr std::string_view kWriting[] = {"POST", "PUT",   "PATCH",  "DELETE", "Create",
                                           "Put",  "Add",   "Delete", "Update", "Publish",
                                           "Tag",  "Untag", "Remove", "Invoke", "Restore"};
  return std::none_of(std::begin(kWriting), std::end(kWriting),
                      [&](std::string_view verb) { return name.starts_with(verb); });
}
// The "Action" of a form whose first bytes are known; botocore writes it first.
std::string first_action(std::string_view form) {
  constexpr size_t kLookedAt = 4096;
  constexpr std::string_view kName = "Action=";
  for (const auto field : split(form.substr(0, kLookedAt), '&'))
    if (field.starts_with(kName))
      return percent_decode(field.substr(kName.size()), true).value_or("");
  return {};
}
}  // namespace

json::object audit_record(const Request& request, const Service& service, const Row* row,
                          const Caller* caller, const AuditFacts& facts, const Error* error,
                          const Scope& scope, const Response* response) {
  const std::string name_without_row = row ? "" : shown_operation(request, service);
  const bool data_event = row && row->data_event,
             read_only = row ? row->read_only : reads_by_name(name_without_row);
  // Every member is made in this memory, and is not copied later.
  json::object r(json_arena(kAuditRecordBytes));
  r["eventVersion"] = "1.11";
  if (caller)
    r["userIdentity"] = caller->user_identity();
  else
    r["userIdentity"] =
        json::object{{"type", "Unknown"}, {"principalId", ""}, {"accountId", "anonymous"}};
  r["eventTime"] = iso_seconds(request.time);
  r["eventSource"] = service.event_source;
  r["eventName"] = row ? std::string(event_name(service, *row)) : name_without_row;
  r["awsRegion"] = scope.region;
  // When a service calls, in its own name or in that of a caller, both fields name the service.
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
    add_shape(r, service, *row, response);
  add_determining(r, facts);
  if (!request.tls_cipher.empty()) {
    json::object& tls = r["tlsDetails"].emplace_object();
    tls["tlsVersion"] = request.tls_version;
    tls["cipherSuite"] = request.tls_cipher;
    tls["clientProvidedHostHeader"] = bounded(request.headers.get("host"), 255);
  }
  return r;
}

json::object stranger_record(const Request& request, const Service& service,
                             const Session* token_of, const Error& error, const Scope& scope) {
  Request head;  // it also gets the beginning of a form, which names the operation
  head.id = request.id;
  head.time = request.time;
  head.method = request.method;
  head.path = request.path;
  head.headers = request.headers;
  head.query = request.query;
  head.source_ip = request.source_ip;
  head.tls_version = request.tls_version;
  head.tls_cipher = request.tls_cipher;
  AuditFacts facts;
  if (service.protocol == Protocol::query && !head.query_value("Action")) {
    if (const std::string action = first_action(request.body); !action.empty())
      head.query.emplace_back("Action", action);
  } else if (service.protocol == Protocol::rest_xml) {
    to_path_style(head, scope);
    const std::string path = percent_decode(head.path).value_or(head.path);
    const size_t slash = path.find('/', 1);
    json::object shown;
    if (path.size() > 1) shown["bucketName"] = bounded(path.substr(1, slash - 1), 255);
    if (slash != path.npos && slash + 1 < path.size())
      shown["key"] = bounded(path.substr(slash + 1), 1024);
    if (!shown.empty()) facts.request_parameters = std::move(shown);
  }
  json::object record = audit_record(head, service, nullptr, nullptr, facts, &error, scope);
  if (token_of) {
    record["userIdentity"] = Gate::role_caller(*token_of, scope).user_identity();
    mark_payload_unproven(record);
  } else if (request.unix_uid >= 0) {  // the kernel says who it is
    record["userIdentity"].as_object()["principalId"] =
        "unix-uid:" + std::to_string(request.unix_uid);
  } else if (const std::string key = claimed_access_key(head); !key.empty()) {
    record["additionalEventData"] = json::object{{"claimedAccessKeyId", bounded(key, 128)}};
  }
  return record;
}

void mark_payload_unproven(json::object& record) {
  json::value& extra = record["additionalEventData"];
  if (!extra.is_object()) extra.emplace_object();
  extra.get_object()["payloadProven"] = false;
}

bool StrangerLimit::admit(const std::string& source_ip, Time time) {
  const std::string source = source_key(source_ip);
  const MutexLock lock(mutex_);
  if (minute_ != time / 60000) {
    minute_ = time / 60000;
    admitted_ = 0;
    admitted_of_.clear();
  }
  const auto known = admitted_of_.find(source);
  if (admitted_ < kOfAllPerMinute && (known == admitted_of_.end() || known->second < kPerMinute)) {
    ++admitted_;
    ++admitted_of_[source];
    return true;
  }
  if (!unrecorded_.failures++) unrecorded_.since = time;
  if (unrecorded_sources_.size() < kSourcesMax)
    unrecorded_sources_.insert(source);
  else if (!unrecorded_sources_.contains(source))
    unrecorded_.more_sources = true;
  return false;
}

StrangerLimit::Unrecorded StrangerLimit::take() {
  const MutexLock lock(mutex_);
  Unrecorded taken = std::exchange(unrecorded_, {});
  taken.sources = unrecorded_sources_.size();
  unrecorded_sources_.clear();
  return taken;
}

json::object unrecorded_record(const StrangerLimit::Unrecorded& unrecorded, Time time,
                               const Scope& scope) {
  const std::string since = iso_seconds(unrecorded.since);
  const std::string text = std::to_string(unrecorded.failures) + " failures of " +
                           (unrecorded.more_sources ? "more than " : "") +
                           std::to_string(unrecorded.sources) +
                           " sources not recorded singly since " + since;
  return json::object{
      {"eventVersion", "1.11"},
      {"userIdentity", json::object{{"type", "AWSService"}, {"invokedBy", "sluice.amazonaws.com"}}},
      {"eventTime", iso_seconds(time)},
      {"eventSource", "sluice.amazonaws.com"},
      {"eventName", "AuthenticationFailuresNotRecorded"},
      {"awsRegion", scope.region},
      {"sourceIPAddress", "sluice.amazonaws.com"},
      {"userAgent", "sluice.amazonaws.com"},
      {"requestParameters", nullptr},
      {"responseElements", nullptr},
      {"requestID", random_uuid()},
      {"eventID", random_uuid()},
      {"readOnly", true},
      {"eventType", "AwsServiceEvent"},
      {"managementEvent", true},
      {"recipientAccountId", scope.account_id},
      {"serviceEventDetails", json::object{{"failures", unrecorded.failures},
                                           {"sources", unrecorded.sources},
                                           {"moreSources", unrecorded.more_sources},
                                           {"since", since},
                                           {"text", text}}},
      {"eventCategory", "Management"}};
}

}  // namespace sluice
