// SPDX-License-Identifier: Apache-2.0
#pragma once
// PutObject, GetObject, HeadObject, and what the operations on objects share. Source: S3 API
// Reference.
//
//   TRY(Received body, receive_upload(in, stream, at, ports, staged));   // once
//   TRY(const PutOut out, store_upload(in, body, at, ports, who, event, staged));   // maybe again
//
// Conditions are If-Match and If-None-Match (on writes only "*"), and dates on reads. A read gives
// one byte range, or one part by partNumber. Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed,
// PreconditionFailed, InvalidRange, BadDigest, InvalidDigest, EntityTooLarge, MetadataTooLarge,
// InvalidStorageClass, KMS.*.
#include "services/s3/checksum.h"
#include "services/s3/model.h"

namespace sluice::s3 {

struct ObjectIn {
  std::string bucket, key, version_id;
  HeaderList headers;    // only content-*, x-amz-*, if-* and range
  HeaderList overrides;  // response-content-type=... of a GET
  json::object context;  // of PutObject: what x-amz-server-side-encryption-context adds
  int64_t part = 0;      // partNumber, 1 to 10000; 0: none
  std::string header(std::string_view name) const;  // "" when absent
};
// Reads kContextHeader, for operations that take it.
Result<Done> parse_context(ObjectIn& in);
constexpr std::string_view kContextHeader = "x-amz-server-side-encryption-context";
Result<ObjectIn> parse_object_in(const Request& request, bool takes_context = false);
json::value audit_object(const ObjectIn& in);
// The need for `action`, or for `version_action` when the request names a version. It also checks
// x-amz-expected-bucket-owner.
Result<std::vector<Need>> version_needs(std::string_view action, std::string_view version_action,
                                        const ObjectIn& in, const Snapshot& snapshot);

// A body that was read and will become a version or a part: its facts (size, ETag, encryption,
// checksum) and its bytes. Few bytes are held as they are, more lie in a sealed file.
struct Received {
  VersionFacts facts;
  Encryption encryption;
  DataKey key;
  std::string held;
  std::optional<BlobRef> blob;
  bool staged = false;
  bool outdated = false;  // it came slowly: what was looked up before it came is looked up again
};
// Reads a body and verifies its Content-MD5 and its checksum. `keep` is the checksum to be stored;
// nullptr takes the one that was sent, or CRC64NVME. Up to `inline_bytes_max` bytes are held, more
// go into a file.
Result<Received> receive(BodySource& body, const ObjectIn& in, const Encryption& encryption,
                         const json::object& context, const Ports& ports, Staged& staged,
                         const Checksum* keep = nullptr, size_t inline_bytes_max = kInlineBytesMax);
// Makes a version of a received body, and adopts its file. After a conflict it is called again.
// Errors: SlowDown 503 when the run before, which was lost, had made or rotated the KMS key of the
// data key.
Result<Version> stage_received(Received& received, const json::object& context, const Ports& ports,
                               Staged& staged);

// The content headers, x-amz-meta-* and tags of the request.
Result<Described> describe(const ObjectIn& in);
Result<Encryption> encryption_of(const ObjectIn& in, const Bucket& bucket);
Result<std::vector<Need>> write_needs(const ObjectIn& in, const Snapshot& snapshot,
                                      const Ports& ports);
// Checks If-Match and If-None-Match of a write. `etag` is that of the current version; nullptr when
// there is none, or a delete marker.
Result<Done> check_write_conditions(const ObjectIn& in, const std::string* etag);
// The same for the current version as a Snapshot or a Staged shows it. A write without conditions
// does not read it.
template <class View>
Result<Done> check_newest(const ObjectIn& in, View& view) {
  if (in.header("if-match").empty() && in.header("if-none-match").empty()) return Done{};
  const auto current = view.get(current_key(in.bucket, in.key));
  return check_write_conditions(in, current && !current->marker ? &current->etag : nullptr);
}
void add_object_headers(Headers& headers, const VersionFacts& facts, bool versioned_bucket);
void add_checksum_headers(Headers& headers, const VersionFacts& facts);

// The version that a read asks for. Errors: NoSuchBucket, NoSuchKey, NoSuchVersion;
// MethodNotAllowed for a delete marker that is named by its id.
Result<std::shared_ptr<const Version>> find_version(const Snapshot& snapshot, const ObjectIn& in);
// What If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since say. `prefix` stands
// before their names: "" or "x-amz-copy-source-".
struct Verdict {
  // `goes` is false when the object must not be given. `not_modified` says that the client has it
  // already.
  bool goes = true, not_modified = false;
};
Verdict read_conditions(const ObjectIn& in, const std::string& prefix, const VersionFacts& facts);
std::shared_ptr<BodyProducer> read_version(const Version& version, const json::object& context,
                                           const Ports& ports, const Snapshot& snapshot,
                                           uint64_t from, uint64_t count, Result<Done>& opened);
// What reading a version needs: s3:GetObject or s3:GetObjectVersion, and kms:Decrypt of its key.
// When there is no such object it needs s3:ListBucket, because only who may list is told so.
Result<std::vector<Need>> read_needs(const ObjectIn& in, const Snapshot& snapshot,
                                     const Ports& ports, bool body);

struct PutOut {
  Headers headers;
};
// The two steps of an upload with one request: PutObject and PostObject.
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
