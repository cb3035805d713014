// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/update.h"

#include <algorithm>
#include <map>

#include "services/dynamodb/expression_parser.h"

namespace sluice::dynamodb {
namespace {
using Kind = UpdateAction::Kind;

class UpdateParser : ExpressionParser {
 public:
  UpdateParser(std::string_view text, Placeholders& placeholders)
      : ExpressionParser(text, "UpdateExpression", placeholders, kKeywords) {}

  Result<Update> parse() {
    CHECK(start());
    while (!at_end()) CHECK(section());
    for (size_t i = 0; i < update_.actions.size(); ++i)
      for (size_t j = 0; j < i; ++j) check_paths(update_.actions[j].path, update_.actions[i].path);
    CHECK(finish({Fault::reserved, Fault::parentheses, Fault::unknown_function,
                  Fault::misused_function, Fault::section, Fault::undefined_name,
                  Fault::undefined_value, Fault::overlap, Fault::conflict, Fault::operand,
                  Fault::operand_count, Fault::operand_type}));
    return std::move(update_);
  }

 private:
  static constexpr std::string_view kKeywords[] = {"SET", "REMOVE", "ADD", "DELETE"};

  Result<Done> section() {
    size_t which = 0;
    while (which < std::size(kKeywords) && !is_word(kKeywords[which])) ++which;
    if (which == std::size(kKeywords)) return syntax();
    if (seen_[which])
      note(Fault::section, "The \"" + std::string(kKeywords[which]) +
                               "\" section can only be used once in an update expression;");
    seen_[which] = true;
    do {
      CHECK(advance());
      UpdateAction action{static_cast<Kind>(which), {}, {}};
      TRY(action.path, parse_path());
      TRY(action.operand, operand_of(action.kind));
      update_.actions.push_back(std::move(action));
    } while (is(","));
    return Done{};
  }
  Result<Condition> operand_of(Kind kind) {
    if (kind == Kind::remove) return Condition();
    if (kind == Kind::set) {
      CHECK(expect("="));
      return sum(0);
    }
    TRY(Condition value, placeholder_value());
    check_change(kind == Kind::add ? "ADD" : "DELETE", value->value);
    return value;
  }
  // One operand, or two of them with + or - between; in parentheses or not.
  Result<Condition> sum(size_t depth) {
    if (depth > kNestingMax) return invalid("The expression is nested too deeply;");
    Condition left;
    if (is("(")) {
      CHECK(advance());
      TRY(left, sum(depth + 1));
      CHECK(expect(")"));
      close_parentheses(left.get());
      if (left->op == "+" || left->op == "-") return left;
    } else {
      TRY(left, operand(depth));
    }
    const std::string op = word();
    if (!is("+") && !is("-")) return left;
    CHECK(count_operator());
    CHECK(advance());
    Condition n = node(op);
    n->children.push_back(std::move(left));
    TRY(Condition right, operand(depth));
    n->children.push_back(std::move(right));
    for (const auto& child : n->children) check_operand_type(*child, op, "N", notes());
    return n;
  }

  void check_function(const Node& n) override {
    for (const auto& child : n.children)
      if (child->op == "list_append")
        note(Fault::misused_function,
             "The function is not allowed to be used this way in an expression; function: " +
                 child->op);
    if (n.op != "if_not_exists" && n.op != "list_append")
      return note(Fault::unknown_function, "Invalid function name; function: " + n.op);
    if (n.children.size() != 2) return note_operand_count(n, notes());
    if (n.op == "list_append") {
      for (const auto& child : n.children) check_operand_type(*child, n.op, "L", notes());
    } else if (n.children[0]->op != "path") {
      note(Fault::operand_type,
           "Operator or function requires a document path; operator or function: " + n.op);
    }
  }
  // ADD takes numbers and sets, DELETE only sets.
  void check_change(const std::string& section, const json::value& value) {
    static const std::map<std::string, std::string> kWrong = {
        {"S", "STRING"},     {"N", "NUMBER"}, {"B", "BINARY"}, {"NULL", "NULL"},
        {"BOOL", "BOOLEAN"}, {"L", "LIST"},   {"M", "MAP"}};
    const auto wrong = kWrong.find(type_of(value));
    if (wrong == kWrong.end() || (section == "ADD" && wrong->first == "N")) return;
    note(Fault::operand, "Incorrect operand type for operator or function; operator: " + section +
                             ", operand type: " + wrong->second);
  }

