// SPDX-License-Identifier: Apache-2.0
// Bucket configurations: encryption, policy, public access block.
#include "base/bytes.h"
#include "request/principals.h"
#include "services/s3/buckets.h"

namespace sluice::s3 {
Result<Text> PutBucketEncryption::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
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
  bucket.algorithm = algorithm;
  bucket.kms_key = key;
  bucket.bucket_key = std::string_view(rule.child_value("BucketKeyEnabled")) == "true";
  staged.put(bucket_key(in->bucket), bucket);
  return Text{};
}
// The bucket gets back what every bucket begins with.
Result<Text> DeleteBucketEncryption::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  bucket.algorithm = "AES256";
  bucket.kms_key.clear();
  bucket.bucket_key = false;
  staged.put(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}
Result<Text> GetBucketEncryption::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("ServerSideEncryptionConfiguration", kXmlns)
      .open("Rule")
      .open("ApplyServerSideEncryptionByDefault")
      .element("SSEAlgorithm", bucket->algorithm);
  if (!bucket->kms_key.empty()) xml.element("KMSMasterKeyID", bucket->kms_key);
  xml.close("ApplyServerSideEncryptionByDefault")
      .element("BucketKeyEnabled", bucket->bucket_key ? "true" : "false")
      .close("Rule")
      .close("ServerSideEncryptionConfiguration");
  return Text{200, xml.take(), "application/xml"};
}

Result<Text> PutBucketPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  if (in->text.size() > kPolicyBytesMax)
    return Error{400, "PolicyTooLarge", "Policy exceeds the maximum allowed document size.", {}};
  if (!in->text.starts_with('{'))
    return Error{
        400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'", {}};
  auto parsed = policy::parse(in->text, policy::Kind::resource);
  if (!parsed) return Error{400, "MalformedPolicy", parsed.error().message, {}};
  const std::string arn = s3_arn(in->bucket);
  for (const policy::Statement& s : (*parsed)->statements)
    for (const policy::Pattern& r : s.resources)
      if (r.text() != arn && !r.text().starts_with(arn + "/"))
        return Error{400, "MalformedPolicy", "Policy has invalid resource", {}};
  auto pinned = pin_principals(in->text, *in.ports().identities, staged.snapshot());
  if (!pinned)
    return Error{400,
                 "MalformedPolicy",
                 "Invalid principal in policy",
                 {{"Detail", pinned.error().message}}};
  if (bucket.public_access_block.block_public_policy.value_or(false) && policy::is_public(**parsed))
    return Error{403,
                 "AccessDenied",
                 "User: " + in.caller().principal().arn +
                     " is not authorized to perform: s3:PutBucketPolicy on resource: \"" + arn +
                     "\" because public policies are prevented by the BlockPublicPolicy setting in "
                     "S3 Block Public Access.",
                 {}};
  bucket.policy = *std::move(pinned);
  staged.put(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}
Result<Text> GetBucketPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  if (bucket->policy.empty())
    return Error{404,
                 "NoSuchBucketPolicy",
                 "The bucket policy does not exist",
                 {{"BucketName", in->bucket}}};
  return Text{200, show_principals(bucket->policy.text(), *in.ports().identities, snapshot),
              "application/json"};
}
Result<Text> DeleteBucketPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  bucket.policy = {};
  staged.put(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}
Result<Text> GetBucketPolicyStatus::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  if (bucket->policy.empty())
    return Error{404,
                 "NoSuchBucketPolicy",
                 "The bucket policy does not exist",
                 {{"BucketName", in->bucket}}};
  const auto document = bucket->policy.document();
  XmlWriter xml;
  xml.open("PolicyStatus", kXmlns)
      .element("IsPublic", document && policy::is_public(*document) ? "TRUE" : "FALSE")
      .close("PolicyStatus");
  return Text{200, xml.take(), "application/xml"};
}

Result<Text> PutPublicAccessBlock::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto root = document->child("PublicAccessBlockConfiguration");
  if (!root) return malformed_xml();
  for (const auto& [flag, place] : PublicAccessBlock::members())
    bucket.public_access_block.*place =
        equals_ignore_case(root.child_value(std::string(flag).c_str()), "true");
  staged.put(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetPublicAccessBlock::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  if (bucket->public_access_block == PublicAccessBlock{})
    return Error{404,
                 "NoSuchPublicAccessBlockConfiguration",
                 "The public access block configuration was not found",
                 {{"BucketName", in->bucket}}};
  XmlWriter xml;
  xml.open("PublicAccessBlockConfiguration", kXmlns);
  for (const auto& [flag, place] : PublicAccessBlock::members())
    xml.element(flag, (bucket->public_access_block.*place).value_or(false) ? "true" : "false");
  xml.close("PublicAccessBlockConfiguration");
  return Text{200, xml.take(), "application/xml"};
}
Result<Text> DeletePublicAccessBlock::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  bucket.public_access_block = {};
  staged.put(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}

}  // namespace sluice::s3
