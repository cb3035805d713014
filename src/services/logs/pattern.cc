// SPDX-License-Identifier: Apache-2.0
#include "services/logs/pattern.h"

#include <charconv>

#include "base/bytes.h"
#include "services/logs/logs.h"

namespace sluice::logs {
namespace {
constexpr size_t kConditionsMax = 64, kParenthesesMax = 16;
Error bad(std::string why) {
  return {400, "InvalidParameterException", "Invalid filter pattern: " + std::move(why), {}};
}
struct Step {
  std::string name;
  int64_t index = -1;
};  // index -1: a member; -2: any element
enum class Test {
  equal,
  unequal,
  less,
  greater,
  less_equal,
  greater_equal,
  is_true,
  is_false,
  is_null,
  exists,
  not_exists
};
bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || static_cast<signed char>(c) < 0;
}
std::optional<double> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}
std::optional<double> number_of(const json::value& v) {
  if (v.is_double()) return v.get_double();
  if (v.is_int64()) return static_cast<double>(v.get_int64());
  if (v.is_uint64()) return static_cast<double>(v.get_uint64());
  return std::nullopt;
}
}  // namespace

struct Pattern::Node {
  enum class Kind { all, any, condition } kind = Kind::condition;
  std::vector<std::shared_ptr<const Node>> children;
  std::vector<Step> path;
  Test test = Test::exists;
  std::string text;  // of = and !=, may hold *
  std::optional<double> number;
};

namespace {
using NodePtr = std::shared_ptr<const Pattern::Node>;

class JsonPattern {
 public:
  explicit JsonPattern(std::string_view text) : text_(text) {}
  Result<NodePtr> parse() {
    TRY(NodePtr root, any(0));
    skip();
    if (!text_.empty()) return bad("unexpected text after a condition");
    return root;
  }

 private:
  void skip() {
    while (!text_.empty() && blank(text_.front())) text_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    skip();
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }
  bool take_word(std::string_view token) {
    skip();
    if (!equals_ignore_case(text_.substr(0, token.size()), token) ||
        (text_.size() > token.size() && word(text_[token.size()])))
      return false;
    text_.remove_prefix(token.size());
    return true;
  }
  // `||` binds weaker than `&&`.
  Result<NodePtr> any(size_t depth) { return chain(depth, true); }
  Result<NodePtr> chain(size_t depth, bool is_any) {
    auto node = std::make_shared<Pattern::Node>();
    node->kind = is_any ? Pattern::Node::Kind::any : Pattern::Node::Kind::all;
    do {
      TRY(NodePtr child, is_any ? chain(depth, false) : unit(depth));
      node->children.push_back(std::move(child));
    } while (take(is_any ? "||" : "&&"));
    return NodePtr(node);
  }
  Result<NodePtr> unit(size_t depth) {
    if (!take("(")) return condition();
    if (depth == kParenthesesMax) return bad("too many nested parentheses");
    TRY(NodePtr inner, any(depth + 1));
    if (!take(")")) return bad("a parenthesis is not closed");
    return inner;
  }
  Result<NodePtr> condition() {
    if (++conditions_ > kConditionsMax) return bad("more than 64 conditions");
    auto node = std::make_shared<Pattern::Node>();
    TRY(node->path, selector());
    static constexpr std::pair<std::string_view, Test> kSigns[] = {
        {"!=", Test::unequal}, {"<=", Test::less_equal}, {">=", Test::greater_equal},
        {"=", Test::equal},    {"<", Test::less},        {">", Test::greater}};
    for (const auto& [sign, test] : kSigns)
      if (take(sign)) {
        node->test = test;
        CHECK(value(*node));
        return NodePtr(node);
      }
    if (take_word("EXISTS"))
      node->test = Test::exists;
    else if (take_word("NOT") && take_word("EXISTS"))
      node->test = Test::not_exists;
    else if (take_word("IS") && take_word("TRUE"))
      node->test = Test::is_true;
    else if (take_word("FALSE"))
      node->test = Test::is_false;  // IS is taken above
    else if (take_word("NULL"))
      node->test = Test::is_null;
    else
      return bad(
          "a selector needs =, !=, <, >, <=, >=, IS TRUE, IS FALSE, IS NULL, EXISTS or NOT EXISTS");
    return NodePtr(node);
  }
  Result<std::vector<Step>> selector() {
    std::vector<Step> path;
    if (!take("$")) return bad("a condition must begin with a selector such as $.name");
    while (!text_.empty() && (text_.front() == '.' || text_.front() == '[')) {
      const bool bracket = text_.front() == '[';
      text_.remove_prefix(1);
      if (bracket && !text_.empty() && (text_.front() == '"' || text_.front() == '\'')) {
        TRY(std::string name, quoted());
        path.push_back({std::move(name), -1});
      } else {
        size_t n = 0;
        while (n < text_.size() && (word(text_[n]) || (bracket && text_[n] == '*'))) ++n;
        const std::string part(text_.substr(0, n));
        text_.remove_prefix(n);
        const auto index = bracket ? parse_int(part) : std::nullopt;
        if (part.empty() || (bracket && part != "*" && (!index || *index < 0)))
          return bad("a selector's part is missing or is not an index");
        path.push_back(bracket ? Step{"", index ? *index : -2} : Step{part, -1});
      }
      if (bracket) {
        if (text_.empty() || text_.front() != ']') return bad("a bracket is not closed");
        text_.remove_prefix(1);
      }
    }
    if (path.empty()) return bad("a selector needs a name, such as $.name");
    return path;
  }
  Result<std::string> quoted() {
    const char mark = text_.front();
    std::string out;
    for (size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '\\' && i + 1 < text_.size()) {
        out += text_[++i];
        continue;
      }
      if (text_[i] == mark) {
        text_.remove_prefix(i + 1);
        return out;
      }
      out += text_[i];
    }
    return bad("a quote is not closed");
  }
  Result<Done> value(Pattern::Node& node) {
    skip();
    if (!text_.empty() && text_.front() == '%')
      return bad("regular expressions are not implemented by Sluice");
    if (!text_.empty() && text_.front() == '"') {
      TRY(node.text, quoted());
    } else {
      size_t n = 0;
      while (n < text_.size() && (word(text_[n]) || text_[n] == '*' || text_[n] == '.' ||
                                  text_[n] == '+' || text_[n] == ':' || text_[n] == '/'))
        ++n;
      node.text = text_.substr(0, n);
      text_.remove_prefix(n);
      if (node.text.empty()) return bad("a comparison needs a value");
      node.number = number_of(node.text);
    }
    if (node.test != Test::equal && node.test != Test::unequal && !node.number)
      return bad("<, >, <= and >= need a number");
    return Done{};
  }
  std::string_view text_;
  size_t conditions_ = 0;
};

