// SPDX-License-Identifier: Apache-2.0
#pragma once
// User-defined metadata beyond ASCII. Source: S3 User Guide, "Working with object metadata", and
// RFC 2047: decoded when it comes, encoded when it goes, so that it passes any HTTP library.
#include <string>
#include <string_view>

namespace sluice::s3 {

// UTF-8 of a header's value: RFC 2047 words in UTF-8, ISO-8859-1 or US-ASCII are decoded, bytes
// that are no UTF-8 are read as ISO-8859-1.
std::string decode_metadata(std::string_view value);
// As it is when it is printable ASCII, else one word "=?UTF-8?B?...?=".
std::string encode_metadata(std::string_view text);

}  // namespace sluice::s3
