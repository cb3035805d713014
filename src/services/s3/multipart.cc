// SPDX-License-Identifier: Apache-2.0
#include "services/s3/multipart.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/random.h"
#include "services/s3/object_lock.h"

namespace sluice::s3 {
RecordKey<Upload> upload_key(const UploadIn& in) {
  return upload_key(in.bucket, in.key, in.upload_id);
}
RecordKey<Part> part_key(const std::string& upload_id, int64_t number) {
  return {upload_id, fmt::format("{:05}", number)};
}
Error no_such_upload(const std::string& id) {
  return {404,
          "NoSuchUpload",
          "The specified upload does not exist. The upload ID may be invalid, or the upload may "
          "have been aborted or completed.",
          {{"UploadId", id}}};
}

namespace {
Error invalid_request(std::string text) { return {400, "InvalidRequest", std::move(text), {}}; }
// The checksum of an upload: CRC64NVME of the whole when CreateMultipartUpload named none.
const Checksum& checksum_of(const Upload& upload) {
  const Checksum* named = find_checksum(upload.checksum);
  return named ? *named : crc64nvme();
}
bool composes(const Upload& upload) { return upload.checksum_type == "COMPOSITE"; }

// Reads x-amz-checksum-algorithm and x-amz-checksum-type of CreateMultipartUpload.
Result<Done> choose_checksum(const ObjectIn& in, Upload& upload) {
  const std::string name = in.header("x-amz-checksum-algorithm"),
                    type = in.header("x-amz-checksum-type");
  if (name.empty() && type.empty()) return Done{};
  const Checksum* checksum = find_checksum(name);
  if (name.empty())
    return invalid_request(
        "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
        "header.");
  if (!checksum)
    return invalid_request(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  if (!type.empty() && type != "FULL_OBJECT" && type != "COMPOSITE")
    return invalid_request("Value for x-amz-checksum-type header is invalid.");
  const bool composite = type.empty() ? checksum->composes : type == "COMPOSITE";
  if (composite ? !checksum->composes : !checksum->combines)
    return invalid_request("The " + type + " checksum type cannot be used with the " + lower(name) +
                           " checksum algorithm.");
  upload.checksum = checksum->name;
  upload.checksum_type = composite ? "COMPOSITE" : "FULL_OBJECT";
  return Done{};
}
}  // namespace

Result<UploadIn> parse_upload_in(const Request& request) {
  TRY(ObjectIn object, parse_object_in(request));
  UploadIn in;
  static_cast<ObjectIn&>(in) = std::move(object);
  in.upload_id = request.query_text("uploadId");
  in.text = request.body;
  in.query = request.query;
  return in;
}

Result<Text> CreateMultipartUpload::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in->bucket));
  TRY(const Encryption encryption, encryption_of(*in, *bucket));
  Upload upload;
  upload.algorithm = encryption.algorithm;
  upload.key_reference = encryption.key_reference;
  upload.created = in.time();
  CHECK(choose_checksum(*in, upload));
  TRY(static_cast<Described&>(upload), describe(*in));
  CHECK(lock_new_version(*in, *bucket, in.time(), upload));
  // The default retention of the bucket begins when the upload is completed.
  if (in->header("x-amz-object-lock-mode").empty()) static_cast<Retention&>(upload) = {};
  UploadIn named = *in;
  // The id begins with the time, so that uploads are listed in the order in which they were made.
  named.upload_id = hex(big_endian64(static_cast<uint64_t>(in.time()))) + random_hex(48);
  staged.put(upload_key(named), upload);
  XmlWriter xml;
  xml.open("InitiateMultipartUploadResult", kXmlns)
      .element("Bucket", in->bucket)
      .element("Key", in->key)
      .element("UploadId", named.upload_id)
      .close("InitiateMultipartUploadResult");
  Text out = xml_text(xml);
  out.headers.add("x-amz-server-side-encryption", encryption.algorithm);
  if (const auto key = in.ports().data_keys->find(encryption.key_reference, staged.snapshot());
      key && encryption.algorithm == "aws:kms")
    out.headers.add("x-amz-server-side-encryption-aws-kms-key-id", key->arn);
  if (!upload.checksum.empty()) {
    out.headers.add("x-amz-checksum-algorithm", upload.checksum);
    out.headers.add("x-amz-checksum-type", upload.checksum_type);
  }
  return out;
}

