// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <array>
#include <charconv>

namespace sluice {
namespace {
constexpr std::string_view kHex = "0123456789abcdef", kHexUpper = "0123456789ABCDEF";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string encode64(std::string_view in, std::string_view alphabet, bool padded) {
  std::string out((in.size() + 2) / 3 * 4, '=');
  size_t at = 0;
  for (size_t i = 0; i < in.size(); i += 3) {
    uint32_t group = 0;
    const size_t have = std::min<size_t>(3, in.size() - i);
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < have ? static_cast<uint8_t>(in[i + k]) : 0);
    for (size_t k = 0; k <= have; ++k) out[at + k] = alphabet[group >> (18 - 6 * k) & 63];
    at += have == 3 || padded ? 4 : have + 1;
  }
  out.resize(at);
  return out;
}

using Values64 = std::array<int8_t, 256>;
constexpr Values64 values_of(std::string_view alphabet) {
  Values64 value{};
  value.fill(-1);
  for (size_t i = 0; i < 64; ++i) value[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return value;
}
constexpr Values64 kValues64 = values_of(kBase64), kValues64Url = values_of(kBase64Url);

std::optional<std::string> decode64(std::string_view in, const Values64& value) {
  if (in.size() % 4 == 1) return std::nullopt;
  std::string out(in.size() * 3 / 4, '\0');
  size_t at = 0, i = 0;
  const auto digit = [&](size_t k) {
    return static_cast<int32_t>(value[static_cast<uint8_t>(in[k])]);
  };
  for (; i + 4 <= in.size(); i += 4, at += 3) {
    const int32_t a = digit(i), b = digit(i + 1), c = digit(i + 2), d = digit(i + 3);
    if ((a | b | c | d) < 0) return std::nullopt;
    out[at] = static_cast<char>(a << 2 | b >> 4);
    out[at + 1] = static_cast<char>(b << 4 | c >> 2);
    out[at + 2] = static_cast<char>(c << 6 | d);
  }
  if (i == in.size()) return out;
  const int32_t a = digit(i), b = digit(i + 1), c = i + 2 < in.size() ? digit(i + 2) : 0;
  // Leftover bits must be zero: one text per value.
  if ((a | b | c) < 0 || (i + 2 < in.size() ? c & 3 : b & 15)) return std::nullopt;
  out[at] = static_cast<char>(a << 2 | b >> 4);
  if (i + 2 < in.size()) out[at + 1] = static_cast<char>(b << 4 | c >> 2);
  return out;
}
}  // namespace

std::string hex(std::string_view bytes) {
  std::string out(bytes.size() * 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kHex[static_cast<uint8_t>(bytes[i]) >> 4];
    out[2 * i + 1] = kHex[bytes[i] & 15];
  }
  return out;
}

std::optional<std::string> unhex(std::string_view text) {
  if (text.size() % 2) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = nibble(text[i]), low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::string base64(std::string_view bytes) { return encode64(bytes, kBase64, true); }
std::string base64url(std::string_view bytes) { return encode64(bytes, kBase64Url, false); }
std::optional<std::string> unbase64url(std::string_view text) {
  return decode64(text, kValues64Url);
}
std::optional<std::string> unbase64(std::string_view text) {
  if (text.size() % 4) return std::nullopt;
  for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
  return decode64(text, kValues64);
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  std::string out;
  out.reserve(text.size() + 16);
  for (char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHexUpper[static_cast<uint8_t>(c) >> 4];
      out += kHexUpper[c & 15];
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = nibble(text[i + 1]), low = nibble(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower_char(c);
  return out;
}

bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower_char(a[i]) != lower_char(b[i])) return false;
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t start = 0;;) {
    const size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end == text.npos ? end : end - start));
    if (end == text.npos) return parts;
    start = end + 1;
  }
}

bool is_utf8(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  for (size_t i = 0; i < s.size();) {
    const uint8_t c = byte(i);
    size_t extra = 0;
    uint32_t point = 0, least = 0;
    if (c < 0x80) {
      ++i;
      continue;
    } else if (c >= 0xc2 && c < 0xe0) {
      extra = 1;
      point = c & 31;
      least = 0x80;
    } else if (c >= 0xe0 && c < 0xf0) {
      extra = 2;
      point = c & 15;
      least = 0x800;
    } else if (c >= 0xf0 && c < 0xf5) {
      extra = 3;
      point = c & 7;
      least = 0x10000;
    } else
      return false;
    if (s.size() - i <= extra) return false;
    for (size_t k = 1; k <= extra; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
      point = point << 6 | (byte(i + k) & 63);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += extra + 1;
  }
  return true;
}

std::optional<int64_t> parse_int(std::string_view text) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return value;
}

std::string big_endian64(uint64_t value) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, value >>= 8)
    out[static_cast<size_t>(i)] = static_cast<char>(value & 0xff);
  return out;
}

uint64_t from_big_endian64(std::string_view bytes) {
  if (bytes.size() < 8) return 0;
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace sluice
