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
// element.
void add_configuration(json::object& shown, const Request& request, const Row& row) {
  if (row.match.flag.empty() || row.match.flag.find('=') != row.match.flag.npos) return;
  shown.emplace(row.match.flag, "");
  if (row.match.method != "PUT" || row.streams || row.data_event || request.body.empty() ||
      request.body.size() > kAuditMemberBytesMax)
    return;
  if (row.match.flag == "policy") {
    if (auto document = parse_json(request.body)) shown["bucketPolicy"] = *std::move(document);
    return;
  }
  if (const auto document = parse_xml(request.body))
    if (const pugi::xml_node root = (*document)->document_element())
      // emplace: a root element named "bucketName" must not replace the name of the bucket.
      shown.emplace(root.name(), json_of(root));
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

void add_s3_shape(json::object& record, const Request& request, const Row& row,
                  const Response* response) {
  json::value& parameters = record["requestParameters"];
  if (parameters.is_null()) parameters.emplace_object();
  json::object& shown = parameters.as_object();
  if (const std::string host = request.headers.get("host"); !host.empty())
    shown["Host"] = shown_text(host);
  for (const auto name : kShownRequest)
    if (const std::string* value = request.headers.find(name)) shown[name] = shown_text(*value);
  for (const auto name : kShownQuery)
    if (const std::string* value = request.query_value(name)) shown[name] = shown_text(*value);
  add_configuration(shown, request, row);
  // CloudTrail counts a listing as an event on the objects of the bucket.
  if (json::value* resources = record.if_contains("resources");
      resources && row.data_event && row.name.starts_with("ListObject")) {
    json::array& list = resources->as_array();
    list.insert(list.begin(),
                json::object{{"type", "AWS::S3::Object"},
                             {"ARNPrefix", text_of(list.at(0).as_object(), "ARN") + "/"}});
  }
  const bool writes = !record["readOnly"].as_bool();
  if (response && writes && record["responseElements"].is_null()) {
    json::object& elements = record["responseElements"].emplace_object();
    for (const auto name : kShownResponse)
      if (const std::string* value = response->headers.find(name)) elements[name] = *value;
    if (elements.empty()) record["responseElements"] = nullptr;
  }
  const auto decoded = parse_int(request.headers.get("x-amz-decoded-content-length")),
             length = parse_int(request.headers.get("content-length"));
  json::object& extra = record["additionalEventData"].emplace_object();
  extra["SignatureVersion"] = "SigV4";
  extra["bytesTransferredIn"] =
      decoded.value_or(length.value_or(static_cast<int64_t>(request.body.size())));
  extra["AuthenticationMethod"] =
      request.query_value("X-Amz-Signature") ? "QueryString" : "AuthHeader";
  extra["x-amz-id-2"] = base64(sha256(request.id));
  extra["bytesTransferredOut"] =
      response ? (response->stream ? response->stream_bytes : response->body.size()) : 0;
  if (!request.tls_cipher.empty()) extra["CipherSuite"] = request.tls_cipher;
  if (const std::string* applied =
          response && writes ? response->headers.find("x-amz-server-side-encryption") : nullptr)
    extra["SSEApplied"] =
        std::string(request.headers.find("x-amz-server-side-encryption") ? "SSE_"
                                                                         : "Default_SSE_") +
        (*applied == "aws:kms" ? "KMS" : "S3");
}

namespace {
// The ARN of the version that an Invoke of `arn` has run. A call that was refused ran none; it is
// shown as what was asked for.
json::object executed_version(const std::string& arn, const Response* response) {
  constexpr size_t kColons = 6;  // before the function's name
  size_t end = 0;
  for (size_t n = 0; n <= kColons && end != arn.npos; ++n) end = arn.find(':', end + (n ? 1 : 0));
  const std::string ran = response ? response->headers.get("x-amz-executed-version") : "";
  if (!ran.empty()) return {{"functionVersion", arn.substr(0, end) + ":" + ran}};
  return {{"functionVersion", end == arn.npos ? arn + ":$LATEST" : arn}};
}
}  // namespace

void add_shape(json::object& record, const Service& service, const Row& row,
               const Response* response) {
  if (service.name == "dynamodb") record["apiVersion"] = "2012-08-10";
  if (service.name == "logs") record["apiVersion"] = "20140328";
  const bool own_name = text_of(record["userIdentity"].as_object(), "type") == "AWSService";
  if (row.name == "AssumeRole" && own_name) record["sharedEventID"] = random_uuid();
  const json::value* resources = record.if_contains("resources");
  const std::string arn = resources ? text_of(resources->as_array().at(0).as_object(), "ARN") : "";
  if (row.name == "Invoke") {
    if (own_name) record["requestParameters"] = nullptr;
    if (!arn.empty()) record["additionalEventData"] = executed_version(arn, response);
  }
  // keyId is the ARN, no matter how the request named the key, and also when the ciphertext names
  // it.
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
  if (service.name == "kms" && !arn.empty() && record["requestParameters"].is_object() &&
      std::find(std::begin(kCryptographic), std::end(kCryptographic), row.name) !=
          std::end(kCryptographic))
    record["requestParameters"].as_object()["keyId"] = arn;
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
json::value shown_answer(const json::object& answer) {
  json::value shown = camel_case(answer);
  put_times_in_words(shown);
  return or_null(std::move(shown.as_object()));
}

std::vector<json::object> key_use_records(const Request& request, const Service& service,
                                          const Caller& caller, const AuditFacts& facts,
                                          const Scope& scope) {
  std::vector<json::object> out;
  for (const Need& need : facts.key_uses) {
    if (need.resource_type.empty()) continue;  // a use that KMS does not see
    json::object identity = caller.user_identity();
    if (!identity.contains("invokedBy")) identity["invokedBy"] = service.event_source;
    const std::string by = text_of(identity, "invokedBy");
    const bool generates = need.action.starts_with("kms:GenerateDataKey");
    json::object parameters{{"keyId", need.resource},
                            {generates ? "keySpec" : "encryptionAlgorithm",
                             generates ? "AES_256" : "SYMMETRIC_DEFAULT"}};
    if (const auto* names = need.context.find("kms:encryptioncontextkeys")) {
      json::object context;
      for (const std::string& name : *names)
        if (const auto* value = need.context.find("kms:encryptioncontext:" + lower(name));
            value && !value->empty())
          context[name] = value->front();
      parameters["encryptionContext"] = std::move(context);
    }
    out.push_back(json::object{
        {"eventVersion", "1.11"},
        {"userIdentity", std::move(identity)},
        {"eventTime", iso_seconds(request.time)},
        {"eventSource", "kms.amazonaws.com"},
        {"eventName", need.action.substr(4)},
        {"awsRegion", scope.region},
        {"sourceIPAddress", by},
        {"userAgent", by},
        {"requestParameters", std::move(parameters)},
        {"responseElements", nullptr},
        {"requestID", random_uuid()},
        {"eventID", random_uuid()},
        {"readOnly", true},
        {"resources",
         json::array{json::object{
             {"accountId", scope.account_id}, {"type", "AWS::KMS::Key"}, {"ARN", need.resource}}}},
        {"eventType", "AwsApiCall"},
        {"managementEvent", true},
        {"recipientAccountId", scope.account_id},
        {"eventCategory", "Management"}});
  }
  return out;
}

}  // namespace sluice
