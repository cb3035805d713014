// SPDX-License-Identifier: Apache-2.0
#pragma once
// Unpacks request bodies with Content-Encoding: gzip.
//
//   TRY(request.body, gunzip(request.body, kMetricsBodyBytesMax));
#include "base/result.h"

namespace sluice {

// The plain text of one gzip stream, of which never more than `bytes_max` is in memory. Errors:
// RequestEntityTooLarge 413; SerializationException 400 when it is not gzip, when its end is
// missing, or when something follows it.
Result<std::string> gunzip(std::string_view packed, size_t bytes_max);

}  // namespace sluice
