// SPDX-License-Identifier: Apache-2.0
#include "services/s3/buckets.h"

#include "base/bytes.h"
#include "services/s3/multipart.h"

namespace sluice::s3 {
namespace {
// Source: S3 User Guide, "Bucket naming rules".
bool is_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63 ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != name.npos)
    return false;
  const auto is_edge = [](char c) { return c != '.' && c != '-'; };
  if (!is_edge(name.front()) || !is_edge(name.back()) || name.find("..") != name.npos) return false;
  if (name.find_first_not_of("0123456789.") == name.npos && split(name, '.').size() == 4)
    return false;
  for (const std::string_view prefix : {"xn--", "sthree-", "amzn-s3-demo-"})
    if (name.starts_with(prefix)) return false;
  for (const std::string_view suffix : {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"})
    if (name.ends_with(suffix)) return false;
  return true;
}
}  // namespace

Result<BucketIn> parse_bucket_in(const Request& request, bool checked) {
  CHECK(check_document(request, checked));
  BucketIn in{request.param("Bucket"),
              request.body,
              request.headers.get("x-amz-expected-bucket-owner"),
              {},
              request.query};
  for (const auto& [name, value] : request.headers.list)
    if (name.starts_with("x-amz-")) in.headers.emplace_back(name, value);
  return in;
}

namespace {
std::string header_of(const BucketIn& in, std::string_view name) {
  for (const auto& [key, value] : in.headers)
    if (key == name) return value;
  return {};
}
// A bucket can only be made in the Region of this server. For us-east-1 the request must not name
// it.
Result<Done> check_location(const std::string& text, const std::string& region) {
  std::string location;
  if (!text.empty()) {
    TRY(const auto document, parse_xml(text));
    const auto root = document->child("CreateBucketConfiguration");
    if (!root) return malformed_xml();
    if (root.child("Location") || root.child("Bucket"))
      return Error{501, "NotImplemented", "Directory buckets are not implemented by Sluice.", {}};
    location = root.child_value("LocationConstraint");
  }
  if (location.empty() && region == "us-east-1") return Done{};
  if (location == region && region != "us-east-1") return Done{};
  if (location == "us-east-1")
    return Error{400,
                 "InvalidLocationConstraint",
                 "The specified location-constraint is not valid",
                 {{"LocationConstraint", location}}};
  return Error{400,
               "IllegalLocationConstraintException",
               "The " + (location.empty() ? "unspecified" : location) +
                   " location constraint is incompatible for the region specific endpoint this "
                   "request was sent to.",
               {}};
}
}  // namespace

Result<std::vector<Need>> CreateBucket::needs(const In& in, const Snapshot& s) {
  policy::Context context;
  for (const char* header :
       {"x-amz-acl", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp",
        "x-amz-grant-write", "x-amz-grant-write-acp", "x-amz-object-ownership"})
    if (const std::string value = header_of(in, header); !value.empty())
      context["s3:" + std::string(header)] = {value};
  if (const auto document = parse_xml(in.text); document)
    if (const std::string location =
            (*document)->child("CreateBucketConfiguration").child_value("LocationConstraint");
        !location.empty())
      context["s3:locationconstraint"] = {location};
  std::vector<Need> needs{bucket_need(action, in.bucket, s, std::move(context))};
  if (equals_ignore_case(header_of(in, "x-amz-bucket-object-lock-enabled"), "true"))
    for (const char* more : {"s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"})
      needs.push_back(bucket_need(more, in.bucket, s));
  if (!header_of(in, "x-amz-object-ownership").empty())
    needs.push_back(bucket_need("s3:PutBucketOwnershipControls", in.bucket, s));
  return needs;
}
Result<Text> CreateBucket::run(const Authorized<In>& in, Staged& staged) {
  if (!is_bucket_name(in->bucket))
    return Error{400,
                 "InvalidBucketName",
                 "The specified bucket is not valid.",
                 {{"BucketName", in->bucket}}};
  CHECK(check_location(in->text, staged.snapshot().scope().region));
  if (!check_acl_headers(in->headers))
    return Error{400,
                 "InvalidBucketAclWithObjectOwnership",
                 "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
                 {}};
  const std::string ownership = header_of(*in, "x-amz-object-ownership");
  if (!ownership.empty() && ownership != "BucketOwnerEnforced")
    return Error{501,
                 "NotImplemented",
                 "Sluice has no ACLs: object ownership is always BucketOwnerEnforced.",
                 {}};
  Text made;
  made.headers.add("location", "/" + in->bucket);
  made.headers.add("x-amz-bucket-arn", s3_arn(in->bucket));
  const bool locks = equals_ignore_case(header_of(*in, "x-amz-bucket-object-lock-enabled"), "true");
  const auto there = staged.look(bucket_key(in->bucket));
  // In us-east-1 alone the owner may make it again, and nothing changes (API Reference,
  // CreateBucket, BucketAlreadyOwnedByYou). A stack must know that the bucket is not its own, and
  // who asks for a lock that it has none.
  if (there && staged.snapshot().scope().region == "us-east-1" &&
      in.caller().invoked_by().empty() && (!locks || there->object_lock))
    return made;
  if (there)
    return Error{
        409,
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        {{"BucketName", in->bucket}}};
  Bucket bucket;
  bucket.name = in->bucket;
  bucket.created = in.time();
  bucket.algorithm = "AES256";
  bucket.public_access_block = {true, true, true, true};
  if (locks) {
    bucket.versioning = "Enabled";
    bucket.object_lock.emplace();
  }
  staged.put(bucket_key(in->bucket), bucket);
  return made;
}
Result<Text> HeadBucket::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  Text found;
  found.headers.add("x-amz-bucket-region", snapshot.scope().region);
  found.headers.add("x-amz-bucket-arn", s3_arn(in->bucket));
  return found;
}
Result<Text> DeleteBucket::run(const Authorized<In>& in, Staged& staged) {
  CHECK(tracked_bucket(staged, in->bucket));
  const Key versions = schema::prefix(Family::objects, "s3.version", {in->bucket});
  bool any = false;
  staged.snapshot().scan(versions, "", false, [&](std::string_view, std::string_view) {
    any = true;
    return false;
  });
  if (any)
    return Error{409,
                 "BucketNotEmpty",
                 "The bucket you tried to delete is not empty",
                 {{"BucketName", in->bucket}}};
  staged.expect_empty(versions);
  drop_uploads(staged, in->bucket);
  staged.erase(bucket_key(in->bucket));
  return Text{204, "", ""};
}
Result<ListBuckets::In> ListBuckets::parse(const Request& request) {
  In in{request.query_text("prefix"), request.query_text("bucket-region"), {}, kBucketPageMax};
  const auto invalid = [](const char* name, const std::string& value, std::string text) {
    return Error{400,
                 "InvalidArgument",
                 std::move(text),
                 {{"ArgumentName", name}, {"ArgumentValue", value}}};
  };
  if (const std::string text = request.query_text("max-buckets"); !text.empty()) {
    const auto max = parse_int(text);
    if (!max || *max < 1 || *max > kBucketPageMax)
      return invalid("max-buckets", text,
                     "Argument max-buckets must be an integer between 1 and 10000");
    in.max = *max;
  }
  if (const std::string token = request.query_text("continuation-token"); !token.empty()) {
    const auto after = unbase64url(token);
    if (!after || after->empty())
      return invalid("continuation-token", token, "The continuation token provided is incorrect");
    in.after = *after;
  }
  return in;
}
Result<Text> ListBuckets::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const std::string& region = snapshot.scope().region;
  XmlWriter xml;
  xml.open("ListAllMyBucketsResult", kXmlns);
  write_owner(xml, "Owner", snapshot);
  xml.open("Buckets");
  int64_t listed = 0;
  std::string last, token;
  snapshot.scan(RecordPrefix<Bucket>{}, in->after.empty() ? "" : bucket_key(in->after).bytes, false,
                [&](std::string_view, const Bucket& bucket) {
                  const bool wanted = bucket.name.starts_with(in->prefix) &&
                                      bucket.name != in->after &&
                                      (in->region.empty() || in->region == region);
                  if (!wanted) return true;
                  if (listed++ == in->max) {
                    token = base64url(last);
                    return false;
                  }
                  last = bucket.name;
                  xml.open("Bucket")
                      .element("Name", bucket.name)
                      .element("CreationDate", iso_millis(bucket.created))
                      .element("BucketRegion", region)
                      .close("Bucket");
                  return true;
                });
  xml.close("Buckets");
  if (!token.empty()) xml.element("ContinuationToken", token);
  if (!in->prefix.empty()) xml.element("Prefix", in->prefix);
  xml.close("ListAllMyBucketsResult");
  return Text{200, xml.take(), "application/xml"};
}
Result<Text> GetBucketLocation::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("LocationConstraint", kXmlns);
  std::string body =
      xml.take() + (snapshot.scope().region == "us-east-1" ? "" : snapshot.scope().region);
  return Text{200, body + "</LocationConstraint>", "application/xml"};
}
Result<Text> PutBucketVersioning::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto root = document->child("VersioningConfiguration");
  const std::string status = root.child_value("Status");
  if (std::string_view(root.child_value("MfaDelete")) == "Enabled")
    return Error{501, "NotImplemented", "MFA delete is not implemented by Sluice.", {}};
  if (root && status.empty())
    return Error{400,
                 "IllegalVersioningConfigurationException",
                 "The Versioning element must be specified",
                 {}};
  if (status != "Enabled" && status != "Suspended") return malformed_xml();
  if (status == "Suspended" && bucket.object_lock)
    return Error{409,
                 "InvalidBucketState",
                 "An Object Lock configuration is present on this bucket, so the versioning state "
                 "cannot be changed.",
                 {}};
  bucket.versioning = status;
  staged.put(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetBucketVersioning::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("VersioningConfiguration", kXmlns);
  if (!bucket->versioning.empty()) xml.element("Status", bucket->versioning);
  xml.close("VersioningConfiguration");
  return Text{200, xml.take(), "application/xml"};
}

}  // namespace sluice::s3
