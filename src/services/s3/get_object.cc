#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/s3/objects.h"

namespace sluice::s3 {
namespace {
constexpr size_t kPieceBytes = 64 * 1024;                // a chunk of a sealed file

struct Part { std::string id, wrapped; uint64_t bytes; };
class BlobsProducer : public BodyProducer {
 public:
  BlobsProducer(std::vector<Part> parts, std::vector<Secret> keys, Store& store, uint64_t from, uint64_t count) : parts_(std::move(parts)), keys_(std::move(keys)), store_(store), from_(from), left_(count) {}
  Result<std::string> next() override {
    if (!left_) return std::string();
    while (from_ >= parts_[at_].bytes) { from_ -= parts_[at_].bytes; ++at_; reader_.reset(); }
    if (!reader_) { TRY(reader_, store_.read_blob({parts_[at_].id, parts_[at_].bytes}, keys_[at_])); }
    TRY(std::string piece, reader_->read(from_, static_cast<size_t>(std::min<uint64_t>({kPieceBytes, left_, parts_[at_].bytes - from_}))));
    from_ += piece.size();
    left_ -= piece.size();
    return piece;
  }
  Result<Done> open_first() {      // what cannot be opened is an error of the call, not a broken body
    if (!left_) return Done{};
    TRY(reader_, store_.read_blob({parts_[0].id, parts_[0].bytes}, keys_[0]));
    return Done{};
  }

 private:
  const std::vector<Part> parts_;
  const std::vector<Secret> keys_;
  Store& store_;
  uint64_t from_, left_;
  size_t at_ = 0;
  std::unique_ptr<BlobReader> reader_;
};
class TextProducer : public BodyProducer {
 public:
  explicit TextProducer(std::string text) : text_(std::move(text)) {}
  Result<std::string> next() override { return std::exchange(text_, {}); }

