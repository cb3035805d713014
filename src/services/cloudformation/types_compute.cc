// SPDX-License-Identifier: Apache-2.0
// AWS::Lambda::Function, AWS::Lambda::Version, AWS::Lambda::Alias, AWS::Lambda::EventSourceMapping,
// AWS::Lambda::LayerVersion, AWS::Lambda::Permission, AWS::Lambda::EventInvokeConfig,
// AWS::Logs::LogGroup, AWS::CloudTrail::Trail.
#include "base/bytes.h"
#include "base/random.h"
#include "base/xml.h"
#include "services/cloudformation/inline_code.h"
#include "services/cloudformation/types.h"

namespace sluice::cloudformation {
namespace {
// ---- AWS::Lambda::Function
// Lambda refuses by name what it has not: of the last two, all but what means that they are off.
constexpr const char* kFunctionSettings[] = {
    "Role",        "Handler",          "Runtime",       "Timeout", "MemorySize",    "Environment",
    "Description", "EphemeralStorage", "LoggingConfig", "Layers",  "TracingConfig", "SnapStart"};
std::string function_target(const std::string& version, const std::string& function,
                            const std::string& rest) {
  return "/" + version + "/functions/" + percent_encode(function) + rest;
}
Result<Done> put_concurrency(const Calls& calls, const json::object& after,
                             const std::string& name) {
  const std::string target = function_target("2017-10-31", name, "/concurrency");
  if (!after.contains("ReservedConcurrentExecutions")) {
    CHECK(calls.rest("lambda", "DELETE", target, ""));
    return Done{};
  }
  CHECK(calls.rest("lambda", "PUT", target,
                   json::serialize(json::object{{"ReservedConcurrentExecutions",
                                                 after.at("ReservedConcurrentExecutions")}})));
  return Done{};
}
// Tags of a template, [{Key, Value}], as Lambda takes them.
json::object tag_map(const json::object& properties) {
  json::object out;
  if (const json::value* tags = properties.if_contains("Tags"))
    for (const json::value& one : tags->as_array())
      out[text_of(one.as_object(), "Key")] = text_of(one.as_object(), "Value");
  return out;
}
Result<Done> put_tags(const Calls& calls, const json::object& before, const json::object& after,
                      const std::string& function) {
  const json::object old = tag_map(before), wanted = tag_map(after);
  const std::string target = "/2017-03-31/tags/" + percent_encode(make_arn(calls.scope(), "lambda",
                                                                           "function:" + function));
  std::string gone;
  for (const auto& [key, value] : old)
    if (!wanted.contains(key))
      gone += (gone.empty() ? "?" : "&") + ("tagKeys=" + percent_encode(key));
  if (!gone.empty()) CHECK(calls.rest("lambda", "DELETE", target + gone, ""));
  if (wanted.empty() || wanted == old) return Done{};
  CHECK(calls.rest("lambda", "POST", target, json::serialize(json::object{{"Tags", wanted}})));
  return Done{};
}
Result<Done> create_function(const Calls& calls, const json::object& properties, Made& made) {
  TRY(json::object code, code_of(properties));
  json::object body{
      {"FunctionName", made.physical}, {"Code", std::move(code)}, {"PackageType", "Zip"}};
  for (const char* same : kFunctionSettings)
    if (properties.contains(same)) body[same] = properties.at(same);
  for (const char* once : {"Architectures", "PackageType"})
    if (properties.contains(once)) body[once] = properties.at(once);
  if (properties.contains("Tags")) body["Tags"] = tag_map(properties);
  TRY(const std::string text,
      calls.rest("lambda", "POST", "/2015-03-31/functions", json::serialize(body)));
  TRY(const json::object answer, parse_json_object(text));
  made.exists = true;
  made.attributes = {{"Arn", text_of(answer, "FunctionArn")}};
  if (properties.contains("ReservedConcurrentExecutions"))
    CHECK(put_concurrency(calls, properties, made.physical));
  return Done{};
}
Result<Done> update_function(const Calls& calls, const json::object& before,
                             const json::object& after, Made& made) {
  json::object settings;
  for (const char* same : kFunctionSettings) {
    if (!changed(before, after, same)) continue;
    // A property taken away goes back to Lambda's default.
    const std::string_view name = same;
    if (after.contains(same))
      settings[same] = after.at(same);
    else if (name == "Timeout")
      settings[same] = 3;
    else if (name == "MemorySize")
      settings[same] = 128;
    else if (name == "Environment")
      settings[same] = json::object{{"Variables", json::object{}}};
    else if (name == "Layers")
      settings[same] = json::array{};
    else if (name == "Description")
      settings[same] = "";
    else if (name == "LoggingConfig")
      settings[same] =
          json::object{{"LogFormat", "Text"}, {"LogGroup", "/aws/lambda/" + made.physical}};
  }
  if (!settings.empty())
    CHECK(calls.rest("lambda", "PUT",
                     function_target("2015-03-31", made.physical, "/configuration"),
                     json::serialize(settings)));
  // The runtime names the file that a text becomes.
  const bool renamed =
      after.at("Code").as_object().contains("ZipFile") && changed(before, after, "Runtime");
  if (changed(before, after, "Code") || renamed) {
    TRY(const json::object code, code_of(after));
    CHECK(calls.rest("lambda", "PUT", function_target("2015-03-31", made.physical, "/code"),
                     json::serialize(code)));
  }
  if (changed(before, after, "ReservedConcurrentExecutions"))
    CHECK(put_concurrency(calls, after, made.physical));
  return put_tags(calls, before, after, made.physical);
}
Result<Done> remove_function(const Calls& calls, const json::object&, const std::string& name) {
  return unless_gone(calls.rest("lambda", "DELETE", function_target("2015-03-31", name, ""), ""),
                     "ResourceNotFoundException");
}

// ---- AWS::Lambda::Version
Result<Done> create_version(const Calls& calls, const json::object& properties, Made& made) {
  const std::string function = text_of(properties, "FunctionName");
  json::object body;
  for (const char* same : {"CodeSha256", "Description"})
    if (properties.contains(same)) body[same] = properties.at(same);
  TRY(const std::string text,
      calls.rest("lambda", "POST", function_target("2015-03-31", function, "/versions"),
                 json::serialize(body)));
  TRY(const json::object answer, parse_json_object(text));
  made.physical = text_of(answer, "FunctionArn");
  made.exists = true;
  made.attributes = {{"Version", text_of(answer, "Version")}, {"FunctionArn", made.physical}};
  return Done{};
}
// Nothing of a version can be changed; what would need another one is refused before.
Result<Done> keep_version(const Calls&, const json::object&, const json::object&, Made&) {
  return Done{};
}
// Both give the number themselves. When the server stopped before it was known, there is no ARN:
// what may have been made then stays, rather than that something else is removed.
bool has_number(std::string_view arn) {
  return arn.starts_with("arn:") && parse_int(arn.substr(arn.rfind(':') + 1));
}
Result<Done> remove_version(const Calls& calls, const json::object&, const std::string& arn) {
  if (!has_number(arn)) return Done{};
  return unless_gone(calls.rest("lambda", "DELETE", function_target("2015-03-31", arn, ""), ""),
                     "ResourceNotFoundException");
}

// ---- AWS::Lambda::Alias
std::string alias_target(const json::object& properties, const std::string& rest) {
  return function_target("2015-03-31", text_of(properties, "FunctionName"), "/aliases" + rest);
}
// The properties as the API takes them: CloudFormation lists the weights.
json::object alias_body(const json::object& properties) {
  json::object body, weights;
  for (const char* same : {"Name", "FunctionVersion", "Description"})
    if (properties.contains(same)) body[same] = properties.at(same);
  if (const json::value* routing = properties.if_contains("RoutingConfig"))
    for (const json::value& one : routing->at("AdditionalVersionWeights").as_array())
      weights[text_of(one.as_object(), "FunctionVersion")] = one.at("FunctionWeight");
  body["RoutingConfig"] = json::object{{"AdditionalVersionWeights", std::move(weights)}};
  return body;
}
Result<Done> create_alias(const Calls& calls, const json::object& properties, Made& made) {
  TRY(const std::string text, calls.rest("lambda", "POST", alias_target(properties, ""),
                                         json::serialize(alias_body(properties))));
  TRY(const json::object answer, parse_json_object(text));
  made.physical = text_of(answer, "AliasArn");
  made.exists = true;
  made.attributes = {{"AliasArn", made.physical}};
  return Done{};
}
Result<Done> update_alias(const Calls& calls, const json::object&, const json::object& after,
                          Made&) {
  json::object body = alias_body(after);
  body.erase("Name");
  if (!body.contains("Description")) body["Description"] = "";
  CHECK(calls.rest("lambda", "PUT",
                   alias_target(after, "/" + percent_encode(text_of(after, "Name"))),
                   json::serialize(body)));
  return Done{};
}
Result<Done> remove_alias(const Calls& calls, const json::object& properties, const std::string&) {
  return unless_gone(
      calls.rest("lambda", "DELETE",
                 alias_target(properties, "/" + percent_encode(text_of(properties, "Name"))), ""),
      "ResourceNotFoundException");
}

// ---- AWS::Lambda::EventSourceMapping
std::string mapping_target(const std::string& uuid) {
  return "/2015-03-31/event-source-mappings/" + percent_encode(uuid);
}
Result<Done> create_mapping(const Calls& calls, const json::object& properties, Made& made) {
  TRY(const std::string text,
      calls.rest("lambda", "POST", mapping_target(""), json::serialize(properties)));
  TRY(const json::object answer, parse_json_object(text));
  made.physical = text_of(answer, "UUID");
  made.exists = true;
  made.attributes = {{"Id", made.physical},
                     {"EventSourceMappingArn",
                      make_arn(calls.scope(), "lambda", "event-source-mapping:" + made.physical)}};
  return Done{};
}
// What the template no longer names becomes what it is by default.
Result<Done> update_mapping(const Calls& calls, const json::object&, const json::object& after,
                            Made& made) {
  json::object body{{"BatchSize", 100},
                    {"MaximumBatchingWindowInSeconds", 0},
                    {"ParallelizationFactor", 1},
                    {"MaximumRetryAttempts", -1},
                    {"MaximumRecordAgeInSeconds", -1},
                    {"BisectBatchOnFunctionError", false},
                    {"Enabled", true},
                    {"FilterCriteria", json::object{{"Filters", json::array{}}}},
                    {"DestinationConfig", json::object{{"OnFailure", json::object{}}}},
                    {"FunctionResponseTypes", json::array{}}};
  for (const auto& [name, value] : after)
    if (name != "EventSourceArn" && name != "StartingPosition") body[name] = value;
  CHECK(calls.rest("lambda", "PUT", mapping_target(made.physical), json::serialize(body)));
  return Done{};
}
Result<Done> remove_mapping(const Calls& calls, const json::object&, const std::string& uuid) {
  return unless_gone(calls.rest("lambda", "DELETE", mapping_target(uuid), ""),
                     "ResourceNotFoundException");
}

// ---- AWS::Lambda::LayerVersion
Result<Done> create_layer(const Calls& calls, const json::object& properties, Made& made) {
  json::object body;
  for (const char* same :
       {"Content", "CompatibleRuntimes", "CompatibleArchitectures", "Description", "LicenseInfo"})
    if (properties.contains(same)) body[same] = properties.at(same);
  TRY(const std::string text,
      calls.rest("lambda", "POST",
                 "/2018-10-31/layers/" + percent_encode(made.physical) + "/versions",
                 json::serialize(body)));
  TRY(const json::object answer, parse_json_object(text));
  made.physical = text_of(answer, "LayerVersionArn");
  made.exists = true;
  made.attributes = {{"LayerVersionArn", made.physical}};
  return Done{};
}
Result<Done> remove_layer(const Calls& calls, const json::object&, const std::string& arn) {
  if (!has_number(arn)) return Done{};
  const size_t colon = arn.rfind(':');
  return unless_gone(calls.rest("lambda", "DELETE",
                                "/2018-10-31/layers/" + percent_encode(arn.substr(0, colon)) +
                                    "/versions/" + arn.substr(colon + 1),
                                ""),
                     "ResourceNotFoundException");
}

// ---- AWS::Lambda::Permission
Result<Done> remove_permission(const Calls& calls, const json::object& properties,
                               const std::string& id) {
  return unless_gone(calls.rest("lambda", "DELETE",
                                function_target("2015-03-31", text_of(properties, "FunctionName"),
                                                "/policy/" + percent_encode(id)),
                                ""),
                     "ResourceNotFoundException");
}
Result<Done> create_permission(const Calls& calls, const json::object& properties, Made& made) {
  json::object body{{"StatementId", made.physical}};
  for (const char* same : {"Action", "Principal", "SourceArn", "SourceAccount"})
    if (properties.contains(same)) body[same] = properties.at(same);
  CHECK(calls.rest("lambda", "POST",
                   function_target("2015-03-31", text_of(properties, "FunctionName"), "/policy"),
                   json::serialize(body)));
  made.exists = true;
  made.attributes = {{"Id", made.physical}};
  return Done{};
}
// A statement cannot be changed: the new one comes before the old one goes.
Result<Done> update_permission(const Calls& calls, const json::object& before,
                               const json::object& after, Made& made) {
  const std::string old = made.physical;
  Made next;
  next.physical = old.substr(0, old.rfind('-')) + "-" + random_upper(12);
  CHECK(create_permission(calls, after, next));
  made = std::move(next);
  return remove_permission(calls, before, old);
}

// ---- AWS::Lambda::EventInvokeConfig
std::string config_target(const json::object& properties) {
  return function_target(
      "2019-09-25", text_of(properties, "FunctionName"),
      "/event-invoke-config?Qualifier=" + percent_encode(text_of(properties, "Qualifier")));
}
Result<Done> put_event_config(const Calls& calls, const json::object&,
                              const json::object& properties, Made& made) {
  json::object body;
  for (const char* same : {"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"})
    if (properties.contains(same)) body[same] = properties.at(same);
  CHECK(calls.rest("lambda", "PUT", config_target(properties), json::serialize(body)));
  made.exists = true;
  return Done{};
}
Result<Done> create_event_config(const Calls& calls, const json::object& properties, Made& made) {
  return put_event_config(calls, {}, properties, made);
}
Result<Done> remove_event_config(const Calls& calls, const json::object& properties,
                                 const std::string&) {
  return unless_gone(calls.rest("lambda", "DELETE", config_target(properties), ""),
                     "ResourceNotFoundException");
}

// ---- AWS::Logs::LogGroup
Result<Done> update_group(const Calls& calls, const json::object& before, const json::object& after,
                          Made& made) {
  if (changed(before, after, "KmsKeyId")) {
    json::object body{{"logGroupName", made.physical}};
    if (after.contains("KmsKeyId")) body["kmsKeyId"] = after.at("KmsKeyId");
    CHECK(calls.document(
        "logs", after.contains("KmsKeyId") ? "AssociateKmsKey" : "DisassociateKmsKey", body));
  }
  if (!changed(before, after, "RetentionInDays")) return Done{};
  if (!after.contains("RetentionInDays")) {
    CHECK(calls.document("logs", "DeleteRetentionPolicy", {{"logGroupName", made.physical}}));
    return Done{};
  }
  CHECK(calls.document(
      "logs", "PutRetentionPolicy",
      {{"logGroupName", made.physical}, {"retentionInDays", after.at("RetentionInDays")}}));
  return Done{};
}
Result<Done> create_group(const Calls& calls, const json::object& properties, Made& made) {
  json::object body{{"logGroupName", made.physical}}, before;
  if (properties.contains("KmsKeyId"))
    before["KmsKeyId"] = body["kmsKeyId"] = properties.at("KmsKeyId");
  if (properties.contains("LogGroupClass")) body["logGroupClass"] = properties.at("LogGroupClass");
  CHECK(calls.document("logs", "CreateLogGroup", body));
  made.exists = true;
  made.attributes = {{"Arn", make_arn(calls.scope(), "logs", "log-group:" + made.physical + ":*")}};
  return update_group(calls, before, properties, made);
}
Result<Done> remove_group(const Calls& calls, const json::object&, const std::string& name) {
  return unless_gone(calls.document("logs", "DeleteLogGroup", {{"logGroupName", name}}),
                     "ResourceNotFoundException");
}

// ---- AWS::CloudTrail::Trail
json::object trail_settings(const json::object& properties, const std::string& name) {
  json::object body{{"Name", name}};
  for (const char* same :
       {"S3BucketName", "S3KeyPrefix", "IncludeGlobalServiceEvents", "IsMultiRegionTrail",
        "EnableLogFileValidation", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"})
    if (properties.contains(same)) body[same] = properties.at(same);
  if (properties.contains("KMSKeyId")) body["KmsKeyId"] = properties.at("KMSKeyId");
  return body;
}
Result<Done> put_selectors(const Calls& calls, const json::object& properties,
                           const std::string& name) {
  json::object body{{"TrailName", name}};
  for (const char* same : {"EventSelectors", "AdvancedEventSelectors"})
    if (properties.contains(same)) body[same] = properties.at(same);
  if (body.size() == 1)
    body["EventSelectors"] =
        json::array{json::object{{"ReadWriteType", "All"},
                                 {"IncludeManagementEvents", true},
                                 {"DataResources", json::array{}}}};  // a new trail's
  CHECK(calls.document("cloudtrail", "PutEventSelectors", body));
  return Done{};
}
Result<Done> set_logging(const Calls& calls, const json::object& properties,
                         const std::string& name) {
  CHECK(calls.document("cloudtrail",
                       bool_of(properties, "IsLogging") ? "StartLogging" : "StopLogging",
                       {{"Name", name}}));
  return Done{};
}
Result<Done> create_trail(const Calls& calls, const json::object& properties, Made& made) {
  TRY(const json::object answer,
      calls.document("cloudtrail", "CreateTrail", trail_settings(properties, made.physical)));
  made.exists = true;
  made.attributes = {{"Arn", text_of(answer, "TrailARN")}};
  if (properties.contains("EventSelectors") || properties.contains("AdvancedEventSelectors"))
    CHECK(put_selectors(calls, properties, made.physical));
  if (bool_of(properties, "IsLogging")) CHECK(set_logging(calls, properties, made.physical));
  return Done{};
}
Result<Done> update_trail(const Calls& calls, const json::object& before, const json::object& after,
                          Made& made) {
  const json::object old = trail_settings(before, made.physical);
  json::object wanted = trail_settings(after, made.physical);
  if (old != wanted) {
    for (const auto& [name, value] : old) {
      if (wanted.contains(name)) continue;  // taken away: CloudTrail's default
      if (name == "IncludeGlobalServiceEvents")
        wanted[name] = true;
      else if (value.is_bool())
        wanted[name] = false;
      else
        wanted[name] = "";
    }
    CHECK(calls.document("cloudtrail", "UpdateTrail", wanted));
  }
  if (changed(before, after, "EventSelectors") || changed(before, after, "AdvancedEventSelectors"))
    CHECK(put_selectors(calls, after, made.physical));
  if (changed(before, after, "IsLogging")) CHECK(set_logging(calls, after, made.physical));
  return Done{};
}
Result<Done> remove_trail(const Calls& calls, const json::object&, const std::string& name) {
  return unless_gone(calls.document("cloudtrail", "DeleteTrail", {{"Name", name}}),
                     "TrailNotFoundException");
}
}  // namespace

const Type kComputeTypes[9] = {
    {"AWS::Lambda::Function",
     R"({"FunctionName": "s",
         "Code!": {"S3Bucket": "s", "S3Key": "s", "S3ObjectVersion": "s", "ZipFile": "s"},
         "PackageType": "s", "Role!": "s", "Handler": "s", "Runtime": "s", "Timeout": "i",
         "MemorySize": "i",
         "Environment": {"Variables": {"*": "s"}}, "Description": "s", "Architectures": ["s"],
         "EphemeralStorage": {"Size!": "i"},
         "LoggingConfig": {"LogFormat": "s", "ApplicationLogLevel": "s", "SystemLogLevel": "s",
                           "LogGroup": "s"},
         "ReservedConcurrentExecutions": "i", "Layers": ["s"],
         "TracingConfig": {"Mode": "s"}, "SnapStart": {"ApplyOn!": "s"},
         "Tags": [{"Key!": "s", "Value!": "s"}]})",
     "FunctionName", 64, "FunctionName,Architectures,PackageType", "Arn", "CreateFunction",
     create_function, update_function, remove_function},
    {"AWS::Lambda::Version", R"({"FunctionName!": "s", "CodeSha256": "s", "Description": "s"})", "",
     255, "FunctionName,CodeSha256,Description", "Version,FunctionArn", "", create_version,
     keep_version, remove_version},
    {"AWS::Lambda::Alias",
     R"({"FunctionName!": "s", "Name!": "s", "FunctionVersion!": "s", "Description": "s",
         "RoutingConfig": {"AdditionalVersionWeights!": [
             {"FunctionVersion!": "s", "FunctionWeight!": "n"}]}})",
     "Name", 128, "FunctionName,Name", "AliasArn", "CreateAlias", create_alias, update_alias,
     remove_alias},
    {"AWS::Lambda::EventSourceMapping",
     R"({"EventSourceArn!": "s", "FunctionName!": "s", "StartingPosition": "s", "BatchSize": "i",
         "MaximumBatchingWindowInSeconds": "i", "ParallelizationFactor": "i",
         "MaximumRetryAttempts": "i", "MaximumRecordAgeInSeconds": "i",
         "BisectBatchOnFunctionError": "b", "Enabled": "b",
         "TumblingWindowInSeconds": "i", "FunctionResponseTypes": ["s"],
         "FilterCriteria": {"Filters": [{"Pattern": "s"}]},
         "DestinationConfig": {"OnFailure": {"Destination!": "s"}}})",
     "", 36, "EventSourceArn,StartingPosition", "Id,EventSourceMappingArn",
     "CreateEventSourceMapping", create_mapping, update_mapping, remove_mapping},
    {"AWS::Lambda::LayerVersion",
     R"({"LayerName": "s",
         "Content!": {"S3Bucket!": "s", "S3Key!": "s", "S3ObjectVersion": "s"},
         "CompatibleRuntimes": ["s"], "CompatibleArchitectures": ["s"], "Description": "s",
         "LicenseInfo": "s"})",
     "LayerName", 140,
     "LayerName,Content,CompatibleRuntimes,CompatibleArchitectures,Description,LicenseInfo",
     "LayerVersionArn", "", create_layer, keep_version, remove_layer},
    {"AWS::Lambda::Permission",
     R"({"FunctionName!":"s","Action!":"s","Principal!":"s","SourceArn":"s","SourceAccount":"s"})",
     "", 100, "", "Id", "", create_permission, update_permission, remove_permission},
    {"AWS::Lambda::EventInvokeConfig",
     R"({"FunctionName!": "s", "Qualifier!": "s", "MaximumRetryAttempts": "i",
         "MaximumEventAgeInSeconds": "i",
         "DestinationConfig": {"OnFailure": {"Destination!": "s"}}})",
     "", 255, "FunctionName,Qualifier", "", "", create_event_config, put_event_config,
     remove_event_config},
    {"AWS::Logs::LogGroup",
     R"({"LogGroupName": "s", "RetentionInDays": "i", "KmsKeyId": "s", "LogGroupClass": "s"})",
     "LogGroupName", 512, "LogGroupName,LogGroupClass", "Arn", "CreateLogGroup", create_group,
     update_group, remove_group},
    {"AWS::CloudTrail::Trail",
     R"({"TrailName": "s", "S3BucketName!": "s", "S3KeyPrefix": "s", "IsLogging!": "b",
         "IsMultiRegionTrail": "b", "EnableLogFileValidation": "b",
         "IncludeGlobalServiceEvents": "b", "KMSKeyId": "s", "CloudWatchLogsLogGroupArn": "s",
         "CloudWatchLogsRoleArn": "s",
         "EventSelectors": [
             {"ReadWriteType": "s", "IncludeManagementEvents": "b",
              "DataResources": [{"Type!": "s", "Values": ["s"]}],
              "ExcludeManagementEventSources": ["s"]}],
         "AdvancedEventSelectors": [
             {"Name": "s",
              "FieldSelectors!": [
                  {"Field!": "s", "Equals": ["s"], "StartsWith": ["s"], "EndsWith": ["s"],
                   "NotEquals": ["s"], "NotStartsWith": ["s"], "NotEndsWith": ["s"]}]}]})",
     "TrailName", 128, "TrailName", "Arn", "CreateTrail", create_trail, update_trail, remove_trail},
};

}  // namespace sluice::cloudformation
