// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/expression.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "services/dynamodb/expression_parser.h"

namespace sluice::dynamodb {
namespace {
class ConditionParser : ExpressionParser {
 public:
  ConditionParser(std::string_view text, std::string_view kind, Placeholders& placeholders)
      : ExpressionParser(text, kind, placeholders, kKeywords) {}

  Result<Condition> parse() {
    CHECK(start());
    TRY(Condition root, disjunction(0));
    if (!at_end()) return syntax();
    CHECK(check_condition(*root));
    CHECK(finish({Fault::parentheses, Fault::unknown_function, Fault::misused_function,
                  Fault::reserved, Fault::condition}));
    return root;
  }

 private:
  static constexpr std::string_view kKeywords[] = {"AND", "OR", "NOT", "BETWEEN", "IN"};

  Result<Condition> disjunction(size_t depth) {
    TRY(Condition left, conjunction(depth));
    while (is_word("OR")) {
      TRY(left, joined("OR", std::move(left), depth, &ConditionParser::conjunction));
    }
    return left;
  }
  Result<Condition> conjunction(size_t depth) {
    TRY(Condition left, negation(depth));
    while (is_word("AND")) {
      TRY(left, joined("AND", std::move(left), depth, &ConditionParser::negation));
    }
    return left;
  }
  Result<Condition> joined(const char* op, Condition left, size_t depth,
                           Result<Condition> (ConditionParser::*next)(size_t)) {
    CHECK(check_condition(*left));
    CHECK(advance());
    CHECK(count_operator());
    TRY(Condition right, (this->*next)(depth));
    CHECK(check_condition(*right));
    Condition both = node(op);
    both->children.push_back(std::move(left));
    both->children.push_back(std::move(right));
    return both;
  }
  Result<Condition> negation(size_t depth) {
    if (depth > kNestingMax) return invalid("The expression is nested too deeply;");
    if (!is_word("NOT")) return comparison(depth);
    CHECK(advance());
    CHECK(count_operator());
    TRY(Condition inner, negation(depth + 1));
    CHECK(check_condition(*inner));
    Condition n = node("NOT");
    n->children.push_back(std::move(inner));
    return n;
  }
  // What stands in parentheses may be a condition or the left side of one.
  Result<Condition> primary(size_t depth) {
    if (!is("(")) return operand(depth);
    CHECK(advance());
    TRY(Condition inner, disjunction(depth + 1));
    CHECK(expect(")"));
    close_parentheses(inner.get());
    return inner;
  }
  // A path or a value alone is left to whoever reads on: it may stand in parentheses.
  Result<Condition> comparison(size_t depth) {
    TRY(Condition left, primary(depth));
    if (is_word("BETWEEN")) return between(std::move(left), depth);
    if (is_word("IN")) return in(std::move(left), depth);
    const std::string op = word();
    if (!is(op) || !is_comparison(op)) {
      if (!is_operand(*left)) settle();
      return left;
    }
    CHECK(count_operator());
    CHECK(advance());
    Condition n = node(op);
    n->children.push_back(std::move(left));
    TRY(Condition right, operand(depth));
    n->children.push_back(std::move(right));
    check_comparison(*n, notes());
    return checked(std::move(n));
  }
  Result<Condition> between(Condition left, size_t depth) {
    CHECK(count_operator());
    CHECK(advance());
    Condition n = node("BETWEEN");
    n->children.push_back(std::move(left));
    TRY(Condition low, operand(depth));
    if (!is_word("AND")) return syntax();
    CHECK(advance());
    TRY(Condition high, operand(depth));
    n->children.push_back(std::move(low));
    n->children.push_back(std::move(high));
    check_between(*n, notes());
    return checked(std::move(n));
  }
  Result<Condition> in(Condition left, size_t depth) {
    CHECK(count_operator());
    CHECK(advance());
    CHECK(expect("("));
    Condition n = node("IN");
    n->children.push_back(std::move(left));
    size_t operands = 1;
    for (;;) {
      TRY(Condition one, operand(depth));
      if (++operands <= kInMax + 1) n->children.push_back(std::move(one));
      if (!is(",")) break;
      CHECK(advance());
    }
    CHECK(expect(")"));
    if (operands > kInMax + 1)
      note(Fault::operand_count,
           "Invalid number of operands for operator or function; operator or function: IN, number "
           "of operands: " +
               std::to_string(operands));
    return checked(std::move(n));
  }