namespace {
Result<std::vector<Need>> part_needs(const UploadIn& in, const Snapshot& s, const Ports& ports) {
  TRY(std::vector<Need> needs, version_needs("s3:PutObject", "s3:PutObject", in, s));
  needs[0].context["s3:objectcreationoperation"] = {"false"};
  const auto upload = s.get(upload_key(in));
  if (!upload) return needs;
  auto need = ports.data_keys->need("kms:GenerateDataKey", upload->key_reference,
                                    encryption_context(in.bucket, in.key), via_s3(s.scope()), s);
  if (!need) return kms_error(std::move(need).error());
  if (*need) needs.push_back(**need);
  return needs;
}
Result<Received> receive_part(BodySource& body, const UploadIn& in, const Ports& ports,
                              Staged& staged) {
  if (in.part == 0)
    return Error{400,
                 "InvalidArgument",
                 "Part number must be an integer between 1 and 10000, inclusive",
                 {{"ArgumentName", "partNumber"}, {"ArgumentValue", ""}}};
  const auto upload = staged.snapshot().get(upload_key(in));
  if (!upload) return no_such_upload(in.upload_id);
  const Checksum& keep = checksum_of(*upload);
  TRY(const Checksum* sent, checksum_sent(in.headers));
  if (const std::string named = lower(upload->checksum); !named.empty() && sent && sent != &keep)
    return invalid_request("Checksum Type mismatch occurred, expected checksum Type: " + named +
                           ", actual checksum Type: " + lower(sent->name));
  const Encryption encryption{upload->algorithm, upload->key_reference};
  return receive(body, in, encryption, encryption_context(in.bucket, in.key), ports, staged, &keep,
                 0);
}
// Writes the record of a part, in place of an earlier part with its number. Returns the facts of
// its bytes.
Result<VersionFacts> stage_part(Received& received, const UploadIn& in, const Ports& ports,
                                Time time, Staged& staged) {
  if (!staged.look(upload_key(in))) return no_such_upload(in.upload_id);
  TRY(Version version,
      stage_received(received, encryption_context(in.bucket, in.key), ports, staged));
  if (const auto old = staged.look(part_key(in.upload_id, in.part))) staged.release(old->ref());
  Part part{version.facts.files.at(0)};
  part.etag = version.facts.etag;
  part.checksum = version.facts.checksum;
  part.checksum_value = version.facts.checksum_value;
  part.key_arn = version.facts.key_arn;
  part.modified = time;
  staged.put(part_key(in.upload_id, in.part), part);
  return std::move(version.facts);
}
}  // namespace

Result<std::vector<Need>> UploadPart::needs(const In& in, const Snapshot& s, const Ports& ports) {
  return part_needs(in, s, ports);
}
Result<Received> UploadPart::receive(const Authorized<In>& in, Staged& staged) {
  return receive_part(in.body(), *in, in.ports(), staged);
}
Result<PutOut> UploadPart::run(const Authorized<In>& in, Received& body, Staged& staged) {
  TRY(const VersionFacts facts, stage_part(body, *in, in.ports(), in.time(), staged));
  PutOut out;
  add_object_headers(out.headers, facts, false);
  if (const Checksum* checksum = find_checksum(facts.checksum))
    out.headers.add(std::string(checksum->header), facts.checksum_value);
  return out;
}

