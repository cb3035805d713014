// SPDX-License-Identifier: Apache-2.0
#include "services/s3/metadata.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x80) {
      out += byte;
    } else {
      out += static_cast<char>(0xc0 | c >> 6);
      out += static_cast<char>(0x80 | (c & 0x3f));
    }
  }
  return out;
}

// RFC 2047, section 4.2: "_" is a blank, and "=XX" is a byte.
std::optional<std::string> unquote(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i] == '_' ? ' ' : text[i];
      continue;
    }
    const auto byte = unhex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

// Decodes what stands between "=?" and "?=": charset, encoding and text.
std::optional<std::string> decode_word(std::string_view word) {
  const auto parts = split(word, '?');
  if (parts.size() != 3 || parts[1].size() != 1) return std::nullopt;
  const bool utf8 = equals_ignore_case(parts[0], "utf-8"),
             latin1 = equals_ignore_case(parts[0], "iso-8859-1") ||
                      equals_ignore_case(parts[0], "us-ascii");
  if (!utf8 && !latin1) return std::nullopt;
  const auto bytes = equals_ignore_case(parts[1], "b")   ? unbase64(parts[2])
                     : equals_ignore_case(parts[1], "q") ? unquote(parts[2])
                                                         : std::nullopt;
  if (!bytes || (utf8 && !is_utf8(*bytes))) return std::nullopt;
  return utf8 ? *bytes : utf8_of_latin1(*bytes);
}
}  // namespace

std::string decode_metadata(std::string_view value) {
  if (!is_utf8(value)) return utf8_of_latin1(value);
  std::string out;
  bool after_word = false;
  while (!value.empty()) {
    const size_t begin = value.find("=?");
    // There are two "?" before the "?=" that ends the word: after the charset and after the
    // encoding.
    const size_t charset_end = begin == value.npos ? value.npos : value.find('?', begin + 2);
    const size_t encoding_end =
        charset_end == value.npos ? value.npos : value.find('?', charset_end + 1);
    const size_t end = encoding_end == value.npos ? value.npos : value.find("?=", encoding_end + 1);
    const auto word =
        end == value.npos ? std::nullopt : decode_word(value.substr(begin + 2, end - begin - 2));
    if (!word) return out.append(value);
    // RFC 2047, section 6.2: blanks between two words are not shown.
    const std::string_view before = value.substr(0, begin);
    if (!after_word || !trim(before).empty()) out.append(before);
    out.append(*word);
    after_word = true;
    value.remove_prefix(end + 2);
  }
  return out;
}

std::string encode_metadata(std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= ' ' && c < 0x7f; });
  return plain ? std::string(text) : "=?UTF-8?B?" + base64(text) + "?=";
}

}  // namespace sluice::s3