  // The operands of a comparison are values, paths and sizes: no conditions.
  Result<Condition> checked(Condition comparison) {
    for (const auto& child : comparison->children) {
      if (child->op == "AND" || child->op == "OR" || child->op == "NOT" || child->op == "BETWEEN" ||
          child->op == "IN" || is_comparison(child->op))
        return syntax();
      if (!is_operand(*child)) misused(*child);
    }
    settle();
    return comparison;
  }
  Result<Done> check_condition(const Node& n) {
    if (n.op == "path" || n.op == "value") return syntax();
    if (n.op == "size") misused(n);
    return Done{};
  }
  void misused(const Node& function) {
    note(Fault::misused_function,
         "The function is not allowed to be used this way in an expression; function: " +
             function.op);
  }
  // The faults of one condition rank among themselves.
  void settle() {
    std::string why = take_fault({Fault::undefined_name, Fault::undefined_value,
                                  Fault::operand_count, Fault::same_operands, Fault::operand_type});
    if (!why.empty()) note(Fault::condition, std::move(why));
  }
  void check_function(const Node& n) override {
    for (const auto& child : n.children)
      if (!is_operand(*child)) misused(*child);
    check_function_operands(n, notes());
  }
};

class ProjectionParser : ExpressionParser {
 public:
  ProjectionParser(std::string_view text, Placeholders& placeholders)
      : ExpressionParser(text, "ProjectionExpression", placeholders, {}) {}
  Result<std::vector<Path>> parse() {
    CHECK(start());
    std::vector<Path> paths;
    for (;;) {
      TRY(Path path, parse_path());
      for (const Path& other : paths) check_paths(other, path);
      paths.push_back(std::move(path));
      if (!is(",")) break;
      CHECK(advance());
    }
    CHECK(finish({Fault::reserved, Fault::undefined_name, Fault::overlap, Fault::conflict}));
    return paths;
  }

 private:
  void check_function(const Node&) override {}  // it has none
};
}  // namespace

const json::value* child_of(const json::value& whole, const Path::value_type& part) {
  const size_t* index = std::get_if<size_t>(&part);
  const json::value* inner = whole.get_object().if_contains(index ? "L" : "M");
  if (!inner) return nullptr;
  if (!index) return inner->get_object().if_contains(std::get<std::string>(part));
  return *index < inner->get_array().size() ? &inner->get_array()[*index] : nullptr;
}
const json::value* find_path(const json::object& item, const Path& path) {
  const json::value* here = item.if_contains(std::get<std::string>(path[0]));
  for (size_t i = 1; here && i < path.size(); ++i) here = child_of(*here, path[i]);
  return here;
}

namespace {
// What an operand is for an item. Values are looked at where they stand: a filter sees many items,
// and a value of the request may be large.
class Operand {
 public:
  Operand(const Node& node, const json::object& item) {
    if (node.op == "value") found_ = &node.value;
    if (node.op == "path") found_ = find_path(item, node.path);
    if (node.op == "size") measure(Operand(*node.children[0], item));
  }
  Operand(const Operand&) = delete;
  explicit operator bool() const { return found_ != nullptr; }
  const json::value& operator*() const { return *found_; }
  const json::value* operator->() const { return found_; }

 private:
  void measure(const Operand& of) {
    if (!of) return;
    const std::string type = type_of(*of);
    const json::value& v = of->get_object().begin()->value();
    if (type == "N" || type == "BOOL" || type == "NULL") return;
    const size_t size =
        v.is_string()
            ? (type == "B" ? unbase64(std::string_view(v.get_string())).value_or("").size()
                           : v.get_string().size())
        : v.is_array() ? v.get_array().size()
                       : v.get_object().size();
    made_ = json::object{{"N", std::to_string(size)}};
    found_ = &made_;
  }

