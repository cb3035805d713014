// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "services/s3/acl.h"
#include "services/s3/metadata.h"
#include "services/s3/object_lock.h"
#include "services/s3/tagging.h"

namespace sluice::s3 {
namespace {
constexpr const char* kKeptHeaders[] = {"content-type",     "content-disposition",
                                        "content-encoding", "content-language",
                                        "cache-control",    "expires"};
// What is read before it is hashed and sealed: a chunk of a sealed file, which the processor's
// cache holds from one to the other.
constexpr size_t kPieceBytes = 64 * 1024;
constexpr int64_t kSnapshotHeldMaxUs = 1'000'000;
}  // namespace

namespace {
// The Content-Encoding of the object. aws-chunked is only how the upload was sent, and is left out;
// everything else stays as it is, down to the last blank.
std::string without_aws_chunked(const std::string& encodings) {
  std::string rest;
  bool any = false;
  for (const auto part : split(encodings, ',')) {
    if (trim(part) == "aws-chunked") continue;
    rest.append(std::exchange(any, true) ? "," : "").append(part);
  }
  return std::string(trim(rest));
}
}  // namespace

Result<Described> describe(const ObjectIn& in) {
  size_t total = 0;
  Described kept;
  for (const auto& [name, value] : in.headers)
    if (name.starts_with("x-amz-meta-")) {
      const std::string text = decode_metadata(value);
      total += name.size() - 11 + text.size();
      json::value& one = kept.meta[name.substr(11)];
      // A header that is given twice has both values.
      one = one.is_string() ? std::string(one.as_string()) + "," + text : text;
    }
  if (total > kMetadataBytesMax)
    return Error{
        400,
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
        {{"Size", std::to_string(total)}, {"MaxSizeAllowed", std::to_string(kMetadataBytesMax)}}};
  for (const char* name : kKeptHeaders) {
    std::string value = in.header(name);
    if (std::string_view(name) == "content-encoding") value = without_aws_chunked(value);
    if (std::string_view(name) == "content-type" && value.empty()) value = "binary/octet-stream";
    if (!value.empty()) kept.headers[name] = value;
  }
  TRY(kept.tags, parse_tag_header(in.header("x-amz-tagging")));
  return kept;
}

std::string ObjectIn::header(std::string_view name) const {
  for (const auto& [given, value] : headers)
    if (given == name) return value;
  return {};
}

namespace {
constexpr std::string_view kOtherClasses[] = {"REDUCED_REDUNDANCY",
                                              "STANDARD_IA",
                                              "ONEZONE_IA",
                                              "INTELLIGENT_TIERING",
                                              "GLACIER",
                                              "DEEP_ARCHIVE",
                                              "OUTPOSTS",
                                              "GLACIER_IR",
                                              "SNOW",
                                              "EXPRESS_ONEZONE",
                                              "FSX_OPENZFS",
                                              "FSX_ONTAP"};
// Refuses headers that ask for what is not built. They are never passed over in silence.
Result<Done> check_object_headers(const ObjectIn& in) {
  for (const char* unsupported :
       {"x-amz-server-side-encryption-customer-algorithm", "x-amz-website-redirect-location",
        "x-amz-write-offset-bytes", "x-amz-copy-source-server-side-encryption-customer-algorithm",
        "x-amz-mfa"})
    if (!in.header(unsupported).empty())
      return Error{
          501, "NotImplemented", std::string(unsupported) + " is not implemented by Sluice.", {}};
  if (const std::string storage = in.header("x-amz-storage-class");
      !storage.empty() && storage != "STANDARD") {
    if (std::find(std::begin(kOtherClasses), std::end(kOtherClasses), storage) ==
        std::end(kOtherClasses))
      return Error{400,
                   "InvalidStorageClass",
                   "The storage class you specified is not valid",
                   {{"StorageClassRequested", storage}}};
    return Error{501, "NotImplemented", "Sluice has one storage class: STANDARD.", {}};
  }
  return check_acl_headers(in.headers);
}
bool is_kept(std::string_view name) {
  return name.starts_with("x-amz-") || name.starts_with("content-") || name.starts_with("if-") ||
         name == "range" || name == "cache-control" || name == "expires";
}
}  // namespace

Result<ObjectIn> parse_object_in(const Request& request, bool takes_context) {
  ObjectIn in{
      request.param("Bucket"), request.param("Key"), request.query_text("versionId"), {}, {}};
  if (in.key.size() > kKeyBytesMax)
    return Error{400,
                 "KeyTooLongError",
                 "Your key is too long",
                 {{"Size", std::to_string(in.key.size())}, {"MaxSizeAllowed", "1024"}}};
  if (!is_utf8(in.key) || in.key.find('\0') != std::string::npos)
    return Error{400, "InvalidURI", "Couldn't parse the specified URI.", {}};
  for (const auto& [name, value] : request.headers.list)
    if (is_kept(name)) in.headers.emplace_back(name, value);
  for (const auto& [name, value] : request.query)
    if (name.starts_with("response-")) in.overrides.emplace_back(name.substr(9), value);
  if (request.query_value("versionId") && in.version_id.empty())
    return Error{400,
                 "InvalidArgument",
                 "Version id cannot be the empty string",
                 {{"ArgumentName", "versionId"}, {"ArgumentValue", ""}}};
  if (!in.version_id.empty() && in.version_id != "null" && in.version_id.size() != kSortCharacters)
    return Error{400,
                 "InvalidArgument",
                 "Invalid version id specified",
                 {{"ArgumentName", "versionId"}, {"ArgumentValue", in.version_id}}};
  if (const std::string* part = request.query_value("partNumber")) {
    const auto number = parse_int(*part);
    if (!number || *number < 1 || *number > static_cast<int64_t>(kPartsMax))
      return Error{400,
                   "InvalidArgument",
                   "Part number must be an integer between 1 and 10000, inclusive",
                   {{"ArgumentName", "partNumber"}, {"ArgumentValue", *part}}};
    in.part = *number;
  }
  if (!takes_context && !in.header(kContextHeader).empty())
    return Error{501,
                 "NotImplemented",
                 std::string(kContextHeader) + " is implemented for PutObject only.",
                 {}};
  CHECK(check_object_headers(in));
  return in;
}
Result<std::vector<Need>> version_needs(std::string_view action, std::string_view version_action,
                                        const ObjectIn& in, const Snapshot& snapshot) {
  CHECK(check_owner(in.header("x-amz-expected-bucket-owner"), snapshot));
  policy::Context context;
  if (!in.version_id.empty()) context["s3:versionid"] = {in.version_id};
  if (const std::string etag = in.header("if-match"); !etag.empty())
    context["s3:if-match"] = {etag};
  return list_of(object_need(in.version_id.empty() ? action : version_action, in.bucket, in.key,
                             snapshot, std::move(context)));
}
json::value audit_object(const ObjectIn& in) {
  json::object shown{{"bucketName", in.bucket}, {"key", in.key}};
  if (!in.version_id.empty()) shown["versionId"] = in.version_id;
  if (const std::string sse = in.header("x-amz-server-side-encryption"); !sse.empty())
    shown["x-amz-server-side-encryption"] = sse;
  return shown;
}

Result<Encryption> encryption_of(const ObjectIn& in, const Bucket& bucket) {
  const std::string algorithm = in.header("x-amz-server-side-encryption"),
                    key = in.header("x-amz-server-side-encryption-aws-kms-key-id");
  if (algorithm.empty() && !key.empty())
    return Error{400,
                 "InvalidArgument",
                 "Server Side Encryption with AWS KMS managed key requires HTTP header "
                 "x-amz-server-side-encryption : aws:kms",
                 {}};
  if (algorithm == "AES256") return Encryption{algorithm, "alias/aws/s3"};
  if (algorithm == "aws:kms") return Encryption{algorithm, key.empty() ? "alias/aws/s3" : key};
  if (algorithm == "aws:kms:dsse")
    return Error{
        501, "NotImplemented", "aws:kms:dsse is not implemented by Sluice; use aws:kms.", {}};
  if (!algorithm.empty())
    return Error{400,
                 "InvalidArgument",
                 "The encryption method specified is not supported",
                 {{"ArgumentName", "x-amz-server-side-encryption"}, {"ArgumentValue", algorithm}}};
  return Encryption{bucket.algorithm, bucket.kms_key.empty() ? "alias/aws/s3" : bucket.kms_key};
}

Result<std::vector<Need>> write_needs(const ObjectIn& in, const Snapshot& snapshot,
                                      const Ports& ports) {
  CHECK(check_owner(in.header("x-amz-expected-bucket-owner"), snapshot));
  policy::Context context{{"s3:objectcreationoperation", {"true"}}};
  for (const char* name :
       {"x-amz-server-side-encryption", "x-amz-acl", "x-amz-grant-full-control", "x-amz-grant-read",
        "x-amz-grant-read-acp", "x-amz-grant-write", "x-amz-grant-write-acp", "x-amz-storage-class",
        "x-amz-copy-source", "x-amz-metadata-directive", "if-match", "if-none-match"})
    if (const std::string value = in.header(name); !value.empty())
      context["s3:" + std::string(name)] = {value};
  std::string key = in.header("x-amz-server-side-encryption-aws-kms-key-id");
  if (!key.empty()) {
    // Policies compare with the full ARN.
    if (const auto view = ports.data_keys->find(key, snapshot)) key = view->arn;
    context["s3:x-amz-server-side-encryption-aws-kms-key-id"] = {key};
  }
  TRY(const json::object tags, parse_tag_header(in.header("x-amz-tagging")));
  add_request_tags(context, tags);
  std::vector<Need> needs =
      list_of(object_need("s3:PutObject", in.bucket, in.key, snapshot, std::move(context)));
  if (!tags.empty())
    needs.push_back(
        object_need("s3:PutObjectTagging", in.bucket, in.key, snapshot, needs.front().context));
  add_lock_needs(needs, in, snapshot);
  const auto bucket = snapshot.get(bucket_key(in.bucket));
  if (!bucket) return needs;
  TRY(const Encryption encryption, encryption_of(in, *bucket));
  auto key_need = ports.data_keys->need("kms:GenerateDataKey", encryption.key_reference,
                                        encryption_context(in.bucket, in.key, in.context),
                                        via_s3(snapshot.scope()), snapshot);
  if (!key_need) return kms_error(std::move(key_need).error());
  if (*key_need) needs.push_back(**std::move(key_need));
  return needs;
}

Result<Done> check_write_conditions(const ObjectIn& in, const std::string* etag) {
  const std::string none = in.header("if-none-match"), match = in.header("if-match");
  if (none.empty() && match.empty()) return Done{};
  if (!none.empty() && none != "*")
    return Error{501,
                 "NotImplemented",
                 "A header you provided implies functionality that is not implemented",
                 {{"Header", "If-None-Match"}}};
  if (!none.empty() && etag)
    return Error{412,
                 "PreconditionFailed",
                 "At least one of the pre-conditions you specified did not hold",
                 {{"Condition", "If-None-Match"}}};
  if (!match.empty() && !etag) return no_such_key(in.key);
  if (!match.empty() && match != "*" && match != "\"" + *etag + "\"" && match != *etag)
    return Error{412,
                 "PreconditionFailed",
                 "At least one of the pre-conditions you specified did not hold",
                 {{"Condition", "If-Match"}}};
  return Done{};
}

namespace {
// Compares what was computed with what the client sent in a header or in the trailers.
Result<Done> verify_sent(const BodySource& body, const ObjectIn& in, const Checksum* sent,
                         const std::string& actual) {
  if (!sent) return Done{};
  std::string expected = in.header(sent->header);
  if (const Headers* trailers = body.trailers(); trailers && expected.empty())
    expected = trailers->get(sent->header);
  if (expected.empty())
    return Error{400,
                 "MalformedTrailerError",
                 "The request contained trailing data that was not well-formed or did not conform "
                 "to our published schema.",
                 {}};
  if (expected != actual)
    return Error{
        400,
        "BadDigest",
        "The " + std::string(sent->name) + " you specified did not match the calculated checksum.",
        {}};
  return Done{};
}
// Until `buffer` is full or the body ends: a read gives what one TLS record has.
// `came` is called after each wait for bytes.
template <class Came>
Result<size_t> read_piece(BodySource& body, std::string& buffer, const Came& came) {
  size_t total = 0;
  while (total < buffer.size()) {
    TRY(const size_t got, body.read(buffer.data() + total, buffer.size() - total));
    CHECK(came());
    if (!got) break;
    total += got;
  }
  return total;
}
// A snapshot keeps the files of all that is deleted meanwhile, so a slow upload must not hold one.
// False: it stays, since it has made or rotated the KMS key of the data key, which nobody else
// knows yet. Errors: those of a key that can be used no more.
Result<bool> renew(Staged& staged, const DataKey& key, const json::object& context,
                   const Ports& ports) {
  Staged fresh = ports.store->stage();
  auto opened = ports.data_keys->unwrap(key.wrapped, context, fresh.snapshot());
  if (!opened && (opened.error().code == "NotFoundException" ||
                  opened.error().code == "InvalidCiphertextException"))
    return false;
  if (!opened) return kms_error(std::move(opened).error());
  staged = std::move(fresh);
  return true;
}
}  // namespace

Result<Received> receive(BodySource& body, const ObjectIn& in, const Encryption& encryption,
                         const json::object& context, const Ports& ports, Staged& staged,
                         const Checksum* keep, size_t inline_bytes_max) {
  const Error too_large{400,
                        "EntityTooLarge",
                        "Your proposed upload exceeds the maximum allowed size",
                        {{"MaxSizeAllowed", std::to_string(kPutBytesMax)}}};
  const std::string decoded_length = in.header("x-amz-decoded-content-length");
  const auto declared =
      parse_int(decoded_length.empty() ? in.header("content-length") : decoded_length);
  // This is refused before a byte of the body is read.
  if (declared && *declared > static_cast<int64_t>(kPutBytesMax)) return too_large;
  TRY(const std::string wanted_md5, content_md5(in.headers));
  TRY(const Checksum* sent, checksum_sent(in.headers));
  if (!keep) keep = sent ? sent : &crc64nvme();
  auto generated = ports.data_keys->generate(encryption.key_reference, context, staged);
  if (!generated) return kms_error(std::move(generated).error());
  Received out{{}, encryption, *std::move(generated), {}, {}};
  Digest kept_sum(keep->algorithm), sent_sum((sent ? sent : keep)->algorithm);
  std::optional<Digest> md5_sum;
  if (encryption.algorithm == "AES256" || !wanted_md5.empty())
    md5_sum.emplace(Digest::Algorithm::md5);
  const bool two_sums = sent && sent != keep;
  uint64_t total = 0;
  const int64_t announced = parse_int(in.header("content-length")).value_or(kPieceBytes);
  std::string buffer(
      std::clamp<size_t>(static_cast<size_t>(std::max<int64_t>(announced, 0)), 1024, kPieceBytes),
      '\0');
  std::unique_ptr<BlobWriter> spool;
  // A part is always a file, also when it is empty.
  if (inline_bytes_max == 0) spool = ports.store->write_blob(out.key.plain);
  int64_t since_us = monotonic_us();
  const auto keep_fresh = [&]() -> Result<Done> {
    if (monotonic_us() - since_us < kSnapshotHeldMaxUs) return Done{};
    TRY(const bool renewed, renew(staged, out.key, context, ports));
    out.outdated = out.outdated || renewed;
    since_us = monotonic_us();
    return Done{};
  };
  for (;;) {
    TRY(const size_t got, read_piece(body, buffer, keep_fresh));
    if (!got) break;
    const std::string_view piece(buffer.data(), got);
    total += got;
    if (total > kPutBytesMax) return too_large;
    kept_sum.update(piece);
    if (two_sums) sent_sum.update(piece);
    if (md5_sum) md5_sum->update(piece);
    if (!spool && out.held.size() + got <= inline_bytes_max) {
      out.held.append(piece);
      continue;
    }
    if (!spool) {
      spool = ports.store->write_blob(out.key.plain);
      CHECK(spool->write(out.held));
      out.held.clear();
    }
    CHECK(spool->write(piece));
  }
  const std::string digest = md5_sum ? md5_sum->finish() : std::string(),
                    value = base64(kept_sum.finish());
  if (!wanted_md5.empty() && digest != wanted_md5)
    return Error{
        400, "BadDigest", "The Content-MD5 you specified did not match what we received.", {}};
  CHECK(verify_sent(body, in, sent, two_sums ? base64(sent_sum.finish()) : value));
  // Under a KMS key the ETag is not the MD5 of the bytes (S3 API Reference, "Object").
  out.facts.size = total;
  out.facts.etag = encryption.algorithm == "AES256" ? hex(digest) : random_hex(32);
  out.facts.algorithm = encryption.algorithm;
  if (encryption.algorithm == "aws:kms") out.facts.key_arn = out.key.key_arn;
  out.facts.checksum = keep->name;
  out.facts.checksum_value = value;
  out.facts.checksum_type = "FULL_OBJECT";
  if (spool) {
    TRY(out.blob, spool->finish());
  }
  return out;
}

Result<Version> stage_received(Received& received, const json::object& context, const Ports& ports,
                               Staged& staged) {
  if (std::exchange(received.outdated, false)) {
    received.staged = true;
    return Error{409, "Conflict", "Who may do this is asked again after a slow upload.", {}};
  }
  // The second time: is the KMS key still the one that wrapped the data key?
  if (std::exchange(received.staged, true)) {
    const auto opened = ports.data_keys->unwrap(received.key.wrapped, context, staged.snapshot());
    if (!opened && received.blob)
      return Error{
          503, "SlowDown", "The encryption key was rotated during the upload; try again.", {}};
    if (!opened) {
      auto generated =
          ports.data_keys->generate(received.encryption.key_reference, context, staged);
      if (!generated) return kms_error(std::move(generated).error());
      received.key = *std::move(generated);
    }
  }
  Version version{received.facts, {}};
  if (received.blob) {
    staged.adopt(*received.blob);
    version.facts.files.push_back(
        {received.blob->id, received.blob->bytes, base64(received.key.wrapped), {}});
  } else {
    version.facts.wrapped = base64(received.key.wrapped);
    version.sealed = aead_seal_random(received.key.plain, received.held, "s3-inline");
  }
  return version;
}

void add_object_headers(Headers& headers, const VersionFacts& facts, bool versioned_bucket) {
  headers.add("etag", "\"" + facts.etag + "\"");
  if (versioned_bucket && facts.id != "null") headers.add("x-amz-version-id", facts.id);
  headers.add("x-amz-server-side-encryption", facts.algorithm);
  if (!facts.key_arn.empty())
    headers.add("x-amz-server-side-encryption-aws-kms-key-id", facts.key_arn);
}
void add_checksum_headers(Headers& headers, const VersionFacts& facts) {
  const Checksum* checksum = find_checksum(facts.checksum);
  if (!checksum) return;
  headers.add(std::string(checksum->header), facts.checksum_value);
  headers.add("x-amz-checksum-type", facts.checksum_type);
}

// x-amz-server-side-encryption-context is base64 of a JSON object of texts. S3 always adds the ARN
// of the object to it.
Result<Done> parse_context(ObjectIn& in) {
  const std::string header = in.header(kContextHeader);
  if (header.empty()) return Done{};
  const Error invalid{400,
                      "InvalidArgument",
                      "The header x-amz-server-side-encryption-context must be base64 of a JSON "
                      "object of texts, for an object under aws:kms.",
                      {{"ArgumentName", std::string(kContextHeader)}}};
  const auto text = header.size() <= kMetadataBytesMax ? unbase64(header) : std::nullopt;
  auto context = text ? parse_json_strict(*text) : Result<json::value>(invalid);
  if (!context || !context->is_object() || in.header("x-amz-server-side-encryption") != "aws:kms")
    return invalid;
  for (const auto& [name, value] : context->get_object())
    if (!value.is_string() || equals_ignore_case(std::string_view(name), "aws:s3:arn"))
      return invalid;
  in.context = std::move(context->get_object());
  return Done{};
}

Result<ObjectIn> PutObject::parse(const Request& request) {
  if (request.query_value("versionId"))
    return Error{
        400,
        "InvalidArgument",
        "This operation does not accept a version-id.",
        {{"ArgumentName", "versionId"}, {"ArgumentValue", request.query_text("versionId")}}};
  TRY(ObjectIn in, parse_object_in(request, true));
  CHECK(parse_context(in));
  return in;
}
Result<Received> receive_upload(const ObjectIn& in, BodySource& body, Time at, const Ports& ports,
                                Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in.bucket));
  TRY(const Encryption encryption, encryption_of(in, *bucket));
  TRY(Described described, describe(in));  // its errors come before the body is read
  Lock lock;
  CHECK(lock_new_version(in, *bucket, at, lock));
  if (!lock.lock_mode.empty() || !lock.legal_hold.empty()) {
    TRY(const Checksum* sent, checksum_sent(in.headers));
    if (!sent && in.header("content-md5").empty())
      return Error{400,
                   "InvalidRequest",
                   "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
                   "with Object Lock parameters",
                   {}};
  }
  CHECK(check_newest(in, staged.snapshot()));
  TRY(Received received,
      s3::receive(body, in, encryption, encryption_context(in.bucket, in.key, in.context), ports,
                  staged));
  static_cast<Described&>(received.facts) = std::move(described);
  received.facts.context = in.context;
  return received;
}
Result<PutOut> store_upload(const ObjectIn& in, Received& body, Time at, const Ports& ports,
                            const Actor& actor, std::string_view event, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in.bucket));
  CHECK(check_newest(in, staged));
  TRY(Version version,
      stage_received(body, encryption_context(in.bucket, in.key, in.context), ports, staged));
  CHECK(lock_new_version(in, *bucket, at, version.facts));
  version.facts.modified = at;
  CHECK(add_version(staged, *bucket, in.key, version, event, actor));
  PutOut out;
  add_object_headers(out.headers, version.facts, versioned(*bucket));
  add_checksum_headers(out.headers, version.facts);
  return out;
}

Result<Received> PutObject::receive(const Authorized<In>& in, Staged& staged) {
  return receive_upload(*in, in.body(), in.time(), in.ports(), staged);
}
Result<PutOut> PutObject::run(const Authorized<In>& in, Received& body, Staged& staged) {
  return store_upload(*in, body, in.time(), in.ports(), actor(in), "ObjectCreated:Put", staged);
}

}  // namespace sluice::s3
