#include "services/s3/copy_object.h"

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
class ProducerSource : public BodySource {
 public:
  explicit ProducerSource(std::shared_ptr<BodyProducer> producer) : producer_(std::move(producer)) {}
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

Result<CopyObject::In> CopyObject::parse(const Request& request) {
  In in;
  TRY(in.to, parse_object_in(request));
  std::string source = request.headers.get("x-amz-copy-source");
  const Error invalid{400, "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", {{"ArgumentName", "x-amz-copy-source"}, {"ArgumentValue", source}}};
  const size_t mark = source.rfind("?versionId=");
  if (mark != std::string::npos) { in.from.version_id = source.substr(mark + 11); source.resize(mark); }
  auto decoded = percent_decode(source);
  if (!decoded) return invalid;
  if (decoded->starts_with('/')) decoded->erase(0, 1);
  const size_t slash = decoded->find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == decoded->size()) return invalid;
  in.from.bucket = decoded->substr(0, slash);
  in.from.key = decoded->substr(slash + 1);
  in.replaces_metadata = request.headers.get("x-amz-metadata-directive") == "REPLACE";
  for (const auto& [name, value] : request.headers.list) if (name.starts_with("x-amz-copy-source-")) return Error{501, "NotImplemented", name + " is not implemented by Sluice yet.", {}};
  return in;
}
Result<std::vector<Need>> CopyObject::needs(const In& in, const Snapshot& s, const Ports& ports) {
  TRY(std::vector<Need> needs, write_needs(in.to, s, ports));
  TRY(const std::vector<Need> reads, GetObject::needs(in.from, s, ports));
  needs.insert(needs.end(), reads.begin(), reads.end());
  return needs;
}
Result<CopyObject::Out> CopyObject::run(const Authorized<In>& in, Staged& staged) {
  TRY(const json::object bucket, tracked_bucket(staged, in->to.bucket));
  CHECK(find_bucket(staged.snapshot(), in->from.bucket));
  const auto sort = sort_of(staged.snapshot(), in->from.bucket, in->from.key, in->from.version_id);
  const auto source = sort ? staged.get_json(version_key(in->from.bucket, in->from.key, *sort)) : std::nullopt;
  if (!source || bool_of(*source, "Marker")) return no_such_key(in->from.key);
  const auto size = static_cast<uint64_t>(int_of(*source, "Size"));
  if (size > kPutBytesMax) return Error{400, "InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120", {}};
  const bool onto_itself = in->from.bucket == in->to.bucket && in->from.key == in->to.key && in->from.version_id.empty();
  if (onto_itself && !in->replaces_metadata && in->to.header("x-amz-server-side-encryption").empty()) return Error{400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.", {}};
  CHECK(check_write_conditions(in->to, staged));
  Result<Done> opened = Done{};
  ProducerSource body(read_version(*source, encryption_context(in->from.bucket, in->from.key), in.ports(), staged.snapshot(), 0, size, opened));
  CHECK(opened);
  TRY(const Encryption encryption, encryption_of(in->to, bucket));
  TRY(json::object version, receive(body, in->to, encryption, encryption_context(in->to.bucket, in->to.key), in.ports(), staged, kPutBytesMax));
  if (in->replaces_metadata) { CHECK(keep_metadata(in->to, version)); }
  else for (const char* member : {"Headers", "Meta"}) version[member] = source->at(member);
  version["Modified"] = in.time();
  CHECK(add_version(staged, bucket, in->to.key, version, "ObjectCreated:Copy", in.request_id(), in.source_ip(), in.caller().user_id()));
  return Out{std::move(version), versioned(bucket), text_of(*source, "Id")};
}
Response CopyObject::render(const Out& out) {
  XmlWriter xml;
  xml.open("CopyObjectResult", kXmlns).element("LastModified", iso_millis(int_of(out.version, "Modified"))).element("ETag", "\"" + text_of(out.version, "ETag") + "\"").close("CopyObjectResult");
  Response r{200, {}, xml.take(), nullptr, 0};
  add_object_headers(r.headers, out.version, out.versioned);
  if (out.source_version != "null") r.headers.add("x-amz-copy-source-version-id", out.source_version);
  r.headers.add("content-type", "application/xml");
  return r;
}

}  // namespace sluice::s3