  const json::value* found_ = nullptr;
  json::value made_;
};

std::string bytes_of(const json::value& base64) {
  return unbase64(std::string_view(base64.get_string())).value_or("");
}
bool contains(const json::value& whole, const json::value& part) {
  const std::string type = type_of(whole);
  const json::value& inner = whole.get_object().begin()->value();
  if (type == "S")
    return type_of(part) == "S" &&
           std::string_view(inner.get_string())
                   .find(std::string_view(part.get_object().at("S").get_string())) !=
               std::string_view::npos;
  if (type == "B")
    return type_of(part) == "B" &&
           bytes_of(inner).find(bytes_of(part.get_object().at("B"))) != std::string::npos;
  if (type == "L")
    return std::any_of(inner.get_array().begin(), inner.get_array().end(),
                       [&](const json::value& one) { return equal_values(one, part); });
  if (type != type_of(part) + "S") return false;
  return std::any_of(
      inner.get_array().begin(), inner.get_array().end(),
      [&](const json::value& one) { return one == part.get_object().begin()->value(); });
}
bool evaluate_function(const Node& node, const json::object& item) {
  const Operand first(*node.children[0], item);
  if (node.op == "attribute_exists") return static_cast<bool>(first);
  if (node.op == "attribute_not_exists") return !first;
  const Operand second(*node.children[1], item);
  if (!first || !second) return false;
  if (node.op == "attribute_type")
    return type_of(*second) == "S" &&
           type_of(*first) == std::string_view(second->get_object().at("S").get_string());
  if (node.op == "contains") return contains(*first, *second);
  if (type_of(*first) != type_of(*second) || (type_of(*first) != "S" && type_of(*first) != "B"))
    return false;
  if (type_of(*first) == "B")
    return bytes_of(first->get_object().at("B"))
        .starts_with(bytes_of(second->get_object().at("B")));
  return std::string_view(first->get_object().begin()->value().get_string())
      .starts_with(std::string_view(second->get_object().begin()->value().get_string()));
}

// The part of `from` that the paths name. They begin alike, and differ from `depth` on; none leads
// to another one. nullopt: there is nothing of it.
std::optional<json::value> pick(const json::value& from, const std::vector<const Path*>& paths,
                                size_t depth) {
  if (paths.front()->size() == depth) return from;
  std::map<Path::value_type, std::vector<const Path*>> below;
  for (const Path* path : paths) below[(*path)[depth]].push_back(path);
  const bool list = std::holds_alternative<size_t>(below.begin()->first);
  const json::value* inner = from.get_object().if_contains(list ? "L" : "M");
  if (!inner) return std::nullopt;
  json::object map;
  json::array elements;
  for (const auto& [part, longer] : below) {
    const json::value* next = child_of(from, part);
    auto picked = next ? pick(*next, longer, depth + 1) : std::nullopt;
    if (!picked) continue;
    if (list)
      elements.push_back(*std::move(picked));
    else
      map[std::get<std::string>(part)] = *std::move(picked);
  }
  if (map.empty() && elements.empty()) return std::nullopt;
  if (list) return json::value(json::object{{"L", std::move(elements)}});
  return json::value(json::object{{"M", std::move(map)}});
}
bool is_placeholder(std::string_view name, char sign) {
  return name.size() > 1 && name[0] == sign &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
                                1) == std::string_view::npos;
}
}  // namespace

Result<Done> check_placeholder_use(const json::object& body,
                                   const std::vector<std::string_view>& expressions) {
  const Fields fields(body);
  bool any = false, any_with_values = false;
  std::string with_values;
  size_t count = 0;
  for (const std::string_view expression : expressions) {
    const bool given = fields.find(expression) != nullptr;
    any |= given;
    if (expression == "ProjectionExpression") continue;
    any_with_values |= given;
    with_values += (count++ ? " and " : "") + std::string(expression);
  }
  if (fields.find("ExpressionAttributeNames") && !any)
    return validation("ExpressionAttributeNames can only be specified when using expressions");
  if (fields.find("ExpressionAttributeValues") && !any_with_values && count)
    return validation("ExpressionAttributeValues can only be specified when using expressions: " +
                      with_values + (count > 1 ? " are null" : " is null"));
  return Done{};
}

