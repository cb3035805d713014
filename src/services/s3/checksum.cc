// SPDX-License-Identifier: Apache-2.0
#include "services/s3/checksum.h"

#include "base/bytes.h"

namespace sluice::s3 {
using Algorithm = Digest::Algorithm;
const Checksum kChecksums[5] = {
    {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", Algorithm::crc32, 4, true, true},
    {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", Algorithm::crc32c, 4, true, true},
    {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", Algorithm::crc64nvme, 8, true,
     false},
    {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", Algorithm::sha1, 20, false, true},
    {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", Algorithm::sha256, 32, false, true}};
const Checksum& crc64nvme() { return kChecksums[2]; }
const Checksum* find_checksum(std::string_view name) {
  for (const Checksum& c : kChecksums)
    if (equals_ignore_case(c.name, name)) return &c;
  return nullptr;
}

namespace {
std::string value_of(const HeaderList& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}
Error mismatch(std::string_view name) {
  return {400,
          "BadDigest",
          "The " + std::string(name) + " you specified did not match the calculated checksum.",
          {}};
}
}  // namespace

Result<const Checksum*> checksum_sent(const HeaderList& headers) {
  for (const char* later :
       {"x-amz-checksum-sha512", "x-amz-checksum-md5", "x-amz-checksum-xxhash64",
        "x-amz-checksum-xxhash3", "x-amz-checksum-xxhash128"})
    if (!value_of(headers, later).empty() ||
        equals_ignore_case(value_of(headers, "x-amz-trailer"), later))
      return Error{
          501, "NotImplemented", std::string(later) + " is not implemented by Sluice.", {}};
  const Checksum* found = nullptr;
  for (const Checksum& c : kChecksums) {
    const std::string value = value_of(headers, c.header);
    const bool trails = equals_ignore_case(value_of(headers, "x-amz-trailer"), c.header);
    if (value.empty() && !trails) continue;
    if (found)
      return Error{
          400,
          "InvalidRequest",
          "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
          {}};
    const auto bytes = unbase64(value);
    if (!trails && (!bytes || bytes->size() != c.bytes))
      return Error{
          400, "InvalidRequest", "Value for " + std::string(c.header) + " header is invalid.", {}};
    found = &c;
  }
  const std::string announced = value_of(headers, "x-amz-sdk-checksum-algorithm");
  if (!announced.empty() && (!found || !equals_ignore_case(announced, found->name)))
    return Error{400,
                 "InvalidRequest",
                 "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
                 "x-amz-trailer headers were found.",
                 {}};
  return found;
}

Result<std::string> content_md5(const HeaderList& headers) {
  const std::string text = value_of(headers, "content-md5");
  if (text.empty()) return std::string();
  auto bytes = unbase64(text);
  if (!bytes || bytes->size() != 16)
    return Error{400, "InvalidDigest", "The Content-MD5 you specified was invalid.", {}};
  return *std::move(bytes);
}

Result<Done> check_document(const Request& request, bool required) {
  TRY(const std::string wanted_md5, content_md5(request.headers.list));
  TRY(const Checksum* checksum, checksum_sent(request.headers.list));
  if (required && wanted_md5.empty() && !checksum)
    return Error{400,
                 "InvalidRequest",
                 "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
                 {}};
  if (!wanted_md5.empty() && md5(request.body) != wanted_md5)
    return Error{
        400, "BadDigest", "The Content-MD5 you specified did not match what we received.", {}};
  if (!checksum) return Done{};
  Digest digest(checksum->algorithm);
  digest.update(request.body);
  if (base64(digest.finish()) != request.headers.get(checksum->header))
    return mismatch(checksum->name);
  return Done{};
}

}  // namespace sluice::s3
