// SPDX-License-Identifier: Apache-2.0
#pragma once
// Request bodies with Content-Encoding: gzip.
#include "base/result.h"

namespace sluice {

// The plain text of one gzip stream, never more than `bytes_max` of it in memory. Errors:
// RequestEntityTooLarge 413; SerializationException 400, when it is no gzip, is cut off, or
// something follows it.
Result<std::string> gunzip(std::string_view packed, size_t bytes_max);

}  // namespace sluice
