// SPDX-License-Identifier: Apache-2.0
// What single services do differently in their records. Sources: CloudTrail User Guide, "Record
// contents"; S3 User Guide, "CloudTrail events"; Lambda Developer Guide, "Logging Lambda API
// calls".
#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "base/random.h"
#include "base/xml.h"
#include "crypto/crypto.h"
#include "request/audit.h"

namespace sluice {
namespace {
struct EventName {
  std::string_view service, operation, event;
};
constexpr EventName kEventNames[] = {
    {"lambda", "CreateFunction", "CreateFunction20150331"},
    {"lambda", "UpdateFunctionCode", "UpdateFunctionCode20150331v2"},
    {"lambda", "UpdateFunctionConfiguration", "UpdateFunctionConfiguration20150331v2"},
    {"lambda", "DeleteFunction", "DeleteFunction20150331"},
    {"lambda", "GetFunction", "GetFunction20150331v2"},
    {"lambda", "GetFunctionConfiguration", "GetFunctionConfiguration20150331v2"},
    {"lambda", "ListFunctions", "ListFunctions20150331"},
    {"lambda", "AddPermission", "AddPermission20150331v2"},
    {"lambda", "RemovePermission", "RemovePermission20150331v2"},
    {"lambda", "GetPolicy", "GetPolicy20150331v2"},
    {"lambda", "PutFunctionConcurrency", "PutFunctionConcurrency20171031"},
    {"lambda", "DeleteFunctionConcurrency", "DeleteFunctionConcurrency20171031"},
    {"lambda", "GetFunctionConcurrency", "GetFunctionConcurrency20190930"},
    {"lambda", "PublishVersion", "PublishVersion20150331"},
    {"lambda", "ListVersionsByFunction", "ListVersionsByFunction20150331"},
    {"lambda", "CreateAlias", "CreateAlias20150331"},
    {"lambda", "GetAlias", "GetAlias20150331"},
    {"lambda", "UpdateAlias", "UpdateAlias20150331"},
    {"lambda", "DeleteAlias", "DeleteAlias20150331"},
    {"lambda", "ListAliases", "ListAliases20150331"},
    {"lambda", "PublishLayerVersion", "PublishLayerVersion20181031"},
    {"lambda", "GetLayerVersion", "GetLayerVersion20181031"},
    {"lambda", "GetLayerVersionByArn", "GetLayerVersionByArn20181031"},
    {"lambda", "DeleteLayerVersion", "DeleteLayerVersion20181031"},
    {"lambda", "ListLayers", "ListLayers20181031"},
    {"lambda", "ListLayerVersions", "ListLayerVersions20181031"},
    {"lambda", "GetLayerVersionPolicy", "GetLayerVersionPolicy20181031"},
    {"lambda", "AddLayerVersionPermission", "AddLayerVersionPermission20181031"},
    {"lambda", "RemoveLayerVersionPermission", "RemoveLayerVersionPermission20181031"},
    {"lambda", "TagResource", "TagResource20170331v2"},
    {"lambda", "UntagResource", "UntagResource20170331v2"},
    {"lambda", "ListTags", "ListTags20170331"},
    {"lambda", "ListEventSourceMappings", "ListEventSourceMappings20150331"},
    {"lambda", "GetEventSourceMapping", "GetEventSourceMapping20150331"},
    {"lambda", "CreateEventSourceMapping", "CreateEventSourceMapping20150331"},
    {"lambda", "UpdateEventSourceMapping", "UpdateEventSourceMapping20150331"},
    {"lambda", "DeleteEventSourceMapping", "DeleteEventSourceMapping20150331"},
    {"s3", "ListObjectsV2", "ListObjects"},
    {"s3", "PutPublicAccessBlock", "PutBucketPublicAccessBlock"},
    {"s3", "GetPublicAccessBlock", "GetBucketPublicAccessBlock"},
    {"s3", "DeletePublicAccessBlock", "DeleteBucketPublicAccessBlock"},
    {"s3", "PutBucketNotificationConfiguration", "PutBucketNotification"},
    {"s3", "GetBucketNotificationConfiguration", "GetBucketNotification"},
    {"s3", "PutBucketLifecycleConfiguration", "PutBucketLifecycle"},
    {"s3", "GetBucketLifecycleConfiguration", "GetBucketLifecycle"},
    {"s3", "PutObjectLockConfiguration", "PutBucketObjectLockConfiguration"},
    {"s3", "GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"}};

// The request headers that are shown. All others are not, above all not tokens.
constexpr std::string_view kShownRequest[] = {"x-amz-acl",
                                              "x-amz-server-side-encryption",
                                              "x-amz-server-side-encryption-aws-kms-key-id",
                                              "x-amz-server-side-encryption-bucket-key-enabled",
                                              "x-amz-storage-class",
                                              "x-amz-copy-source",
                                              "x-amz-metadata-directive",
                                              "x-amz-tagging-directive",
                                              "x-amz-object-lock-mode",
                                              "x-amz-object-lock-retain-until-date",
                                              "x-amz-object-lock-legal-hold",
                                              "x-amz-bypass-governance-retention"};
constexpr std::string_view kShownResponse[] = {"x-amz-server-side-encryption",
                                               "x-amz-server-side-encryption-aws-kms-key-id",
                                               "x-amz-version-id",
                                               "x-amz-copy-source-version-id",
                                               "x-amz-delete-marker",
                                               "x-amz-expiration"};
constexpr std::string_view kShownQuery[] = {
    "X-Amz-Date",    "X-Amz-Algorithm", "X-Amz-SignedHeaders",
    "X-Amz-Expires", "list-type",       "prefix",
    "delimiter",     "max-keys",        "encoding-type",
    "versionId",     "uploadId",        "partNumber"};

// A configuration as JSON. Elements become members, and repeated elements become lists. "true" and
// "false" become booleans. Attributes are left out.
json::value json_of(const pugi::xml_node& node) {
  json::object out;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    json::value value = json_of(child);
    const std::string name = child.name();
    if (json::value* seen = out.if_contains(name)) {
      if (!seen->is_array()) {
        json::array list;
        list.push_back(std::move(*seen));
        *seen = std::move(list);
      }
      seen->as_array().push_back(std::move(value));
    } else {
      out[name] = std::move(value);
    }
  }
  if (!out.empty()) return out;
  const std::string_view text = node.child_value();
  return text == "true" || text == "false" ? json::value(text == "true") : json::value(text);
}
// Adds what a bucket was configured with: the policy, or the document by the name of its root
// element, which must not replace a member such as the name of the bucket.
void add_configuration(JsonMembers& shown, const Request& request, const Row& row) {
  if (row.match.flag.empty() || row.match.flag.find('=') != row.match.flag.npos) return;
  shown.add(row.match.flag, "");
  if (row.match.method != "PUT" || row.streams || row.data_event || request.body.empty() ||
      request.body.size() > kAuditMemberBytesMax)
    return;
  if (row.match.flag == "policy") {
    if (auto document = parse_json(request.body)) shown.add("bucketPolicy", *document);
    return;
  }
  if (const auto document = parse_xml(request.body))
    if (const pugi::xml_node root = (*document)->document_element())
      shown.add(root.name(), json_of(root));
}

std::string lower_first(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] + 32);
  return out;
}
json::value or_null(json::object shown) {
  return shown.empty() ? json::value() : json::value(std::move(shown));
}
bool is_time(std::string_view name) {
  static constexpr std::string_view kTimes[] = {"lastModified", "startTime",    "endTime",
                                                "exportTime",   "exportToTime", "exportFromTime"};
  return name.ends_with("Date") || name.ends_with("DateTime") ||
         std::find(std::begin(kTimes), std::end(kTimes), name) != std::end(kTimes);
}
void put_times_in_words(json::value& value) {
  if (auto* list = value.if_array()) {
    for (json::value& one : *list) put_times_in_words(one);
    return;
  }
  if (auto* object = value.if_object())
    for (auto& [name, member] : *object) {
      if (is_time(name) && member.is_number())
        member = long_date(static_cast<Time>(member.to_number<double>() * 1000));
      else
        put_times_in_words(member);
    }
}

