// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/expression.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::dynamodb {
namespace {
struct Token {
  std::string text;
  char kind;
};  // kind: n name, p placeholder name, v placeholder value, d number, o operator, e end

bool word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view kind, Placeholders& placeholders)
      : text_(text), kind_(kind), placeholders_(placeholders) {}

  Result<Done> start() {
    if (text_.size() > kExpressionBytesMax)
      return invalid("Expression size has exceeded the maximum allowed size;");
    CHECK(advance());
    if (token_.kind == 'e') return invalid("The expression can not be empty;");
    return Done{};
  }
  Result<Condition> condition() {
    TRY(Condition root, disjunction(0));
    if (token_.kind != 'e') return syntax();
    return root;
  }
  Result<std::vector<Path>> projection() {
    std::vector<Path> paths;
    for (;;) {
      TRY(Path path, parse_path());
      for (const Path& other : paths)
        if (std::equal(other.begin(),
                       other.begin() + static_cast<ptrdiff_t>(std::min(other.size(), path.size())),
                       path.begin()))
          return invalid(
              "Two document paths overlap with each other; must remove or rewrite one of these "
              "paths; path one: " +
              shown(other) + ", path two: " + shown(path));
      paths.push_back(std::move(path));
      if (token_.kind == 'e') return paths;
      if (token_.text != ",") return syntax();
      CHECK(advance());
    }
  }

 private:
  Error invalid(std::string why) const {
    return validation("Invalid " + std::string(kind_) + ": " + std::move(why));
  }
  Error syntax() const {
    return invalid("Syntax error; token: \"" +
                   (token_.kind == 'e' ? std::string("<EOF>") : token_.text) + "\", near: \"" +
                   std::string(text_.substr(at_ > 10 ? at_ - 10 : 0, 20)) + "\"");
  }

  Result<Done> advance() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    if (at_ == text_.size()) {
      token_ = {"", 'e'};
      return Done{};
    }
    const char c = text_[at_];
    size_t end = at_ + 1;
    if (word_char(c) || c == '#' || c == ':') {
      while (end < text_.size() && word_char(text_[end])) ++end;
      token_ = {std::string(text_.substr(at_, end - at_)), c == '#'               ? 'p'
                                                           : c == ':'             ? 'v'
                                                           : c >= '0' && c <= '9' ? 'd'
                                                                                  : 'n'};
    } else {
      if (end < text_.size() && ((c == '<' && (text_[end] == '=' || text_[end] == '>')) ||
                                 (c == '>' && text_[end] == '=')))
        ++end;
      token_ = {std::string(text_.substr(at_, end - at_)), 'o'};
      if (std::string_view("()[],.=<>").find(c) == std::string_view::npos) return syntax();
    }
    at_ = end;
    return Done{};
  }
  bool is_word(std::string_view word) const {
    return token_.kind == 'n' && equals_ignore_case(token_.text, word);
  }
  Result<Done> expect(std::string_view text) {
    if (token_.text != text) return syntax();
    return advance();
  }
  static std::string shown(const Path& path) {
    std::string out;
    for (const auto& part : path) {
      const size_t* index = std::get_if<size_t>(&part);
      out += (out.empty() ? "" : ", ") +
             (index ? "[" + std::to_string(*index) + "]" : std::get<std::string>(part));
    }
    return "[" + out + "]";
  }
  // A literal whose type the operator cannot take is refused before any item is looked at.
  Result<Done> check_operand(const Node& operand, const std::string& op,
                             std::string_view types) const {
    if (operand.op == "size")
      return types.find('N') != types.npos ? Result<Done>(Done{}) : incorrect(op, "N");
    if (operand.op != "value") return Done{};
    const std::string type = type_of(operand.value);
    return type.size() == 1 && types.find(type) != types.npos ? Result<Done>(Done{})
                                                              : incorrect(op, type);
  }
  Error incorrect(const std::string& op, const std::string& type) const {
    return invalid("Incorrect operand type for operator or function; operator or function: " + op +
                   ", operand type: " + type);
  }
  static Condition node(std::string op) {
    auto n = std::make_unique<Node>();
    n->op = std::move(op);
    return n;
  }
  Result<Done> count_operator() {
    if (++operators_ > kOperandsMax) return invalid("The expression contains too many operators;");
    return Done{};
  }

  Result<Condition> disjunction(size_t depth) {
    if (depth > kNestingMax) return invalid("The expression is nested too deeply;");
    TRY(Condition left, conjunction(depth));
    while (is_word("OR")) {
      CHECK(advance());
      CHECK(count_operator());
      TRY(Condition right, conjunction(depth));
      Condition both = node("OR");
      both->children.push_back(std::move(left));
      both->children.push_back(std::move(right));
      left = std::move(both);
    }
    return left;
  }
  Result<Condition> conjunction(size_t depth) {
    TRY(Condition left, negation(depth));
    while (is_word("AND")) {
      CHECK(advance());
      CHECK(count_operator());
      TRY(Condition right, negation(depth));
      Condition both = node("AND");
      both->children.push_back(std::move(left));
      both->children.push_back(std::move(right));
      left = std::move(both);
    }
    return left;
  }
  Result<Condition> negation(size_t depth) {
    if (depth > kNestingMax) return invalid("The expression is nested too deeply;");
    if (is_word("NOT")) {
      CHECK(advance());
      CHECK(count_operator());
      TRY(Condition inner, negation(depth + 1));
      Condition n = node("NOT");
      n->children.push_back(std::move(inner));
      return n;
    }
    if (token_.text == "(") {
      CHECK(advance());
      TRY(Condition inner, disjunction(depth + 1));
      CHECK(expect(")"));
      return inner;
    }
    return comparison();
  }
  Result<Condition> comparison() {
    TRY(Condition left, operand());
    static const std::set<std::string> boolean = {"attribute_exists", "attribute_not_exists",
                                                  "attribute_type", "begins_with", "contains"};
    if (boolean.contains(left->op)) return left;
    CHECK(count_operator());
    std::string op = token_.text;
    if (is_word("BETWEEN")) {
      CHECK(advance());
      Condition n = node("BETWEEN");
      n->children.push_back(std::move(left));
      TRY(Condition low, operand());
      if (!is_word("AND")) return syntax();
      CHECK(advance());
      TRY(Condition high, operand());
      n->children.push_back(std::move(low));
      n->children.push_back(std::move(high));
      for (const auto& child : n->children) CHECK(check_operand(*child, "BETWEEN", "SNB"));
      return n;
    }
    if (is_word("IN")) {
      CHECK(advance());
      CHECK(expect("("));
      Condition n = node("IN");
      n->children.push_back(std::move(left));
      for (;;) {
        TRY(Condition one, operand());
        n->children.push_back(std::move(one));
        if (n->children.size() > kInMax + 1) return invalid("Too many operands for IN;");
        if (token_.text != ",") break;
        CHECK(advance());
      }
      CHECK(expect(")"));
      return n;
    }
    if (op != "=" && op != "<>" && op != "<" && op != "<=" && op != ">" && op != ">=")
      return syntax();
    CHECK(advance());
    Condition n = node(op);
    TRY(Condition right, operand());
    n->children.push_back(std::move(left));
    n->children.push_back(std::move(right));
    if (op[0] != '=' && op != "<>")
      for (const auto& child : n->children) CHECK(check_operand(*child, op, "SNB"));
    return n;
  }
  Result<Condition> operand() {
    if (token_.kind == 'v') {
      Condition n = node("value");
      auto value = placeholders_.value(token_.text);
      if (!value) return invalid(value.error().message);
      n->value = *std::move(value);
      CHECK(advance());
      return n;
    }
    if (token_.kind == 'n' && at_ < text_.size() && next_is('(')) return function();
    Condition n = node("path");
    TRY(n->path, parse_path());
    return n;
  }
  bool next_is(char c) const {
    const size_t i = text_.find_first_not_of(" \n\t\r", at_);
    return i != std::string_view::npos && text_[i] == c;
  }
  Result<Condition> function() {
    static const std::map<std::string, size_t> arity = {
        {"attribute_exists", 1}, {"attribute_not_exists", 1},
        {"attribute_type", 2},   {"begins_with", 2},
        {"contains", 2},         {"size", 1}};
    const auto known = arity.find(token_.text);
    if (known == arity.end()) return invalid("Invalid function name; function: " + token_.text);
    Condition n = node(token_.text);
    CHECK(advance());
    CHECK(expect("("));
    while (token_.text != ")") {
      TRY(Condition one, operand());
      n->children.push_back(std::move(one));
      if (token_.text != ",") break;
      CHECK(advance());
    }
    CHECK(expect(")"));
    if (n->children.size() != known->second)
      return invalid(
          "Incorrect number of operands for operator or function; operator or function: " + n->op +
          ", number of operands: " + std::to_string(n->children.size()));
    if (n->op.starts_with("attribute_") && n->children[0]->op != "path")
      return invalid("Operator or function requires a document path; operator or function: " +
                     n->op);
    CHECK(check_arguments(*n));
    return n;
  }
  Result<Done> check_arguments(const Node& n) const {
    if (n.op == "begins_with") {
      for (const auto& child : n.children) CHECK(check_operand(*child, n.op, "SB"));
    } else if (n.op == "size" && n.children[0]->op == "value") {
      const std::string type = type_of(n.children[0]->value);
      if (type == "N" || type == "BOOL" || type == "NULL") return incorrect("size", type);
    } else if (n.op == "attribute_type") {
      CHECK(check_operand(*n.children[1], n.op, "S"));
      static const std::set<std::string_view> types = {"S", "N", "B",  "BOOL", "NULL",
                                                       "L", "M", "SS", "NS",   "BS"};
      if (const Node& type = *n.children[1];
          type.op == "value" &&
          !types.contains(std::string_view(type.value.get_object().at("S").get_string())))
        return invalid("Invalid attribute type name found; type: " +
                       std::string(type.value.get_object().at("S").get_string()).substr(0, 64) +
                       ", valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}");
    }
    return Done{};
  }
  Result<Path> parse_path() {
    Path path;
    TRY(std::string first, path_name());
    path.emplace_back(std::move(first));
    for (;;) {
      if (token_.text == ".") {
        CHECK(advance());
        TRY(std::string name, path_name());
        path.emplace_back(std::move(name));
      } else if (token_.text == "[") {
        CHECK(advance());
        const auto index = parse_int(token_.text);
        if (token_.kind != 'd' || !index) return syntax();
        path.emplace_back(static_cast<size_t>(*index));
        CHECK(advance());
        CHECK(expect("]"));
      } else {
        return path;
      }
      if (path.size() > kNestingMax)
        return invalid("The document path has too many nesting elements;");
    }
  }
  Result<std::string> path_name() {
    std::string name = token_.text;
    if (token_.kind == 'p') {
      auto named = placeholders_.name(token_.text);
      if (!named) return invalid(named.error().message);
      name = *std::move(named);
    } else if (token_.kind != 'n')
      return syntax();
    if (token_.kind == 'n' && is_reserved(name))
      return invalid("Attribute name is a reserved keyword; reserved keyword: " + name);
    CHECK(advance());
    return name;
  }

  const std::string_view text_, kind_;
  Placeholders& placeholders_;
  Token token_{"", 'e'};
  size_t at_ = 0, operators_ = 0;
};

