// SPDX-License-Identifier: Apache-2.0
#pragma once
// User-defined metadata that is not ASCII. It is decoded when it comes and encoded when it goes, so
// that it passes any HTTP library. Sources: S3 User Guide, "Working with object metadata"; RFC
// 2047.
//
//   version.facts.meta[name] = decode_metadata(value);
//   headers.add("x-amz-meta-" + name, encode_metadata(text));
#include <string>
#include <string_view>

namespace sluice::s3 {

// The value of a header in UTF-8. Words of RFC 2047 in UTF-8, ISO-8859-1 or US-ASCII are decoded;
// bytes that are not UTF-8 are read as ISO-8859-1.
std::string decode_metadata(std::string_view value);
// Printable ASCII stays as it is; other text becomes one word "=?UTF-8?B?...?=".
std::string encode_metadata(std::string_view text);

}  // namespace sluice::s3