 private:
  std::string text_;
};

struct Range { uint64_t from = 0, count = 0; bool partial = false; };
// "bytes=a-b", "bytes=a-", "bytes=-n"; several ranges or bad syntax: the whole object.
Result<Range> range_of(const std::string& header, uint64_t size) {
  const Range whole{0, size, false};
  if (!header.starts_with("bytes=") || header.find(',') != std::string::npos) return whole;
  const std::string spec = header.substr(6);
  const size_t dash = spec.find('-');
  if (dash == std::string::npos) return whole;
  const auto first = parse_int(spec.substr(0, dash)), last = parse_int(spec.substr(dash + 1));
  const Error unsatisfiable{416, "InvalidRange", "The requested range is not satisfiable", {{"ActualObjectSize", std::to_string(size)}, {"RangeRequested", header}}};
  if (dash == 0) {
    if (!last || *last < 0) return whole;
    if (*last == 0 || size == 0) return unsatisfiable;
    const uint64_t n = std::min<uint64_t>(static_cast<uint64_t>(*last), size);
    return Range{size - n, n, true};
  }
  if (!first || *first < 0 || (dash + 1 < spec.size() && (!last || *last < *first))) return whole;
  if (static_cast<uint64_t>(*first) >= size) return unsatisfiable;
  const uint64_t end = dash + 1 < spec.size() ? std::min<uint64_t>(static_cast<uint64_t>(*last), size - 1) : size - 1;
  return Range{static_cast<uint64_t>(*first), end - static_cast<uint64_t>(*first) + 1, true};
}

bool etag_matches(std::string_view list, const std::string& etag) {
  for (auto part : split(list, ',')) {
    part = trim(part);
    if (part == "*" || part == "\"" + etag + "\"" || part == etag) return true;
  }
  return false;
}
// RFC 9110 section 13.2.2, in S3's order.
Result<Done> check_read_conditions(const ObjectIn& in, const json::object& version) {
  const std::string match = in.header("if-match"), none = in.header("if-none-match"), etag = text_of(version, "ETag");
  const Time modified = int_of(version, "Modified") / 1000 * 1000;
  const Error failed{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {}};
  if (!match.empty() && !etag_matches(match, etag)) return failed;
  const auto unmodified = parse_http_date(in.header("if-unmodified-since"));
  if (match.empty() && unmodified && modified > *unmodified) return failed;
  const Error not_modified{304, "NotModified", "", {{"header:etag", "\"" + etag + "\""}, {"header:last-modified", http_date(modified)}}};
  if (!none.empty() && etag_matches(none, etag)) return not_modified;
  const auto since = parse_http_date(in.header("if-modified-since"));
  if (none.empty() && since && modified <= *since) return not_modified;
  return Done{};
}

Result<json::object> find_version(const Snapshot& snapshot, const ObjectIn& in) {
  CHECK(find_bucket(snapshot, in.bucket));
  const auto sort = sort_of(snapshot, in.bucket, in.key, in.version_id);
  auto version = sort ? snapshot.get_json(version_key(in.bucket, in.key, *sort)) : std::nullopt;
  if (!version && !in.version_id.empty()) return Error{404, "NoSuchVersion", "The specified version does not exist.", {{"Key", in.key}, {"VersionId", in.version_id}}};
  if (!version) return no_such_key(in.key);
  if (!bool_of(*version, "Marker")) return *std::move(version);
  if (!in.version_id.empty()) return Error{405, "MethodNotAllowed", "The specified method is not allowed against this resource.", {{"Method", "GET"}, {"ResourceType", "DeleteMarker"}, {"header:x-amz-delete-marker", "true"}, {"header:allow", "DELETE"}}};
  Error missing = no_such_key(in.key);
  missing.details.emplace_back("header:x-amz-delete-marker", "true");
  missing.details.emplace_back("header:x-amz-version-id", text_of(*version, "Id"));
  return missing;
}

void fill_headers(Headers& headers, const ObjectIn& in, const json::object& version, const Range& range) {
  headers.add("accept-ranges", "bytes");
  headers.add("last-modified", http_date(int_of(version, "Modified")));
  add_object_headers(headers, version, true);
  for (const auto& [name, value] : version.at("Headers").as_object()) {
    bool overridden = false;
    for (const auto& [other, unused] : in.overrides) overridden = overridden || other == name;
    if (!overridden) headers.add(std::string(name), std::string(value.as_string()));
  }
  for (const auto& [name, value] : in.overrides) headers.add(name, value);
  for (const auto& [name, value] : version.at("Meta").as_object()) headers.add("x-amz-meta-" + std::string(name), std::string(value.as_string()));
  if (range.partial) headers.add("content-range", "bytes " + std::to_string(range.from) + "-" + std::to_string(range.from + range.count - 1) + "/" + std::to_string(int_of(version, "Size")));
  if (equals_ignore_case(in.header("x-amz-checksum-mode"), "enabled") && !range.partial && !text_of(version, "Checksum").empty()) {
    headers.add("x-amz-checksum-" + lower(text_of(version, "Checksum")), text_of(version, "ChecksumValue"));
    headers.add("x-amz-checksum-type", text_of(version, "ChecksumType"));
  }
}
}  // namespace

std::shared_ptr<BodyProducer> read_version(const json::object& version, const json::object& context, const Ports& ports, const Snapshot& snapshot, uint64_t from, uint64_t count, Result<Done>& opened) {
  const auto unwrap = [&](const std::string& wrapped) { return ports.data_keys->unwrap(unbase64(wrapped).value_or(""), context, snapshot); };
  const json::value* blobs = version.if_contains("Blobs");
  if (!blobs) {
    auto key = unwrap(text_of(version, "Wrapped"));
    if (!key) { opened = kms_error(std::move(key).error()); return nullptr; }
    auto plain = aead_open_random(*key, unbase64(text_of(version, "Inline")).value_or(""), "s3-inline");
    if (!plain) { opened = Error{500, "InternalError", "The object's seal is broken. Run: sluice verify", {}}; return nullptr; }
    return std::make_shared<TextProducer>(plain->substr(from, count));
  }
  std::vector<Part> parts;
  std::vector<Secret> keys;
  for (const json::value& one : blobs->as_array()) {
    const json::object& b = one.as_object();
    parts.push_back({text_of(b, "Id"), text_of(b, "Wrapped"), static_cast<uint64_t>(int_of(b, "Bytes"))});
    auto key = unwrap(parts.back().wrapped);
    if (!key) { opened = kms_error(std::move(key).error()); return nullptr; }
    keys.push_back(*std::move(key));
  }
  auto producer = std::make_shared<BlobsProducer>(std::move(parts), std::move(keys), *ports.store, from, count);
  opened = from == 0 ? producer->open_first() : Result<Done>(Done{});
  return producer;
}

template <class Self>
Result<std::vector<Need>> ReadsObject<Self>::needs(const In& in, const Snapshot& s, const Ports& ports) {
  policy::Context context;
  if (!in.version_id.empty()) context["s3:versionid"] = {in.version_id};
  std::vector<Need> needs{object_need(in.version_id.empty() ? "s3:GetObject" : "s3:GetObjectVersion", in.bucket, in.key, s, std::move(context))};
  if (std::is_same_v<Self, HeadObject>) return needs;
  const auto sort = sort_of(s, in.bucket, in.key, in.version_id);
  const auto version = sort ? s.get_json(version_key(in.bucket, in.key, *sort)) : std::nullopt;
  if (!version || text_of(*version, "KeyArn").empty()) {
    // Whether a key is missing is told only to those who may list.
    if (!version || bool_of(*version, "Marker")) { if (in.version_id.empty()) needs.push_back(bucket_need("s3:ListBucket", in.bucket, s)); }
    return needs;
  }
  auto key_need = ports.data_keys->need("kms:Decrypt", text_of(*version, "KeyArn"), encryption_context(in.bucket, in.key), via_s3(s.scope()), s);
  if (!key_need) return kms_error(std::move(key_need).error());
  if (*key_need) needs.push_back(**key_need);
  return needs;
}

template <class Self>
Result<GetOut> ReadsObject<Self>::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object version, find_version(snapshot, *in));
  CHECK(check_read_conditions(*in, version));
  TRY(const Range range, range_of(in->header("range"), static_cast<uint64_t>(int_of(version, "Size"))));
  GetOut out;
  out.status = range.partial ? 206 : 200;
  out.bytes = range.count;
  fill_headers(out.headers, *in, version, range);
  if (std::is_same_v<Self, HeadObject>) {
    out.headers.add("content-length", std::to_string(range.count));
    return out;
  }
  if (text_of(version, "Algorithm") == "aws:kms" && in.facts().tls_version.empty()) return Error{400, "InvalidArgument", "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.", {}};
  Result<Done> opened = Done{};
  out.stream = read_version(version, encryption_context(in->bucket, in->key), in.ports(), snapshot, range.from, range.count, opened);
  CHECK(opened);
  return out;
}
template struct ReadsObject<GetObject>;
template struct ReadsObject<HeadObject>;

