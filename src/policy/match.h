// SPDX-License-Identifier: Apache-2.0
#pragma once
// The patterns of policies, and the variables in them. Source: IAM User Guide, "IAM JSON policy
// elements: Resource" and "Policy variables".
//
//   const auto pattern = substitute("arn:aws:s3:::home/${aws:userid}/*", context, true);
//   if (pattern && arn_glob(*pattern, question.resource)) ...
#include <boost/container/small_vector.hpp>
#include <optional>

#include "policy/context.h"

namespace sluice::policy {

// `*` stands for any characters, `?` for any one. The time is at most the length of the pattern
// times that of the text.
bool glob(std::string_view pattern, std::string_view text);
bool glob_ignore_case(std::string_view pattern, std::string_view text);
// Compares each of the first five parts of an ARN with its own part of the pattern, then the rest
// as one. "*" alone matches everything.
bool arn_glob(std::string_view pattern, std::string_view arn);
// Replaces ${key}, ${key, 'otherwise'}, ${*}, ${?} and ${$} by what the context says. The result is
// a pattern for glob() in which nothing that was put in counts as a wildcard; with `plain`, the
// wildcards of the pattern itself do not count either. nullopt: the context lacks a key.
enum class Wildcards { match, plain };
std::optional<std::string> substitute(std::string_view pattern, const Keys& keys, bool variables,
                                      Wildcards wildcards = Wildcards::match);
// Whether substitute() would change nothing but the meaning of wildcards.
bool is_plain(std::string_view pattern, bool variables);

// A name in lower case, to be compared with many patterns.
class LowerName {
 public:
  explicit LowerName(std::string_view name);
  operator std::string_view() const { return {letters_.data(), letters_.size()}; }

 private:
  boost::container::small_vector<char, 96> letters_;
};
// A pattern that is asked about often: what can be seen of it without a text is seen once.
class Pattern {
 public:
  explicit Pattern(std::string text);
  const std::string& text() const { return text_; }
  bool is_plain(bool variables) const { return plain_ || (!variables && !marked_); }
  // Whether it could match: the text begins as the pattern does, as far as that stands for itself.
  bool could_match(std::string_view text) const {
    return text.starts_with(std::string_view(text_).substr(0, literal_bytes_));
  }
  // As the functions glob() and arn_glob() answer for text().
  bool glob(std::string_view text) const;
  bool arn_glob(std::string_view arn) const;

 private:
  enum class Form {
    literal,  // it stands for itself
    prefix,   // so does all but a '*' at its end
    other
  };
  std::string text_;
  size_t literal_bytes_;  // of its beginning, which stand for themselves
  Form form_;
  bool has_arn_parts_;  // the colons of an ARN stand in its beginning
  bool marked_, plain_;
};

}  // namespace sluice::policy
