// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cross-origin resource sharing: what a browser may do with a bucket from a page of another origin.
// Sources: S3 User Guide, "Using cross-origin resource sharing (CORS)"; S3 API Reference,
// PutBucketCors.
//
//   const std::optional<Headers> allowed = cross_origin_headers(bucket, asked);
//
// Limits: 100 rules; methods GET, PUT, POST, DELETE, HEAD; one `*` in an origin or header, none in
// an exposed header; an ID of 255 characters. Errors: NoSuchCORSConfiguration, InvalidRequest,
// MalformedXML.
#include <optional>

#include "services/s3/buckets.h"

namespace sluice::s3 {

SLUICE_S3_BUCKET(PutBucketCors, "PutBucketCORS", "PUT", "cors", Staged& staged);
SLUICE_S3_BUCKET(GetBucketCors, "GetBucketCORS", "GET", "cors", const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeleteBucketCors, "PutBucketCORS", "DELETE", "cors", Staged& staged);

// The headers of the answer, by the first rule that allows what is asked; nullopt when none does.
std::optional<Headers> cross_origin_headers(const Bucket& bucket, const CrossOrigin& asked);

}  // namespace sluice::s3