const json::value* lookup(const json::object& item, const Path& path) {
  const json::value* here = item.if_contains(std::get<std::string>(path[0]));
  for (size_t i = 1; here && i < path.size(); ++i) {
    const json::value* inner =
        here->get_object().if_contains(std::holds_alternative<size_t>(path[i]) ? "L" : "M");
    if (!inner) return nullptr;
    if (const size_t* index = std::get_if<size_t>(&path[i]))
      here = *index < inner->get_array().size() ? &inner->get_array()[*index] : nullptr;
    else
      here = inner->get_object().if_contains(std::get<std::string>(path[i]));
  }
  return here;
}

std::optional<json::value> value_of(const Node& node, const json::object& item) {
  if (node.op == "value") return node.value;
  if (node.op == "path") {
    const json::value* found = lookup(item, node.path);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (node.op != "size") return std::nullopt;
  const auto inner = value_of(*node.children[0], item);
  if (!inner) return std::nullopt;
  const std::string type = type_of(*inner);
  const json::value& v = inner->get_object().begin()->value();
  if (type == "N" || type == "BOOL" || type == "NULL") return std::nullopt;
  const size_t size =
      v.is_string()  ? (type == "B" ? unbase64(std::string_view(v.get_string())).value_or("").size()
                                    : v.get_string().size())
      : v.is_array() ? v.get_array().size()
                     : v.get_object().size();
  return json::value(json::object{{"N", std::to_string(size)}});
}

bool contains(const json::value& whole, const json::value& part) {
  const std::string type = type_of(whole);
  const json::value& inner = whole.get_object().begin()->value();
  if (type == "S")
    return type_of(part) == "S" &&
           std::string_view(inner.get_string())
                   .find(std::string_view(part.get_object().at("S").get_string())) !=
               std::string_view::npos;
  if (type == "L")
    return std::any_of(inner.get_array().begin(), inner.get_array().end(),
                       [&](const json::value& one) { return equal_values(one, part); });
  if (type != type_of(part) + "S") return false;
  return std::any_of(
      inner.get_array().begin(), inner.get_array().end(),
      [&](const json::value& one) { return one == part.get_object().begin()->value(); });
}
bool evaluate_function(const Node& node, const json::object& item) {
  const auto first = value_of(*node.children[0], item);
  if (node.op == "attribute_exists") return first.has_value();
  if (node.op == "attribute_not_exists") return !first.has_value();
  const auto second = value_of(*node.children[1], item);
  if (!first || !second) return false;
  if (node.op == "attribute_type")
    return type_of(*second) == "S" &&
           type_of(*first) == std::string_view(second->get_object().at("S").get_string());
  if (node.op == "contains") return contains(*first, *second);
  if (type_of(*first) != type_of(*second) || (type_of(*first) != "S" && type_of(*first) != "B"))
    return false;
  if (type_of(*first) == "B")
    return unbase64(std::string_view(first->get_object().at("B").get_string()))
        .value_or("")
        .starts_with(
            unbase64(std::string_view(second->get_object().at("B").get_string())).value_or(""));
  return std::string_view(first->get_object().begin()->value().get_string())
      .starts_with(std::string_view(second->get_object().begin()->value().get_string()));
}

// Copies one path of an item into the projection, making the maps and lists on the way.
void copy_path(const json::value& from, json::value& to, const Path& path, size_t at) {
  if (at == path.size()) {
    to = from;
    return;
  }
  const bool list = std::holds_alternative<size_t>(path[at]);
  const json::value* inner =
      from.is_object() ? from.get_object().if_contains(list ? "L" : "M") : nullptr;
  if (!inner) return;
  if (list) {
    const size_t index = std::get<size_t>(path[at]);
    if (index >= inner->get_array().size()) return;
    if (!to.is_object()) to = json::object{{"L", json::array{}}};
    auto& array = to.get_object()["L"].as_array();
    array.emplace_back(nullptr);
    copy_path(inner->get_array()[index], array.back(), path, at + 1);
    if (array.back().is_null()) array.pop_back();
    return;
  }
  const std::string& name = std::get<std::string>(path[at]);
  const json::value* member = inner->get_object().if_contains(name);
  if (!member) return;
  if (!to.is_object()) to = json::object{{"M", json::object{}}};
  json::value& place = to.get_object()["M"].as_object()[name];
  copy_path(*member, place, path, at + 1);
  if (place.is_null()) to.get_object()["M"].as_object().erase(name);
}
}  // namespace

