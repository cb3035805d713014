// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/expression_parser.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::dynamodb {
namespace {
constexpr std::string_view kBlanks = " \n\t\r";
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool word_char(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
}  // namespace

Result<Done> ExpressionParser::start() {
  if (text_.size() > kExpressionBytesMax)
    return invalid("Expression size has exceeded the maximum allowed size; expression size: " +
                   std::to_string(text_.size()));
  CHECK(advance());
  if (at_end()) return invalid("The expression can not be empty;");
  return Done{};
}
Result<Done> ExpressionParser::finish(std::initializer_list<Fault> order) {
  if (!at_end()) return syntax();
  const std::string fault = take_fault(order);
  return fault.empty() ? Result<Done>(Done{}) : invalid(fault);
}
void ExpressionParser::note(Fault fault, std::string why) {
  for (const auto& [known, first] : faults_)
    if (known == fault) return;
  faults_.emplace_back(fault, std::move(why));
}
std::string ExpressionParser::take_fault(std::initializer_list<Fault> order) {
  for (const Fault fault : order)
    for (auto noted = faults_.begin(); noted != faults_.end(); ++noted)
      if (noted->first == fault) {
        std::string why = std::move(noted->second);
        faults_.erase(noted);
        return why;
      }
  return "";
}
Error ExpressionParser::invalid(const std::string& why) const {
  return validation("Invalid " + std::string(kind_) + ": " + why);
}
// "near" is the token with its neighbours.
Error ExpressionParser::syntax() const {
  const size_t end = at_end() ? text_.find_last_not_of(kBlanks) + 1 : scan(token_.end).end;
  return invalid("Syntax error; token: \"" + (at_end() ? "<EOF>" : token_.text) + "\", near: \"" +
                 std::string(text_.substr(previous_begin_, end - previous_begin_)) + "\"");
}

ExpressionParser::Token ExpressionParser::scan(size_t from) const {
  const size_t begin = text_.find_first_not_of(kBlanks, from);
  if (begin == std::string_view::npos) return {"", 'e', text_.size(), from};
  const char c = text_[begin];
  size_t end = begin + 1;
  char kind = 'o';
  if (word_char(c) || c == '#' || c == ':') {
    while (end < text_.size() && word_char(text_[end])) ++end;
    kind = c == '#' ? 'p' : c == ':' ? 'v' : is_digit(c) ? 'd' : is_letter(c) ? 'n' : 'o';
  } else if (end < text_.size() && ((c == '<' && (text_[end] == '=' || text_[end] == '>')) ||
                                    (c == '>' && text_[end] == '='))) {
    ++end;
  }
  return {std::string(text_.substr(begin, end - begin)), kind, begin, end};
}
Result<Done> ExpressionParser::advance() {
  const bool first = token_.end == 0;
  const size_t previous = token_.begin;
  token_ = scan(token_.end);
  previous_begin_ = first ? token_.begin : previous;
  if (token_.kind == 'o' &&
      std::string_view("()[],.=<>+-").find(token_.text[0]) == std::string_view::npos)
    return syntax();
  return Done{};
}
Result<Done> ExpressionParser::expect(std::string_view text) {
  if (!is(text)) return syntax();
  return advance();
}
bool ExpressionParser::is_word(std::string_view word) const {
  return token_.kind == 'n' && equals_ignore_case(token_.text, word);
}
Result<Done> ExpressionParser::count_operator() {
  if (++operators_ > kOperandsMax)
    return invalid("The expression contains too many operators; operator count: " +
                   std::to_string(operators_));
  return Done{};
}

Condition ExpressionParser::node(std::string op) {
  auto n = std::make_unique<Node>();
  n->op = std::move(op);
  return n;
}
Result<Condition> ExpressionParser::operand(size_t depth) {
  if (depth > kNestingMax) return invalid("The expression is nested too deeply;");
  if (is("(")) {
    CHECK(advance());
    TRY(Condition inner, operand(depth + 1));
    CHECK(expect(")"));
    close_parentheses(inner.get());
    return inner;
  }
  if (is_value()) return placeholder_value();
  if (token_.kind == 'n' && scan(token_.end).text == "(") return function(depth);
  Condition n = node("path");
  TRY(n->path, parse_path());
  return n;
}
Result<Condition> ExpressionParser::placeholder_value() {
  if (!is_value()) return syntax();
  Condition n = node("value");
  if (auto value = placeholders_.value(token_.text))
    n->value = *std::move(value);
  else
    note(Fault::undefined_value, value.error().message);
  CHECK(advance());
  return n;
}
void ExpressionParser::close_parentheses(const Node* inner) {
  // AWS minds them in the condition of a key not at all.
  if (inner == in_parentheses_ && kind_ != "KeyConditionExpression")
    note(Fault::parentheses, "The expression has redundant parentheses;");
  in_parentheses_ = inner;
}
Result<Condition> ExpressionParser::function(size_t depth) {
  Condition n = node(token_.text);
  for (const std::string_view keyword : keywords_)
    if (is_word(keyword)) return syntax();
  CHECK(count_operator());
  CHECK(advance());
  CHECK(expect("("));
  for (;;) {
    TRY(Condition one, operand(depth + 1));
    n->children.push_back(std::move(one));
    if (!is(",")) break;
    CHECK(advance());
  }
  CHECK(expect(")"));
  check_function(*n);
  return n;
}

Result<Path> ExpressionParser::parse_path() {
  Path path;
  TRY(std::string first, path_name());
  path.emplace_back(std::move(first));
  for (;;) {
    if (is(".")) {
      CHECK(advance());
      TRY(std::string name, path_name());
      path.emplace_back(std::move(name));
    } else if (is("[")) {
      CHECK(advance());
      TRY(const size_t index, path_index());
      path.emplace_back(index);
    } else {
      return path;
    }
    if (path.size() > kNestingMax)
      return invalid("The document path has too many nesting elements; nesting levels: " +
                     std::to_string(path.size()));
  }
}
Result<size_t> ExpressionParser::path_index() {
  if (token_.kind != 'd' || token_.text.find_first_not_of("0123456789") != std::string::npos)
    return syntax();
  const auto index = parse_int(token_.text);
  if (!index)
    return invalid("List index is not within the allowable range; index: [" +
                   token_.text.substr(0, 64) + "]");
  CHECK(advance());
  CHECK(expect("]"));
  return static_cast<size_t>(*index);
}
Result<std::string> ExpressionParser::path_name() {
  std::string name = token_.text;
  if (token_.kind == 'p') {
    if (auto named = placeholders_.name(token_.text))
      name = *std::move(named);
    else
      note(Fault::undefined_name, named.error().message);
  } else if (token_.kind != 'n') {
    return syntax();
  } else {
    for (const std::string_view keyword : keywords_)
      if (is_word(keyword)) return syntax();
    if (is_reserved(name))
      note(Fault::reserved, "Attribute name is a reserved keyword; reserved keyword: " + name);
  }
  CHECK(advance());
  return name;
}
void ExpressionParser::check_paths(const Path& one, const Path& two) {
  check_side_by_side(one, two, notes());
}

}  // namespace sluice::dynamodb
