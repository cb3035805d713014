// SPDX-License-Identifier: Apache-2.0
#pragma once
// Patterns of policies. Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Policy
// variables".
#include "policy/document.h"

namespace sluice::policy {

// `*` any run, `?` any one character; linear in pattern x text, never exponential.
bool glob(std::string_view pattern, std::string_view text);
bool glob_ignore_case(std::string_view pattern, std::string_view text);
// Part by part for the first five parts of an ARN, then the rest; "*" alone matches everything.
bool arn_glob(std::string_view pattern, std::string_view arn);
// Puts the context into ${key}, ${key, 'otherwise'}, ${*}, ${?}, ${$}; what is put in is literal.
// nullopt: a key is missing. The result is a pattern for glob(): wildcards that came from values
// are marked literal, and with `plain` those of the pattern too.
enum class Wildcards { match, plain };
std::optional<std::string> substitute(std::string_view pattern, const Context& context,
                                      bool variables, Wildcards wildcards = Wildcards::match);

}  // namespace sluice::policy
