// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the statements of a policy stand in its text, for who is to be shown them. Source: IAM API
// Reference, Statement and Position; what AWS answers, in the AWS CLI's examples of
// simulate-custom-policy.
//
//   const std::vector<policy::Span> spans = policy::statement_spans(text);   // in their order
//   show(spans.at(index).start.line, spans.at(index).start.column);
#include <string_view>
#include <vector>

namespace sluice::policy {

struct Position {
  size_t line = 1, column = 1;
};
// From the brace that opens a statement to behind the one that closes it. Of a statement that
// stands without a list AWS names the place behind the brace that opens it, and so does this.
struct Span {
  Position start, end;
};
// Of a text that policy::parse takes. Columns count bytes of UTF-8.
std::vector<Span> statement_spans(std::string_view text);

}  // namespace sluice::policy
