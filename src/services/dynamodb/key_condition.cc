// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/key_condition.h"

#include <algorithm>

namespace sluice::dynamodb {
namespace {
Error invalid(const std::string& why) {
  return validation("Invalid condition in KeyConditionExpression: " + why);
}
Error invalid_operator(const std::string& op) {
  return validation("Invalid operator used in KeyConditionExpression: " + op);
}
bool is_comparison(std::string_view op) {
  return op == "=" || op == "<" || op == "<=" || op == ">" || op == ">=";
}
// The operator when its operands change sides.
std::string turned(const std::string& op) {
  return op == "<" ? ">" : op == "<=" ? ">=" : op == ">" ? "<" : op == ">=" ? "<=" : op;
}

Result<Done> read(const Node& node, KeyPredicates& out) {
  if (node.op == "AND") {
    for (const auto& child : node.children) CHECK(read(*child, out));
    return Done{};
  }
  if (!is_comparison(node.op) && node.op != "BETWEEN" && node.op != "begins_with")
    return invalid_operator(node.op);
  if ((node.op == "BETWEEN" || node.op == "begins_with") && node.children[0]->op != "path")
    return invalid(node.op + " operator must have the key attribute as its first operand");
  KeyPredicate one{"", node.op, {}};
  for (size_t i = 0; i < node.children.size(); ++i) {
    const Node& operand = *node.children[i];
    if (operand.op == "size")
      return validation("KeyConditionExpressions cannot contain nested operations");
    if (operand.op == "value") {
      one.operands.push_back(operand.value);
      continue;
    }
    if (!one.attribute.empty()) return invalid("Multiple attribute names used in one condition");
    if (operand.path.size() > 1)
      return validation("KeyConditionExpressions cannot have conditions on nested attributes");
    one.attribute = std::get<std::string>(operand.path[0]);
    if (i > 0) one.op = turned(one.op);
  }
  if (one.attribute.empty()) return invalid("No key attribute specified");
  for (const KeyPredicate& other : out)
    if (other.attribute == one.attribute)
      return validation("KeyConditionExpressions must only contain one condition per key");
  out.push_back(std::move(one));
  return Done{};
}

const KeyPredicate* find(const KeyPredicates& wanted, const std::string& attribute) {
  for (const KeyPredicate& one : wanted)
    if (one.attribute == attribute) return &one;
  return nullptr;
}
Result<Done> check_predicate(const KeyPredicate& one, const std::string& type) {
  if (!is_comparison(one.op) && one.op != "BETWEEN" && one.op != "begins_with")
    return validation("Attempted conditional constraint is not an indexable operation");
  for (const json::value& operand : one.operands)
    if (type_of(operand) != type)
      return validation(
          "One or more parameter values were invalid: Condition parameter type does not match "
          "schema type");
  return Done{};
}
Span span_of(const KeyPredicate& range, const KeySpace& keys, const std::string& hash) {
  const Key partition = keys.under(hash);
  Span span = schema::span(partition);
  const auto operand = [&](size_t n) { return sortable(range.operands[n]); };
  if (range.op == "begins_with") {
    span.low = partition.bytes + schema::begun(operand(0));
    span.high = schema::after(span.low);
    return span;
  }
  const auto key_at = [&](size_t n) { return keys.under(hash, operand(n)).bytes; };
  const std::string key = key_at(0);
  if (range.op == "=" || range.op == ">=" || range.op == "BETWEEN") span.low = key;
  if (range.op == ">") span.low = schema::after(key);
  if (range.op == "<") span.high = key;
  if (range.op == "=" || range.op == "<=") span.high = schema::after(key);
  if (range.op == "BETWEEN") span.high = schema::after(key_at(1));
  return span;
}
}  // namespace

Result<KeyPredicates> read_key_condition(const Node& condition) {
  KeyPredicates out;
  CHECK(read(condition, out));
  if (out.size() > 2) return validation("Conditions can be of length 1 or 2 only");
  return out;
}
const json::value* wanted_partition(const KeyPredicates& wanted, const std::string& hash) {
  const KeyPredicate* found = find(wanted, hash);
  return found && found->op == "=" ? &found->operands[0] : nullptr;
}
Result<Span> wanted_span(const KeyPredicates& wanted, const KeySpace& keys) {
  const Error unsupported = validation("Query key condition not supported");
  const auto missed = [](const std::string& name) {
    return validation("Query condition missed key schema element: " + name);
  };
  if (keys.range.name.empty() && wanted.size() > 1) return unsupported;
  const KeyPredicate* partition = find(wanted, keys.hash.name);
  if (!partition) return missed(keys.hash.name);
  CHECK(check_predicate(*partition, keys.hash.type));
  if (partition->op != "=") return unsupported;
  const KeyPredicate* range = nullptr;
  if (wanted.size() > 1) {
    range = find(wanted, keys.range.name);
    if (!range) return missed(keys.range.name);
    CHECK(check_predicate(*range, keys.range.type));
    if (range->op == "begins_with" && keys.range.type == "N") return unsupported;
  }
  TRY(const std::string hash, encode_key(keys.hash, partition->operands[0], true));
  return range ? span_of(*range, keys, hash) : schema::span(keys.under(hash));
}

}  // namespace sluice::dynamodb
