// SPDX-License-Identifier: Apache-2.0
#include "services/s3/copy_object.h"

#include "base/bytes.h"
#include "services/s3/object_lock.h"

namespace sluice::s3 {
namespace {
class ProducerSource : public BodySource {
 public:
  explicit ProducerSource(std::shared_ptr<BodyProducer> producer)
      : producer_(std::move(producer)) {}
  Result<size_t> read(char* into, size_t size) override {
    if (at_ == piece_.size()) {
      TRY(piece_, producer_->next());
      at_ = 0;
    }
    const size_t n = piece_.copy(into, size, at_);
    at_ += n;
    return n;
  }

 private:
  std::shared_ptr<BodyProducer> producer_;
  std::string piece_;
  size_t at_ = 0;
};
}  // namespace

Result<ObjectIn> parse_copy_source(const Request& request) {
  ObjectIn from;
  std::string source = request.headers.get("x-amz-copy-source");
  const Error invalid{400,
                      "InvalidArgument",
                      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                      {{"ArgumentName", "x-amz-copy-source"}, {"ArgumentValue", source}}};
  const size_t mark = source.rfind("?versionId=");
  if (mark != std::string::npos) {
    from.version_id = source.substr(mark + 11);
    source.resize(mark);
  }
  auto decoded = percent_decode(source);
  if (!decoded || !is_utf8(*decoded)) return invalid;
  if (decoded->starts_with('/')) decoded->erase(0, 1);
  const size_t slash = decoded->find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == decoded->size()) return invalid;
  from.bucket = decoded->substr(0, slash);
  from.key = decoded->substr(slash + 1);
  if (mark != std::string::npos && from.version_id != "null" &&
      from.version_id.size() != kSortCharacters)
    return Error{400,
                 "InvalidArgument",
                 "Invalid version id specified",
                 {{"ArgumentName", "versionId"}, {"ArgumentValue", from.version_id}}};
  for (const auto& [name, value] : request.headers.list) {
    if (name.starts_with("x-amz-copy-source-if-")) from.headers.emplace_back(name, value);
    if (name == "x-amz-source-expected-bucket-owner")
      from.headers.emplace_back("x-amz-expected-bucket-owner", value);
  }
  return from;
}
Result<std::shared_ptr<const Version>> find_source(const ObjectIn& source,
                                                   const Snapshot& snapshot) {
  auto version = find_version(snapshot, source);
  // A delete marker cannot be copied, also when its id is given.
  if (!version && version.error().code == "MethodNotAllowed")
    return Error{
        400,
        "InvalidRequest",
        "The source of a copy request may not specifically refer to a delete marker by version id.",
        {}};
  if (!version) return std::move(version).error();
  if (!read_conditions(source, "x-amz-copy-source-", (*version)->facts).goes)
    return Error{412,
                 "PreconditionFailed",
                 "At least one of the pre-conditions you specified did not hold",
                 {{"Condition", "x-amz-copy-source-If-"}}};
  return version;
}
Result<std::shared_ptr<BodySource>> read_source(const ObjectIn& source, const Version& version,
                                                const Ports& ports, const Snapshot& snapshot,
                                                uint64_t from, uint64_t count) {
  Result<Done> opened = Done{};
  auto producer =
      read_version(version, encryption_context(source.bucket, source.key, version.facts.context),
                   ports, snapshot, from, count, opened);
  CHECK(opened);
  return std::shared_ptr<BodySource>(std::make_shared<ProducerSource>(std::move(producer)));
}
ObjectIn without_body_headers(ObjectIn in) {
  std::erase_if(in.headers, [](const auto& header) {
    return header.first == "content-md5" || header.first == "content-length" ||
           header.first == "x-amz-decoded-content-length" || header.first == "x-amz-trailer" ||
           header.first.starts_with("x-amz-checksum-") ||
           header.first == "x-amz-sdk-checksum-algorithm";
  });
  return in;
}

