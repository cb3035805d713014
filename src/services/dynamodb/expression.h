// SPDX-License-Identifier: Apache-2.0
#pragma once
// Condition, filter, key-condition and projection expressions. Source: Developer Guide,
// "Expressions in DynamoDB". They have at most 4 KB and 300 operators, IN up to 100 operands, and
// are nested up to 32 deep.
//
//   TRY(Placeholders placeholders, Placeholders::parse(body));
//   TRY(const Condition filter, parse_condition("price < :p", "FilterExpression", placeholders));
//   CHECK(placeholders.all_used());
//   if (evaluate(*filter, item)) found.push_back(item);
#include <memory>
#include <set>

#include "services/dynamodb/value.h"

namespace sluice::dynamodb {

using Path = std::vector<std::variant<std::string, size_t>>;  // a.b[0]

// A node of a parsed condition. `op` is AND, OR, NOT, =, <>, <, <=, >, >=, BETWEEN, IN, the name of
// a function, "path", "value" or "size".
struct Node {
  std::string op;
  std::vector<std::unique_ptr<Node>> children;
  Path path;
  json::value value;
};
using Condition = std::unique_ptr<Node>;

// A value may be used many times: so much may all uses in a request come to.
constexpr size_t kCopiedBytesMax = 32 << 20;
// ExpressionAttributeNames and ExpressionAttributeValues of a request. all_used() is an error when
// an expression has not used one of them.
class Placeholders {
 public:
  static Result<Placeholders> parse(const json::object& body);
  Result<std::string> name(const std::string& placeholder);
  Result<json::value> value(const std::string& placeholder);
  Result<Done> all_used() const;

 private:
  json::object names_, values_;
  size_t copied_bytes_ = 0;  // each use of a value is a copy
  std::set<std::string> used_;
};

// Refuses ExpressionAttributeNames and ExpressionAttributeValues without an expression that could
// use them. `expressions` are those that the operation has.
Result<Done> check_placeholder_use(const json::object& body,
                                   const std::vector<std::string_view>& expressions);

// `kind` is "ConditionExpression" or the like, for messages.
Result<Condition> parse_condition(std::string_view text, std::string_view kind,
                                  Placeholders& placeholders);
Result<std::vector<Path>> parse_projection(std::string_view text, Placeholders& placeholders);
// The words stand in reserved.cc.
bool is_reserved(std::string_view word);
bool evaluate(const Node& node, const json::object& item);
// What a value has under a name or at an index, or an item under a path. nullptr: there is none.
const json::value* child_of(const json::value& whole, const Path::value_type& part);
const json::value* find_path(const json::object& item, const Path& path);
// The whole item when `paths` is empty.
json::object project(const json::object& item, const std::vector<Path>& paths);

}  // namespace sluice::dynamodb