Result<Placeholders> Placeholders::parse(const json::object& body) {
  Placeholders p;
  const Fields fields(body);
  TRY(const json::object* names, fields.object("ExpressionAttributeNames"));
  TRY(const json::object* values, fields.object("ExpressionAttributeValues"));
  if (names && names->empty()) return validation("ExpressionAttributeNames must not be empty");
  if (values && values->empty()) return validation("ExpressionAttributeValues must not be empty");
  if (names) p.names_ = *names;
  if (values) p.values_ = *values;
  for (const auto& [name, value] : p.names_)
    if (!name.starts_with('#') || name.size() < 2 || !value.is_string())
      return validation("ExpressionAttributeNames contains invalid key: Syntax error; key: \"" +
                        std::string(name) + "\"");
  for (auto& member : p.values_) {
    if (!member.key().starts_with(':') || member.key().size() < 2)
      return validation("ExpressionAttributeValues contains invalid key: Syntax error; key: \"" +
                        std::string(member.key()) + "\"");
    CHECK(check_value(member.value()));
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
  return *found;
}
Result<Done> Placeholders::all_used() const {
  for (const auto& [name, value] : names_)
    if (!used_.contains(std::string(name)))
      return validation(
          "Value provided in ExpressionAttributeNames unused in expressions: keys: {" +
          std::string(name) + "}");
  for (const auto& [name, value] : values_)
    if (!used_.contains(std::string(name)))
      return validation(
          "Value provided in ExpressionAttributeValues unused in expressions: keys: {" +
          std::string(name) + "}");
  return Done{};
}

Result<Condition> parse_condition(std::string_view text, std::string_view kind,
                                  Placeholders& placeholders) {
  Parser parser(text, kind, placeholders);
  CHECK(parser.start());
  return parser.condition();
}
Result<std::vector<Path>> parse_projection(std::string_view text, Placeholders& placeholders) {
  Parser parser(text, "ProjectionExpression", placeholders);
  CHECK(parser.start());
  return parser.projection();
}

bool evaluate(const Node& node, const json::object& item) {
  if (node.op == "AND")
    return evaluate(*node.children[0], item) && evaluate(*node.children[1], item);
  if (node.op == "OR")
    return evaluate(*node.children[0], item) || evaluate(*node.children[1], item);
  if (node.op == "NOT") return !evaluate(*node.children[0], item);
  if (node.op.starts_with("attribute_") || node.op == "begins_with" || node.op == "contains")
    return evaluate_function(node, item);
  const auto left = value_of(*node.children[0], item);
  if (!left) return node.op == "<>" && value_of(*node.children[1], item).has_value();
  if (node.op == "IN") {
    for (size_t i = 1; i < node.children.size(); ++i)
      if (const auto one = value_of(*node.children[i], item); one && equal_values(*left, *one))
        return true;
    return false;
  }
  const auto right = value_of(*node.children[1], item);
  if (!right) return node.op == "<>";
  if (node.op == "=") return equal_values(*left, *right);
  if (node.op == "<>") return !equal_values(*left, *right);
  const auto order = compare_values(*left, *right);
  if (!order) return false;
  if (node.op == "BETWEEN") {
    const auto high = value_of(*node.children[2], item);
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
  for (const Path& path : paths) {
    const std::string& name = std::get<std::string>(path[0]);
    const json::value* from = item.if_contains(name);
    if (!from) continue;
    json::value& place = out[name];
    copy_path(*from, place, path, 1);
    if (place.is_null()) out.erase(name);
  }
  return out;
}

}  // namespace sluice::dynamodb