std::string shown_text(const std::string& text) {
  return is_utf8(text) && text.size() <= 2048 ? text : percent_encode(text.substr(0, 2048), true);
}
}  // namespace

std::string_view event_name(const Service& service, const Row& row) {
  const auto found =
      std::find_if(std::begin(kEventNames), std::end(kEventNames), [&](const EventName& one) {
        return one.service == service.name && one.operation == row.name;
      });
  return found == std::end(kEventNames) ? row.name : found->event;
}

namespace {
bool is_s3(const AuditedCall& call) {
  return call.service.protocol == Protocol::rest_xml && call.row;
}
// S3 shows the Host and some x-amz headers and parameters of the request, and the new configuration
// of a bucket.
void write_s3_parameters(JsonWriter& record, const AuditedCall& call) {
  const Request& request = call.request;
  JsonMembers shown(record, "requestParameters");
  if (const json::object* own = call.facts.request_parameters.if_object())
    for (const auto& [name, value] : *own) shown.add({name.data(), name.size()}, value);
  if (const std::string host = request.headers.get("host"); !host.empty())
    shown.add("Host", shown_text(host));
  for (const auto name : kShownRequest)
    if (const std::string* value = request.headers.find(name)) shown.add(name, shown_text(*value));
  for (const auto name : kShownQuery)
    if (const std::string* value = request.query_value(name)) shown.add(name, shown_text(*value));
  add_configuration(shown, request, *call.row);
  if (!shown.end()) record.name("requestParameters").begin_object().end_object();
}
// The x-amz headers of its answer.
void write_s3_elements(JsonWriter& record, const Response& response) {
  JsonMembers elements(record, "responseElements");
  for (const auto name : kShownResponse)
    if (const std::string* value = response.headers.find(name)) elements.add(name, *value);
  if (!elements.end()) record.member("responseElements", nullptr);
}
// Its bytes, signature and encryption.
void add_s3_facts(JsonMembers& extra, const AuditedCall& call) {
  const Request& request = call.request;
  const Response* const response = call.error ? nullptr : call.response;
  const auto decoded = parse_int(request.headers.get("x-amz-decoded-content-length")),
             length = parse_int(request.headers.get("content-length"));
  extra.add("SignatureVersion", "SigV4");
  extra.add("bytesTransferredIn",
            decoded.value_or(length.value_or(static_cast<int64_t>(request.body.size()))));
  extra.add("AuthenticationMethod",
            request.query_value("X-Amz-Signature") ? "QueryString" : "AuthHeader");
  extra.add("x-amz-id-2", base64(sha256(request.id)));
  extra.add("bytesTransferredOut",
            response ? (response->stream ? response->stream_bytes : response->body.size()) : 0);
  if (!request.tls_cipher.empty()) extra.add("CipherSuite", request.tls_cipher);
  if (!response || call.row->read_only) return;
  if (const std::string* applied = response->headers.find("x-amz-server-side-encryption"))
    extra.add("SSEApplied",
              std::string(request.headers.find("x-amz-server-side-encryption") ? "SSE_"
                                                                               : "Default_SSE_") +
                  (*applied == "aws:kms" ? "KMS" : "S3"));
}
// The ARN of the version that an Invoke of `arn` has run. A call that was refused ran none; it is
// shown as what was asked for.
std::string executed_version(const std::string& arn, const Response* response) {
  constexpr size_t kColons = 6;  // before the function's name
  size_t end = 0;
  for (size_t n = 0; n <= kColons && end != arn.npos; ++n) end = arn.find(':', end + (n ? 1 : 0));
  const std::string ran = response ? response->headers.get("x-amz-executed-version") : "";
  if (!ran.empty()) return arn.substr(0, end) + ":" + ran;
  return end == arn.npos ? arn + ":$LATEST" : arn;
}
// A service that calls in its own name.
bool in_own_name(const AuditedCall& call) {
  return call.caller && call.caller->principal().type == policy::Principal::Type::service &&
         !call.caller->invoked_by().empty();
}
bool is_cryptographic(const AuditedCall& call) {
  constexpr std::string_view kCryptographic[] = {"Encrypt",
                                                 "Decrypt",
                                                 "GenerateDataKey",
                                                 "GenerateDataKeyWithoutPlaintext",
                                                 "GenerateDataKeyPair",
                                                 "GenerateDataKeyPairWithoutPlaintext",
                                                 "Sign",
                                                 "Verify",
                                                 "GenerateMac",
                                                 "VerifyMac"};
  return call.row && call.service.name == "kms" &&
         std::find(std::begin(kCryptographic), std::end(kCryptographic), call.row->name) !=
             std::end(kCryptographic);
}
const std::string* first_resource(const AuditedCall& call) {
  return call.facts.resources.empty() ? nullptr : &call.facts.resources.front().arn;
}
}  // namespace

