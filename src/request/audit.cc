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
// The memory that a usual record needs.
constexpr size_t kAuditRecordBytes = 2048;
constexpr std::string_view kEventVersion = "1.11", kObjectType = "AWS::S3::Object";
// Text that a stranger may have written goes into a record in bounded length and as valid UTF-8.
std::string bounded(std::string text, size_t max) {
  if (!is_utf8(text)) text = percent_encode(text, true);
  if (text.size() > max) {
    text.resize(max);
    while (!is_utf8(text)) text.pop_back();
  }
  return text;
}
// The identity of a caller in whose name a service calls.
void write_identity_through(JsonWriter& record, const Caller& caller, std::string_view service) {
  record.begin_written_object(caller.user_identity()).member("invokedBy", service).end_object();
}
void write_resource(JsonWriter& record, std::string_view account_id, std::string_view type,
                    std::string_view arn) {
  record.begin_object()
      .member("accountId", account_id)
      .member("type", type)
      .member("ARN", arn)
      .end_object();
}
// What the call was about, each once. S3 lists the object and its bucket; only the bucket has an
// account.
void write_resources(JsonWriter& record, const AuditedCall& call, const Scope& scope) {
  const auto& resources = call.facts.resources;
  if (resources.empty()) return;
  record.name("resources").begin_array();
  // CloudTrail counts a listing as an event on the objects of the bucket.
  if (call.service.protocol == Protocol::rest_xml && call.row && call.row->data_event &&
      call.row->name.starts_with("ListObject"))
    record.begin_object()
        .member("type", "AWS::S3::Object")
        .member("ARNPrefix", resources.front().arn + "/")
        .end_object();
  std::set<std::string_view> listed;
  for (const AuditFacts::Resource& one : resources) {
    if (!listed.insert(one.arn).second) continue;  // another need was on the same resource
    record.begin_object().member("type", one.type).member("ARN", one.arn);
    if (one.type != kObjectType) record.member("accountId", scope.account_id);
    record.end_object();
  }
  for (const AuditFacts::Resource& one : resources) {
    if (one.type != kObjectType) continue;
    const std::string_view bucket = std::string_view(one.arn).substr(0, one.arn.find('/'));
    if (listed.insert(bucket).second)
      write_resource(record, scope.account_id, "AWS::S3::Bucket", bucket);
  }
  record.end_array();
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
void write_statement(JsonWriter& record, const policy::DeterminingStatement& one) {
  record.begin_object();
  if (!one.allows()) record.member("effect", "Deny");
  record.member("policyType", policy_type(one.kind())).member("policy", bounded(one.name(), 1024));
  const bool has_statements = one.kind() != policy::Kind::grant;
  if (has_statements && !one.index)
    record.member("malformed", true);
  else if (has_statements && one.sid().empty())
    record.member("index", *one.index);
  else if (has_statements)
    record.member("sid", bounded(std::string(one.sid()), 128));
  record.end_object();
}
// In additionalEventData: why the call was allowed, or denied (docs/audit.md).
void add_determining(JsonMembers& extra, const AuditFacts& facts) {
  if (facts.determining.empty()) return;
  const size_t count = std::min(facts.determining.size(), kDeterminingStatementsMax);
  JsonWriter& record = extra.open("determiningStatements")->begin_array();
  for (size_t n = 0; n < count; ++n) write_statement(record, facts.determining[n].statement);
  record.end_array();
  if (count < facts.determining.size()) extra.add("moreDeterminingStatements", true);
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

namespace {
// Takes back the member that was begun when the record had this size, when it is too large.
void keep_within_limit(JsonWriter& record, std::string_view name, size_t begun) {
  const size_t bytes = record.size() - begun;
  if (bytes > kAuditMemberBytesMax)
    record.take_back(begun)
        .begin_object()
        .member("omitted", true)
        .member("originalSize", bytes)
        .member("reason", std::string(name) + " too large")
        .end_object();
}
}  // namespace
void write_within_limit(JsonWriter& record, std::string_view name, const json::value& value) {
  const size_t begun = record.name(name).size();
  record.value(value);
  keep_within_limit(record, name, begun);
}
void write_within_limit(JsonWriter& record, std::string_view name, const std::string& written) {
  const size_t begun = record.name(name).size();
  record.written(written);
  keep_within_limit(record, name, begun);
}

namespace {
void write_identity(JsonWriter& record, const AuditedCall& call) {
  record.name("userIdentity");
  if (!call.caller)
    record.begin_object()
        .member("type", "Unknown")
        .member("principalId", call.claimed_principal)
        .member("accountId", "anonymous")
        .end_object();
  else if (call.caller->invoked_by().empty())
    record.written(call.caller->user_identity());
  else
    write_identity_through(record, *call.caller, call.caller->invoked_by());
}
// When a service calls, in its own name or in that of a caller, both fields name the service.
void write_source(JsonWriter& record, const AuditedCall& call) {
  const Request& request = call.request;
  const std::string by = call.caller ? call.caller->invoked_by() : "";
  const std::string agent = by.empty() ? bounded(request.headers.get("user-agent"), 1000) : by;
  const bool in_brackets =
      call.service.protocol == Protocol::rest_xml && !request.tls_cipher.empty();
  record.member("sourceIPAddress", by.empty() ? request.source_ip : by)
      .member("userAgent", in_brackets ? "[" + agent + "]" : agent);
}
void write_tls(JsonWriter& record, const Request& request) {
  if (request.tls_cipher.empty()) return;
  record.name("tlsDetails")
      .begin_object()
      .member("tlsVersion", request.tls_version)
      .member("cipherSuite", request.tls_cipher)
      .member("clientProvidedHostHeader", bounded(request.headers.get("host"), 255))
      .end_object();
}
}  // namespace

std::string audit_record(const AuditedCall& call, const Scope& scope) {
  const Row* const row = call.row;
  const std::string name_without_row = row ? "" : shown_operation(call.request, call.service);
  const bool data_event = row && row->data_event;
  JsonWriter record(kAuditRecordBytes);
  record.begin_object().member("eventVersion", kEventVersion);
  write_identity(record, call);
  record.member("eventTime", iso_seconds(call.request.time))
      .member("eventSource", call.service.event_source)
      .member("eventName", row ? event_name(call.service, *row) : name_without_row)
      .member("awsRegion", scope.region);
  write_source(record, call);
  if (const Error* error = call.error)
    record
        .member("errorCode", error->code == "AccessDeniedException" ? "AccessDenied" : error->code)
        .member("errorMessage", bounded(error->message, 1024));
  write_request_parameters(record, call);
  write_response_elements(record, call);
  record.member("requestID", call.request.id)
      .member("eventID", random_uuid())
      .member("readOnly", row ? row->read_only : reads_by_name(name_without_row));
  write_resources(record, call, scope);
  record.member("eventType", "AwsApiCall")
      .member("managementEvent", !data_event)
      .member("recipientAccountId", scope.account_id)
      .member("eventCategory", data_event ? "Data" : "Management");
  write_own_members(record, call);
  JsonMembers extra(record, "additionalEventData");
  add_own_facts(extra, call);
  add_determining(extra, call.facts);
  if (!call.claimed_access_key.empty())
    extra.add("claimedAccessKeyId", bounded(call.claimed_access_key, 128));
  if (!call.payload_proven) extra.add("payloadProven", false);
  extra.end();
  write_tls(record, call.request);
  return record.end_object().take();
}

void AuditFacts::note_key_use(const Need& need) {
  if (need.resource_type.empty()) return;  // a use that KMS does not see
  KeyUse use{need.action, need.resource, {}};
  if (const auto* names = need.context.find("kms:encryptioncontextkeys"))
    for (const std::string& name : *names)
      if (const auto* value = need.context.find("kms:encryptioncontext:" + lower(name));
          value && !value->empty())
        use.encryption_context.emplace_back(name, value->front());
  key_uses.push_back(std::move(use));
}

std::vector<std::string> key_use_records(const AuditedCall& call, const Scope& scope) {
  std::vector<std::string> out;
  for (const AuditFacts::KeyUse& use : call.facts.key_uses) {
    const std::string& own = call.caller->invoked_by();
    const std::string_view by = own.empty() ? call.service.event_source : own;
    const bool generates = use.action.starts_with("kms:GenerateDataKey");
    JsonWriter record(kAuditRecordBytes);
    record.begin_object().member("eventVersion", kEventVersion).name("userIdentity");
    write_identity_through(record, *call.caller, by);
    record.member("eventTime", iso_seconds(call.request.time))
        .member("eventSource", "kms.amazonaws.com")
        .member("eventName", use.action.substr(4))
        .member("awsRegion", scope.region)
        .member("sourceIPAddress", by)
        .member("userAgent", by)
        .name("requestParameters")
        .begin_object()
        .member("keyId", use.key_arn)
        .member(generates ? "keySpec" : "encryptionAlgorithm",
                generates ? "AES_256" : "SYMMETRIC_DEFAULT");
    if (!use.encryption_context.empty()) {
      record.name("encryptionContext").begin_object();
      for (const auto& [name, value] : use.encryption_context) record.member(name, value);
      record.end_object();
    }
    record.end_object()
        .member("responseElements", nullptr)
        .member("requestID", random_uuid())
        .member("eventID", random_uuid())
        .member("readOnly", true)
        .name("resources")
        .begin_array();
    write_resource(record, scope.account_id, "AWS::KMS::Key", use.key_arn);
    record.end_array()
        .member("eventType", "AwsApiCall")
        .member("managementEvent", true)
        .member("recipientAccountId", scope.account_id)
        .member("eventCategory", "Management")
        .end_object();
    out.push_back(record.take());
  }
  return out;
}

std::string service_event_record(const ServiceEvent& event, const Scope& scope) {
  JsonWriter record(kAuditRecordBytes);
  record.begin_object()
      .member("eventVersion", kEventVersion)
      .member("userIdentity", event.user_identity)
      .member("eventTime", iso_seconds(event.time))
      .member("eventSource", event.source)
      .member("eventName", event.name)
      .member("awsRegion", scope.region)
      .member("sourceIPAddress", event.agent)
      .member("userAgent", event.agent)
      .member("requestParameters", nullptr)
      .member("responseElements", nullptr)
      .member("requestID", random_uuid())
      .member("eventID", random_uuid())
      .member("readOnly", event.read_only);
  if (!event.resource.empty()) {
    record.name("resources").begin_array();
    write_resource(record, scope.account_id, event.resource_type, event.resource);
    record.end_array();
  }
  record.member("eventType", "AwsServiceEvent")
      .member("managementEvent", true)
      .member("recipientAccountId", scope.account_id)
      .member("serviceEventDetails", event.details)
      .member("eventCategory", "Management");
  return record.end_object().take();
}

std::string stranger_record(const Request& request, const Service& service, const Session* token_of,
                            const Error& error, const Scope& scope) {
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
  AuditedCall call{head, service, nullptr, nullptr, facts, &error};
  if (token_of) {
    const Caller caller = Gate::role_caller(*token_of, scope);
    call.caller = &caller;
    call.payload_proven = false;
    return audit_record(call, scope);
  }
  if (request.unix_uid >= 0)  // the kernel says who it is
    call.claimed_principal = "unix-uid:" + std::to_string(request.unix_uid);
  else
    call.claimed_access_key = claimed_access_key(head);
  return audit_record(call, scope);
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

std::string unrecorded_record(const StrangerLimit::Unrecorded& unrecorded, Time time,
                              const Scope& scope) {
  constexpr std::string_view kSluice = "sluice.amazonaws.com";
  const std::string since = iso_seconds(unrecorded.since);
  const std::string text = std::to_string(unrecorded.failures) + " failures of " +
                           (unrecorded.more_sources ? "more than " : "") +
                           std::to_string(unrecorded.sources) +
                           " sources not recorded singly since " + since;
  return service_event_record({.source = kSluice,
                               .name = "AuthenticationFailuresNotRecorded",
                               .agent = kSluice,
                               .user_identity = {{"type", "AWSService"}, {"invokedBy", kSluice}},
                               .read_only = true,
                               .time = time,
                               .resource_type = "",
                               .resource = "",
                               .details = {{"failures", unrecorded.failures},
                                           {"sources", unrecorded.sources},
                                           {"moreSources", unrecorded.more_sources},
                                           {"since", since},
                                           {"text", text}}},
                              scope);
}

}  // namespace sluice
