// SPDX-License-Identifier: Apache-2.0
#include "base/json_cursor.h"

#include "base/bytes.h"
#include "base/json.h"
#include "base/plain_text.h"

namespace sluice {

void JsonCursor::pass_blanks() {
  while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n' ||
                            rest_.front() == '\r' || rest_.front() == '\t'))
    rest_.remove_prefix(1);
}
bool JsonCursor::takes(char c) {
  pass_blanks();
  if (!rest_.starts_with(c)) return false;
  rest_.remove_prefix(1);
  return true;
}
bool JsonCursor::takes(std::string_view word) {
  pass_blanks();
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}
bool JsonCursor::ends() {
  pass_blanks();
  return rest_.empty();
}

std::optional<std::string_view> JsonCursor::text() {
  if (!takes('"')) return std::nullopt;
  bool escapes = false;
  uint8_t all_bits = 0;
  for (size_t i = plain_bytes(rest_); i < rest_.size(); ++i) {
    const auto c = static_cast<uint8_t>(rest_[i]);
    if (c < 0x20) return std::nullopt;
    all_bits |= c;
    if (c == '\\') {
      escapes = true;
      ++i;  // a quote behind it does not end the string
    } else if (c == '"') {
      const std::string_view text = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      if (escapes) return unescaped({text.data() - 1, text.size() + 2});
      return all_bits < 0x80 || is_utf8(text) ? std::optional(text) : std::nullopt;
    }
  }
  return std::nullopt;
}

// Escapes are rare, and have rules of their own: those of parse_json.
std::optional<std::string_view> JsonCursor::unescaped(std::string_view quoted) {
  const auto value = parse_json(quoted);
  if (!value || !value->is_string()) return std::nullopt;
  unescaped_ = value->get_string();
  return unescaped_;
}

}  // namespace sluice
