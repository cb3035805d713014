// SPDX-License-Identifier: Apache-2.0
#pragma once
// Walks over a JSON document from its beginning to its end and makes no tree. It is for a reader
// that knows what should come next. Where something else comes the reader gives up, and the
// document is read with parse_json, which takes all of JSON and says what is wrong.
//
//   JsonCursor in(body);
//   if (!in.takes('{') || in.text() != "Item" || !in.takes(':')) return std::nullopt;
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

class JsonCursor {
 public:
  // `document` must live as long as this.
  explicit JsonCursor(std::string_view document) : rest_(document) {}
  // Whether this comes next, after blanks. It is passed over when it does.
  bool takes(char c);
  bool takes(std::string_view word);  // "true"
  // Whether nothing but blanks is left.
  bool ends();
  // The string that comes next, in UTF-8. It is valid until this is called again. nullopt: no
  // string comes, or not one that parse_json takes.
  std::optional<std::string_view> text();

 private:
  void pass_blanks();
  std::optional<std::string_view> unescaped(std::string_view quoted);
  std::string_view rest_;
  std::string unescaped_;
};

}  // namespace sluice
