// SPDX-License-Identifier: Apache-2.0
// Bucket configurations: encryption, policy, public access block.
#include "base/bytes.h"
#include "request/principals.h"
#include "services/s3/buckets.h"

namespace sluice::s3 {
namespace {
constexpr const char* kFlags[] = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
                                  "RestrictPublicBuckets"};
}  // namespace

Result<Text> PutBucketEncryption::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto rule = document->child("ServerSideEncryptionConfiguration").child("Rule");
  const auto by_default = rule.child("ApplyServerSideEncryptionByDefault");
  const std::string algorithm = by_default.child_value("SSEAlgorithm"),
                    key = by_default.child_value("KMSMasterKeyID");
  if (algorithm == "aws:kms:dsse")
    return Error{
        501, "NotImplemented", "aws:kms:dsse is not implemented by Sluice; use aws:kms.", {}};
  if (!rule || (algorithm != "AES256" && algorithm != "aws:kms")) return malformed_xml();
  if (algorithm == "AES256" && !key.empty())
    return Error{400,
                 "InvalidArgument",
                 "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms "
                 "or aws:kms:dsse",
                 {}};
  bucket["Algorithm"] = algorithm;
  bucket["KmsKey"] = key;
  bucket["BucketKey"] = std::string_view(rule.child_value("BucketKeyEnabled")) == "true";
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> DeleteBucketEncryption::run(const Authorized<In>& in,
                                         Staged& staged) {  // back to what every bucket begins with
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  bucket["Algorithm"] = "AES256";
  bucket["KmsKey"] = "";
  bucket["BucketKey"] = false;
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}
Result<Text> GetBucketEncryption::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("ServerSideEncryptionConfiguration", kXmlns)
      .open("Rule")
      .open("ApplyServerSideEncryptionByDefault")
      .element("SSEAlgorithm", text_of(bucket, "Algorithm"));
  if (const std::string key = text_of(bucket, "KmsKey"); !key.empty())
    xml.element("KMSMasterKeyID", key);
  xml.close("ApplyServerSideEncryptionByDefault")
      .element("BucketKeyEnabled", bool_of(bucket, "BucketKey") ? "true" : "false")
      .close("Rule")
      .close("ServerSideEncryptionConfiguration");
  return Text{200, xml.take(), "application/xml"};
}

Result<Text> PutBucketPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  if (in->text.size() > kPolicyBytesMax)
    return Error{400, "PolicyTooLarge", "Policy exceeds the maximum allowed document size.", {}};
  if (!in->text.starts_with('{'))
    return Error{
        400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'", {}};
  auto parsed = policy::parse(in->text, policy::Kind::resource);
  if (!parsed) return Error{400, "MalformedPolicy", parsed.error().message, {}};
  const std::string arn = s3_arn(in->bucket);
  for (const policy::Statement& s : (*parsed)->statements)
    for (const std::string& r : s.resources)
      if (r != arn && !r.starts_with(arn + "/"))
        return Error{400, "MalformedPolicy", "Policy has invalid resource", {}};
  auto pinned = pin_principals(in->text, *in.ports().identities, staged.snapshot());
  if (!pinned)
    return Error{400,
                 "MalformedPolicy",
                 "Invalid principal in policy",
                 {{"Detail", pinned.error().message}}};
  if (bool_of(bucket.at("PublicAccessBlock").as_object(), "BlockPublicPolicy") &&
      policy::is_public(**parsed))
    return Error{403,
                 "AccessDenied",
                 "User: " + in.caller().principal().arn +
                     " is not authorized to perform: s3:PutBucketPolicy on resource: \"" + arn +
                     "\" because public policies are prevented by the BlockPublicPolicy setting in "
                     "S3 Block Public Access.",
                 {}};
  bucket["Policy"] = *pinned;
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}
Result<Text> GetBucketPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  const std::string text = text_of(bucket, "Policy");
  if (text.empty())
    return Error{404,
                 "NoSuchBucketPolicy",
                 "The bucket policy does not exist",
                 {{"BucketName", in->bucket}}};
  return Text{200, show_principals(text, *in.ports().identities, snapshot), "application/json"};
}
Result<Text> DeleteBucketPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  bucket["Policy"] = "";
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}
Result<Text> GetBucketPolicyStatus::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  if (text_of(bucket, "Policy").empty())
    return Error{404,
                 "NoSuchBucketPolicy",
                 "The bucket policy does not exist",
                 {{"BucketName", in->bucket}}};
  const auto document = policy::parse_cached(text_of(bucket, "Policy"), policy::Kind::resource);
  XmlWriter xml;
  xml.open("PolicyStatus", kXmlns)
      .element("IsPublic", document && policy::is_public(*document) ? "TRUE" : "FALSE")
      .close("PolicyStatus");
  return Text{200, xml.take(), "application/xml"};
}

Result<Text> PutPublicAccessBlock::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto root = document->child("PublicAccessBlockConfiguration");
  if (!root) return malformed_xml();
  json::object block;
  for (const char* flag : kFlags) block[flag] = equals_ignore_case(root.child_value(flag), "true");
  bucket["PublicAccessBlock"] = std::move(block);
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetPublicAccessBlock::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  if (bucket.at("PublicAccessBlock").as_object().empty())
    return Error{404,
                 "NoSuchPublicAccessBlockConfiguration",
                 "The public access block configuration was not found",
                 {{"BucketName", in->bucket}}};
  XmlWriter xml;
  xml.open("PublicAccessBlockConfiguration", kXmlns);
  for (const char* flag : kFlags)
    xml.element(flag, bool_of(bucket.at("PublicAccessBlock").as_object(), flag) ? "true" : "false");
  xml.close("PublicAccessBlockConfiguration");
  return Text{200, xml.take(), "application/xml"};
}
Result<Text> DeletePublicAccessBlock::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  bucket["PublicAccessBlock"] = json::object{};  // none: every flag is off
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}

}  // namespace sluice::s3
