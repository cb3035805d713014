// SPDX-License-Identifier: Apache-2.0
#pragma once
// Condition, filter, key-condition and projection expressions. Source: Developer Guide,
// "Expressions in DynamoDB". At most 4 KB and 300 operators; IN takes up to 100 operands; nesting
// to 32.
#include <memory>
#include <set>

#include "services/dynamodb/value.h"

namespace sluice::dynamodb {

using Path = std::vector<std::variant<std::string, size_t>>;  // a.b[0]

// A node of a parsed condition. Operators: AND OR NOT = <> < <= > >= BETWEEN IN, functions by name,
// "path", "value", "size".
struct Node {
  std::string op;
  std::vector<std::unique_ptr<Node>> children;
  Path path;
  json::value value;
};
using Condition = std::unique_ptr<Node>;

// ExpressionAttributeNames and -Values of one request; what no expression used is an error at the
// end.
class Placeholders {
 public:
  static Result<Placeholders> parse(const json::object& body);
  Result<std::string> name(const std::string& placeholder);
  Result<json::value> value(const std::string& placeholder);
  Result<Done> all_used() const;

 private:
  json::object names_, values_;
  std::set<std::string> used_;
};

// `kind`: "ConditionExpression", for messages.
Result<Condition> parse_condition(std::string_view text, std::string_view kind,
                                  Placeholders& placeholders);
Result<std::vector<Path>> parse_projection(std::string_view text, Placeholders& placeholders);
bool is_reserved(std::string_view word);  // reserved.cc
bool evaluate(const Node& node, const json::object& item);
json::object project(const json::object& item,
                     const std::vector<Path>& paths);  // everything when `paths` is empty

}  // namespace sluice::dynamodb