Result<UploadPartCopy::In> UploadPartCopy::parse(const Request& request) {
  In in;
  TRY(in.to, parse_upload_in(request));
  TRY(in.from, parse_copy_source(request));
  static_cast<ObjectIn&>(in.to) = without_body_headers(std::move(static_cast<ObjectIn&>(in.to)));
  return in;
}
Result<std::vector<Need>> UploadPartCopy::needs(const In& in, const Snapshot& s,
                                                const Ports& ports) {
  TRY(std::vector<Need> needs, part_needs(in.to, s, ports));
  TRY(const std::vector<Need> reads, read_needs(in.from, s, ports, true));
  needs.insert(needs.end(), reads.begin(), reads.end());
  return needs;
}
namespace {
struct Slice {
  uint64_t from, count;
};
Result<Slice> slice_of(const std::string& header, uint64_t size) {
  if (header.empty()) return Slice{0, size};
  const Error invalid{
      400,
      "InvalidArgument",
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last "
      "are the zero-based offsets of the first and last bytes to copy",
      {{"ArgumentName", "x-amz-copy-source-range"}, {"ArgumentValue", header}}};
  const size_t dash = header.find('-');
  if (!header.starts_with("bytes=") || dash == std::string::npos) return invalid;
  const auto first = parse_int(header.substr(6, dash - 6)),
             last = parse_int(header.substr(dash + 1));
  if (!first || !last || *first < 0 || *last < *first) return invalid;
  if (static_cast<uint64_t>(*last) >= size)
    return Error{400,
                 "InvalidArgument",
                 "Range specified is not valid for source object of size: " + std::to_string(size),
                 {{"ArgumentName", "x-amz-copy-source-range"}, {"ArgumentValue", header}}};
  return Slice{static_cast<uint64_t>(*first), static_cast<uint64_t>(*last - *first) + 1};
}
}  // namespace
Result<UploadPartCopy::Body> UploadPartCopy::receive(const Authorized<In>& in, Staged& staged) {
  if (!staged.snapshot().get(upload_key(in->to))) return no_such_upload(in->to.upload_id);
  TRY(const auto found, find_source(in->from, staged.snapshot()));
  const Version& source = *found;
  TRY(const Slice slice, slice_of(in->to.header("x-amz-copy-source-range"), source.facts.size));
  if (slice.count > kPutBytesMax)
    return invalid_request(
        "The specified copy source is larger than the maximum allowable size for a copy source: "
        "5368709120");
  TRY(const auto body,
      read_source(in->from, source, in.ports(), staged.snapshot(), slice.from, slice.count));
  TRY(Received received, receive_part(*body, in->to, in.ports(), staged));
  return Body{std::move(received), source.facts.id};
}
Result<Text> UploadPartCopy::run(const Authorized<In>& in, Body& body, Staged& staged) {
  TRY(const VersionFacts facts, stage_part(body.received, in->to, in.ports(), in.time(), staged));
  XmlWriter xml;
  xml.open("CopyPartResult", kXmlns)
      .element("LastModified", iso_millis(in.time()))
      .element("ETag", "\"" + facts.etag + "\"");
  if (const Checksum* checksum = find_checksum(facts.checksum))
    xml.element(checksum->element, facts.checksum_value);
  xml.close("CopyPartResult");
  Text out = xml_text(xml);
  if (body.source_version != "null")
    out.headers.add("x-amz-copy-source-version-id", body.source_version);
  out.headers.add("x-amz-server-side-encryption", facts.algorithm);
  return out;
}
json::value UploadPartCopy::audit(const In& in) {
  return json::object{{"bucketName", in.to.bucket}, {"key", in.to.key}};
}

namespace {
// Removes the parts of an aborted upload, or those that a completed one has not named.
void drop_parts(Staged& staged, const std::string& upload_id) {
  const Key parts = parts_of(upload_id);
  staged.snapshot().scan(parts, "", false, [&](std::string_view bytes, std::string_view) {
    const RecordKey<Part> key(bytes);
    if (const auto part = staged.look(key)) {
      staged.release(part->ref());
      staged.erase(key);
    }
    return true;
  });
}
}  // namespace
void drop_uploads(Staged& staged, const std::string& bucket) {
  const Key uploads = RecordPrefix<Upload>{bucket};
  staged.snapshot().scan(uploads, "", false, [&](std::string_view bytes, std::string_view) {
    const RecordKey<Upload> key(bytes);
    if (!staged.look(key)) return true;
    staged.erase(key);
    drop_parts(staged, schema::parts(bytes).at(2));
    return true;
  });
}
Result<Text> AbortMultipartUpload::run(const Authorized<In>& in, Staged& staged) {
  if (!staged.look(upload_key(*in))) return no_such_upload(in->upload_id);
  staged.erase(upload_key(*in));
  drop_parts(staged, in->upload_id);
  return Text{204, ""};
}