  Update update_;
  bool seen_[std::size(kKeywords)] = {};
};

const json::value& inner_of(const json::value& value) {
  return value.get_object().begin()->value();
}

json::value concatenated(json::value list, const json::value& more) {
  json::array& elements = list.get_object().at("L").get_array();
  for (const json::value& one : inner_of(more).get_array()) elements.push_back(one);
  return list;
}

// What an operand of SET is for the item as it was.
Result<json::value> value_of(const Node& node, const json::object& item) {
  if (node.op == "value") return node.value;
  if (node.op == "path" || node.op == "if_not_exists") {
    const json::value* found =
        find_path(item, node.op == "path" ? node.path : node.children[0]->path);
    if (found) return *found;
    if (node.op == "if_not_exists") return value_of(*node.children[1], item);
    return validation(
        "The provided expression refers to an attribute that does not exist in the item");
  }
  if (node.op != "+" && node.op != "-" && node.op != "list_append")
    return validation("Unsupported operator in Update Expression. Operator: " + node.op);
  TRY(json::value left, value_of(*node.children[0], item));
  TRY(const json::value right, value_of(*node.children[1], item));
  const char* wanted = node.op == "list_append" ? "L" : "N";
  if (type_of(left) != wanted || type_of(right) != wanted) return validation(Update().mismatch);
  if (node.op == "list_append") return concatenated(std::move(left), right);
  TRY(const std::string number,
      add_numbers(std::string_view(inner_of(left).get_string()),
                  std::string_view(inner_of(right).get_string()), node.op == "-"));
  return json::value(json::object{{"N", number}});
}

json::value changed_set(const json::value& before, const json::value& change, bool add) {
  const std::string type = type_of(change);
  std::map<std::string, json::value> members;
  const auto key = [&](const json::value& one) {
    return member_key(type, std::string_view(one.get_string()));
  };
  for (const json::value& one : inner_of(before).get_array()) members.emplace(key(one), one);
  for (const json::value& one : inner_of(change).get_array())
    if (add)
      members.emplace(key(one), one);
    else
      members.erase(key(one));
  json::array out;
  for (auto& [sortable, member] : members) out.push_back(std::move(member));
  return json::object{{type, std::move(out)}};
}

size_t depth_of(const json::value& value) {
  const std::string type = type_of(value);
  size_t below = 0;
  if (type == "L")
    for (const json::value& one : inner_of(value).get_array())
      below = std::max(below, depth_of(one));
  if (type == "M")
    for (const auto& member : inner_of(value).get_object())
      below = std::max(below, depth_of(member.value()));
  return below + 1;
}

// Collects what an update does to an item, and then does it: first what is written, so that indexes
// mean what they meant, then what goes, the last elements of lists first.
class Change {
 public:
  Change(const json::object& item, const char* mismatch) : before_(item), mismatch_(mismatch) {}
  Result<Done> look_at(const UpdateAction& action) {
    CHECK(check_parent(action.path));
    const json::value* there = find_path(before_, action.path);
    switch (action.kind) {
      case Kind::set: {
        TRY(json::value value, value_of(*action.operand, before_));
        return write(action.path, std::move(value));
      }
      case Kind::remove:
        if (there) gone_.push_back(&action.path);
        return Done{};
      case Kind::add: return add(action, there);
      case Kind::erase: return erase(action, there);
    }
    return Done{};
  }
  json::object done() {
    json::object item(before_, {});
    // Elements past the end of a list are appended in the order of their indexes.
    std::sort(written_.begin(), written_.end(),
              [](const auto& a, const auto& b) { return *a.first < *b.first; });
    for (auto& [path, value] : written_) put(item, *path, std::move(value));
    std::sort(gone_.begin(), gone_.end(), [](const Path* a, const Path* b) { return *a > *b; });
    for (const Path* path : gone_) take_out(item, *path);
    return item;
  }

