#include "services/s3/multipart.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"

namespace sluice::s3 {
namespace {
Key upload_key(const UploadIn& in) { return schema::key(Family::objects, "s3.upload", {in.bucket, in.key, in.upload_id}); }
Key part_key(const std::string& upload_id, int64_t number) { return schema::key(Family::objects, "s3.part", {upload_id, fmt::format("{:05}", number)}); }
Key parts_prefix(const std::string& upload_id) { return schema::prefix(Family::objects, "s3.part", {upload_id}); }
Error no_such_upload(const std::string& id) { return {404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", {{"UploadId", id}}}; }
BlobRef blob_of(const json::object& part) { return {text_of(part, "Id"), static_cast<uint64_t>(int_of(part, "Bytes"))}; }

struct Named { int64_t number; std::string etag; };
Result<std::vector<Named>> parse_parts(const std::string& text) {
  const Error malformed{400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", {}};
  TRY(const auto document, parse_xml(text));
  std::vector<Named> parts;
  for (const auto& node : document->child("CompleteMultipartUpload").children("Part")) {
    const auto number = parse_int(node.child_value("PartNumber"));
    if (!number || *number < 1 || *number > static_cast<int64_t>(kPartsMax)) return malformed;
    std::string etag = node.child_value("ETag");
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
    if (!parts.empty() && parts.back().number >= *number) return Error{400, "InvalidPartOrder", "The list of parts was not in ascending order. The parts list must be specified in order by part number.", {}};
    parts.push_back({*number, etag});
  }
  if (parts.empty() || parts.size() > kPartsMax) return malformed;
  return parts;
}

// The object's version from its parts, in order: checks each, sums sizes, makes ETag and composite checksum.
Result<json::object> assemble(const UploadIn& in, const std::vector<Named>& named, Staged& staged) {
  json::array blobs;
  std::string md5s, sums, checksum;
  int64_t total = 0;
  for (const Named& one : named) {
    const auto part = staged.get_json(part_key(in.upload_id, one.number));
    if (!part || text_of(*part, "ETag") != one.etag) return Error{400, "InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.", {{"UploadId", in.upload_id}, {"PartNumber", std::to_string(one.number)}, {"ETag", one.etag}}};
    const int64_t bytes = int_of(*part, "Bytes");
    if (&one != &named.back() && bytes < static_cast<int64_t>(kPartBytesMin)) return Error{400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {{"ProposedSize", std::to_string(bytes)}, {"MinSizeAllowed", std::to_string(kPartBytesMin)}, {"PartNumber", std::to_string(one.number)}, {"ETag", one.etag}}};
    total += bytes;
    md5s += unhex(one.etag).value_or("");
    sums += unbase64(text_of(*part, "ChecksumValue")).value_or("");
    checksum = text_of(*part, "Checksum");
    blobs.push_back(json::object{{"Id", text_of(*part, "Id")}, {"Bytes", bytes}, {"Wrapped", text_of(*part, "Wrapped")}});
    staged.erase(part_key(in.upload_id, one.number));
  }
  json::object version{{"Size", total}, {"ETag", hex(md5(md5s)) + "-" + std::to_string(named.size())}, {"Blobs", std::move(blobs)}, {"Parts", static_cast<int64_t>(named.size())}};
  if (checksum == "SHA256" || checksum == "SHA1") {
    version["Checksum"] = checksum;
    version["ChecksumValue"] = base64(checksum == "SHA256" ? sha256(sums) : sha1(sums)) + "-" + std::to_string(named.size());
    version["ChecksumType"] = "COMPOSITE";
  }
  return version;
}

// Parts that were uploaded but not named, or an upload that was aborted.
void drop_parts(Staged& staged, const std::string& upload_id) {
  std::vector<json::object> left;
  staged.snapshot().scan(parts_prefix(upload_id), "", false, [&](std::string_view key, std::string_view value) {
    const Key k{Family::objects, std::string(key)};
    auto part = staged.get_json(k);
    if (part) { staged.release(blob_of(*part)); staged.erase(k); }
    (void)value;
    return true;
  });
}
}  // namespace

Result<UploadIn> parse_upload_in(const Request& request) {
  TRY(ObjectIn object, parse_object_in(request));
  UploadIn in;
  static_cast<ObjectIn&>(in) = std::move(object);
  in.upload_id = request.query_text("uploadId");
  in.text = request.body;
  if (const std::string* part = request.query_value("partNumber")) {
    const auto number = parse_int(*part);
    if (!number || *number < 1 || *number > static_cast<int64_t>(kPartsMax)) return Error{400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", {{"ArgumentName", "partNumber"}, {"ArgumentValue", *part}}};
    in.part = *number;
  }
  if (!in.header("x-amz-copy-source").empty()) return Error{501, "NotImplemented", "UploadPartCopy is not implemented by Sluice yet.", {}};
  return in;
}

Result<Text> CreateMultipartUpload::run(const Authorized<In>& in, Staged& staged) {
  TRY(const json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const Encryption encryption, encryption_of(*in, bucket));
  json::object upload{{"Algorithm", encryption.algorithm}, {"KeyReference", encryption.key_reference}, {"Created", in.time()}};
  CHECK(keep_metadata(*in, upload));
  UploadIn named = *in;
  named.upload_id = random_hex(64);
  staged.put_json(upload_key(named), upload);
  XmlWriter xml;
  xml.open("InitiateMultipartUploadResult", kXmlns).element("Bucket", in->bucket).element("Key", in->key).element("UploadId", named.upload_id).close("InitiateMultipartUploadResult");
  return Text{200, xml.take(), "application/xml"};
}

Result<std::vector<Need>> UploadPart::needs(const In& in, const Snapshot& s, const Ports& ports) {
  std::vector<Need> needs{object_need(action, in.bucket, in.key, s)};
  const auto upload = s.get_json(upload_key(in));
  if (!upload) return needs;
  auto need = ports.data_keys->need("kms:GenerateDataKey", text_of(*upload, "KeyReference"), encryption_context(in.bucket, in.key), via_s3(s.scope()), s);
  if (!need) return kms_error(std::move(need).error());
  if (*need) needs.push_back(**need);
  return needs;
}
Result<PutOut> UploadPart::run(const Authorized<In>& in, Staged& staged) {
  if (in->part == 0) return Error{400, "InvalidArgument", "partNumber is missing", {{"ArgumentName", "partNumber"}}};
  const auto upload = staged.get_json(upload_key(*in));
  if (!upload) return no_such_upload(in->upload_id);
  const Encryption encryption{text_of(*upload, "Algorithm"), text_of(*upload, "KeyReference")};
  TRY(json::object received, receive(in.body(), *in, encryption, encryption_context(in->bucket, in->key), in.ports(), staged, kPutBytesMax, 0));
  if (const auto old = staged.get_json(part_key(in->upload_id, in->part))) staged.release(blob_of(*old));
  const json::object& blob = received.at("Blobs").as_array()[0].as_object();
  staged.put_json(part_key(in->upload_id, in->part), json::object{{"Id", text_of(blob, "Id")}, {"Bytes", int_of(blob, "Bytes")}, {"Wrapped", text_of(blob, "Wrapped")}, {"ETag", text_of(received, "ETag")},
                                                                 {"Checksum", text_of(received, "Checksum")}, {"ChecksumValue", text_of(received, "ChecksumValue")}, {"Modified", in.time()}, {"KeyArn", text_of(received, "KeyArn")}});
  PutOut out;
  received["Id"] = "null";
  add_object_headers(out.headers, received, false);
  out.headers.add("x-amz-checksum-" + lower(text_of(received, "Checksum")), text_of(received, "ChecksumValue"));
  return out;
}

Result<CompleteMultipartUpload::Out> CompleteMultipartUpload::run(const Authorized<In>& in, Staged& staged) {
  TRY(const json::object bucket, tracked_bucket(staged, in->bucket));
  const auto upload = staged.get_json(upload_key(*in));
  if (!upload) return no_such_upload(in->upload_id);
  CHECK(check_write_conditions(*in, staged));
  TRY(const std::vector<Named> named, parse_parts(in->text));
  const auto first = staged.get_json(part_key(in->upload_id, named[0].number));
  TRY(json::object version, assemble(*in, named, staged));
  for (const char* member : {"Algorithm", "Headers", "Meta"}) version[member] = upload->at(member);
  version["KeyArn"] = first ? text_of(*first, "KeyArn") : "";
  version["Modified"] = in.time();
  staged.erase(upload_key(*in));
  drop_parts(staged, in->upload_id);
  CHECK(add_version(staged, bucket, in->key, version, "ObjectCreated:CompleteMultipartUpload", in.request_id(), in.source_ip(), in.caller().user_id()));
  XmlWriter xml;
  xml.open("CompleteMultipartUploadResult", kXmlns).element("Location", "/" + in->bucket + "/" + percent_encode(in->key, true)).element("Bucket", in->bucket).element("Key", in->key).element("ETag", "\"" + text_of(version, "ETag") + "\"");
  xml.close("CompleteMultipartUploadResult");
  Out out{xml.take(), {}};
  add_object_headers(out.headers, version, versioned(bucket));
  return out;
}
Response CompleteMultipartUpload::render(const Out& out) {
  Response r{200, {}, out.body, nullptr, 0};
  for (const auto& [name, value] : out.headers.list) if (name != "etag") r.headers.add(name, value);
  r.headers.add("content-type", "application/xml");
  return r;
}

Result<Text> AbortMultipartUpload::run(const Authorized<In>& in, Staged& staged) {
  if (!staged.get(upload_key(*in))) return no_such_upload(in->upload_id);
  staged.erase(upload_key(*in));
  drop_parts(staged, in->upload_id);
  return Text{204, "", ""};
}

Result<Text> ListParts::run(const Authorized<In>& in, const Snapshot& snapshot) {
  if (!snapshot.get(upload_key(*in))) return no_such_upload(in->upload_id);
  XmlWriter xml;
  xml.open("ListPartsResult", kXmlns).element("Bucket", in->bucket).element("Key", in->key).element("UploadId", in->upload_id).element("StorageClass", "STANDARD").element("MaxParts", std::to_string(kPartsMax)).element("IsTruncated", "false");
  snapshot.scan(parts_prefix(in->upload_id), "", false, [&](std::string_view key, std::string_view value) {
    if (const auto part = parse_json_object(value))
      xml.open("Part").element("PartNumber", std::to_string(parse_int(schema::parts(key).at(1)).value_or(0))).element("LastModified", iso_millis(int_of(*part, "Modified"))).element("ETag", "\"" + text_of(*part, "ETag") + "\"").element("Size", std::to_string(int_of(*part, "Bytes"))).close("Part");
    return true;
  });
  xml.close("ListPartsResult");
  return Text{200, xml.take(), "application/xml"};
}
Result<Text> ListMultipartUploads::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("ListMultipartUploadsResult", kXmlns).element("Bucket", in->bucket).element("IsTruncated", "false");
  snapshot.scan(schema::prefix(Family::objects, "s3.upload", {in->bucket}), "", false, [&](std::string_view key, std::string_view value) {
    const auto parts = schema::parts(key);
    if (const auto upload = parse_json_object(value)) xml.open("Upload").element("Key", parts.at(1)).element("UploadId", parts.at(2)).element("Initiated", iso_millis(int_of(*upload, "Created"))).element("StorageClass", "STANDARD").close("Upload");
    return true;
  });
  xml.close("ListMultipartUploadsResult");
  return Text{200, xml.take(), "application/xml"};
}

}  // namespace sluice::s3