Result<std::vector<Need>> DeleteObject::needs(const In& in, const Snapshot& s) {
  return std::vector<Need>{object_need(in.version_id.empty() ? "s3:DeleteObject" : "s3:DeleteObjectVersion", in.bucket, in.key, s)};
}
Result<Deleted> delete_one(Staged& staged, const json::object& bucket, const std::string& key, const std::string& version_id, const std::string& request_id, const std::string& source_ip, const std::string& principal_id) {
  const std::string name = text_of(bucket, "Name");
  if (!version_id.empty()) {
    const auto sort = sort_of(staged.snapshot(), name, key, version_id);
    const auto version = sort ? staged.get_json(version_key(name, key, *sort)) : std::nullopt;
    if (!version) return Deleted{false, version_id};
    remove_version(staged, name, key, *sort);
    if (!bool_of(*version, "Marker")) emit_event(staged, bucket, key, *version, "ObjectRemoved:Delete", request_id, source_ip, principal_id);
    return Deleted{bool_of(*version, "Marker"), version_id};
  }
  if (text_of(bucket, "Versioning").empty()) {
    const auto sort = staged.get(null_key(name, key));
    if (!sort) return Deleted{};
    const auto version = staged.get_json(version_key(name, key, *sort));
    remove_version(staged, name, key, *sort);
    if (version) emit_event(staged, bucket, key, *version, "ObjectRemoved:Delete", request_id, source_ip, principal_id);
    return Deleted{};
  }
  json::object marker{{"Marker", true}, {"Modified", now()}, {"Size", 0}, {"ETag", ""}};
  CHECK(add_version(staged, bucket, key, marker, "ObjectRemoved:DeleteMarkerCreated", request_id, source_ip, principal_id));
  return Deleted{true, text_of(marker, "Id")};
}
Result<DeleteObject::Out> DeleteObject::run(const Authorized<In>& in, Staged& staged) {
  TRY(const json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const Deleted deleted, delete_one(staged, bucket, in->key, in->version_id, in.request_id(), in.source_ip(), in.caller().user_id()));
  Out out;
  if (deleted.marker) out.headers.add("x-amz-delete-marker", "true");
  if (!deleted.version_id.empty()) out.headers.add("x-amz-version-id", deleted.version_id);
  return out;
}

}  // namespace sluice::s3
