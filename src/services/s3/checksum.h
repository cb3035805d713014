// SPDX-License-Identifier: Apache-2.0
#pragma once
// The checksums of x-amz-checksum-*. CRC64NVME is used when the client names none. Source: S3 User
// Guide, "Checking object integrity". The algorithms that AWS added in 2026 (SHA-512, MD5, XXHASH)
// are not built: NotImplemented.
//
//   TRY(const Checksum* sent, checksum_sent(in.headers));
//   const Checksum& checksum = sent ? *sent : crc64nvme();
//   Digest digest(checksum.algorithm);
#include "crypto/crypto.h"
#include "services/s3/s3.h"

namespace sluice::s3 {

struct Checksum {
  std::string_view name, header, element;  // "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32"
  Digest::Algorithm algorithm;
  size_t bytes;
  bool combines;  // that of an object comes from those of its parts: FULL_OBJECT. Only CRCs can
  bool composes;  // that of an object may be the checksum of its parts' checksums: COMPOSITE
};
extern const Checksum kChecksums[5];
const Checksum& crc64nvme();
// `name` in any case; nullptr when it is none of kChecksums.
const Checksum* find_checksum(std::string_view name);

using HeaderList = std::vector<std::pair<std::string, std::string>>;
// Which checksum a request has in a header, or announces for its trailer; nullptr when it has none.
// Errors: InvalidRequest when it has two, when a value is no checksum, or when
// x-amz-sdk-checksum-algorithm comes without a value; NotImplemented.
Result<const Checksum*> checksum_sent(const HeaderList& headers);
// The bytes of the Content-MD5; "" when there is none. Errors: InvalidDigest.
Result<std::string> content_md5(const HeaderList& headers);

// Checks the Content-MD5 or x-amz-checksum-* of a document in the body. Errors: BadDigest when it
// does not fit; InvalidRequest when it is `required` and missing.
Result<Done> check_document(const Request& request, bool required);

}  // namespace sluice::s3
