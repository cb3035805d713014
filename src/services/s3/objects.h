#pragma once
// PutObject, GetObject, HeadObject, DeleteObject. Conditions: If-Match, If-None-Match (writes: "*" only), dates on reads;
// one byte range. Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed, PreconditionFailed, InvalidRange, BadDigest, InvalidDigest,
// EntityTooLarge, MetadataTooLarge, KMS.*. Source: S3 API Reference.
#include "services/s3/model.h"

namespace sluice::s3 {

struct ObjectIn {
  std::string bucket, key, version_id;
  std::vector<std::pair<std::string, std::string>> headers;    // those of object operations: content-*, x-amz-*, if-*, range
  std::vector<std::pair<std::string, std::string>> overrides;  // response-content-type=... of a GET
  std::string header(std::string_view name) const;             // "" when absent
};
Result<ObjectIn> parse_object_in(const Request& request);
json::value audit_object(const ObjectIn& in);
// Receives a body: hashes what must be checked, keeps up to `inline_bytes_max` in the record and spools the rest, sealed.
// Gives the version's Size, ETag, Inline or Blobs, and checksum members.
Result<json::object> receive(BodySource& body, const ObjectIn& in, const Encryption& encryption, const json::object& context, const Ports& ports, Staged& staged, uint64_t bytes_max, size_t inline_bytes_max = kInlineBytesMax);
Result<Done> keep_metadata(const ObjectIn& in, json::object& version);   // content headers and x-amz-meta-*
Result<Encryption> encryption_of(const ObjectIn& in, const json::object& bucket);
Result<std::vector<Need>> write_needs(const ObjectIn& in, const Snapshot& snapshot, const Ports& ports);
Result<Done> check_write_conditions(const ObjectIn& in, Staged& staged);
void add_object_headers(Headers& headers, const json::object& version, bool versioned_bucket);
std::shared_ptr<BodyProducer> read_version(const json::object& version, const json::object& context, const Ports& ports, const Snapshot& snapshot, uint64_t from, uint64_t count, Result<Done>& opened);

struct PutOut { Headers headers; };
struct PutObject {
  static constexpr std::string_view name = "PutObject", action = "s3:PutObject";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "", ""};
  static constexpr bool data_event = true, streams = true;
  using In = ObjectIn;
  using Out = PutOut;
  static Result<In> parse(const Request& request) { return parse_object_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports) { return write_needs(in, s, ports); }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return {200, out.headers, "", nullptr, 0}; }
  static json::value audit(const In& in) { return audit_object(in); }
};

struct GetOut { int status = 200; Headers headers; std::shared_ptr<BodyProducer> stream; uint64_t bytes = 0; };
template <class Self>
struct ReadsObject {
  static constexpr bool data_event = true;
  using In = ObjectIn;
  using Out = GetOut;
  static Result<In> parse(const Request& request) {
    if (request.query_value("partNumber")) return Error{501, "NotImplemented", "Reading one part by partNumber is not implemented by Sluice; ask for a Range.", {}};
    return parse_object_in(request);
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return {out.status, out.headers, "", out.stream, out.bytes}; }
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
struct DeleteObject {
  static constexpr std::string_view name = "DeleteObject", action = "s3:DeleteObject";
  static constexpr Match match{"DELETE", "/{Bucket}/{Key+}", "", ""};
  static constexpr bool data_event = true;
  using In = ObjectIn;
  struct Out { Headers headers; };
  static Result<In> parse(const Request& request) { return parse_object_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return {204, out.headers, "", nullptr, 0}; }
  static json::value audit(const In& in) { return audit_object(in); }
};
// One deletion, as DeleteObject and DeleteObjects do it: a marker, or a version for good.
struct Deleted { bool marker = false; std::string version_id; };
Result<Deleted> delete_one(Staged& staged, const json::object& bucket, const std::string& key, const std::string& version_id, const std::string& request_id, const std::string& source_ip, const std::string& principal_id);

}  // namespace sluice::s3
