// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/operand_checks.h"

#include <algorithm>
#include <map>

namespace sluice::dynamodb {
namespace {
std::string shown_value(const json::value& value) {
  const json::value& inner = value.get_object().begin()->value();
  return "AttributeValue: {" + type_of(value) + ":" +
         (inner.is_string() ? std::string(inner.get_string()) : json::serialize(inner)) + "}";
}
// "": it is known only when an item is looked at.
std::string type_of_operand(const Node& operand) {
  return operand.op == "size" ? "N" : operand.op == "value" ? type_of(operand.value) : "";
}
void note_type(const std::string& op, const std::string& type, const NoteFault& note) {
  note(Fault::operand_type,
       "Incorrect operand type for operator or function; operator or function: " + op +
           ", operand type: " + type);
}
// A literal whose type the operator cannot take. The types that it takes have one letter each.
void check_type(const Node& operand, const std::string& op, std::string_view types,
                const NoteFault& note) {
  const std::string type = type_of_operand(operand);
  if (!type.empty() && (type.size() > 1 || types.find(type) == types.npos))
    note_type(op, type, note);
}
void check_ordered(const Node& n, const NoteFault& note) {
  for (const auto& child : n.children) check_type(*child, n.op, "SNB", note);
}
void check_distinct(const Node& n, const NoteFault& note) {
  if (n.children.size() != 2 || n.children[0]->op != "path" || n.children[1]->op != "path" ||
      n.children[0]->path != n.children[1]->path)
    return;
  note(Fault::same_operands,
       "The first operand must be distinct from the remaining operands for this operator or "
       "function; operator: " +
           n.op + ", first operand: " + shown_path(n.children[0]->path));
}
void check_size(const Node& of, const NoteFault& note) {
  const std::string type = type_of_operand(of);
  if (type == "N" || type == "BOOL" || type == "NULL") note_type("size", type, note);
}
void check_type_name(const Node& type, const NoteFault& note) {
  if (type.op != "value")
    return note_type("attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}", note);
  if (type.value.is_null()) return;
  if (type_of(type.value) != "S") return note_type("attribute_type", type_of(type.value), note);
  static const std::set<std::string_view> types = {"S", "N", "B",  "BOOL", "NULL",
                                                   "L", "M", "SS", "NS",   "BS"};
  const std::string name(type.value.get_object().at("S").get_string());
  if (!types.contains(name))
    note(Fault::operand_type, "Invalid attribute type name found; type: " + name.substr(0, 64) +
                                  ", valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}");
}
}  // namespace

bool is_comparison(std::string_view op) {
  return op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=";
}
bool is_operand(const Node& node) {
  return node.op == "path" || node.op == "value" || node.op == "size";
}
std::string shown_path(const Path& path) {
  std::string out;
  for (const auto& part : path) {
    const size_t* index = std::get_if<size_t>(&part);
    out += (out.empty() ? "" : ", ") +
           (index ? "[" + std::to_string(*index) + "]" : std::get<std::string>(part));
  }
  return "[" + out + "]";
}

void check_comparison(const Node& comparison, const NoteFault& note) {
  check_distinct(comparison, note);
  if (comparison.op != "=" && comparison.op != "<>") check_ordered(comparison, note);
}
void check_between(const Node& between, const NoteFault& note) {
  check_ordered(between, note);
  const Node &low = *between.children[1], &high = *between.children[2];
  if (low.op != "value" || high.op != "value" || low.value.is_null() || high.value.is_null())
    return;
  const auto order = compare_values(low.value, high.value);
  const bool same_type = type_of(low.value) == type_of(high.value);
  if (same_type && (!order || *order <= 0)) return;
  note(Fault::operand_type,
       std::string("The BETWEEN operator requires ") +
           (same_type ? "upper bound to be greater than or equal to lower bound"
                      : "same data type for lower and upper bounds") +
           "; lower bound operand: " + shown_value(low.value) +
           ", upper bound operand: " + shown_value(high.value));
}
void check_function_operands(const Node& function, const NoteFault& note) {
  static const std::map<std::string, size_t> arity = {
      {"attribute_exists", 1}, {"attribute_not_exists", 1},
      {"attribute_type", 2},   {"begins_with", 2},
      {"contains", 2},         {"size", 1}};
  const auto known = arity.find(function.op);
  if (known == arity.end())
    return note(Fault::unknown_function, "Invalid function name; function: " + function.op);
  if (function.children.size() != known->second) return note_operand_count(function, note);
  check_distinct(function, note);
  if (function.op.starts_with("attribute_") && function.children[0]->op != "path")
    return note(
        Fault::operand_type,
        "Operator or function requires a document path; operator or function: " + function.op);
  if (function.op == "begins_with") {
    for (const auto& child : function.children) check_type(*child, function.op, "SB", note);
  } else if (function.op == "size") {
    check_size(*function.children[0], note);
  } else if (function.op == "attribute_type") {
    check_type_name(*function.children[1], note);
  }
}
void check_operand_type(const Node& operand, const std::string& op, std::string_view type,
                        const NoteFault& note) {
  const std::string actual = operand.op == "value" ? type_of(operand.value) : "";
  if (!actual.empty() && actual != type) note_type(op, actual, note);
}
void note_operand_count(const Node& function, const NoteFault& note) {
  note(Fault::operand_count,
       "Incorrect number of operands for operator or function; operator or function: " +
           function.op + ", number of operands: " + std::to_string(function.children.size()));
}
void check_side_by_side(const Path& one, const Path& two, const NoteFault& note) {
  const auto clash = [&](Fault fault, const char* verb) {
    note(fault, std::string("Two document paths ") + verb +
                    " with each other; must remove or rewrite one of these paths; path one: " +
                    shown_path(one) + ", path two: " + shown_path(two));
  };
  const size_t both = std::min(one.size(), two.size());
  for (size_t i = 0; i < both; ++i) {
    if (one[i].index() != two[i].index()) return clash(Fault::conflict, "conflict");
    if (one[i] != two[i]) return;
  }
  clash(Fault::overlap, "overlap");
}

}  // namespace sluice::dynamodb