 private:
  Result<Done> check_parent(const Path& path) const {
    if (path.size() == 1) return Done{};
    const json::value* parent = find_path(before_, Path(path.begin(), path.end() - 1));
    if (parent && type_of(*parent) == (std::holds_alternative<size_t>(path.back()) ? "L" : "M"))
      return Done{};
    return validation("The document path provided in the update expression is invalid for update");
  }
  Result<Done> write(const Path& path, json::value value) {
    if (path.size() - 1 + depth_of(value) > kNestingMax)
      return validation("Nesting Levels have exceeded supported limits");
    // All of it will be in the item, so that more than an item holds need not be made.
    if ((written_bytes_ += value_bytes(value)) > kItemBytesMax)
      return validation("Item size to update has exceeded the maximum allowed size");
    written_.emplace_back(&path, std::move(value));
    return Done{};
  }
  Result<Done> add(const UpdateAction& action, const json::value* there) {
    const json::value& change = action.operand->value;
    if (!there) return write(action.path, change);
    if (type_of(*there) != type_of(change)) return validation(mismatch_);
    if (type_of(change) == "L") return write(action.path, concatenated(*there, change));
    if (type_of(change) != "N") return write(action.path, changed_set(*there, change, true));
    TRY(const std::string number,
        add_numbers(std::string_view(inner_of(*there).get_string()),
                    std::string_view(inner_of(change).get_string()), false));
    return write(action.path, json::object{{"N", number}});
  }
  Result<Done> erase(const UpdateAction& action, const json::value* there) {
    const json::value& change = action.operand->value;
    if (!there) return Done{};
    if (type_of(*there) != type_of(change)) return validation(mismatch_);
    json::value left = changed_set(*there, change, false);
    if (!inner_of(left).get_array().empty()) return write(action.path, std::move(left));
    gone_.push_back(&action.path);
    return Done{};
  }
  // The map or list of `item` that holds the last part of a path.
  static json::value& holder(json::object& item, const Path& path) {
    json::value* here = &item.at(std::get<std::string>(path[0]));
    for (size_t i = 1;; ++i) {
      json::object& typed = here->get_object();
      const size_t* index = std::get_if<size_t>(&path[i]);
      json::value& inner = typed.at(index ? "L" : "M");
      if (i + 1 == path.size()) return inner;
      here = index ? &inner.get_array().at(*index)
                   : &inner.get_object().at(std::get<std::string>(path[i]));
    }
  }
  static void put(json::object& item, const Path& path, json::value value) {
    if (path.size() == 1) {
      item[std::get<std::string>(path[0])] = std::move(value);
      return;
    }
    json::value& inner = holder(item, path);
    const size_t* index = std::get_if<size_t>(&path.back());
    if (!index)
      inner.get_object()[std::get<std::string>(path.back())] = std::move(value);
    else if (*index < inner.get_array().size())
      inner.get_array()[*index] = std::move(value);
    else
      inner.get_array().push_back(std::move(value));
  }
  static void take_out(json::object& item, const Path& path) {
    if (path.size() == 1) {
      item.erase(std::get<std::string>(path[0]));
      return;
    }
    json::value& inner = holder(item, path);
    if (const size_t* index = std::get_if<size_t>(&path.back()))
      inner.get_array().erase(inner.get_array().begin() + static_cast<ptrdiff_t>(*index));
    else
      inner.get_object().erase(std::get<std::string>(path.back()));
  }

  const json::object& before_;
  const char* const mismatch_;
  std::vector<std::pair<const Path*, json::value>> written_;
  size_t written_bytes_ = 0;
  std::vector<const Path*> gone_;
};
}  // namespace

Result<Update> parse_update(std::string_view text, Placeholders& placeholders) {
  return UpdateParser(text, placeholders).parse();
}
std::vector<Path> paths_of(const Update& update) {
  std::vector<Path> paths;
  for (const UpdateAction& action : update.actions) paths.push_back(action.path);
  return paths;
}
bool makes_item(const Update& update) {
  const auto gives = [](const UpdateAction& one) {
    return one.kind == Kind::set || one.kind == Kind::add;
  };
  return update.actions.empty() || std::any_of(update.actions.begin(), update.actions.end(), gives);
}
Result<json::object> updated(const Update& update, const json::object& item) {
  Change change(item, update.mismatch);
  for (const UpdateAction& action : update.actions) CHECK(change.look_at(action));
  return change.done();
}

}  // namespace sluice::dynamodb
