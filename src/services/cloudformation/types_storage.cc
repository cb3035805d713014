// SPDX-License-Identifier: Apache-2.0
// AWS::S3::Bucket, AWS::S3::BucketPolicy, AWS::KMS::Key, AWS::KMS::Alias, AWS::DynamoDB::Table.
#include <algorithm>

#include "base/bytes.h"
#include "base/xml.h"
#include "services/cloudformation/types.h"

namespace sluice::cloudformation {
namespace {
constexpr std::string_view kS3 = "http://s3.amazonaws.com/doc/2006-03-01/";
std::string bucket_target(const std::string& bucket, const std::string& flag = {}) {
  return "/" + percent_encode(bucket) + (flag.empty() ? "" : "?" + flag);
}
Result<Done> quietly(Result<std::string> outcome, std::initializer_list<std::string_view> gone) {
  if (outcome) return Done{};
  for (const auto code : gone)
    if (outcome.error().code == code) return Done{};
  return std::move(outcome).error();
}
const json::object& member(const json::object& object, std::string_view name) {
  static const json::object kNone;
  const json::value* value = object.if_contains(name);
  return value && value->is_object() ? value->get_object() : kNone;
}

// ---- AWS::S3::Bucket
Result<Done> put_encryption(const Calls& calls, const std::string& bucket,
                            const json::object& properties) {
  XmlWriter xml;
  xml.open("ServerSideEncryptionConfiguration", kS3);
  const json::object& configuration = member(properties, "BucketEncryption");
  if (configuration.empty())
    xml.open("Rule")
        .open("ApplyServerSideEncryptionByDefault")
        .element("SSEAlgorithm", "AES256")
        .close("ApplyServerSideEncryptionByDefault")
        .close("Rule");
  else
    for (const json::value& one :
         configuration.at("ServerSideEncryptionConfiguration").as_array()) {
      const json::object &rule = one.as_object(),
                         &by_default = member(rule, "ServerSideEncryptionByDefault");
      xml.open("Rule")
          .open("ApplyServerSideEncryptionByDefault")
          .element("SSEAlgorithm", text_of(by_default, "SSEAlgorithm"));
      if (by_default.contains("KMSMasterKeyID"))
        xml.element("KMSMasterKeyID", text_of(by_default, "KMSMasterKeyID"));
      xml.close("ApplyServerSideEncryptionByDefault");
      if (rule.contains("BucketKeyEnabled"))
        xml.element("BucketKeyEnabled", bool_of(rule, "BucketKeyEnabled") ? "true" : "false");
      xml.close("Rule");
    }
  xml.close("ServerSideEncryptionConfiguration");
  return quietly(calls.rest("s3", "PUT", bucket_target(bucket, "encryption"), xml.take()), {});
}
Result<Done> put_versioning(const Calls& calls, const std::string& bucket,
                            const json::object& properties) {
  const std::string status = text_of(member(properties, "VersioningConfiguration"), "Status");
  XmlWriter xml;
  xml.open("VersioningConfiguration", kS3)
      .element("Status", status.empty() ? "Suspended" : status)
      .close("VersioningConfiguration");
  return quietly(calls.rest("s3", "PUT", bucket_target(bucket, "versioning"), xml.take()), {});
}
// ObjectLockEnabled needs versioning, and turns it on as S3 does for a bucket made with it.
Result<Done> put_object_lock(const Calls& calls, const std::string& bucket,
                             const json::object& properties) {
  if (!bool_of(properties, "ObjectLockEnabled")) {
    if (properties.contains("ObjectLockConfiguration"))
      return validation("ObjectLockConfiguration needs ObjectLockEnabled: true.");
    return Done{};
  }
  if (text_of(member(properties, "VersioningConfiguration"), "Status") != "Enabled")
    CHECK(put_versioning(calls, bucket,
                         {{"VersioningConfiguration", json::object{{"Status", "Enabled"}}}}));
  XmlWriter xml;
  xml.open("ObjectLockConfiguration", kS3).element("ObjectLockEnabled", "Enabled");
  const json::object& by_default =
      member(member(member(properties, "ObjectLockConfiguration"), "Rule"), "DefaultRetention");
  if (!by_default.empty()) {
    xml.open("Rule").open("DefaultRetention").element("Mode", text_of(by_default, "Mode"));
    for (const char* unit : {"Days", "Years"})
      if (by_default.contains(unit)) xml.element(unit, std::to_string(int_of(by_default, unit)));
    xml.close("DefaultRetention").close("Rule");
  }
  xml.close("ObjectLockConfiguration");
  return quietly(calls.rest("s3", "PUT", bucket_target(bucket, "object-lock"), xml.take()), {});
}
// Without the property: all four on, as for every new bucket.
Result<Done> put_public_access_block(const Calls& calls, const std::string& bucket,
                                     const json::object& properties) {
  const bool given = properties.contains("PublicAccessBlockConfiguration");
  const json::object& block = member(properties, "PublicAccessBlockConfiguration");
  XmlWriter xml;
  xml.open("PublicAccessBlockConfiguration", kS3);
  for (const char* flag :
       {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"})
    xml.element(flag, !given || bool_of(block, flag) ? "true" : "false");
  xml.close("PublicAccessBlockConfiguration");
  return quietly(calls.rest("s3", "PUT", bucket_target(bucket, "publicAccessBlock"), xml.take()),
                 {});
}
Result<Done> put_notification(const Calls& calls, const std::string& bucket,
                              const json::object& properties) {
  XmlWriter xml;
  xml.open("NotificationConfiguration", kS3);
  const json::object& configuration = member(properties, "NotificationConfiguration");
  if (configuration.contains("LambdaConfigurations"))
    for (const json::value& one : configuration.at("LambdaConfigurations").as_array()) {
      const json::object& c = one.as_object();
      xml.open("CloudFunctionConfiguration")
          .element("CloudFunction", text_of(c, "Function"))
          .element("Event", text_of(c, "Event"));
      const json::object& key = member(member(c, "Filter"), "S3Key");
      if (key.contains("Rules")) {
        xml.open("Filter").open("S3Key");
        for (const json::value& rule : key.at("Rules").as_array())
          xml.open("FilterRule")
              .element("Name", text_of(rule.as_object(), "Name"))
              .element("Value", text_of(rule.as_object(), "Value"))
              .close("FilterRule");
        xml.close("S3Key").close("Filter");
      }
      xml.close("CloudFunctionConfiguration");
    }
  xml.close("NotificationConfiguration");
  return quietly(calls.rest("s3", "PUT", bucket_target(bucket, "notification"), xml.take()), {});
}
Result<Done> put_tags(const Calls& calls, const std::string& bucket,
                      const json::object& properties) {
  const json::value* tags = properties.if_contains("Tags");
  if (!tags || tags->as_array().empty())
    return quietly(calls.rest("s3", "DELETE", bucket_target(bucket, "tagging"), ""), {});
  XmlWriter xml;
  xml.open("Tagging", kS3).open("TagSet");
  for (const json::value& tag : tags->as_array())
    xml.open("Tag")
        .element("Key", text_of(tag.as_object(), "Key"))
        .element("Value", text_of(tag.as_object(), "Value"))
        .close("Tag");
  xml.close("TagSet").close("Tagging");
  return quietly(calls.rest("s3", "PUT", bucket_target(bucket, "tagging"), xml.take()), {});
}
Result<Done> update_bucket(const Calls& calls, const json::object& before,
                           const json::object& after, Made& made) {
  if (changed(before, after, "OwnershipControls"))
    for (const json::value& rule : after.contains("OwnershipControls")
                                       ? after.at("OwnershipControls").at("Rules").as_array()
                                       : json::array{})
      if (text_of(rule.as_object(), "ObjectOwnership") != "BucketOwnerEnforced")
        return validation("Sluice has no ACLs: ObjectOwnership must be BucketOwnerEnforced.");
  if (changed(before, after, "PublicAccessBlockConfiguration"))
    CHECK(put_public_access_block(calls, made.physical, after));
  if (changed(before, after, "BucketEncryption"))
    CHECK(put_encryption(calls, made.physical, after));
  const bool kept_by_lock =
      bool_of(after, "ObjectLockEnabled") && !after.contains("VersioningConfiguration");
  if (changed(before, after, "VersioningConfiguration") && !kept_by_lock)
    CHECK(put_versioning(calls, made.physical, after));
  if (changed(before, after, "ObjectLockEnabled") ||
      changed(before, after, "ObjectLockConfiguration"))
    CHECK(put_object_lock(calls, made.physical, after));
  if (changed(before, after, "NotificationConfiguration"))
    CHECK(put_notification(calls, made.physical, after));
  if (changed(before, after, "Tags")) CHECK(put_tags(calls, made.physical, after));
  return Done{};
}
Result<Done> create_bucket(const Calls& calls, const json::object& properties, Made& made) {
  const Scope& scope = calls.scope();
  XmlWriter xml;
  if (scope.region != "us-east-1")
    xml.open("CreateBucketConfiguration", kS3)
        .element("LocationConstraint", scope.region)
        .close("CreateBucketConfiguration");
  CHECK(calls.rest("s3", "PUT", bucket_target(made.physical),
                   scope.region == "us-east-1" ? "" : xml.take()));
  made.exists = true;
  made.attributes = {
      {"Arn", s3_arn(made.physical)},
      {"DomainName", made.physical + ".s3.amazonaws.com"},
      {"RegionalDomainName", made.physical + ".s3." + scope.region + ".amazonaws.com"}};
  return update_bucket(calls, {}, properties, made);
}
Result<Done> remove_bucket(const Calls& calls, const json::object&, const std::string& bucket) {
  return quietly(calls.rest("s3", "DELETE", bucket_target(bucket), ""), {"NoSuchBucket"});
}

// ---- AWS::S3::BucketPolicy
Result<Done> put_bucket_policy(const Calls& calls, const json::object&,
                               const json::object& properties, Made& made) {
  return quietly(calls.rest("s3", "PUT", bucket_target(made.physical, "policy"),
                            document_text(properties.at("PolicyDocument"))),
                 {});
}
Result<Done> create_bucket_policy(const Calls& calls, const json::object& properties, Made& made) {
  CHECK(put_bucket_policy(calls, {}, properties, made));
  made.exists = true;
  return Done{};
}
Result<Done> remove_bucket_policy(const Calls& calls, const json::object&,
                                  const std::string& bucket) {
  return quietly(calls.rest("s3", "DELETE", bucket_target(bucket, "policy"), ""), {"NoSuchBucket"});
}

// ---- AWS::KMS::Key
Result<Done> kms(const Calls& calls, const char* operation, const json::object& body) {
  CHECK(calls.document("kms", operation, body));
  return Done{};
}
json::array key_tags_of(const json::object& properties) {
  json::array tags;
  if (const json::value* list = properties.if_contains("Tags"))
    for (const json::value& tag : list->as_array())
      tags.push_back(json::object{{"TagKey", text_of(tag.as_object(), "Key")},
                                  {"TagValue", text_of(tag.as_object(), "Value")}});
  return tags;
}
Result<Done> update_key_tags(const Calls& calls, const json::object& before,
                             const json::object& after, const std::string& id) {
  json::array wanted = key_tags_of(after), gone;
  for (const json::value& old : key_tags_of(before))
    if (std::ranges::none_of(
            wanted, [&](const json::value& tag) { return tag.at("TagKey") == old.at("TagKey"); }))
      gone.push_back(old.at("TagKey"));
  if (!gone.empty())
    CHECK(kms(calls, "UntagResource", {{"KeyId", id}, {"TagKeys", std::move(gone)}}));
  if (!wanted.empty())
    CHECK(kms(calls, "TagResource", {{"KeyId", id}, {"Tags", std::move(wanted)}}));
  return Done{};
}
Result<Done> update_key(const Calls& calls, const json::object& before, const json::object& after,
                        Made& made) {
  const std::string& id = made.physical;
  if (changed(before, after, "Tags")) CHECK(update_key_tags(calls, before, after, id));
  if (changed(before, after, "Description"))
    CHECK(kms(calls, "UpdateKeyDescription",
              {{"KeyId", id}, {"Description", text_of(after, "Description")}}));
  if (changed(before, after, "KeyPolicy")) {
    if (!after.contains("KeyPolicy"))
      return validation("KeyPolicy of a key cannot be taken away; give it a policy.");
    CHECK(kms(
        calls, "PutKeyPolicy",
        {{"KeyId", id},
         {"PolicyName", "default"},
         {"Policy", document_text(after.at("KeyPolicy"))},
         {"BypassPolicyLockoutSafetyCheck", bool_of(after, "BypassPolicyLockoutSafetyCheck")}}));
  }
  const bool enabled_before = !before.contains("Enabled") || bool_of(before, "Enabled"),
             enabled = !after.contains("Enabled") || bool_of(after, "Enabled");
  if (enabled && !enabled_before) CHECK(kms(calls, "EnableKey", {{"KeyId", id}}));
  if (changed(before, after, "EnableKeyRotation") ||
      changed(before, after, "RotationPeriodInDays")) {
    json::object body{{"KeyId", id}};
    if (after.contains("RotationPeriodInDays"))
      body["RotationPeriodInDays"] = after.at("RotationPeriodInDays");
    if (bool_of(after, "EnableKeyRotation"))
      CHECK(kms(calls, "EnableKeyRotation", body));
    else if (bool_of(before, "EnableKeyRotation"))
      CHECK(kms(calls, "DisableKeyRotation", {{"KeyId", id}}));
  }
  if (!enabled && enabled_before) CHECK(kms(calls, "DisableKey", {{"KeyId", id}}));
  return Done{};
}
Result<Done> create_key(const Calls& calls, const json::object& properties, Made& made) {
  json::object body;
  if (properties.contains("KeyPolicy")) body["Policy"] = document_text(properties.at("KeyPolicy"));
  for (const char* same : {"Description", "KeySpec", "KeyUsage", "Origin", "MultiRegion",
                           "BypassPolicyLockoutSafetyCheck"})
    if (properties.contains(same)) body[same] = properties.at(same);
  if (json::array tags = key_tags_of(properties); !tags.empty()) body["Tags"] = std::move(tags);
  TRY(const json::object answer, calls.document("kms", "CreateKey", body));
  const json::object& metadata = member(answer, "KeyMetadata");
  made.physical = text_of(metadata, "KeyId");
  made.attributes = {{"Arn", text_of(metadata, "Arn")}, {"KeyId", made.physical}};
  made.exists = true;
  json::object before = properties;  // the policy is set; the rest is not
  for (const char* later : {"EnableKeyRotation", "RotationPeriodInDays", "Enabled"})
    before.erase(later);
  return update_key(calls, before, properties, made);
}
Result<Done> remove_key(const Calls& calls, const json::object& properties, const std::string& id) {
  json::object body{{"KeyId", id}};
  if (properties.contains("PendingWindowInDays"))
    body["PendingWindowInDays"] = properties.at("PendingWindowInDays");
  auto done = calls.document("kms", "ScheduleKeyDeletion", body);
  if (done || done.error().code == "NotFoundException" ||
      (done.error().code == "KMSInvalidStateException" &&
       done.error().message.find("pending deletion") != std::string::npos))
    return Done{};
  return std::move(done).error();
}

// ---- AWS::KMS::Alias
Result<Done> create_alias(const Calls& calls, const json::object& properties, Made& made) {
  CHECK(kms(calls, "CreateAlias",
            {{"AliasName", made.physical}, {"TargetKeyId", text_of(properties, "TargetKeyId")}}));
  made.exists = true;
  return Done{};
}
Result<Done> update_alias(const Calls& calls, const json::object&, const json::object& after,
                          Made& made) {
  return kms(calls, "UpdateAlias",
             {{"AliasName", made.physical}, {"TargetKeyId", text_of(after, "TargetKeyId")}});
}
Result<Done> remove_alias(const Calls& calls, const json::object&, const std::string& alias) {
  auto done = kms(calls, "DeleteAlias", {{"AliasName", alias}});
  if (!done && done.error().code == "NotFoundException") return Done{};
  return done;
}

// ---- AWS::DynamoDB::Table
std::string table_arn(const Calls& calls, const std::string& table) {
  return make_arn(calls.scope(), "dynamodb", "table/" + table);
}
json::value property(const json::object& properties, const char* name) {
  return properties.contains(name) ? properties.at(name) : json::value();
}
json::object encryption_of(const json::object& properties) {
  if (!properties.contains("SSESpecification")) return {{"Enabled", false}};
  const json::object& asked = member(properties, "SSESpecification");
  json::object sse{{"Enabled", bool_of(asked, "SSEEnabled")}};
  for (const char* same : {"SSEType", "KMSMasterKeyId"})
    if (asked.contains(same)) sse[same] = asked.at(same);
  return sse;
}
// The attribute by which items expire; "": none.
std::string expiry_of(const json::object& properties) {
  if (!properties.contains("TimeToLiveSpecification")) return "";
  const json::object& asked = member(properties, "TimeToLiveSpecification");
  return bool_of(asked, "Enabled") ? text_of(asked, "AttributeName") : "";
}
Result<Done> set_expiry(const Calls& calls, const std::string& table, const json::object& before,
                        const json::object& after) {
  const std::string old_attribute = expiry_of(before), attribute = expiry_of(after);
  if (old_attribute == attribute) return Done{};
  const auto put = [&](const std::string& name, bool enabled) {
    return calls.document(
        "dynamodb", "UpdateTimeToLive",
        {{"TableName", table},
         {"TimeToLiveSpecification", json::object{{"Enabled", enabled}, {"AttributeName", name}}}});
  };
  if (!old_attribute.empty()) CHECK(put(old_attribute, false));
  if (!attribute.empty()) CHECK(put(attribute, true));
  return Done{};
}
// The stream of a table as UpdateTable takes it: with a view type it is enabled.
json::object stream_of(const json::object& properties) {
  if (!properties.contains("StreamSpecification")) return {{"StreamEnabled", false}};
  json::object stream = member(properties, "StreamSpecification");
  stream["StreamEnabled"] = true;
  return stream;
}
// Another view type needs another stream.
Result<Done> change_stream(const Calls& calls, const std::string& name, const json::object& table,
                           const json::object& after) {
  const json::object there = stream_of(table), wanted = stream_of(after);
  if (there == wanted) return Done{};
  const auto set = [&](const json::object& stream) {
    return calls.document("dynamodb", "UpdateTable",
                          {{"TableName", name}, {"StreamSpecification", stream}});
  };
  if (bool_of(there, "StreamEnabled")) CHECK(set({{"StreamEnabled", false}}));
  if (bool_of(wanted, "StreamEnabled")) CHECK(set(wanted));
  return Done{};
}
// With the template's property gone, recovery is off.
Result<Done> set_recovery(const Calls& calls, const std::string& name, const json::object& before,
                          const json::object& after) {
  const json::object off{{"PointInTimeRecoveryEnabled", false}};
  const auto asked = [&off](const json::object& properties) -> const json::object& {
    constexpr const char* kName = "PointInTimeRecoverySpecification";
    return properties.contains(kName) ? member(properties, kName) : off;
  };
  if (asked(before) == asked(after)) return Done{};
  CHECK(calls.document("dynamodb", "UpdateContinuousBackups",
                       {{"TableName", name}, {"PointInTimeRecoverySpecification", asked(after)}}));
  return Done{};
}
Result<Done> note_table(const Calls& calls, Made& made) {
  TRY(const json::object described,
      calls.document("dynamodb", "DescribeTable", {{"TableName", made.physical}}));
  made.attributes = {{"Arn", table_arn(calls, made.physical)}};
  const json::object& table = described.at("Table").as_object();
  if (table.contains("StreamSpecification"))
    made.attributes["StreamArn"] = table.at("LatestStreamArn");
  return Done{};
}
Result<Done> create_table(const Calls& calls, const json::object& properties, Made& made) {
  json::object body{{"TableName", made.physical}};
  for (const char* same :
       {"KeySchema", "AttributeDefinitions", "BillingMode", "ProvisionedThroughput", "TableClass",
        "DeletionProtectionEnabled", "Tags", "LocalSecondaryIndexes", "GlobalSecondaryIndexes"})
    if (properties.contains(same)) body[same] = properties.at(same);
  if (properties.contains("SSESpecification")) body["SSESpecification"] = encryption_of(properties);
  if (properties.contains("StreamSpecification"))
    body["StreamSpecification"] = stream_of(properties);
  CHECK(calls.document("dynamodb", "CreateTable", body));  // ACTIVE at once
  made.exists = true;
  CHECK(note_table(calls, made));
  CHECK(set_recovery(calls, made.physical, {}, properties));
  return set_expiry(calls, made.physical, {}, properties);
}
Result<Done> change_tags(const Calls& calls, const std::string& table, const json::object& before,
                         const json::object& after) {
  json::array gone;
  if (before.contains("Tags"))
    for (const json::value& tag : before.at("Tags").as_array()) {
      const json::string& key = tag.as_object().at("Key").as_string();
      bool stays = false;
      if (after.contains("Tags"))
        for (const json::value& one : after.at("Tags").as_array())
          stays |= one.as_object().at("Key").as_string() == key;
      if (!stays) gone.push_back(key);
    }
  const std::string arn = table_arn(calls, table);
  if (!gone.empty())
    CHECK(calls.document("dynamodb", "UntagResource",
                         {{"ResourceArn", arn}, {"TagKeys", std::move(gone)}}));
  if (after.contains("Tags") && !after.at("Tags").as_array().empty())
    CHECK(calls.document("dynamodb", "TagResource",
                         {{"ResourceArn", arn}, {"Tags", after.at("Tags")}}));
  return Done{};
}
// The member of a list of structures whose `member` has this value; nullptr: none.
const json::object* find_in(const json::object& properties, const char* list, const char* member,
                            const json::value& value) {
  if (!properties.contains(list)) return nullptr;
  for (const json::value& one : properties.at(list).as_array())
    if (one.as_object().at(member) == value) return &one.as_object();
  return nullptr;
}
// What follows goes by the table as it is: a rollback may find it half way.
Result<Done> check_definitions(const json::object& table, const json::object& after) {
  for (const json::value& one : table.at("AttributeDefinitions").as_array()) {
    const json::value& name = one.as_object().at("AttributeName");
    const json::object* wanted = find_in(after, "AttributeDefinitions", "AttributeName", name);
    if (wanted && *wanted != one.as_object())
      return Error{400,
                   "ValidationError",
                   "The type of the key attribute " + std::string(name.as_string()) +
                       " cannot change: give the resource another logical id, so that a new table "
                       "is made.",
                   {}};
  }
  return Done{};
}
bool is_same_index(const json::object& a, const json::object& b) {
  return a.at("KeySchema") == b.at("KeySchema") && a.at("Projection") == b.at("Projection");
}
// One at a time, as UpdateTable wants it: an index that changes goes and is made anew.
Result<Done> change_indexes(const Calls& calls, const std::string& name, const json::object& table,
                            const json::object& after) {
  constexpr const char* kIndexes = "GlobalSecondaryIndexes";
  const auto update = [&](const char* kind, json::object index) {
    json::array updates{json::object{{kind, std::move(index)}}};
    return calls.document("dynamodb", "UpdateTable",
                          {{"TableName", name},
                           {"AttributeDefinitions", after.at("AttributeDefinitions")},
                           {"GlobalSecondaryIndexUpdates", std::move(updates)}});
  };
  const auto same_in = [&](const json::object& other, const json::object& index) {
    const json::object* found = find_in(other, kIndexes, "IndexName", index.at("IndexName"));
    return found && is_same_index(*found, index);
  };
  if (table.contains(kIndexes))
    for (const json::value& one : table.at(kIndexes).as_array())
      if (!same_in(after, one.as_object()))
        CHECK(update("Delete", {{"IndexName", one.as_object().at("IndexName")}}));
  if (after.contains(kIndexes))
    for (const json::value& one : after.at(kIndexes).as_array())
      if (!same_in(table, one.as_object())) CHECK(update("Create", one.as_object()));
  return Done{};
}
Result<Done> update_table(const Calls& calls, const json::object& before, const json::object& after,
                          Made& made) {
  TRY(const json::object described,
      calls.document("dynamodb", "DescribeTable", {{"TableName", made.physical}}));
  const json::object& table = described.at("Table").as_object();
  CHECK(check_definitions(table, after));
  json::object body{{"TableName", made.physical}};
  if (property(before, "BillingMode") != property(after, "BillingMode") ||
      property(before, "ProvisionedThroughput") != property(after, "ProvisionedThroughput"))
    for (const char* same : {"BillingMode", "ProvisionedThroughput"})
      if (after.contains(same)) body[same] = after.at(same);
  if (property(before, "TableClass") != property(after, "TableClass"))
    body["TableClass"] = after.contains("TableClass") ? after.at("TableClass") : "STANDARD";
  if (bool_of(before, "DeletionProtectionEnabled") != bool_of(after, "DeletionProtectionEnabled"))
    body["DeletionProtectionEnabled"] = bool_of(after, "DeletionProtectionEnabled");
  if (property(before, "SSESpecification") != property(after, "SSESpecification"))
    body["SSESpecification"] = encryption_of(after);
  if (body.size() > 1) CHECK(calls.document("dynamodb", "UpdateTable", body));
  CHECK(change_stream(calls, made.physical, table, after));
  CHECK(note_table(calls, made));
  CHECK(change_indexes(calls, made.physical, table, after));
  if (property(before, "Tags") != property(after, "Tags"))
    CHECK(change_tags(calls, made.physical, before, after));
  CHECK(set_recovery(calls, made.physical, before, after));
  return set_expiry(calls, made.physical, before, after);
}
Result<Done> remove_table(const Calls& calls, const json::object&, const std::string& table) {
  auto done = calls.document("dynamodb", "DeleteTable", {{"TableName", table}});
  if (done || done.error().code == "ResourceNotFoundException") return Done{};
  return std::move(done).error();
}
}  // namespace

const Type kStorageTypes[5] = {
    {"AWS::S3::Bucket",
     R"({"BucketName": "s",
         "BucketEncryption": {"ServerSideEncryptionConfiguration!": [
             {"ServerSideEncryptionByDefault!": {"SSEAlgorithm!": "s", "KMSMasterKeyID": "s"},
              "BucketKeyEnabled": "b"}]},
         "VersioningConfiguration": {"Status!": "s"},
         "PublicAccessBlockConfiguration": {"BlockPublicAcls": "b", "IgnorePublicAcls": "b",
                                            "BlockPublicPolicy": "b", "RestrictPublicBuckets": "b"},
         "OwnershipControls": {"Rules!": [{"ObjectOwnership!": "s"}]},
         "Tags": [{"Key!": "s", "Value!": "s"}],
         "ObjectLockEnabled": "b",
         "ObjectLockConfiguration": {
             "ObjectLockEnabled": "s",
             "Rule": {"DefaultRetention!": {"Mode!": "s", "Days": "i", "Years": "i"}}},
         "NotificationConfiguration": {"LambdaConfigurations": [
             {"Event!": "s", "Function!": "s",
              "Filter": {"S3Key!": {"Rules!": [{"Name!": "s", "Value!": "s"}]}}}]}})",
     "BucketName", 63, "BucketName,ObjectLockEnabled", "Arn,DomainName,RegionalDomainName",
     "CreateBucket", create_bucket, update_bucket, remove_bucket},
    {"AWS::S3::BucketPolicy", R"({"Bucket!":"s","PolicyDocument!":"j"})", "Bucket", 63, "Bucket",
     "", "PutBucketPolicy", create_bucket_policy, put_bucket_policy, remove_bucket_policy},
    {"AWS::KMS::Key",
     R"({"KeyPolicy": "j", "Description": "s", "EnableKeyRotation": "b",
         "RotationPeriodInDays": "i", "PendingWindowInDays": "i", "Enabled": "b", "KeySpec": "s",
         "KeyUsage": "s", "Origin": "s", "MultiRegion": "b", "BypassPolicyLockoutSafetyCheck": "b",
         "Tags": [{"Key!": "s", "Value!": "s"}]})",
     "", 0, "KeySpec,KeyUsage,Origin,MultiRegion", "Arn,KeyId", "CreateKey", create_key, update_key,
     remove_key},
    {"AWS::KMS::Alias", R"({"AliasName!":"s","TargetKeyId!":"s"})", "AliasName", 256, "AliasName",
     "", "CreateAlias", create_alias, update_alias, remove_alias},
    {"AWS::DynamoDB::Table",
     R"({"TableName": "s",
         "KeySchema!": [{"AttributeName!": "s", "KeyType!": "s"}],
         "AttributeDefinitions!": [{"AttributeName!": "s", "AttributeType!": "s"}],
         "BillingMode": "s",
         "ProvisionedThroughput": {"ReadCapacityUnits!": "i", "WriteCapacityUnits!": "i"},
         "TableClass": "s",
         "LocalSecondaryIndexes": [
             {"IndexName!": "s", "KeySchema!": [{"AttributeName!": "s", "KeyType!": "s"}],
              "Projection!": {"ProjectionType": "s", "NonKeyAttributes": ["s"]}}],
         "GlobalSecondaryIndexes": [
             {"IndexName!": "s", "KeySchema!": [{"AttributeName!": "s", "KeyType!": "s"}],
              "Projection!": {"ProjectionType": "s", "NonKeyAttributes": ["s"]},
              "ProvisionedThroughput": {"ReadCapacityUnits!": "i", "WriteCapacityUnits!": "i"}}],
         "DeletionProtectionEnabled": "b",
         "Tags": [{"Key!": "s", "Value!": "s"}],
         "TimeToLiveSpecification": {"Enabled!": "b", "AttributeName": "s"},
         "StreamSpecification": {"StreamViewType!": "s"},
         "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": "b",
                                              "RecoveryPeriodInDays": "i"},
         "SSESpecification": {"SSEEnabled!": "b", "SSEType": "s", "KMSMasterKeyId": "s"}})",
     "TableName", 255, "TableName,KeySchema,LocalSecondaryIndexes", "Arn,StreamArn", "CreateTable",
     create_table, update_table, remove_table},
};

}  // namespace sluice::cloudformation