namespace {
struct Named {
  int64_t number;
  std::string etag;
  std::map<std::string, std::string> checksums;  // by the name of the element
};
Result<std::vector<Named>> parse_parts(const std::string& text) {
  TRY(const auto document, parse_xml(text));
  std::vector<Named> parts;
  for (const auto& node : document->child("CompleteMultipartUpload").children("Part")) {
    const auto number = parse_int(node.child_value("PartNumber"));
    if (!number || *number < 1 || *number > static_cast<int64_t>(kPartsMax)) return malformed_xml();
    Named part{*number, node.child_value("ETag"), {}};
    if (part.etag.size() >= 2 && part.etag.front() == '"' && part.etag.back() == '"')
      part.etag = part.etag.substr(1, part.etag.size() - 2);
    for (const Checksum& c : kChecksums)
      if (const std::string value = node.child_value(std::string(c.element).c_str());
          !value.empty())
        part.checksums[std::string(c.element)] = value;
    if (!parts.empty() && parts.back().number >= *number)
      return Error{400,
                   "InvalidPartOrder",
                   "The list of parts was not in ascending order. The parts list must be specified "
                   "in order by part number.",
                   {}};
    parts.push_back(std::move(part));
  }
  if (parts.empty() || parts.size() > kPartsMax) return malformed_xml();
  return parts;
}

// Works out the checksum of the whole from those of its parts, one part after the other.
class WholeChecksum {
 public:
  explicit WholeChecksum(const Upload& upload)
      : checksum_(checksum_of(upload)),
        composite_(composes(upload)),
        digest_(checksum_.algorithm) {}
  void add(const Part& part) {
    const std::string sum = unbase64(part.checksum_value).value_or("");
    if (composite_)
      digest_.update(sum);
    else
      whole_ = count_ ? crc_combine(checksum_.algorithm, whole_, sum, part.bytes) : sum;
    ++count_;
  }
  std::string finish() {
    return composite_ ? base64(digest_.finish()) + "-" + std::to_string(count_) : base64(whole_);
  }

