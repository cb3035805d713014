// SPDX-License-Identifier: Apache-2.0
#pragma once
// Filter patterns. Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters,
// subscription filters, filter log events".
//
//   TRY(const Pattern pattern, Pattern::parse("ERROR -healthy"));
//   if (pattern.matches(event.message)) found.push_back(event);
//
// There are two kinds:
//   terms  ERROR "two words" -healthy ?warn ?fail
//   JSON   { ($.a.b = "x*" || $.n >= 1e3) && $.list[0] NOT EXISTS && $["odd.name"] IS TRUE }
// Terms are case-sensitive. All required terms must be there and none that is excluded with -. When
// no term is required, any of those with ? is enough. Limits: 1,024 bytes, 64 conditions,
// parentheses 16 deep. It differs from AWS's: space-delimited patterns and %regular expressions%
// are refused.
#include <memory>

#include "base/json.h"

namespace sluice::logs {

class Pattern {
 public:
  // Errors: InvalidParameterException.
  static Result<Pattern> parse(std::string_view text);
  // For each term or condition the time grows linearly with the message.
  bool matches(std::string_view message) const;
  struct Node;

 private:
  std::vector<std::string> required_, excluded_, optional_;
  std::shared_ptr<const Node> json_;
};

}  // namespace sluice::logs
