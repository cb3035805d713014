// SPDX-License-Identifier: Apache-2.0
#include "policy/positions.h"

namespace sluice::policy {
namespace {
// Goes through a document that is known to be JSON, counting lines and columns.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}
  bool ends() const { return at_ >= text_.size(); }
  char here() const { return text_[at_]; }
  Position position() const { return {line_, at_ - line_begins_ + 1}; }
  void step() {
    if (text_[at_++] != '\n') return;
    ++line_;
    line_begins_ = at_;
  }
  // Over a text in quotes, at whose first quote it stands. Gives what is between the quotes.
  std::string_view quoted() {
    const size_t from = at_ + 1;
    step();
    for (; !ends() && here() != '"'; step())
      if (here() == '\\') step();
    const std::string_view inside = text_.substr(from, at_ - from);
    if (!ends()) step();
    return inside;
  }

 private:
  const std::string_view text_;
  size_t at_ = 0, line_ = 1, line_begins_ = 0;
};
}  // namespace

std::vector<Span> statement_spans(std::string_view text) {
  std::vector<Span> spans;
  Walk walk(text);
  size_t depth = 0;         // of braces and brackets
  size_t within = 0;        // the depth at which statements begin; 0: not in Statement
  std::string_view member;  // of the document, the last that was named
  while (!walk.ends()) {
    const char c = walk.here();
    if (c == '"') {
      const std::string_view inside = walk.quoted();
      if (depth == 1) member = inside;
      continue;
    }
    const Position before = walk.position();
    walk.step();
    if (c == '{' || c == '[') {
      if (depth == 1 && member == "Statement") within = c == '[' ? 2 : 1;
      if (c == '{' && within && depth == within)
        spans.push_back({within == 1 ? walk.position() : before, {}});
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
      if (c == '}' && within && depth == within) spans.back().end = walk.position();
      if (depth == 1) within = 0;
    }
  }
  return spans;
}

}  // namespace sluice::policy
