// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/s3/metadata.h"
#include "services/s3/object_lock.h"
#include "services/s3/tagging.h"

namespace sluice::s3 {
namespace {
constexpr size_t kPieceBytes = 64 * 1024;  // that of a chunk in a sealed file

class BlobsProducer : public BodyProducer {
 public:
  BlobsProducer(std::shared_ptr<const void> held, std::vector<SealedFile> files,
                std::vector<Secret> keys, Store& store, uint64_t from, uint64_t count)
      : held_(std::move(held)),
        files_(std::move(files)),
        keys_(std::move(keys)),
        store_(store),
        from_(from),
        left_(count) {}
  Result<std::string> next() override {
    if (!left_) return std::string();
    CHECK(open());
    TRY(std::string piece,
        reader_->read(from_, static_cast<size_t>(std::min<uint64_t>(
                                 {kPieceBytes, left_, files_[at_].bytes - from_}))));
    from_ += piece.size();
    left_ -= piece.size();
    return piece;
  }
  // Opens the file that the next piece is in. The first that cannot be opened is an error of the
  // call, and not a body that breaks off.
  Result<Done> open() {
    while (from_ >= files_[at_].bytes) {
      from_ -= files_[at_++].bytes;
      reader_.reset();
    }
    if (reader_) return Done{};
    TRY(reader_, store_.read_blob(files_[at_].ref(), keys_[at_]));
    // What is open can be read to its end, even if it is unlinked.
    if (left_ <= files_[at_].bytes - from_) held_.reset();
    return Done{};
  }