Result<CopyObject::In> CopyObject::parse(const Request& request) {
  In in;
  TRY(in.to, parse_object_in(request));
  TRY(in.from, parse_copy_source(request));
  for (const char* directive : {"x-amz-metadata-directive", "x-amz-tagging-directive"}) {
    const std::string value = request.headers.get(directive);
    if (!value.empty() && value != "COPY" && value != "REPLACE")
      return Error{400,
                   "InvalidArgument",
                   "Unknown directive.",
                   {{"ArgumentName", directive}, {"ArgumentValue", value}}};
    (std::string_view(directive) == "x-amz-metadata-directive" ? in.replaces_metadata
                                                               : in.replaces_tags) =
        value == "REPLACE";
  }
  if (const std::string algorithm = request.headers.get("x-amz-checksum-algorithm");
      !algorithm.empty() && !(in.checksum = find_checksum(algorithm)))
    return Error{400,
                 "InvalidRequest",
                 "Checksum algorithm provided is unsupported. Please try again with any of the "
                 "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
                 {}};
  if (!in.replaces_tags)
    std::erase_if(in.to.headers,
                  [](const auto& header) { return header.first == "x-amz-tagging"; });
  in.to = without_body_headers(std::move(in.to));
  return in;
}
Result<std::vector<Need>> CopyObject::needs(const In& in, const Snapshot& s, const Ports& ports) {
  TRY(std::vector<Need> needs, write_needs(in.to, s, ports));
  TRY(const std::vector<Need> reads, read_needs(in.from, s, ports, true));
  needs.insert(needs.end(), reads.begin(), reads.end());
  const auto sort = sort_of(s, in.from.bucket, in.from.key, in.from.version_id);
  const auto found = sort ? version_at(s, in.from.bucket, in.from.key, *sort) : nullptr;
  const VersionFacts* source = found ? &found->facts : nullptr;
  if (!in.replaces_tags && source && !source->tags.empty()) {  // its tags are copied too
    needs.push_back(object_need(
        in.from.version_id.empty() ? "s3:GetObjectTagging" : "s3:GetObjectVersionTagging",
        in.from.bucket, in.from.key, s));
    needs.push_back(object_need("s3:PutObjectTagging", in.to.bucket, in.to.key, s));
  }
  return needs;
}
Result<CopyObject::Body> CopyObject::receive(const Authorized<In>& in, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in->to.bucket));
  TRY(const auto found, find_source(in->from, staged.snapshot()));
  const Version& source = *found;
  const uint64_t size = source.facts.size;
  if (size > kPutBytesMax)
    return Error{400,
                 "InvalidRequest",
                 "The specified copy source is larger than the maximum allowable size for a copy "
                 "source: 5368709120",
                 {}};
  const bool onto_itself =
      in->from.bucket == in->to.bucket && in->from.key == in->to.key && in->from.version_id.empty();
  if (onto_itself && !in->replaces_metadata && !in->replaces_tags &&
      in->to.header("x-amz-server-side-encryption").empty())
    return Error{400,
                 "InvalidRequest",
                 "This copy request is illegal because it is trying to copy an object to itself "
                 "without changing the object's metadata, storage class, website redirect location "
                 "or encryption attributes.",
                 {}};
  CHECK(check_newest(in->to, staged.snapshot()));
  TRY(const Encryption encryption, encryption_of(in->to, *bucket));
  TRY(const auto body, read_source(in->from, source, in.ports(), staged.snapshot(), 0, size));
  const Checksum* keep = in->checksum ? in->checksum : find_checksum(source.facts.checksum);
  TRY(Received received,
      s3::receive(*body, in->to, encryption, encryption_context(in->to.bucket, in->to.key),
                  in.ports(), staged, keep));
  return Body{std::move(source.facts), std::move(received)};
}
Result<CopyObject::Out> CopyObject::run(const Authorized<In>& in, Body& body, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in->to.bucket));
  CHECK(check_newest(in->to, staged));
  TRY(Version version, stage_received(body.received, encryption_context(in->to.bucket, in->to.key),
                                      in.ports(), staged));
  TRY(Described described, describe(in->to));
  if (!in->replaces_metadata) {
    described.headers = body.source.headers;
    described.meta = body.source.meta;
  }
  if (!in->replaces_tags) described.tags = body.source.tags;
  static_cast<Described&>(version.facts) = std::move(described);
  CHECK(lock_new_version(in->to, *bucket, in.time(), version.facts));
  version.facts.modified = in.time();
  CHECK(add_version(staged, *bucket, in->to.key, version, "ObjectCreated:Copy", actor(in)));
  return Out{std::move(version.facts), versioned(*bucket), body.source.id};
}
Response CopyObject::render(const Out& out) {
  XmlWriter xml;
  xml.open("CopyObjectResult", kXmlns)
      .element("LastModified", iso_millis(out.facts.modified))
      .element("ETag", "\"" + out.facts.etag + "\"");
  if (const Checksum* checksum = find_checksum(out.facts.checksum))
    xml.element(checksum->element, out.facts.checksum_value)
        .element("ChecksumType", out.facts.checksum_type);
  xml.close("CopyObjectResult");
  Response r{200, {}, xml.take(), nullptr, 0};
  add_object_headers(r.headers, out.facts, out.versioned);
  std::erase_if(r.headers.list, [](const auto& header) { return header.first == "etag"; });
  if (out.source_version != "null")
    r.headers.add("x-amz-copy-source-version-id", out.source_version);
  r.headers.add("content-type", "application/xml");
  return r;
}

}  // namespace sluice::s3
