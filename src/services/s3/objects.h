// SPDX-License-Identifier: Apache-2.0
#pragma once
// PutObject, GetObject, HeadObject, and what the operations on objects share. Conditions: If-Match,
// If-None-Match (writes: "*" only), dates on reads; one byte range, or one part by partNumber.
// Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed, PreconditionFailed, InvalidRange, BadDigest,
// InvalidDigest, EntityTooLarge, MetadataTooLarge, InvalidStorageClass, KMS.*. Source: S3 API
// Reference.
#include "services/s3/checksum.h"
#include "services/s3/model.h"

namespace sluice::s3 {

struct ObjectIn {
  std::string bucket, key, version_id;
  HeaderList headers;    // those of object operations: content-*, x-amz-*, if-*, range
  HeaderList overrides;  // response-content-type=... of a GET
  json::object context;  // PutObject: what x-amz-server-side-encryption-context adds
  int64_t part = 0;      // partNumber, 1 to 10000; 0: none
  std::string header(std::string_view name) const;  // "" when absent
};
Result<Done> parse_context(ObjectIn& in);  // what kContextHeader holds, for operations that take it
constexpr std::string_view kContextHeader = "x-amz-server-side-encryption-context";
Result<ObjectIn> parse_object_in(const Request& request, bool takes_context = false);
json::value audit_object(const ObjectIn& in);
// The need for `action`, or `version_action` when a version is named; checks
// x-amz-expected-bucket-owner.
Result<std::vector<Need>> version_needs(std::string_view action, std::string_view version_action,
                                        const ObjectIn& in, const Snapshot& snapshot);

// A body taken in once, to become a version or a part: its facts (size, ETag, encryption,
// checksum), and the bytes, plain while they are few, else in a sealed file.
struct Received {
  VersionFacts facts;
  Encryption encryption;
  DataKey key;
  std::string held;
  std::optional<BlobRef> blob;
  bool staged = false;
};
// Takes in a body of up to `bytes_max`: verifies Content-MD5 and checksum. `keep`: the checksum to
// store (nullptr: the one sent, else CRC64NVME). Up to `inline_bytes_max` are held, more go into a
// file.
Result<Received> receive(BodySource& body, const ObjectIn& in, const Encryption& encryption,
                         const json::object& context, const Ports& ports, Staged& staged,
                         const Checksum* keep = nullptr, size_t inline_bytes_max = kInlineBytesMax);
// The version of a received body, its file adopted. Called again after a conflict: SlowDown 503
// when the data key's KMS key was made or rotated by the run that was lost.
Result<Version> stage_received(Received& received, const json::object& context, const Ports& ports,
                               Staged& staged);

Result<Described> describe(const ObjectIn& in);  // content headers, x-amz-meta-*, tags
Result<Encryption> encryption_of(const ObjectIn& in, const Bucket& bucket);
Result<std::vector<Need>> write_needs(const ObjectIn& in, const Snapshot& snapshot,
                                      const Ports& ports);
// If-Match and If-None-Match of a write, against the ETag of what is there; nullptr: there is
// nothing, or a delete marker.
Result<Done> check_write_conditions(const ObjectIn& in, const std::string* etag);
// The same against the newest version of its key, as a Snapshot or a Staged shows it. It is not
// read for a write without conditions.
template <class View>
Result<Done> check_newest(const ObjectIn& in, View& view) {
  if (in.header("if-match").empty() && in.header("if-none-match").empty()) return Done{};
  const auto current = view.get(current_key(in.bucket, in.key));
  return check_write_conditions(in, current && !current->marker ? &current->etag : nullptr);
}
void add_object_headers(Headers& headers, const VersionFacts& facts, bool versioned_bucket);
void add_checksum_headers(Headers& headers, const VersionFacts& facts);

// The version a read is about. Errors: NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (a
// delete marker by its id).
Result<Version> find_version(const Snapshot& snapshot, const ObjectIn& in);
// If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since behind `prefix` ("" or
// "x-amz-copy-source-"): false, the object is not to be given; `not_modified` says that a client
// has it already.
struct Verdict {
  bool goes = true, not_modified = false;
};
Verdict read_conditions(const ObjectIn& in, const std::string& prefix, const VersionFacts& facts);
std::shared_ptr<BodyProducer> read_version(const Version& version, const json::object& context,
                                           const Ports& ports, const Snapshot& snapshot,
                                           uint64_t from, uint64_t count, Result<Done>& opened);
// The needs of reading a version: s3:GetObject(Version), its key's kms:Decrypt; s3:ListBucket when
// there is no such key, since only who may list is told so.
Result<std::vector<Need>> read_needs(const ObjectIn& in, const Snapshot& snapshot,
                                     const Ports& ports, bool body);

struct PutOut {
  Headers headers;
};
// The two steps of a whole upload, of PutObject and of PostObject.
Result<Received> receive_upload(const ObjectIn& in, BodySource& body, Time at, const Ports& ports,
                                Staged& staged);
Result<PutOut> store_upload(const ObjectIn& in, Received& body, Time at, const Ports& ports,
                            const Actor& actor, std::string_view event, Staged& staged);
struct PutObject {
  static constexpr std::string_view name = "PutObject", action = "s3:PutObject";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "", ""};
  static constexpr bool data_event = true, streams = true, queues = true;
  using In = ObjectIn;
  using Body = Received;
  using Out = PutOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports) {
    return write_needs(in, s, ports);
  }
  static Result<Body> receive(const Authorized<In>& in, Staged& staged);
  static Result<Out> run(const Authorized<In>& in, Body& body, Staged& staged);
  static Response render(const Out& out) { return {200, out.headers, "", nullptr, 0}; }
  static json::value audit(const In& in) { return audit_object(in); }
};

struct GetOut {
  int status = 200;
  Headers headers;
  std::shared_ptr<BodyProducer> stream;
  uint64_t bytes = 0;
};
template <class Self>
struct ReadsObject {
  static constexpr bool data_event = true;
  using In = ObjectIn;
  using Out = GetOut;
  static Result<In> parse(const Request& request) { return parse_object_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) {
    return {out.status, out.headers, "", out.stream, out.bytes};
  }
  static json::value audit(const In& in) { return audit_object(in); }
};
struct GetObject : ReadsObject<GetObject> {
  static constexpr std::string_view name = "GetObject", action = "s3:GetObject";
  static constexpr Match match{"GET", "/{Bucket}/{Key+}", "", ""};
};
struct HeadObject : ReadsObject<HeadObject> {
  static constexpr std::string_view name = "HeadObject", action = "s3:GetObject";
  static constexpr Match match{"HEAD", "/{Bucket}/{Key+}", "", ""};
};

}  // namespace sluice::s3