// glob() also knows `?`, which filter patterns take literally.
bool star_match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = pattern.npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++mark;
    } else
      return false;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool equal(const Pattern::Node& node, const json::value& v) {
  if (node.number)
    if (const auto n = number_of(v)) return *n == *node.number;
  if (v.is_string()) return star_match(node.text, {v.get_string().data(), v.get_string().size()});
  if (v.is_bool()) return node.text == (v.get_bool() ? "true" : "false");
  return number_of(v) && node.text.find('*') != std::string::npos &&
         star_match(node.text, json::serialize(v));
}
bool holds(const Pattern::Node& node, const json::value& v) {
  const auto n = number_of(v);
  switch (node.test) {
    case Test::equal: return equal(node, v);
    case Test::unequal: return !v.is_object() && !v.is_array() && !equal(node, v);
    case Test::less: return n && *n < *node.number;
    case Test::greater: return n && *n > *node.number;
    case Test::less_equal: return n && *n <= *node.number;
    case Test::greater_equal: return n && *n >= *node.number;
    case Test::is_true: return v.is_bool() && v.get_bool();
    case Test::is_false: return v.is_bool() && !v.get_bool();
    case Test::is_null: return v.is_null();
    case Test::exists: return true;
    case Test::not_exists: return false;
  }
  return false;
}
// Does any value at the path fulfil the condition?
bool walk(const Pattern::Node& node, const json::value& v, size_t at) {
  if (at == node.path.size()) return holds(node, v);
  const Step& step = node.path[at];
  if (step.index == -1) {
    const json::value* next = v.is_object() ? v.get_object().if_contains(step.name) : nullptr;
    return next && walk(node, *next, at + 1);
  }
  if (!v.is_array()) return false;
  if (step.index >= 0)
    return static_cast<size_t>(step.index) < v.get_array().size() &&
           walk(node, v.get_array()[static_cast<size_t>(step.index)], at + 1);
  for (const json::value& one : v.get_array())
    if (walk(node, one, at + 1)) return true;
  return false;
}
bool holds_tree(const Pattern::Node& node, const json::value& document) {
  if (node.kind == Pattern::Node::Kind::condition) {
    if (node.test != Test::not_exists) return walk(node, document, 0);
    Pattern::Node there = node;
    there.test = Test::exists;
    return !walk(there, document, 0);
  }
  const bool any = node.kind == Pattern::Node::Kind::any;
  for (const auto& child : node.children)
    if (holds_tree(*child, document) == any) return any;
  return !any;
}
}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  Pattern out;
  if (text.size() > kPatternBytesMax) return bad("longer than 1024 bytes");
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  if (text.starts_with('{')) {
    if (!text.ends_with('}')) return bad("a JSON pattern ends with }");
    TRY(out.json_, JsonPattern(text.substr(1, text.size() - 2)).parse());
    return out;
  }
  if (text.starts_with('['))
    return bad("space-delimited patterns are not implemented by Sluice yet");
  while (!text.empty()) {
    if (blank(text.front())) {
      text.remove_prefix(1);
      continue;
    }
    auto& list = text.front() == '-'   ? out.excluded_
                 : text.front() == '?' ? out.optional_
                                       : out.required_;
    if (&list != &out.required_) text.remove_prefix(1);
    std::string term;
    if (text.starts_with('"')) {
      size_t i = 1;
      for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        term += text[i];
      }
      if (i == text.size()) return bad("a quote is not closed");
      text.remove_prefix(i + 1);
      if (term == " ") continue;  // matches everything
    } else {
      size_t n = 0;
      while (n < text.size() && !blank(text[n])) ++n;
      term = text.substr(0, n);
      text.remove_prefix(n);
      if (term.starts_with('%')) return bad("regular expressions are not implemented by Sluice");
      for (char c : term)
        if (!word(c))
          return bad(
              "a term with characters other than letters, digits and _ must be in double quotes");
    }
    if (term.empty()) {
      if (&list == &out.required_) continue;
      return bad("a term is missing after - or ?");
    }
    list.push_back(std::move(term));
  }
  return out;
}

bool Pattern::matches(std::string_view message) const {
  if (json_) {
    const auto document = message.find('{') == message.npos ? Result<json::value>(json::value())
                                                            : parse_json(message);
    return document && document->is_object() && holds_tree(*json_, *document);
  }
  const auto has = [&](const std::string& term) { return message.find(term) != message.npos; };
  for (const auto& term : excluded_)
    if (has(term)) return false;
  for (const auto& term : required_)
    if (!has(term)) return false;
  if (!required_.empty() || optional_.empty()) return true;
  for (const auto& term : optional_)
    if (has(term)) return true;
  return false;
}

}  // namespace sluice::logs