void write_request_parameters(JsonWriter& record, const AuditedCall& call) {
  const json::value& parameters = call.facts.request_parameters;
  if (is_s3(call)) return write_s3_parameters(record, call);
  if (call.row && call.row->name == "Invoke" && in_own_name(call)) {
    record.member("requestParameters", nullptr);
  } else if (const std::string* arn = first_resource(call);
             arn && parameters.is_object() && is_cryptographic(call)) {
    // keyId is the ARN, no matter how the request named the key, and also when the ciphertext names
    // it.
    json::object shown = parameters.get_object();
    shown["keyId"] = *arn;
    write_within_limit(record, "requestParameters", json::value(std::move(shown)));
  } else if (!call.facts.written_parameters.empty()) {
    write_within_limit(record, "requestParameters", call.facts.written_parameters);
  } else {
    write_within_limit(record, "requestParameters", parameters);
  }
}

void write_response_elements(JsonWriter& record, const AuditedCall& call) {
  const json::value& elements = call.facts.response_elements;
  if (call.error)
    record.member("responseElements", nullptr);
  else if (elements.is_null() && is_s3(call) && call.response && !call.row->read_only)
    write_s3_elements(record, *call.response);
  else
    write_within_limit(record, "responseElements", elements);
}

void write_own_members(JsonWriter& record, const AuditedCall& call) {
  if (!call.row) return;
  if (call.service.name == "dynamodb") record.member("apiVersion", "2012-08-10");
  if (call.service.name == "logs") record.member("apiVersion", "20140328");
  if (call.row->name == "AssumeRole" && in_own_name(call))
    record.member("sharedEventID", random_uuid());
}

