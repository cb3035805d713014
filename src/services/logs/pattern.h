// SPDX-License-Identifier: Apache-2.0
#pragma once
// Filter patterns. Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters,
// subscription filters, filter log events".
//   terms      ERROR "two words" -healthy ?warn ?fail     case-sensitive; all required ones, no
//   excluded one; ? is "any of", when none is required JSON       { ($.a.b = "x*" || $.n >= 1e3) &&
//   $.list[0] NOT EXISTS && $["odd.name"] IS TRUE }
// Limits: 1,024 bytes, 64 conditions, parentheses 16 deep. Differs: space-delimited patterns and
// %regular expressions% are refused.
#include <memory>

#include "base/json.h"

namespace sluice::logs {

class Pattern {
 public:
  static Result<Pattern> parse(std::string_view text);  // InvalidParameterException
  bool matches(std::string_view message) const;  // linear in the message for each term or condition
  struct Node;

 private:
  std::vector<std::string> required_, excluded_, optional_;
  std::shared_ptr<const Node> json_;
};

}  // namespace sluice::logs
