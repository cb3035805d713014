// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the parsers of all expressions share: words, document paths, operands, and the order in
// which AWS reports faults. A fault of syntax ends the parsing at once. Every other fault is noted,
// and the expression is parsed to its end, because AWS reports the kinds of faults in an order of
// its own, wherever they stand in the text.
//
//   class ProjectionParser : ExpressionParser {          // expression.cc
//     Result<std::vector<Path>> parse() {
//       CHECK(start());
//       ...parse_path(), check_paths(), expect(",")...
//       CHECK(finish({Fault::reserved, Fault::undefined_name, Fault::overlap, Fault::conflict}));
#include <span>

#include "services/dynamodb/operand_checks.h"

namespace sluice::dynamodb {

class ExpressionParser {
 protected:
  // `kind` is "FilterExpression" or the like, for messages. `keywords` cannot be names.
  ExpressionParser(std::string_view text, std::string_view kind, Placeholders& placeholders,
                   std::span<const std::string_view> keywords)
      : text_(text), kind_(kind), placeholders_(placeholders), keywords_(keywords) {}
  virtual ~ExpressionParser() = default;

  Result<Done> start();
  // Refuses what comes after the end, and then the noted fault that comes first in `order`.
  Result<Done> finish(std::initializer_list<Fault> order);
  void note(Fault fault, std::string why);
  // Takes the first fault in `order` out of those that were noted; "": there is none.
  std::string take_fault(std::initializer_list<Fault> order);
  Error invalid(const std::string& why) const;
  Error syntax() const;

  Result<Done> advance();
  Result<Done> expect(std::string_view text);
  bool at_end() const { return token_.kind == 'e'; }
  bool is(std::string_view text) const { return token_.kind == 'o' && token_.text == text; }
  bool is_word(std::string_view word) const;
  bool is_value() const { return token_.kind == 'v'; }
  std::string word() const { return token_.text; }
  Result<Done> count_operator();

  // A value, a path, or a function of such; each may stand in parentheses.
  Result<Condition> operand(size_t depth);
  Result<Condition> placeholder_value();
  Result<Path> parse_path();
  // Notes when two paths of a list cannot stand side by side.
  void check_paths(const Path& one, const Path& two);
  // To be called with what stands in a pair of parentheses.
  void close_parentheses(const Node* inner);
  // Looks at a function with all of its operands.
  virtual void check_function(const Node& function) = 0;
  NoteFault notes() {
    return [this](Fault fault, std::string why) { note(fault, std::move(why)); };
  }
  static Condition node(std::string op);

 private:
  struct Token {
    std::string text;
    char kind;  // n name, p placeholder of a name, v of a value, d number, o operator, e end
    size_t begin, end;
  };
  Token scan(size_t from) const;
  Result<Condition> function(size_t depth);
  Result<std::string> path_name();
  Result<size_t> path_index();

  const std::string_view text_, kind_;
  Placeholders& placeholders_;
  const std::span<const std::string_view> keywords_;
  Token token_{"", 'e', 0, 0};
  size_t previous_begin_ = 0, operators_ = 0;
  const Node* in_parentheses_ = nullptr;               // the newest that stood in parentheses
  std::vector<std::pair<Fault, std::string>> faults_;  // of each kind the first
};

}  // namespace sluice::dynamodb
