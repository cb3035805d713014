#include "services/s3/buckets.h"

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
// S3 User Guide, "Bucket naming rules".
bool is_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63 || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != name.npos) return false;
  const auto is_edge = [](char c) { return c != '.' && c != '-'; };
  if (!is_edge(name.front()) || !is_edge(name.back()) || name.find("..") != name.npos) return false;
  if (name.find_first_not_of("0123456789.") == name.npos && split(name, '.').size() == 4) return false;
  for (const std::string_view prefix : {"xn--", "sthree-", "amzn-s3-demo-"}) if (name.starts_with(prefix)) return false;
  for (const std::string_view suffix : {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}) if (name.ends_with(suffix)) return false;
  return true;
}
}  // namespace

Result<BucketIn> parse_bucket_in(const Request& request) {
  const std::string owner = request.headers.get("x-amz-expected-bucket-owner");
  if (!owner.empty() && (owner.size() != 12 || owner.find_first_not_of("0123456789") != std::string::npos)) return Error{400, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS account ID", {}};
  return BucketIn{request.param("Bucket"), request.body};
}

Result<Text> CreateBucket::run(const Authorized<In>& in, Staged& staged) {
  if (!is_bucket_name(in->bucket)) return Error{400, "InvalidBucketName", "The specified bucket is not valid.", {{"BucketName", in->bucket}}};
  const std::string& region = staged.snapshot().scope().region;
  if (!in->text.empty()) {
    TRY(const auto document, parse_xml(in->text));
    const std::string location = document->child("CreateBucketConfiguration").child_value("LocationConstraint");
    if (!location.empty() && location != region) return Error{400, "IllegalLocationConstraintException", "The " + location + " location constraint is incompatible for the region specific endpoint this request was sent to.", {}};
  }
  if (staged.get(bucket_key(in->bucket))) return Error{409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.", {{"BucketName", in->bucket}}};
  staged.put_json(bucket_key(in->bucket), json::object{{"Name", in->bucket}, {"Created", in.time()}, {"Versioning", ""}, {"Algorithm", "AES256"}, {"KmsKey", ""}, {"BucketKey", false}, {"Policy", ""},
      {"PublicAccessBlock", json::object{{"BlockPublicAcls", true}, {"IgnorePublicAcls", true}, {"BlockPublicPolicy", true}, {"RestrictPublicBuckets", true}}}, {"Notifications", json::array{}}});
  return Text{};
}
Result<Text> HeadBucket::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  return Text{};
}
Result<Text> DeleteBucket::run(const Authorized<In>& in, Staged& staged) {
  CHECK(tracked_bucket(staged, in->bucket));
  for (const char* table : {"s3.version", "s3.upload"}) {
    const Key prefix = schema::prefix(Family::objects, table, {in->bucket});
    bool any = false;
    staged.snapshot().scan(prefix, "", false, [&](std::string_view, std::string_view) { any = true; return false; });
    if (any) return Error{409, "BucketNotEmpty", "The bucket you tried to delete is not empty", {{"BucketName", in->bucket}}};
    staged.expect_empty(prefix);
  }
  staged.erase(bucket_key(in->bucket));
  return Text{204, "", ""};
}
Result<Text> ListBuckets::run(const Authorized<In>&, const Snapshot& snapshot) {
  XmlWriter xml;
  xml.open("ListAllMyBucketsResult", kXmlns).open("Owner").element("ID", snapshot.scope().account_id).close("Owner").open("Buckets");
  snapshot.scan(schema::prefix(Family::meta, "s3.bucket", {}), "", false, [&](std::string_view, std::string_view value) {
    if (const auto b = parse_json_object(value)) xml.open("Bucket").element("Name", text_of(*b, "Name")).element("CreationDate", iso_millis(int_of(*b, "Created"))).close("Bucket");
    return true;
  });
  xml.close("Buckets").close("ListAllMyBucketsResult");
  return Text{200, xml.take(), "application/xml"};
}
Result<Text> GetBucketLocation::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("LocationConstraint", kXmlns);
  std::string body = xml.take() + (snapshot.scope().region == "us-east-1" ? "" : snapshot.scope().region);
  return Text{200, body + "</LocationConstraint>", "application/xml"};
}
Result<Text> PutBucketVersioning::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const std::string status = document->child("VersioningConfiguration").child_value("Status");
  if (status != "Enabled" && status != "Suspended") return Error{400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", {}};
  bucket["Versioning"] = status;
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetBucketVersioning::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("VersioningConfiguration", kXmlns);
  if (const std::string status = text_of(bucket, "Versioning"); !status.empty()) xml.element("Status", status);
  xml.close("VersioningConfiguration");
  return Text{200, xml.take(), "application/xml"};
}

}  // namespace sluice::s3
