// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes as text: hex, base64 (RFC 4648), percent-encoding (RFC 3986), decimal and big-endian
// integers. And what is often asked of a text.
//
//   const std::string header = base64(md5(body));
//   const auto part = parse_int(request.query_text("partNumber"));   // nullopt: not an integer
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

std::string hex(std::string_view bytes);                     // lower case
std::optional<std::string> unhex(std::string_view text);     // either case; nullopt: not hex
std::string base64(std::string_view bytes);                  // with padding
std::optional<std::string> unbase64(std::string_view text);  // strict alphabet and padding
std::string base64url(std::string_view bytes);               // no padding
std::optional<std::string> unbase64url(std::string_view text);

// Encodes all but the unreserved characters of RFC 3986 (A-Z a-z 0-9 - . _ ~). With `keep_slash`,
// '/' stays as it is.
std::string percent_encode(std::string_view text, bool keep_slash = false);
// Decodes %XX, and '+' as a blank with `plus_is_space`, as forms have it. nullopt: a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

std::string lower(std::string_view text);                         // ASCII only
bool equals_ignore_case(std::string_view a, std::string_view b);  // ASCII only
std::string_view trim(std::string_view text);                     // blanks and tabs
std::vector<std::string_view> split(std::string_view text, char separator);
bool is_utf8(std::string_view text);  // RFC 3629: no surrogates, no overlong forms

// The decimal integer that `text` is; nullopt when it is something else or does not fit.
std::optional<int64_t> parse_int(std::string_view text);

std::string big_endian64(uint64_t value);            // 8 bytes, which sort like the numbers
uint64_t from_big_endian64(std::string_view bytes);  // reads the first 8 bytes; 0 when shorter

}  // namespace sluice
