// SPDX-License-Identifier: Apache-2.0
#pragma once
// The x-amz-checksum family. Source: S3 User Guide, "Checking object integrity". CRC64NVME when the
// client names none. Of the algorithms that AWS added in 2026 (SHA-512, MD5, XXHASH) none is built:
// NotImplemented.
#include "crypto/crypto.h"
#include "services/s3/s3.h"

namespace sluice::s3 {

struct Checksum {
  std::string_view name, header, element;  // "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32"
  Digest::Algorithm algorithm;
  size_t bytes;
  bool combines;  // a CRC: the whole's from the parts', so FULL_OBJECT in multipart uploads
  bool composes;  // may be the checksum of the parts' checksums
};
extern const Checksum kChecksums[5];
const Checksum& crc64nvme();
const Checksum* find_checksum(std::string_view name);  // any case; nullptr: none of ours

using HeaderList = std::vector<std::pair<std::string, std::string>>;
// Which checksum a request brings, in a header or announced for the trailer; nullptr when none.
// Errors: InvalidRequest (two of them; a value that is none; x-amz-sdk-checksum-algorithm without
// its value), NotImplemented.
Result<const Checksum*> checksum_sent(const HeaderList& headers);
// The bytes of a Content-MD5; "" when absent; InvalidDigest.
Result<std::string> content_md5(const HeaderList& headers);

// A document in the body: its Content-MD5 or x-amz-checksum-* must fit (BadDigest), and when
// `required` be there (InvalidRequest).
Result<Done> check_document(const Request& request, bool required);

}  // namespace sluice::s3
