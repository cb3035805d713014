// SPDX-License-Identifier: Apache-2.0
#pragma once
// The patterns of policies, and the variables in them. Source: IAM User Guide, "IAM JSON policy
// elements: Resource" and "Policy variables".
//
//   const auto pattern = substitute("arn:aws:s3:::home/${aws:userid}/*", context, true);
//   if (pattern && arn_glob(*pattern, question.resource)) ...
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
std::optional<std::string> substitute(std::string_view pattern, const Context& context,
                                      bool variables, Wildcards wildcards = Wildcards::match);

}  // namespace sluice::policy