Result<Placeholders> Placeholders::parse(const json::object& body) {
  Placeholders p;
  const Fields fields(body);
  TRY(const json::object* names, fields.object("ExpressionAttributeNames"));
  TRY(const json::object* values, fields.object("ExpressionAttributeValues"));
  if (names && names->empty()) return validation("ExpressionAttributeNames must not be empty");
  if (values && values->empty()) return validation("ExpressionAttributeValues must not be empty");
  if (names) p.names_ = *names;
  if (values) p.values_ = *values;
  for (const auto& [name, value] : p.names_) {
    if (!is_placeholder(name, '#'))
      return validation("ExpressionAttributeNames contains invalid key: Syntax error; key: \"" +
                        std::string(name) + "\"");
    if (!value.is_string()) return Error{400, "SerializationException", "Expected a string", {}};
    const size_t bytes = value.get_string().size();
    if (bytes == 0 || bytes > kNameBytesMax)
      return validation(
          "ExpressionAttributeNames contains invalid value: " +
          std::string(bytes ? "Attribute name is too large, must be less than 65536 bytes"
                            : "Empty attribute name") +
          "; key: " + std::string(name));
  }
  for (const auto& [name, value] : p.values_)
    if (!is_placeholder(name, ':'))
      return validation("ExpressionAttributeValues contains invalid key: Syntax error; key: \"" +
                        std::string(name) + "\"");
  for (auto& member : p.values_)
    if (auto checked = check_value(member.value()); !checked) {
      Error why = std::move(checked).error();
      if (why.code == "ValidationException")
        why.message = "ExpressionAttributeValues contains invalid value: " + why.message +
                      " for key " + std::string(member.key());
      return why;
    }
  return p;
}
Result<std::string> Placeholders::name(const std::string& placeholder) {
  const json::value* found = names_.if_contains(placeholder);
  if (!found)
    return validation(
        "An expression attribute name used in the document path is not defined; attribute name: " +
        placeholder);
  used_.insert(placeholder);
  return std::string(found->get_string());
}
Result<json::value> Placeholders::value(const std::string& placeholder) {
  const json::value* found = values_.if_contains(placeholder);
  if (!found)
    return validation(
        "An expression attribute value used in expression is not defined; attribute value: " +
        placeholder);
  used_.insert(placeholder);
  copied_bytes_ += value_bytes(*found);
  if (copied_bytes_ > kCopiedBytesMax)
    return validation("The values that the expressions use are too large together.");
  return *found;
}
Result<Done> Placeholders::all_used() const {
  for (const auto& [member, given] : {std::pair("ExpressionAttributeNames", &names_),
                                      std::pair("ExpressionAttributeValues", &values_)}) {
    std::string unused;
    for (const auto& [name, value] : *given)
      if (!used_.contains(std::string(name)))
        unused += (unused.empty() ? "" : ", ") + std::string(name);
    if (!unused.empty())
      return validation("Value provided in " + std::string(member) +
                        " unused in expressions: keys: {" + unused + "}");
  }
  return Done{};
}

Result<Condition> parse_condition(std::string_view text, std::string_view kind,
                                  Placeholders& placeholders) {
  return ConditionParser(text, kind, placeholders).parse();
}
Result<std::vector<Path>> parse_projection(std::string_view text, Placeholders& placeholders) {
  return ProjectionParser(text, placeholders).parse();
}

bool evaluate(const Node& node, const json::object& item) {
  if (node.op == "AND")
    return evaluate(*node.children[0], item) && evaluate(*node.children[1], item);
  if (node.op == "OR")
    return evaluate(*node.children[0], item) || evaluate(*node.children[1], item);
  if (node.op == "NOT") return !evaluate(*node.children[0], item);
  if (node.op.starts_with("attribute_") || node.op == "begins_with" || node.op == "contains")
    return evaluate_function(node, item);
  const Operand left(*node.children[0], item);
  if (!left) return node.op == "<>" && Operand(*node.children[1], item);
  if (node.op == "IN") {
    for (size_t i = 1; i < node.children.size(); ++i)
      if (const Operand one(*node.children[i], item); one && equal_values(*left, *one)) return true;
    return false;
  }
  const Operand right(*node.children[1], item);
  if (!right) return node.op == "<>";
  if (node.op == "=") return equal_values(*left, *right);
  if (node.op == "<>") return !equal_values(*left, *right);
  const auto order = compare_values(*left, *right);
  if (!order) return false;
  if (node.op == "BETWEEN") {
    const Operand high(*node.children[2], item);
    const auto other = high ? compare_values(*left, *high) : std::nullopt;
    return *order >= 0 && other && *other <= 0;
  }
  return node.op == "<"    ? *order < 0
         : node.op == "<=" ? *order <= 0
         : node.op == ">"  ? *order > 0
                           : *order >= 0;
}

json::object project(const json::object& item, const std::vector<Path>& paths) {
  if (paths.empty()) return item;
  json::object out;
  std::map<std::string_view, std::vector<const Path*>> nested;
  for (const Path& path : paths) {
    const std::string& name = std::get<std::string>(path[0]);
    const json::value* from = item.if_contains(name);
    if (!from) continue;
    if (path.size() == 1)
      out[name] = *from;
    else
      nested[name].push_back(&path);
  }
  for (const auto& [name, below] : nested)
    if (auto picked = pick(item.at(name), below, 1)) out[name] = *std::move(picked);
  return out;
}

}  // namespace sluice::dynamodb