 private:
  const Checksum& checksum_;
  const bool composite_;
  Digest digest_;
  std::string whole_;
  size_t count_ = 0;
};

Result<Done> check_part(const Named& one, const Part* part, const Upload& upload,
                        const std::string& upload_id) {
  const Checksum& checksum = checksum_of(upload);
  const Error invalid{
      400,
      "InvalidPart",
      "One or more of the specified parts could not be found. The part may not have been uploaded, "
      "or the specified entity tag may not match the part's entity tag.",
      {{"UploadId", upload_id}, {"PartNumber", std::to_string(one.number)}, {"ETag", one.etag}}};
  if (!part || part->etag != one.etag) return invalid;
  const auto given = one.checksums.find(std::string(checksum.element));
  if (given != one.checksums.end() && given->second != part->checksum_value) return invalid;
  if (composes(upload) && given == one.checksums.end())
    return invalid_request("The upload was created using a " + lower(checksum.name) +
                           " checksum. The complete request must include the checksum for each "
                           "part. It was missing for part " +
                           std::to_string(one.number) + " in the request.");
  return Done{};
}

// Makes the version of the object from its parts: checks each, adds their sizes up, and makes the
// ETag and the checksum.
Result<Version> assemble(const UploadIn& in, const Upload& upload, const std::vector<Named>& named,
                         Staged& staged) {
  Version version;
  VersionFacts& facts = version.facts;
  std::string md5s;
  WholeChecksum whole(upload);
  int64_t expected = 1;
  for (const Named& one : named) {
    const auto part = staged.look(part_key(in.upload_id, one.number));
    CHECK(check_part(one, part.get(), upload, in.upload_id));
    if (composes(upload) && one.number != expected++)
      return invalid_request(
          "A composite checksum needs consecutive part numbers that begin with 1.");
    if (&one != &named.back() && part->bytes < kPartBytesMin)
      return Error{400,
                   "EntityTooSmall",
                   "Your proposed upload is smaller than the minimum allowed size",
                   {{"ProposedSize", std::to_string(part->bytes)},
                    {"MinSizeAllowed", std::to_string(kPartBytesMin)},
                    {"PartNumber", std::to_string(one.number)},
                    {"ETag", one.etag}}};
    facts.size += part->bytes;
    md5s += unhex(one.etag).value_or("");
    whole.add(*part);
    facts.key_arn = part->key_arn;
    facts.files.push_back(static_cast<const SealedFile&>(*part));
    staged.erase(part_key(in.upload_id, one.number));
  }
  facts.etag = hex(md5(md5s)) + "-" + std::to_string(named.size());
  facts.parts = static_cast<int64_t>(named.size());
  facts.upload_id = in.upload_id;
  facts.algorithm = upload.algorithm;
  facts.checksum = checksum_of(upload).name;
  facts.checksum_value = whole.finish();
  facts.checksum_type = composes(upload) ? "COMPOSITE" : "FULL_OBJECT";
  static_cast<Described&>(facts) = static_cast<const Described&>(upload);
  static_cast<Lock&>(facts) = static_cast<const Lock&>(upload);
  return version;
}

// Checks what the request says of the whole: x-amz-checksum-*, x-amz-checksum-type,
// x-amz-mp-object-size.
Result<Done> check_whole(const UploadIn& in, const VersionFacts& facts) {
  const std::string type = in.header("x-amz-checksum-type"),
                    size = in.header("x-amz-mp-object-size");
  if (!type.empty() && type != facts.checksum_type)
    return invalid_request("The upload was created using the " + facts.checksum_type +
                           " checksum mode. The complete request must use the same checksum mode.");
  if (!size.empty() && parse_int(size) != static_cast<int64_t>(facts.size))
    return invalid_request("The provided 'x-amz-mp-object-size' header value " + size +
                           " does not match what was computed: " + std::to_string(facts.size));
  for (const Checksum& c : kChecksums) {
    std::string given = in.header(c.header);
    if (given.empty()) continue;
    if (c.name != facts.checksum)
      return invalid_request("Checksum Type mismatch occurred, expected checksum Type: " +
                             lower(facts.checksum) + ", actual checksum Type: " + lower(c.name));
    const std::string& made = facts.checksum_value;
    if (given != made && given != made.substr(0, made.rfind('-')))
      return Error{
          400,
          "BadDigest",
          "The " + std::string(c.name) + " you specified did not match the calculated checksum.",
          {}};
  }
  return Done{};
}

Text completed(const UploadIn& in, const VersionFacts& facts, bool versioned_bucket) {
  XmlWriter xml;
  xml.open("CompleteMultipartUploadResult", kXmlns)
      .element("Location", "/" + in.bucket + "/" + percent_encode(in.key, true))
      .element("Bucket", in.bucket)
      .element("Key", in.key)
      .element("ETag", "\"" + facts.etag + "\"");
  if (const Checksum* checksum = find_checksum(facts.checksum))
    xml.element(checksum->element, facts.checksum_value)
        .element("ChecksumType", facts.checksum_type);
  xml.close("CompleteMultipartUploadResult");
  Text out = xml_text(xml);
  add_object_headers(out.headers, facts, versioned_bucket);
  std::erase_if(out.headers.list, [](const auto& header) { return header.first == "etag"; });
  return out;
}
}  // namespace

Result<Text> CompleteMultipartUpload::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in->bucket));
  const auto upload = staged.look(upload_key(*in));
  if (!upload) {
    // It was completed before, and the client may not have got the answer: it gets the same one
    // again.
    const auto current = staged.look(current_key(in->bucket, in->key));
    const auto newest =
        current ? facts_at(staged, in->bucket, in->key, current->sort) : std::nullopt;
    if (newest && !in->upload_id.empty() && newest->upload_id == in->upload_id)
      return completed(*in, *newest, versioned(*bucket));
    return no_such_upload(in->upload_id);
  }
  TRY(const std::string wanted_md5, content_md5(in->headers));
  if (!wanted_md5.empty() && md5(in->text) != wanted_md5)
    return Error{
        400, "BadDigest", "The Content-MD5 you specified did not match what we received.", {}};
  CHECK(check_newest(*in, staged));
  TRY(const std::vector<Named> named, parse_parts(in->text));
  TRY(Version version, assemble(*in, *upload, named, staged));
  CHECK(check_whole(*in, version.facts));
  // The default retention of the bucket.
  if (upload->lock_mode.empty()) CHECK(lock_new_version({}, *bucket, in.time(), version.facts));
  version.facts.modified = in.time();
  staged.erase(upload_key(*in));
  drop_parts(staged, in->upload_id);
  CHECK(add_version(staged, *bucket, in->key, version, "ObjectCreated:CompleteMultipartUpload",
                    actor(in)));
  return completed(*in, version.facts, versioned(*bucket));
}

}  // namespace sluice::s3