 private:
  // Holds the files that are not open yet, because the object may be replaced meanwhile. Those of
  // everything else that is deleted stay too, so it is let go as early as it can be.
  std::shared_ptr<const void> held_;
  const std::vector<SealedFile> files_;
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

struct Range {
  uint64_t from = 0, count = 0;
  bool partial = false;
};
// "bytes=a-b", "bytes=a-" or "bytes=-n". Several ranges, or a bad syntax, mean the whole object.
Result<Range> range_of(const std::string& header, uint64_t size) {
  const Range whole{0, size, false};
  if (!header.starts_with("bytes=") || header.find(',') != std::string::npos) return whole;
  const std::string spec = header.substr(6);
  const size_t dash = spec.find('-');
  if (dash == std::string::npos) return whole;
  const auto first = parse_int(spec.substr(0, dash)), last = parse_int(spec.substr(dash + 1));
  const Error unsatisfiable{
      416,
      "InvalidRange",
      "The requested range is not satisfiable",
      {{"ActualObjectSize", std::to_string(size)}, {"RangeRequested", header}}};
  if (dash == 0) {
    if (!last || *last < 0) return whole;
    if (*last == 0 || size == 0) return unsatisfiable;
    const uint64_t n = std::min<uint64_t>(static_cast<uint64_t>(*last), size);
    return Range{size - n, n, true};
  }
  if (!first || *first < 0 || (dash + 1 < spec.size() && (!last || *last < *first))) return whole;
  if (static_cast<uint64_t>(*first) >= size) return unsatisfiable;
  const uint64_t end = dash + 1 < spec.size()
                           ? std::min<uint64_t>(static_cast<uint64_t>(*last), size - 1)
                           : size - 1;
  return Range{static_cast<uint64_t>(*first), end - static_cast<uint64_t>(*first) + 1, true};
}

bool etag_matches(std::string_view list, const std::string& etag) {
  for (auto part : split(list, ',')) {
    part = trim(part);
    if (part == "*" || part == "\"" + etag + "\"" || part == etag) return true;
  }
  return false;
}

// One part of an object that was uploaded in parts. Any other object is its own only part.
Result<Range> part_of(int64_t number, const VersionFacts& facts) {
  const int64_t count = std::max<int64_t>(1, facts.parts);
  if (number > count)
    return Error{416,
                 "InvalidPartNumber",
                 "The requested partnumber is not satisfiable",
                 {{"ActualPartCount", std::to_string(count)},
                  {"PartNumberRequested", std::to_string(number)}}};
  if (!facts.parts) return Range{0, facts.size, facts.size > 0};
  const auto part = facts.files.begin() + (number - 1);
  const uint64_t from =
      std::accumulate(facts.files.begin(), part, uint64_t{0},
                      [](uint64_t sum, const SealedFile& file) { return sum + file.bytes; });
  return Range{from, part->bytes, part->bytes > 0};
}
void fill_headers(Headers& headers, const ObjectIn& in, const VersionFacts& facts,
                  const Range& range) {
  headers.add("accept-ranges", "bytes");
  headers.add("last-modified", http_date(facts.modified));
  add_object_headers(headers, facts, true);
  for (const auto& [name, value] : facts.headers) {
    bool overridden = false;
    for (const auto& [other, unused] : in.overrides) overridden = overridden || other == name;
    if (!overridden) headers.add(std::string(name), std::string(value.as_string()));
  }
  for (const auto& [name, value] : in.overrides) headers.add(name, value);
  for (const auto& [name, value] : facts.meta)
    headers.add("x-amz-meta-" + std::string(name), encode_metadata(value.as_string()));
  if (range.partial)
    headers.add("content-range", "bytes " + std::to_string(range.from) + "-" +
                                     std::to_string(range.from + range.count - 1) + "/" +
                                     std::to_string(facts.size));
  if (in.part && facts.parts) headers.add("x-amz-mp-parts-count", std::to_string(facts.parts));
  if (equals_ignore_case(in.header("x-amz-checksum-mode"), "enabled") && !range.partial)
    add_checksum_headers(headers, facts);
}
// AWS shows retention, legal hold and tags only to those who may read them.
void add_guarded_headers(Headers& headers, const Authorized<ObjectIn>& in,
                         const VersionFacts& facts, const Snapshot& snapshot) {
  const auto may = [&](const char* action) {
    return in.ask({object_need(action, in->bucket, in->key, snapshot)}, snapshot).has_value();
  };
  if (!facts.lock_mode.empty() || !facts.legal_hold.empty())
    add_lock_headers(headers, facts, may("s3:GetObjectRetention"), may("s3:GetObjectLegalHold"));
  if (!facts.tags.empty() &&
      may(in->version_id.empty() ? "s3:GetObjectTagging" : "s3:GetObjectVersionTagging"))
    headers.add("x-amz-tagging-count", std::to_string(facts.tags.size()));
}
}  // namespace

std::shared_ptr<BodyProducer> read_version(const Version& version, const json::object& context,
                                           const Ports& ports, const Snapshot& snapshot,
                                           uint64_t from, uint64_t count, Result<Done>& opened) {
  const auto unwrap = [&](const std::string& wrapped) {
    return ports.data_keys->unwrap(unbase64(wrapped).value_or(""), context, snapshot);
  };
  if (version.facts.files.empty()) {
    auto key = unwrap(version.facts.wrapped);
    if (!key) {
      opened = kms_error(std::move(key).error());
      return nullptr;
    }
    auto plain = aead_open_random(*key, version.sealed, "s3-inline");
    if (!plain) {
      opened = Error{500, "InternalError", "The object's seal is broken. Run: sluice verify", {}};
      return nullptr;
    }
    return std::make_shared<TextProducer>(plain->substr(from, count));
  }
  std::vector<Secret> keys;
  for (const SealedFile& file : version.facts.files) {
    auto key = unwrap(file.wrapped);
    if (!key) {
      opened = kms_error(std::move(key).error());
      return nullptr;
    }
    keys.push_back(*std::move(key));
  }
  auto producer = std::make_shared<BlobsProducer>(snapshot.hold_files(), version.facts.files,
                                                  std::move(keys), *ports.store, from, count);
  opened = count ? producer->open() : Result<Done>(Done{});
  return producer;
}

// The conditions of RFC 9110, section 13.2.2, in the order of S3.
Verdict read_conditions(const ObjectIn& in, const std::string& prefix, const VersionFacts& facts) {
  const std::string match = in.header(prefix + "if-match"),
                    none = in.header(prefix + "if-none-match");
  const Time modified = facts.modified / 1000 * 1000;
  if (!match.empty() && !etag_matches(match, facts.etag)) return {false, false};
  const auto unmodified = parse_http_date(in.header(prefix + "if-unmodified-since"));
  if (match.empty() && unmodified && modified > *unmodified) return {false, false};
  if (!none.empty() && etag_matches(none, facts.etag)) return {false, true};
  const auto since = parse_http_date(in.header(prefix + "if-modified-since"));
  if (none.empty() && since && modified <= *since) return {false, true};
  return {};
}

Result<std::shared_ptr<const Version>> find_version(const Snapshot& snapshot, const ObjectIn& in) {
  CHECK(find_bucket(snapshot, in.bucket));
  const auto sort = sort_of(snapshot, in.bucket, in.key, in.version_id);
  auto version = sort ? version_at(snapshot, in.bucket, in.key, *sort) : nullptr;
  if (!version && !in.version_id.empty())
    return Error{404,
                 "NoSuchVersion",
                 "The specified version does not exist.",
                 {{"Key", in.key}, {"VersionId", in.version_id}}};
  if (!version) return no_such_key(in.key);
  if (!version->facts.marker) return version;
  if (!in.version_id.empty())
    return Error{405,
                 "MethodNotAllowed",
                 "The specified method is not allowed against this resource.",
                 {{"Method", "GET"},
                  {"ResourceType", "DeleteMarker"},
                  {"header:x-amz-delete-marker", "true"},
                  {"header:x-amz-version-id", version->facts.id},
                  {"header:allow", "DELETE"}}};
  Error missing = no_such_key(in.key);
  missing.details.emplace_back("header:x-amz-delete-marker", "true");
  missing.details.emplace_back("header:x-amz-version-id", version->facts.id);
  return missing;
}

Result<std::vector<Need>> read_needs(const ObjectIn& in, const Snapshot& s, const Ports& ports,
                                     bool body) {
  TRY(std::vector<Need> needs, version_needs("s3:GetObject", "s3:GetObjectVersion", in, s));
  const auto sort = sort_of(s, in.bucket, in.key, in.version_id);
  const auto version = sort ? version_at(s, in.bucket, in.key, *sort) : nullptr;
  const VersionFacts* facts = version ? &version->facts : nullptr;
  if (!facts || facts->marker) {
    // Only who may list is told that a key does not exist.
    if (in.version_id.empty()) needs.push_back(bucket_need("s3:ListBucket", in.bucket, s));
    return needs;
  }
  add_existing_tags(needs[0].context, facts->tags);
  if (!body || facts->key_arn.empty()) return needs;
  auto key_need = ports.data_keys->need("kms:Decrypt", facts->key_arn,
                                        encryption_context(in.bucket, in.key, facts->context),
                                        via_s3(s.scope()), s);
  if (!key_need) return kms_error(std::move(key_need).error());
  if (*key_need) needs.push_back(**std::move(key_need));
  return needs;
}

template <class Self>
Result<std::vector<Need>> ReadsObject<Self>::needs(const In& in, const Snapshot& s,
                                                   const Ports& ports) {
  return read_needs(in, s, ports, std::is_same_v<Self, GetObject>);
}

template <class Self>
Result<GetOut> ReadsObject<Self>::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto version, find_version(snapshot, *in));
  const VersionFacts& facts = version->facts;
  const Verdict verdict = read_conditions(*in, "", facts);
  if (verdict.not_modified)
    return Error{304,
                 "NotModified",
                 "",
                 {{"header:etag", "\"" + facts.etag + "\""},
                  {"header:last-modified", http_date(facts.modified)}}};
  if (!verdict.goes)
    return Error{412,
                 "PreconditionFailed",
                 "At least one of the pre-conditions you specified did not hold",
                 {}};
  const std::string asked = in->header("range");
  if (in->part && !asked.empty())
    return Error{400,
                 "InvalidRequest",
                 "Cannot specify both Range header and partNumber query parameter",
                 {}};
  TRY(const Range range, in->part ? part_of(in->part, facts) : range_of(asked, facts.size));
  GetOut out;
  out.status = range.partial ? 206 : 200;
  out.bytes = range.count;
  fill_headers(out.headers, *in, facts, range);
  add_guarded_headers(out.headers, in, facts, snapshot);
  if (std::is_same_v<Self, HeadObject>) {
    out.headers.add("content-length", std::to_string(range.count));
    return out;
  }
  if (facts.algorithm == "aws:kms" && in.facts().tls_version.empty())
    return Error{400,
                 "InvalidArgument",
                 "Requests specifying Server Side Encryption with AWS KMS managed keys must be "
                 "made over a secure connection.",
                 {}};
  Result<Done> opened = Done{};
  out.stream = read_version(*version, encryption_context(in->bucket, in->key, facts.context),
                            in.ports(), snapshot, range.from, range.count, opened);
  CHECK(opened);
  return out;
}
template struct ReadsObject<GetObject>;
template struct ReadsObject<HeadObject>;

}  // namespace sluice::s3