void add_own_facts(JsonMembers& additional_event_data, const AuditedCall& call) {
  if (is_s3(call)) add_s3_facts(additional_event_data, call);
  if (const std::string* arn = first_resource(call); arn && call.row && call.row->name == "Invoke")
    additional_event_data.add("functionVersion", executed_version(*arn, call.response));
}

json::value shown_fields(const Request& request, std::initializer_list<std::string_view> names) {
  json::object shown;
  for (const auto name : names)
    if (const std::string* value = request.query_value(name)) {
      const auto number =
          name.starts_with("Max") || name == "DurationSeconds" ? parse_int(*value) : std::nullopt;
      shown[lower_first(name)] = number ? json::value(*number)
                                 : *value == "true" || *value == "false"
                                     ? json::value(*value == "true")
                                     : json::value(*value);
    }
  return or_null(std::move(shown));
}
json::value shown_members(const json::object& body, std::initializer_list<std::string_view> names) {
  json::object shown;
  for (const auto name : names)
    if (const json::value* value = Fields(body).find(name))
      shown[lower_first(name)] = camel_case(*value);
  return or_null(std::move(shown));
}
json::value shown_body(const Request& request) {
  const auto body = parse_json_object(request.body);
  return body ? or_null(camel_case(*body).as_object()) : json::value();
}
void hide_member(json::object& shown, std::string_view name) {
  std::string twin(name);
  twin[0] = static_cast<char>(twin[0] - 'a' + 'A');
  shown.erase(name);
  shown.erase(twin);
}
json::value shown_answer(const json::object& answer) {
  json::value shown = camel_case(answer);
  put_times_in_words(shown);
  return or_null(std::move(shown.as_object()));
}

}  // namespace sluice
