#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "services/s3/objects.h"

namespace sluice::s3 {
namespace {
using Algorithm = Digest::Algorithm;
struct ChecksumName { const char* header; const char* name; Algorithm algorithm; size_t bytes; };
constexpr ChecksumName kChecksums[] = {{"x-amz-checksum-crc32", "CRC32", Algorithm::crc32, 4}, {"x-amz-checksum-crc32c", "CRC32C", Algorithm::crc32c, 4}, {"x-amz-checksum-crc64nvme", "CRC64NVME", Algorithm::crc64nvme, 8},
                                       {"x-amz-checksum-sha1", "SHA1", Algorithm::sha1, 20}, {"x-amz-checksum-sha256", "SHA256", Algorithm::sha256, 32}};

// Which checksum the request brings: in a header, or announced for the trailer; CRC64NVME when none.
Result<const ChecksumName*> checksum_of(const ObjectIn& in) {
  const ChecksumName* found = nullptr;
  for (const ChecksumName& c : kChecksums) {
    const std::string value = in.header(c.header);
    const bool trails = equals_ignore_case(in.header("x-amz-trailer"), c.header);
    if (value.empty() && !trails) continue;
    if (found) return Error{400, "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.", {}};
    const auto bytes = unbase64(value);
    if (!trails && (!bytes || bytes->size() != c.bytes)) return Error{400, "InvalidRequest", "Value for " + std::string(c.header) + " header is invalid.", {}};
    found = &c;
  }
  const std::string announced = in.header("x-amz-sdk-checksum-algorithm");
  if (!announced.empty() && (!found || !equals_ignore_case(announced, found->name))) return Error{400, "InvalidRequest", "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.", {}};
  return found ? found : &kChecksums[2];
}

constexpr const char* kKeptHeaders[] = {"content-type", "content-disposition", "content-encoding", "content-language", "cache-control", "expires"};
}  // namespace

Result<Done> keep_metadata(const ObjectIn& in, json::object& version) {
  size_t total = 0;
  json::object meta;
  for (const auto& [name, value] : in.headers)
    if (name.starts_with("x-amz-meta-")) {
      total += name.size() - 11 + value.size();
      meta[name.substr(11)] = value;
    }
  if (total > kMetadataBytesMax) return Error{400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", {{"Size", std::to_string(total)}, {"MaxSizeAllowed", std::to_string(kMetadataBytesMax)}}};
  json::object kept;
  for (const char* name : kKeptHeaders) {
    std::string value = in.header(name);
    if (std::string_view(name) == "content-encoding") {
      std::string rest;
      for (const auto part : split(value, ',')) if (trim(part) != "aws-chunked" && !trim(part).empty()) rest += (rest.empty() ? "" : ",") + std::string(trim(part));
      value = rest;
    }
    if (std::string_view(name) == "content-type" && value.empty()) value = "binary/octet-stream";
    if (!value.empty()) kept[name] = value;
  }
  version["Headers"] = std::move(kept);
  version["Meta"] = std::move(meta);
  return Done{};
}

std::string ObjectIn::header(std::string_view name) const {
  for (const auto& [key, value] : headers) if (key == name) return value;
  return {};
}

Result<ObjectIn> parse_object_in(const Request& request) {
  ObjectIn in{request.param("Bucket"), request.param("Key"), request.query_text("versionId"), {}, {}};
  if (in.key.size() > kKeyBytesMax) return Error{400, "KeyTooLongError", "Your key is too long", {{"Size", std::to_string(in.key.size())}, {"MaxSizeAllowed", "1024"}}};
  if (!is_utf8(in.key) || in.key.find('\0') != std::string::npos) return Error{400, "InvalidURI", "Couldn't parse the specified URI.", {}};
  for (const auto& [name, value] : request.headers.list)
    if (name.starts_with("x-amz-") || name.starts_with("content-") || name.starts_with("if-") || name == "range" || name == "cache-control" || name == "expires") in.headers.emplace_back(name, value);
  for (const auto& [name, value] : request.query) if (name.starts_with("response-")) in.overrides.emplace_back(name.substr(9), value);
  if (request.query_value("versionId") && in.version_id.empty()) return Error{400, "InvalidArgument", "Version id cannot be the empty string", {{"ArgumentName", "versionId"}}};
  if (!in.version_id.empty() && in.version_id != "null" && in.version_id.size() != kSortCharacters) return Error{400, "InvalidArgument", "Invalid version id specified", {{"ArgumentName", "versionId"}, {"ArgumentValue", in.version_id}}};
  for (const char* unsupported : {"x-amz-server-side-encryption-customer-algorithm", "x-amz-tagging", "x-amz-object-lock-mode", "x-amz-object-lock-legal-hold", "x-amz-website-redirect-location"})
    if (!in.header(unsupported).empty()) return Error{501, "NotImplemented", std::string(unsupported) + " is not implemented by Sluice.", {}};
  if (const std::string acl = in.header("x-amz-acl"); !acl.empty() && acl != "bucket-owner-full-control" && acl != "private") return Error{400, "AccessControlListNotSupported", "The bucket does not allow ACLs", {}};
  return in;
}
json::value audit_object(const ObjectIn& in) {
  json::object shown{{"bucketName", in.bucket}, {"key", in.key}};
  if (!in.version_id.empty()) shown["versionId"] = in.version_id;
  if (const std::string sse = in.header("x-amz-server-side-encryption"); !sse.empty()) shown["x-amz-server-side-encryption"] = sse;
  return shown;
}

Result<Encryption> encryption_of(const ObjectIn& in, const json::object& bucket) {
  const std::string algorithm = in.header("x-amz-server-side-encryption"), key = in.header("x-amz-server-side-encryption-aws-kms-key-id");
  if (algorithm.empty() && !key.empty()) return Error{400, "InvalidArgument", "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms", {}};
  if (algorithm == "AES256") return Encryption{algorithm, "alias/aws/s3"};
  if (algorithm == "aws:kms") return Encryption{algorithm, key.empty() ? "alias/aws/s3" : key};
  if (!algorithm.empty()) return Error{400, "InvalidArgument", "The encryption method specified is not supported", {{"ArgumentName", "x-amz-server-side-encryption"}, {"ArgumentValue", algorithm}}};
  const std::string by_default = text_of(bucket, "KmsKey");
  return Encryption{text_of(bucket, "Algorithm"), by_default.empty() ? "alias/aws/s3" : by_default};
}

Result<std::vector<Need>> write_needs(const ObjectIn& in, const Snapshot& snapshot, const Ports& ports) {
  policy::Context context;
  for (const char* name : {"x-amz-server-side-encryption", "x-amz-acl", "x-amz-storage-class", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-content-sha256", "if-match", "if-none-match"})
    if (const std::string value = in.header(name); !value.empty()) context["s3:" + std::string(name)] = {value};
  std::string key = in.header("x-amz-server-side-encryption-aws-kms-key-id");
  if (!key.empty()) {
    if (const auto view = ports.data_keys->find(key, snapshot)) key = view->arn;       // compared as a full ARN
    context["s3:x-amz-server-side-encryption-aws-kms-key-id"] = {key};
  }
  std::vector<Need> needs{object_need("s3:PutObject", in.bucket, in.key, snapshot, std::move(context))};
  const auto bucket = find_bucket(snapshot, in.bucket);
  if (!bucket) return needs;
  TRY(const Encryption encryption, encryption_of(in, *bucket));
  auto key_need = ports.data_keys->need("kms:GenerateDataKey", encryption.key_reference, encryption_context(in.bucket, in.key), via_s3(snapshot.scope()), snapshot);
  if (!key_need) return kms_error(std::move(key_need).error());
  if (*key_need) needs.push_back(**key_need);
  return needs;
}

Result<Done> check_write_conditions(const ObjectIn& in, Staged& staged) {
  const std::string none = in.header("if-none-match"), match = in.header("if-match");
  if (none.empty() && match.empty()) return Done{};
  if (!none.empty() && none != "*") return Error{501, "NotImplemented", "A header you provided implies functionality that is not implemented", {{"Header", "If-None-Match"}}};
  const auto current = staged.get_json(current_key(in.bucket, in.key));
  const bool exists = current && !bool_of(*current, "Marker");
  if (!none.empty() && exists) return Error{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {{"Condition", "If-None-Match"}}};
  if (!match.empty() && !exists) return no_such_key(in.key);
  if (!match.empty() && match != "*" && match != "\"" + text_of(*current, "ETag") + "\"" && match != text_of(*current, "ETag")) return Error{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {{"Condition", "If-Match"}}};
  return Done{};
}

Result<json::object> receive(BodySource& body, const ObjectIn& in, const Encryption& encryption, const json::object& context, const Ports& ports, Staged& staged, uint64_t bytes_max, size_t inline_bytes_max) {
  const Error too_large{400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {{"MaxSizeAllowed", std::to_string(bytes_max)}}};
  const std::string decoded_length = in.header("x-amz-decoded-content-length");
  const auto declared = parse_int(decoded_length.empty() ? in.header("content-length") : decoded_length);
  if (declared && *declared > static_cast<int64_t>(bytes_max)) return too_large;       // before a byte of it is read
  const std::string wanted_md5 = in.header("content-md5");
  const auto md5_bytes = wanted_md5.empty() ? std::nullopt : unbase64(wanted_md5);
  if (!wanted_md5.empty() && (!md5_bytes || md5_bytes->size() != 16)) return Error{400, "InvalidDigest", "The Content-MD5 you specified was invalid.", {}};
  TRY(const ChecksumName* checksum, checksum_of(in));
  auto generated = ports.data_keys->generate(encryption.key_reference, context, staged);
  if (!generated) return kms_error(std::move(generated).error());
  const DataKey data_key = *std::move(generated);
  Digest sum(checksum->algorithm), md5_digest(Algorithm::md5);
  const bool needs_md5 = encryption.algorithm == "AES256" || md5_bytes;
  uint64_t total = 0;
  const int64_t announced = parse_int(in.header("content-length")).value_or(kInlineBytesMax);
  std::string buffer(std::clamp<size_t>(static_cast<size_t>(std::max<int64_t>(announced, 0)), 1024, kInlineBytesMax), '\0'), held;
  std::unique_ptr<BlobWriter> spool;
  for (;;) {
    TRY(const size_t got, body.read(buffer.data(), buffer.size()));
    if (!got) break;
    const std::string_view piece(buffer.data(), got);
    total += got;
    if (total > bytes_max) return too_large;
    sum.update(piece);
    if (needs_md5) md5_digest.update(piece);
    if (!spool && held.size() + got <= inline_bytes_max) { held.append(piece); continue; }
    if (!spool) {
      spool = ports.store->write_blob(data_key.plain);
      CHECK(spool->write(held));
      held.clear();
    }
    CHECK(spool->write(piece));
  }
  if (!spool && inline_bytes_max == 0) spool = ports.store->write_blob(data_key.plain);   // an empty part is a file too
  const std::string md5_sum = needs_md5 ? md5_digest.finish() : std::string();
  if (md5_bytes && md5_sum != *md5_bytes) return Error{400, "BadDigest", "The Content-MD5 you specified did not match what we received.", {}};
  const std::string actual = base64(sum.finish());
  std::string expected = in.header(checksum->header);
  if (const Headers* trailers = body.trailers(); trailers && expected.empty()) expected = trailers->get(checksum->header);
  if (expected.empty() && !in.header("x-amz-trailer").empty()) return Error{400, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.", {}};
  if (!expected.empty() && expected != actual) return Error{400, "BadDigest", "The " + std::string(checksum->name) + " you specified did not match the calculated checksum.", {}};
  json::object version{{"Size", static_cast<int64_t>(total)}, {"ETag", encryption.algorithm == "AES256" ? hex(md5_sum) : random_hex(32)}, {"Algorithm", encryption.algorithm}, {"KeyArn", encryption.algorithm == "aws:kms" ? data_key.key_arn : ""},
                       {"Checksum", checksum->name}, {"ChecksumValue", actual}, {"ChecksumType", "FULL_OBJECT"}};
  if (spool) {
    TRY(const BlobRef blob, spool->finish());
    staged.adopt(blob);
    version["Blobs"] = json::array{json::object{{"Id", blob.id}, {"Bytes", static_cast<int64_t>(blob.bytes)}, {"Wrapped", base64(data_key.wrapped)}}};
  } else {
    version["Inline"] = base64(aead_seal_random(data_key.plain, held, "s3-inline"));
    version["Wrapped"] = base64(data_key.wrapped);
  }
  return version;
}

void add_object_headers(Headers& headers, const json::object& version, bool versioned_bucket) {
  headers.add("etag", "\"" + text_of(version, "ETag") + "\"");
  if (versioned_bucket && text_of(version, "Id") != "null") headers.add("x-amz-version-id", text_of(version, "Id"));
  headers.add("x-amz-server-side-encryption", text_of(version, "Algorithm"));
  if (const std::string arn = text_of(version, "KeyArn"); !arn.empty()) headers.add("x-amz-server-side-encryption-aws-kms-key-id", arn);
}

Result<PutOut> PutObject::run(const Authorized<In>& in, Staged& staged) {
  TRY(const json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const Encryption encryption, encryption_of(*in, bucket));
  CHECK(check_write_conditions(*in, staged));
  TRY(json::object version, receive(in.body(), *in, encryption, encryption_context(in->bucket, in->key), in.ports(), staged, kPutBytesMax));
  CHECK(keep_metadata(*in, version));
  version["Modified"] = in.time();
  CHECK(add_version(staged, bucket, in->key, version, "ObjectCreated:Put", in.request_id(), in.source_ip(), in.caller().user_id()));
  PutOut out;
  add_object_headers(out.headers, version, versioned(bucket));
  out.headers.add("x-amz-checksum-" + lower(text_of(version, "Checksum")), text_of(version, "ChecksumValue"));
  out.headers.add("x-amz-checksum-type", "FULL_OBJECT");
  return out;
}

}  // namespace sluice::s3
