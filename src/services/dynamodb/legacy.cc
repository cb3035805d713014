// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/legacy.h"

#include <algorithm>
#include <map>
#include <set>

namespace sluice::dynamodb {
namespace {
Error invalid(const std::string& why) {
  return validation("One or more parameter values were invalid: " + why);
}
std::string joined(const std::vector<std::string_view>& names, const char* separator) {
  std::string out;
  for (const std::string_view name : names)
    out += (out.empty() ? "" : separator) + std::string(name);
  return out;
}
Error unexpected_type() { return {400, "SerializationException", "Expected a structure", {}}; }

// What a legacy operator is as an expression; `least` and `most` are how many operands it has, and
// `types` those that it takes, "" when it takes all.
struct Operator {
  const char *name, *op;
  size_t least, most;
  std::string_view types;
};
constexpr Operator kOperators[] = {{"IN", "IN", 1, SIZE_MAX, "SNB"},
                                   {"NULL", "attribute_not_exists", 0, 0, ""},
                                   {"BETWEEN", "BETWEEN", 2, 2, "SNB"},
                                   {"LT", "<", 1, 1, "SNB"},
                                   {"NOT_CONTAINS", "NOT_CONTAINS", 1, 1, "SNB"},
                                   {"EQ", "=", 1, 1, ""},
                                   {"GT", ">", 1, 1, "SNB"},
                                   {"NOT_NULL", "attribute_exists", 0, 0, ""},
                                   {"NE", "<>", 1, 1, ""},
                                   {"LE", "<=", 1, 1, "SNB"},
                                   {"BEGINS_WITH", "begins_with", 1, 1, "SB"},
                                   {"GE", ">=", 1, 1, "SNB"},
                                   {"CONTAINS", "contains", 1, 1, "SNB"}};

// `where` is "scanFilter.a", for messages.
Result<const Operator*> read_operator(const json::object& condition, const std::string& where) {
  TRY(const auto name, Fields(condition).text("ComparisonOperator"));
  const std::string at =
      "at '" + where + ".member.comparisonOperator' failed to satisfy constraint: ";
  if (!name)
    return validation("1 validation error detected: Value null " + at + "Member must not be null");
  std::string all;
  for (const Operator& one : kOperators) {
    if (*name == one.name) return &one;
    all += (all.empty() ? "" : ", ") + std::string(one.name);
  }
  return validation("1 validation error detected: Value '" + name->substr(0, 255) + "' " + at +
                    "Member must satisfy enum value set: [" + all + "]");
}
Result<std::vector<json::value>> read_operands(const json::object& condition) {
  std::vector<json::value> operands;
  TRY(const json::array* list, Fields(condition).array("AttributeValueList"));
  if (!list) return operands;
  for (const json::value& one : *list) {
    operands.push_back(one);
    CHECK(check_value(operands.back()));
  }
  return operands;
}
Result<Done> check_operands(const Operator& op, const std::vector<json::value>& operands) {
  if (operands.size() < op.least || operands.size() > op.most)
    return invalid("Invalid number of argument(s) for the " + std::string(op.name) +
                   " ComparisonOperator");
  for (const json::value& one : operands)
    if (type_of(one) != type_of(operands[0]))
      return invalid("AttributeValues inside AttributeValueList must be of same type");
  for (const json::value& one : operands)
    if (const std::string type = type_of(one);
        !op.types.empty() && (type.size() > 1 || op.types.find(type) == op.types.npos))
      return invalid("ComparisonOperator " + std::string(op.name) + " is not valid for " + type +
                     " AttributeValue type");
  if (operands.size() == 2 && op.op == std::string_view("BETWEEN") &&
      compare_values(operands[0], operands[1]).value_or(0) > 0)
    return validation(
        "The BETWEEN condition was provided a range where the lower bound is greater than the "
        "upper bound");
  return Done{};
}

Condition node(std::string op) {
  auto n = std::make_unique<Node>();
  n->op = std::move(op);
  return n;
}
Condition path_to(std::string_view name) {
  Condition n = node("path");
  n->path.emplace_back(std::string(name));
  return n;
}
Condition literal(json::value value) {
  Condition n = node("value");
  n->value = std::move(value);
  return n;
}
Condition pair_of(const char* op, Condition left, Condition right) {
  Condition n = node(op);
  n->children.push_back(std::move(left));
  n->children.push_back(std::move(right));
  return n;
}
Condition comparison(std::string_view name, const char* op, std::vector<json::value> operands) {
  // What is not there does not contain a thing, and does not lack it either.
  if (op == std::string_view("NOT_CONTAINS")) {
    Condition lacks = node("NOT"), there = node("attribute_exists");
    lacks->children.push_back(comparison(name, "contains", std::move(operands)));
    there->children.push_back(path_to(name));
    return pair_of("AND", std::move(there), std::move(lacks));
  }
  Condition n = node(op);
  n->children.push_back(path_to(name));
  for (json::value& one : operands) n->children.push_back(literal(std::move(one)));
  return n;
}

// One attribute of QueryFilter or ScanFilter.
Result<Condition> filter_of(std::string_view name, const json::object& condition,
                            const std::string& where) {
  TRY(const Operator* op, read_operator(condition, where));
  TRY(std::vector<json::value> operands, read_operands(condition));
  CHECK(check_operands(*op, operands));
  return comparison(name, op->op, std::move(operands));
}
// One attribute of Expected: as in a filter, or Value and Exists.
Result<Condition> expectation_of(std::string_view name, const json::object& condition,
                                 const std::string& where) {
  const Fields fields(condition);
  const std::string of = " for Attribute: " + std::string(name);
  const json::value* value = fields.find("Value");
  const bool listed = fields.find("AttributeValueList") != nullptr;
  if (listed && value) return invalid("Value and AttributeValueList cannot be used together" + of);
  TRY(const auto exists, fields.boolean("Exists"));
  if (fields.find("ComparisonOperator")) {
    TRY(const Operator* op, read_operator(condition, where));
    if (exists) return invalid("Exists and ComparisonOperator cannot be used together" + of);
    if (op->least && !listed && !value)
      return invalid("Value or AttributeValueList must be used with ComparisonOperator: " +
                     std::string(op->name) + of);
    TRY(std::vector<json::value> operands, read_operands(condition));
    if (value) {
      operands.push_back(*value);
      CHECK(check_value(operands.back()));
    }
    CHECK(check_operands(*op, operands));
    return comparison(name, op->op, std::move(operands));
  }
  if (listed) return invalid("AttributeValueList can only be used with a ComparisonOperator" + of);
  if (exists.value_or(true) && !value)
    return invalid("Value must be provided when Exists is " +
                   std::string(exists ? "true" : "null") + of);
  if (!exists.value_or(true) && value)
    return invalid("Value cannot be used when Exists is false" + of);
  if (!value) return comparison(name, "attribute_not_exists", {});
  std::vector<json::value> operands{*value};
  CHECK(check_value(operands[0]));
  return comparison(name, "=", std::move(operands));
}

Result<UpdateAction> action_of(std::string_view name, const json::object& update) {
  const Fields fields(update);
  TRY(const auto given, fields.text("Action"));
  const std::string action = given.value_or("PUT");
  if (action != "PUT" && action != "ADD" && action != "DELETE")
    return validation("1 validation error detected: Value '" + action.substr(0, 255) +
                      "' at 'attributeUpdates." + std::string(name) +
                      ".member.action' failed to satisfy constraint: Member must satisfy enum "
                      "value set: [ADD, PUT, DELETE]");
  UpdateAction out{UpdateAction::Kind::remove, {std::string(name)}, {}};
  const json::value* value = fields.find("Value");
  if (!value) {
    if (action != "DELETE")
      return invalid("Only DELETE action is allowed when no attribute value is specified");
    return out;
  }
  json::value checked = *value;
  CHECK(check_value(checked));
  const std::string type = type_of(checked);
  const bool set = type == "SS" || type == "NS" || type == "BS";
  if (action == "DELETE" && !set)
    return invalid("DELETE action with value is not supported for the type " + type);
  if (action == "ADD" && !set && type != "N" && type != "L")
    return invalid("ADD action is not supported for the type " + type);
  out.kind = action == "PUT"   ? UpdateAction::Kind::set
             : action == "ADD" ? UpdateAction::Kind::add
                               : UpdateAction::Kind::erase;
  out.operand = literal(std::move(checked));
  return out;
}
}  // namespace

Result<Done> check_parameters(const json::object& body, std::vector<std::string_view> expressions,
                              std::vector<std::string_view> legacy) {
  const Fields fields(body);
  const auto absent = [&](std::string_view name) { return !fields.find(name); };
  const std::vector<std::string_view> all = expressions;
  std::erase_if(expressions, absent);
  std::erase_if(legacy, absent);
  // The other expressions of a Query may stand beside KeyConditions.
  if (absent("KeyConditionExpression")) std::erase(legacy, "KeyConditions");
  if (!expressions.empty() && !legacy.empty())
    return validation(
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {" +
        joined(legacy, ", ") + "} Expression parameters: {" + joined(expressions, ", ") + "}");
  return check_placeholder_use(body, all);
}

Result<Condition> legacy_condition(const json::object& body, const char* member) {
  CHECK(one_of(body, "ConditionalOperator", {"OR", "AND"}));
  TRY(const json::object* conditions, Fields(body).object(member));
  const std::string op = text_of(body, "ConditionalOperator");
  if (!op.empty() && (!conditions || conditions->empty()))
    return validation("ConditionalOperator cannot be used without Filter or Expected");
  if (!op.empty() && conditions->size() < 2)
    return validation(
        "ConditionalOperator can only be used when Filter or Expected has two or more elements");
  Condition whole;
  if (!conditions) return whole;
  std::string where(member);
  where[0] = static_cast<char>(where[0] | 0x20);
  for (const auto& [name, condition] : *conditions) {
    if (!condition.is_object()) return unexpected_type();
    const auto read = member == std::string_view("Expected") ? expectation_of : filter_of;
    TRY(Condition one,
        read(std::string_view(name), condition.get_object(), where + "." + std::string(name)));
    whole = whole ? pair_of(op == "OR" ? "OR" : "AND", std::move(whole), std::move(one))
                  : std::move(one);
  }
  return whole;
}
Result<std::vector<Path>> legacy_projection(const json::object& body) {
  std::vector<Path> paths;
  TRY(const json::array* names, Fields(body).array("AttributesToGet"));
  if (!names) return paths;
  if (names->empty())
    return validation(
        "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy "
        "constraint: Member must have length greater than or equal to 1");
  std::set<std::string> seen;
  for (const json::value& name : *names) {
    if (!name.is_string()) return Error{400, "SerializationException", "Expected a string", {}};
    const std::string text(name.get_string());
    if (!seen.insert(text).second)
      return invalid("Duplicate value in attribute name: " + text.substr(0, 255));
    paths.push_back({text});
  }
  return paths;
}
Result<Update> legacy_update(const json::object& updates) {
  Update update;
  update.mismatch = "Type mismatch for attribute to update";
  for (const auto& [name, one] : updates) {
    if (!one.is_object()) return unexpected_type();
    TRY(UpdateAction action, action_of(std::string_view(name), one.get_object()));
    update.actions.push_back(std::move(action));
  }
  return update;
}
Result<KeyPredicates> legacy_key_condition(const json::object& conditions) {
  KeyPredicates out;
  for (const auto& [name, condition] : conditions) {
    if (!condition.is_object()) return unexpected_type();
    TRY(const Operator* op,
        read_operator(condition.get_object(), "keyConditions." + std::string(name)));
    TRY(std::vector<json::value> operands, read_operands(condition.get_object()));
    CHECK(check_operands(*op, operands));
    out.push_back({std::string(name), op->op, std::move(operands)});
  }
  if (out.empty() || out.size() > 2) return validation("Conditions can be of length 1 or 2 only");
  return out;
}

}  // namespace sluice::dynamodb
