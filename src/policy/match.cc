// SPDX-License-Identifier: Apache-2.0
#include "policy/match.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::policy {
namespace {
constexpr char kLiteral = '\x01';  // the next character stands for itself

// The classic two-pointer match: on a mismatch go back to the last '*', which takes one character
// more.
bool match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
      continue;
    }
    const bool literal = p + 1 < pattern.size() && pattern[p] == kLiteral;
    if (p < pattern.size() &&
        (literal ? pattern[p + 1] == text[t] : pattern[p] == '?' || pattern[p] == text[t])) {
      p += literal ? 2 : 1;
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    p = star + 1;
    t = ++resume;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void append_literal(std::string& out, std::string_view text) {
  for (char c : text) {
    if (c == '*' || c == '?' || c == kLiteral) out += kLiteral;
    out += c;
  }
}
}  // namespace

bool glob(std::string_view pattern, std::string_view text) { return match(pattern, text); }
bool glob_ignore_case(std::string_view pattern, std::string_view text) {
  return match(lower(pattern), lower(text));
}

bool arn_glob(std::string_view pattern, std::string_view arn) {
  if (pattern == "*") return true;
  for (int part = 0; part < 5; ++part) {
    const size_t p = pattern.find(':'), a = arn.find(':');
    if (p == pattern.npos || a == arn.npos) return false;
    if (!match(pattern.substr(0, p), arn.substr(0, a))) return false;
    pattern.remove_prefix(p + 1);
    arn.remove_prefix(a + 1);
  }
  return match(pattern, arn);
}

bool is_plain(std::string_view pattern, bool variables) {
  return pattern.find(kLiteral) == pattern.npos &&
         (!variables || pattern.find("${") == pattern.npos);
}

std::optional<std::string> substitute(std::string_view pattern, const Keys& keys, bool variables,
                                      Wildcards wildcards) {
  const bool plain = wildcards == Wildcards::plain;
  if (!plain && is_plain(pattern, variables)) return std::string(pattern);
  std::string out;
  for (size_t i = 0; i < pattern.size();) {
    const size_t end =
        variables && pattern.substr(i, 2) == "${" ? pattern.find('}', i) : pattern.npos;
    if (end == pattern.npos) {
      const char c = pattern[i++];
      // A policy's own character is no sign of ours.
      if (c == kLiteral || (plain && (c == '*' || c == '?'))) out += kLiteral;
      out += c;
      continue;
    }
    const std::string_view inside = pattern.substr(i + 2, end - i - 2);
    i = end + 1;
    if (inside == "*" || inside == "?" || inside == "$") {
      append_literal(out, inside);
      continue;
    }
    const size_t comma = inside.find(',');
    const auto found = keys.values(lower(trim(inside.substr(0, comma))));
    if (found && found->size() == 1) {
      append_literal(out, found->front());
      continue;
    }
    if (comma == inside.npos) return std::nullopt;
    std::string_view otherwise = trim(inside.substr(comma + 1));
    if (otherwise.size() < 2 || otherwise.front() != '\'' || otherwise.back() != '\'')
      return std::nullopt;
    append_literal(out, otherwise.substr(1, otherwise.size() - 2));
  }
  return out;
}

LowerName::LowerName(std::string_view name) : letters_(name.begin(), name.end()) {
  for (char& c : letters_)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
}

Pattern::Pattern(std::string text)
    : text_(std::move(text)),
      literal_bytes_(std::min(text_.find_first_of("*?$\x01"), text_.size())),
      form_(literal_bytes_ == text_.size()                                       ? Form::literal
            : literal_bytes_ + 1 == text_.size() && text_[literal_bytes_] == '*' ? Form::prefix
                                                                                 : Form::other),
      has_arn_parts_(std::count(text_.begin(),
                                text_.begin() + static_cast<std::ptrdiff_t>(literal_bytes_),
                                ':') >= 5),
      marked_(!policy::is_plain(text_, false)),
      plain_(policy::is_plain(text_, true)) {}

bool Pattern::glob(std::string_view text) const {
  if (!could_match(text)) return false;
  if (form_ == Form::literal) return text.size() == text_.size();
  return form_ == Form::prefix ||
         match(std::string_view(text_).substr(literal_bytes_), text.substr(literal_bytes_));
}
// Where the first five parts stand for themselves, comparing part by part is comparing the whole.
bool Pattern::arn_glob(std::string_view arn) const {
  return has_arn_parts_ ? glob(arn) : policy::arn_glob(text_, arn);
}

}  // namespace sluice::policy
