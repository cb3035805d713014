// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/partiql_parser.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "services/dynamodb/operand_checks.h"

namespace sluice::dynamodb {
namespace {
using Kind = PartiqlToken::Kind;
using Statements = PartiqlStatement::Kind;

Condition node(std::string op) {
  auto n = std::make_unique<Node>();
  n->op = std::move(op);
  return n;
}
Condition with(std::string op, Condition child) {
  Condition n = node(std::move(op));
  n->children.push_back(std::move(child));
  return n;
}
// The last name of a path, and the indexes behind it.
std::string column_name(const Path& path) {
  size_t name = path.size() - 1;
  while (std::holds_alternative<size_t>(path[name])) --name;
  std::string out = std::get<std::string>(path[name]);
  for (size_t i = name + 1; i < path.size(); ++i)
    out += "[" + std::to_string(std::get<size_t>(path[i])) + "]";
  return out;
}
// What IS compares an attribute with, as attribute_type names it. "": there is no such type in
// DynamoDB; nullopt: it is no type at all.
std::optional<std::string> type_named(const std::string& name) {
  static const std::map<std::string, std::string> kTypes = {
      {"null", "NULL"}, {"bool", "BOOL"}, {"boolean", "BOOL"}, {"blob", "B"},     {"string", "S"},
      {"numeric", "N"}, {"struct", "M"},  {"tuple", "M"},      {"list", "L"},     {"smallint", ""},
      {"int", ""},      {"integer", ""},  {"int4", ""},        {"int8", ""},      {"float", ""},
      {"real", ""},     {"decimal", ""},  {"dec", ""},         {"timestamp", ""}, {"date", ""},
      {"time", ""},     {"char", ""},     {"character", ""},   {"varchar", ""},   {"symbol", ""},
      {"clob", ""},     {"sexp", ""},     {"bag", ""},         {"double", ""}};
  const auto found = kTypes.find(name);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

class PartiqlParser {
 public:
  PartiqlParser(std::string_view text, std::vector<PartiqlToken> tokens,
                const json::array& parameters)
      : text_(text), tokens_(std::move(tokens)), parameters_(parameters) {}

  Result<PartiqlStatement> parse() {
    if (take("select"))
      CHECK(select());
    else if (take("insert"))
      CHECK(insert());
    else if (take("update"))
      CHECK(update());
    else if (take("delete"))
      CHECK(erase());
    else if (take("from"))
      CHECK(update_from());
    else if (here().is_word("exists") && after().is("("))
      CHECK(exists());
    else
      return not_well_formed(at_end() ? "Unexpected term" : "Expected data manipulation");
    take_sign(";");
    if (!at_end()) return not_well_formed("Unexpected token after expression");
    if (parameter_ != parameters_.size())
      return validation("Number of parameters in request and statement don't match.");
    return std::move(out_);
  }

 private:
  const PartiqlToken& here() const { return tokens_[at_]; }
  const PartiqlToken& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool at_end() const { return here().kind == Kind::end; }
  void advance() {
    if (!at_end()) ++at_;
  }
  bool take(std::string_view word) {
    if (!here().is_word(word)) return false;
    advance();
    return true;
  }
  bool take_sign(std::string_view sign) {
    if (!here().is(sign)) return false;
    advance();
    return true;
  }
  Result<Done> expect_sign(const char* sign, const char* name) {
    if (take_sign(sign)) return Done{};
    return not_well_formed(std::string("Expected ") + name);
  }
  std::string place(const PartiqlToken& token) const { return place_of(text_, token); }
  // What cannot stand where a value or a name is to begin.
  Error unexpected() const {
    static constexpr std::string_view kOperators[] = {"is", "in", "like", "between", "and", "or"};
    for (const std::string_view one : kOperators)
      if (here().is_word(one)) return not_well_formed("Unexpected operator");
    if (here().is_keyword()) return not_well_formed("Unexpected keyword");
    const bool is_operator =
        here().kind == Kind::sign &&
        std::string_view("=<><=>=!=+-*/%||").find(here().text) != std::string_view::npos;
    return not_well_formed(is_operator ? "Unexpected operator" : "Unexpected term");
  }
  Result<Done> count_operator() {
    if (++operators_ <= kOperandsMax) return Done{};
    return validation("The expression contains too many operators; operator count: " +
                      std::to_string(operators_));
  }
  static Result<Done> check_depth(size_t depth) {
    if (depth <= kNestingMax) return Done{};
    return not_well_formed("The expression is nested too deeply");
  }
  // Of the faults of one node, the first.
  NoteFault notes() {
    return [this](Fault, std::string why) {
      if (fault_.empty()) fault_ = std::move(why);
    };
  }
  Result<Condition> checked(Condition n) {
    if (fault_.empty()) return n;
    return validation(std::exchange(fault_, ""));
  }

  // The statements.

  Result<Done> select() {
    out_.kind = Statements::select;
    CHECK(columns());
    if (!take("from")) return not_well_formed("Expected FROM");
    if (here().kind != Kind::word && here().kind != Kind::quoted) return unexpected();
    if (here().is_keyword()) return unexpected();
    CHECK(table_name());
    if (here().is(",") || here().is_word("join") || here().is_word("inner") ||
        here().is_word("left") || here().is_word("cross"))
      return validation("Only select from a single table or index is supported.");
    CHECK(no_alias());
    CHECK(where());
    for (const std::string_view clause : {"group", "having", "limit", "offset"})
      if (here().is_word(clause)) return validation("Unsupported clause: " + upper(clause));
    return order();
  }
  Result<Done> columns() {
    if (here().is_word("value") || here().is_word("pivot"))
      return validation("Select projection doesn't support value or pivot keywords");
    if (here().is_word("distinct")) return validation("Unsupported clause: DISTINCT");
    const bool all = take_sign("*");
    if (all && !here().is(",")) return Done{};
    if (all)
      return validation(
          "Other attributes should not be present in the projection when '*' is used.");
    std::set<std::string> names;
    do {
      const PartiqlToken first = here();
      if (first.is("*"))
        return validation(
            "Other attributes should not be present in the projection when '*' is used.");
      const bool is_name =
          first.kind == Kind::quoted || (first.kind == Kind::word && !first.is_keyword());
      if (first.kind == Kind::end || (first.is_keyword() && !after().is("("))) return unexpected();
      if (!is_name || after().is("("))
        return validation("Unexpected path component" + place(first));
      TRY(Path column, path());
      if (!names.insert(column_name(column)).second)
        return validation("Duplicate identifiers in select clause: " + column_name(column));
      out_.columns.push_back(std::move(column));
      CHECK(no_alias());
    } while (take_sign(","));
    return check_columns();
  }
  // A column that lies within another one would be told twice. In order, it follows that one.
  Result<Done> check_columns() {
    std::vector<const Path*> sorted;
    for (const Path& column : out_.columns) sorted.push_back(&column);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return *a < *b; });
    for (size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i - 1]->size() <= sorted[i]->size() &&
          std::equal(sorted[i - 1]->begin(), sorted[i - 1]->end(), sorted[i]->begin()))
        check_side_by_side(*sorted[i - 1], *sorted[i], notes());
    return fault_.empty() ? Result<Done>(Done{}) : validation(std::exchange(fault_, ""));
  }
  Result<Done> order() {
    if (!take("order")) return Done{};
    if (!take("by")) return not_well_formed("Expected BY");
    do {
      TRY(const Path by, path());
      if (by.size() > 1)
        return validation("Argument to ORDER BY must be of type VariableReference. Type: Path");
      PartiqlStatement::Order one{std::get<std::string>(by[0]), take("desc")};
      if (!one.descending) take("asc");
      out_.order.push_back(std::move(one));
    } while (take_sign(","));
    return Done{};
  }
  Result<Done> insert() {
    out_.kind = Statements::insert;
    if (!take("into")) return not_well_formed("Expected INTO");
    CHECK(simple_name());
    if (!out_.index.empty())
      return validation(
          "FROM clause may only contain a single table name in data manipulation statements");
    if (here().is_word("values") || here().is("<<"))
      return validation(
          "Unsupported operation: Inserting multiple items in a single statement is not supported, "
          "use \"INSERT INTO tableName VALUE item\" instead");
    if (!take("value")) return not_well_formed("Unexpected token after expression");
    if (!here().is("{"))
      return validation(
          "Unsupported format in item expression. Please use struct format {...} to express item "
          "values for insert statement.");
    CHECK(insert_item());
    if (here().is_word("returning")) return validation("RETURNING is not supported in INSERT");
    if (here().is_word("at")) return validation("AT is not supported in insert statements.");
    return Done{};
  }
  Result<Done> insert_item() {
    advance();
    if (take_sign("}")) return Done{};
    do {
      TRY(const std::string name, member_name(out_.item, "root"));
      TRY(out_.item[name], whole_value());
    } while (take_sign(","));
    return expect_sign("}", "RIGHT_CURLY");
  }
  Result<Done> update() {
    CHECK(simple_name());
    CHECK(no_alias());
    CHECK(changes());
    CHECK(where());
    return returning();
  }
  // PartiQL's other order of an UPDATE: the table and the condition come first.
  Result<Done> update_from() {
    CHECK(simple_name());
    CHECK(no_alias());
    CHECK(where());
    CHECK(changes());
    return returning();
  }
  Result<Done> changes() {
    out_.kind = Statements::update;
    out_.update = std::make_shared<Update>();
    for (;;) {
      if (take("remove")) {
        CHECK(remove());
        continue;
      }
      if (!take("set")) break;
      do {
        CHECK(set());
      } while (take_sign(","));
    }
    std::vector<UpdateAction>& actions = out_.update->actions;
    if (actions.empty()) return not_well_formed("Expected data manipulation");
    if (!out_.index.empty()) return validation("This operation is not supported on an index");
    for (size_t i = 0; i < actions.size() && fault_.empty(); ++i)
      for (size_t j = 0; j < i && fault_.empty(); ++j)
        check_side_by_side(actions[j].path, actions[i].path, notes());
    return fault_.empty() ? Result<Done>(Done{}) : validation(std::exchange(fault_, ""));
  }
  Result<Done> remove() {
    CHECK(count_operator());
    TRY(Path target, path());
    out_.update->actions.push_back({UpdateAction::Kind::remove, std::move(target), {}});
    return Done{};
  }
  Result<Done> set() {
    CHECK(count_operator());
    TRY(Path target, path());
    CHECK(expect_sign("=", "EQ"));
    const bool adds = here().is_word("set_add"), takes = here().is_word("set_delete");
    if ((adds || takes) && after().is("(")) return change_set(std::move(target), adds);
    TRY(Condition value, sum());
    out_.update->actions.push_back({UpdateAction::Kind::set, std::move(target), std::move(value)});
    return Done{};
  }
  // SET a = set_add(a, <<...>>), which is ADD, and set_delete, which is DELETE.
  Result<Done> change_set(Path target, bool adds) {
    const PartiqlToken name = here();
    const std::string function = adds ? "SET_ADD" : "SET_DELETE";
    advance();
    const PartiqlToken first = after();
    TRY(std::vector<Condition> operands, operands_in_parentheses(1));
    if (operands.size() != 2)
      return validation(function + " must have exactly two arguments" + place(name));
    if (operands[0]->op != "path" || operands[0]->path != target)
      return validation("The first argument to " + function + " must equal the assignment value" +
                        place(name));
    const std::string type = operands[1]->op == "value" ? type_of(operands[1]->value) : "";
    if (type != "SS" && type != "NS" && type != "BS")
      return validation("The second argument to " + function + " must be a value with type SET" +
                        place(first));
    out_.update->actions.push_back({adds ? UpdateAction::Kind::add : UpdateAction::Kind::erase,
                                    std::move(target), std::move(operands[1])});
    return Done{};
  }
  // What SET gives an attribute: operands with + and - between them.
  Result<Condition> sum() {
    TRY(Condition left, set_operand());
    while (here().is("+") || here().is("-")) {
      Condition n = node(here().text);
      CHECK(count_operator());
      advance();
      n->children.push_back(std::move(left));
      TRY(Condition right, set_operand());
      n->children.push_back(std::move(right));
      for (const auto& child : n->children) check_operand_type(*child, n->op, "N", notes());
      TRY(left, checked(std::move(n)));
    }
    for (const std::string_view op : {"*", "/", "%", "||", "=", "<>", "!=", "<", "<=", ">", ">="})
      if (here().is(op))
        return validation("Unsupported operator in Update Expression. Operator: " + here().text);
    if (here().is_word("is"))
      return validation("IS operator is not supported in update expressions");
    return left;
  }
  // A value for an attribute, and no condition, which has none.
  Result<Done> check_is_value(const Node& one) const {
    if (one.op == "path" || one.op == "value" || one.op == "list_append") return Done{};
    return validation("Unsupported operator in Update Expression. Operator: " + one.op);
  }
  Result<Condition> set_operand() {
    const PartiqlToken name = here();
    if (name.kind != Kind::word || !after().is("(") || name.is_keyword()) {
      TRY(Condition one, operand(0));
      CHECK(check_is_value(*one));
      return one;
    }
    if (!name.is_word("list_append"))
      return validation("Unrecognized function: " + lower(name.text) + place(name));
    CHECK(count_operator());
    advance();
    Condition n = node("list_append");
    TRY(n->children, operands_in_parentheses(1));
    for (const auto& child : n->children) CHECK(check_is_value(*child));
    if (n->children.size() != 2) {
      note_operand_count(*n, notes());
    } else {
      for (const auto& child : n->children) check_operand_type(*child, n->op, "L", notes());
    }
    return checked(std::move(n));
  }
  Result<Done> erase() {
    out_.kind = Statements::erase;
    if (!take("from")) return not_well_formed("Expected FROM");
    CHECK(simple_name());
    CHECK(no_alias());
    if (!out_.index.empty()) return validation("This operation is not supported on an index");
    CHECK(where());
    CHECK(returning());
    if (out_.returning.empty() || out_.returning == "ALL_OLD") return Done{};
    return validation("Invalid returning clause: RETURNING " + returning_words_ +
                      " *. Only RETURNING ALL OLD * is allowed in DELETE statements.");
  }
  Result<Done> returning() {
    if (!take("returning")) return Done{};
    const bool all = take("all"), known = all || take("modified");
    const bool old = known && take("old"), whole = old || (known && take("new"));
    if (!whole || !take_sign("*"))
      return validation("Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause");
    if (here().is(","))
      return validation("Invalid syntax with multiple returning elements in RETURNING clause");
    out_.returning = std::string(all ? "ALL" : "UPDATED") + (old ? "_OLD" : "_NEW");
    returning_words_ = std::string(all ? "ALL" : "MODIFIED") + (old ? " OLD" : " NEW");
    return Done{};
  }
  Result<Done> exists() {
    advance();
    advance();
    if (!take("select")) return unexpected();
    CHECK(select());
    out_.kind = Statements::exists;
    return expect_sign(")", "RIGHT_PAREN");
  }

  // Names.

  Result<Done> simple_name() {
    if (here().kind != Kind::quoted && (here().kind != Kind::word || here().is_keyword()))
      return not_well_formed("Expected identifier for simple path");
    return table_name();
  }
  // "table" or "table"."index".
  Result<Done> table_name() {
    std::vector<std::string> parts;
    do {
      if (here().kind != Kind::quoted && (here().kind != Kind::word || here().is_keyword()))
        return not_well_formed("Invalid path dot component");
      if (here().text.empty()) return validation("Path component cannot be an empty string");
      parts.push_back(here().text);
      advance();
    } while (take_sign("."));
    if (parts.size() > 2)
      return validation("A path may contain at most 2 components in the FROM clause");
    out_.table = std::move(parts[0]);
    if (parts.size() > 1) out_.index = std::move(parts[1]);
    return Done{};
  }
  Result<Done> no_alias() {
    if (here().is_word("as") || here().is_word("at") || here().kind == Kind::quoted ||
        (here().kind == Kind::word && !here().is_keyword()))
      return validation("Aliasing is not supported");
    return Done{};
  }
  Result<Path> path() {
    if (here().kind != Kind::quoted && (here().kind != Kind::word || here().is_keyword()))
      return unexpected();
    Path path;
    TRY(std::string first, path_name());
    path.emplace_back(std::move(first));
    for (;;) {
      if (take_sign(".")) {
        if (here().is("*"))
          return validation("Unpivot path component like a.*.b are not supported");
        if (here().kind != Kind::quoted && (here().kind != Kind::word || here().is_keyword()))
          return not_well_formed("Invalid path dot component");
        TRY(std::string name, path_name());
        path.emplace_back(std::move(name));
      } else if (take_sign("[")) {
        TRY(Path::value_type part, bracket());
        path.push_back(std::move(part));
      } else {
        return path;
      }
      if (path.size() > kNestingMax)
        return validation("The document path has too many nesting elements; nesting levels: " +
                          std::to_string(path.size()));
    }
  }
  Result<std::string> path_name() {
    if (here().text.empty()) return validation("Path component cannot be an empty string");
    std::string name = here().text;
    advance();
    return name;
  }
  // a[0], or a['b'], which is a.b.
  Result<Path::value_type> bracket() {
    if (here().is("*")) return validation("Wildcard path component like a[*].b are not supported");
    Path::value_type part;
    if (here().kind == Kind::text) {
      part = here().text;
    } else {
      const bool negative = take_sign("-");
      const auto index = here().kind == Kind::number ? parse_int(here().text) : std::nullopt;
      if (here().kind != Kind::number) return not_well_formed("Invalid path component");
      if (!index || negative)
        return validation("List index is not within the allowable range; index: [" +
                          std::string(negative ? "-" : "") + here().text.substr(0, 64) + "]" +
                          place(here()));
      part = static_cast<size_t>(*index);
    }
    advance();
    CHECK(expect_sign("]", "RIGHT_BRACKET"));
    return part;
  }

  // Conditions.

  Result<Done> where() {
    if (!take("where")) return Done{};
    TRY(Condition condition, disjunction(0));
    if (is_operand(*condition))
      return validation("WHERE clause must contain an expression that resolves to a boolean");
    out_.where = std::move(condition);
    return Done{};
  }
  Result<Condition> disjunction(size_t depth) {
    TRY(Condition left, conjunction(depth));
    while (here().is_word("or")) {
      TRY(left, joined("OR", std::move(left), depth, &PartiqlParser::conjunction));
    }
    return left;
  }
  Result<Condition> conjunction(size_t depth) {
    TRY(Condition left, negation(depth));
    while (here().is_word("and")) {
      TRY(left, joined("AND", std::move(left), depth, &PartiqlParser::negation));
    }
    return left;
  }
  Result<Condition> joined(const char* op, Condition left, size_t depth,
                           Result<Condition> (PartiqlParser::*next)(size_t)) {
    CHECK(count_operator());
    advance();
    CHECK(check_right_side());
    TRY(Condition right, (this->*next)(depth));
    if (is_operand(*left) || is_operand(*right))
      return validation("The arguments to AND/OR must be Expressions");
    Condition both = with(op, std::move(left));
    both->children.push_back(std::move(right));
    return both;
  }
  Result<Done> check_right_side() const {
    if (!at_end() && !here().is(";")) return Done{};
    return not_well_formed("Missing right-hand side expression of infix operator");
  }
  Result<Condition> negation(size_t depth) {
    CHECK(check_depth(depth));
    if (!take("not")) return comparison(depth);
    CHECK(count_operator());
    TRY(Condition inner, negation(depth + 1));
    if (is_operand(*inner)) return validation("The argument to NOT must be a Type or Expression");
    return with("NOT", std::move(inner));
  }
  Result<Condition> comparison(size_t depth) {
    const size_t first_value = out_.values.size();
    TRY(Condition left, operand(depth));
    for (;;) {
      const bool negated = here().is_word("not");
      const PartiqlToken& op = negated ? after() : here();
      if (op.kind == Kind::sign && (is_comparison(op.text) || op.text == "!=")) {
        TRY(left, compared(std::move(left), depth, first_value));
      } else if (here().is_word("is")) {
        TRY(left, is(std::move(left)));
      } else if (op.is_word("in") || op.is_word("between")) {
        if (negated) advance();
        TRY(left, op.is_word("in") ? in(std::move(left), depth, first_value)
                                   : between(std::move(left), depth, first_value));
        if (negated) left = with("NOT", std::move(left));
      } else {
        for (const std::string_view other : {"+", "-", "*", "/", "%", "||", "like"})
          if (op.is(other) || op.is_word(other))
            return validation("Unsupported operator in Condition Expression. Operator: " +
                              upper(other));
        return left;
      }
    }
  }
  Result<Condition> compared(Condition left, size_t depth, size_t first_value) {
    const std::string op = here().text == "!=" ? "<>" : here().text;
    CHECK(count_operator());
    advance();
    CHECK(check_right_side());
    TRY(Condition right, operand(depth));
    if (!is_operand(*left) || !is_operand(*right))
      return compared_with_boolean(op, std::move(left), std::move(right));
    name_values(*left, *right, first_value);
    Condition n = with(op, std::move(left));
    n->children.push_back(std::move(right));
    check_comparison(*n, notes());
    return checked(std::move(n));
  }
  // A condition = true is the condition; = false is its opposite.
  Result<Condition> compared_with_boolean(const std::string& op, Condition left, Condition right) {
    Condition condition = std::move(is_operand(*left) ? right : left);
    const Condition& literal = left ? left : right;
    const bool is_boolean = literal && literal->op == "value" && type_of(literal->value) == "BOOL";
    if (!is_boolean || (op != "=" && op != "<>"))
      return validation("Unsupported operator in Condition Expression. Operator: " + op);
    const bool wanted = literal->value.get_object().at("BOOL").get_bool() == (op == "=");
    return wanted ? std::move(condition) : with("NOT", std::move(condition));
  }
  Result<Condition> between(Condition left, size_t depth, size_t first_value) {
    CHECK(count_operator());
    advance();
    Condition n = node("BETWEEN");
    n->children.push_back(std::move(left));
    for (const bool low : {true, false}) {
      CHECK(check_right_side());
      TRY(Condition bound, operand(depth));
      n->children.push_back(std::move(bound));
      if (low && !take("and")) return not_well_formed("Expected AND after BETWEEN");
    }
    for (const auto& child : n->children)
      if (!is_operand(*child)) return misused(*child);
    name_values(*n->children[0], *n->children[1], first_value);
    check_between(*n, notes());
    return checked(std::move(n));
  }
  Result<Condition> in(Condition left, size_t depth, size_t first_value) {
    CHECK(count_operator());
    advance();
    const Error invalid = validation(
        "IN operator must have a left hand argument of type Variable Reference and right hand "
        "argument of type Seq with at least one member");
    const char* close = here().is("[") ? "]" : here().is("(") ? ")" : here().is("<<") ? ">>" : "";
    if (left->op != "path" || !*close) return invalid;
    advance();
    Condition n = with("IN", std::move(left));
    size_t operands = 0;
    if (here().is(close)) return invalid;
    do {
      TRY(Condition one, operand(depth));
      if (!is_operand(*one)) return misused(*one);
      if (++operands <= kInMax) n->children.push_back(std::move(one));
    } while (take_sign(","));
    CHECK(expect_sign(close, "the end of the list"));
    if (operands > kInMax)
      return validation("The IN operator is provided with too many operands; number of operands: " +
                        std::to_string(operands));
    name_values(*n->children[0], *n->children[1], first_value);
    return n;
  }
  Result<Condition> is(Condition left) {
    CHECK(count_operator());
    advance();
    const bool negated = take("not");
    const std::string name = lower(here().text);
    if (left->op != "path")
      return validation(
          "The left hand side argument to IS must be a Variable Reference, Literal, or Path");
    if (take("missing"))
      return with(negated ? "attribute_exists" : "attribute_not_exists", std::move(left));
    const auto type = here().kind == Kind::word ? type_named(name) : std::nullopt;
    if (!type) return not_well_formed("Expected type name");
    if (type->empty())
      return validation(
          "Unsupported data type for IS operator: " + upper(name) +
          ". Supported data types are [MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, "
          "STRUCT, TUPLE, LIST]");
    advance();
    Condition n = with("attribute_type", std::move(left));
    n->children.push_back(node("value"));
    n->children[1]->value = json::object{{"S", *type}};
    return negated ? with("NOT", std::move(n)) : std::move(n);
  }
  Error misused(const Node& function) const {
    return validation(
        "The function is not allowed to be used this way in an expression; function: " +
        function.op);
  }

  // A value, a path, a function of such, or a condition in parentheses.
  Result<Condition> operand(size_t depth) {
    CHECK(check_depth(depth));
    if (take_sign("(")) {
      TRY(Condition inner, disjunction(depth + 1));
      CHECK(expect_sign(")", "RIGHT_PAREN"));
      return inner;
    }
    if (here().kind == Kind::word && after().is("(") &&
        (!here().is_keyword() || here().is_word("size") || here().is_word("exists")))
      return function(depth + 1);
    if (here().kind == Kind::quoted || (here().kind == Kind::word && !here().is_keyword())) {
      Condition n = node("path");
      TRY(n->path, path());
      return n;
    }
    if (!starts_value()) return unexpected();
    Condition n = node("value");
    TRY(n->value, whole_value());
    return n;
  }
  Result<Condition> function(size_t depth) {
    static const std::set<std::string_view> kFunctions = {
        "attribute_exists", "attribute_not_exists",
        "attribute_type",   "begins_with",
        "contains",         "size"};
    const PartiqlToken name = here();
    Condition n = node(lower(name.text));
    if (!kFunctions.contains(n->op))
      return validation("Unrecognized function: " + n->op + place(name));
    CHECK(count_operator());
    advance();
    const size_t first_value = out_.values.size();
    TRY(n->children, operands_in_parentheses(depth));
    for (const auto& child : n->children)
      if (!is_operand(*child)) return misused(*child);
    if (n->op == "begins_with" && n->children.size() == 2)
      name_values(*n->children[0], *n->children[1], first_value);
    check_function_operands(*n, notes());
    return checked(std::move(n));
  }
  Result<std::vector<Condition>> operands_in_parentheses(size_t depth) {
    std::vector<Condition> operands;
    advance();
    while (!here().is(")")) {
      TRY(Condition one, operand(depth));
      operands.push_back(std::move(one));
      if (!take_sign(",")) break;
    }
    CHECK(expect_sign(")", "RIGHT_PAREN"));
    return operands;
  }

  // Values.

  bool starts_value() const {
    if (here().kind == Kind::text || here().kind == Kind::number || here().kind == Kind::parameter)
      return true;
    for (const std::string_view word : {"true", "false", "null", "missing"})
      if (here().is_word(word)) return true;
    if (here().is("-") || here().is("+")) return after().kind == Kind::number;
    return here().is("[") || here().is("{") || here().is("<<");
  }
  // A value with all that it holds, checked.
  Result<json::value> whole_value() {
    const size_t begin = here().begin;
    TRY(json::value value, literal("root", 1));
    CHECK(check_value(value));
    out_.values.push_back({begin, tokens_[at_ - 1].end, ""});
    return value;
  }
  // The values that were read since `first` are compared with an attribute, when one side is one.
  void name_values(const Node& left, const Node& right, size_t first) {
    const Node& side = left.op == "path" ? left : right;
    if (side.op != "path" || side.path.size() != 1) return;
    for (size_t i = first; i < out_.values.size(); ++i)
      out_.values[i].attribute = std::get<std::string>(side.path[0]);
  }
  // `under` says where the value stands, for messages.
  Result<json::value> literal(const std::string& under, size_t depth) {
    if (depth > kNestingMax) return validation("Nesting Levels have exceeded supported limits");
    const PartiqlToken token = here();
    if (token.is("[")) return list(under, depth);
    if (token.is("{")) return map(under, depth);
    if (token.is("<<")) return bag(under);
    if (token.is("-") || token.is("+") || token.kind == Kind::number) return number(under);
    advance();
    if (token.kind == Kind::text) return json::value(json::object{{"S", token.text}});
    if (token.is_word("true") || token.is_word("false"))
      return json::value(json::object{{"BOOL", token.is_word("true")}});
    if (token.is_word("null")) return json::value(json::object{{"NULL", true}});
    if (token.is_word("missing")) return validation("MISSING must be compared using IS operator");
    if (token.kind == Kind::parameter) return parameter();
    if (token.kind == Kind::word || token.kind == Kind::quoted)
      return validation("Unsupported data type: " + token.text + " under key " + under +
                        place(token));
    --at_;
    return unexpected();
  }
  // The count is looked at when all of the statement is read.
  Result<json::value> parameter() {
    const size_t which = parameter_++;
    if (which >= parameters_.size()) return json::value(json::object{{"NULL", true}});
    return parameters_[which];
  }
  Result<json::value> number(const std::string& under) {
    const bool negative = here().is("-");
    if (here().kind == Kind::sign) advance();
    if (here().kind != Kind::number) return unexpected();
    const std::string text = here().text;
    advance();
    if (const size_t e = text.find_first_of("eE"); e != std::string::npos) {
      const auto power = parse_int(text.substr(e + (text[e + 1] == '+' ? 2 : 1)));
      if (!power || *power > INT32_MAX || *power < -INT32_MAX) return not_well_formed("");
    }
    auto canonical = canonical_number((negative ? "-" : "") + text);
    if (!canonical) return validation(canonical.error().message + " under " + under);
    return json::value(json::object{{"N", *std::move(canonical)}});
  }
  Result<json::value> list(const std::string& under, size_t depth) {
    json::array elements;
    advance();
    while (!here().is("]")) {
      TRY(json::value one, literal(under + "[" + std::to_string(elements.size()) + "]", depth + 1));
      elements.push_back(std::move(one));
      if (!take_sign(",")) break;
    }
    CHECK(expect_sign("]", "RIGHT_BRACKET"));
    return json::value(json::object{{"L", std::move(elements)}});
  }
  Result<json::value> map(const std::string& under, size_t depth) {
    json::object members;
    advance();
    while (!here().is("}")) {
      TRY(const std::string name, member_name(members, under));
      TRY(json::value one, literal(under + "." + name, depth + 1));
      members[name] = std::move(one);
      if (!take_sign(",")) break;
    }
    CHECK(expect_sign("}", "RIGHT_CURLY"));
    return json::value(json::object{{"M", std::move(members)}});
  }
  Result<std::string> member_name(const json::object& members, const std::string& under) {
    if (here().kind != Kind::text) {
      if (!starts_value() && here().kind != Kind::word && here().kind != Kind::quoted)
        return unexpected();
      return validation("Tuple keys must be of type String. Actual type: " + here().text +
                        " under " + under);
    }
    std::string name = here().text;
    advance();
    CHECK(expect_sign(":", "COLON"));
    if (members.contains(name))
      return validation("Duplicate keys in tuple. Key: " + name + " under " + under);
    return name;
  }
  // Sets of numbers and of strings: nothing else stands in one, and so none within another.
  Result<json::value> bag(const std::string& under) {
    advance();
    if (here().is(">>")) return validation("Empty bags are not supported");
    json::array members;
    std::string type;
    do {
      const Error unsupported = validation(
          "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags");
      if (here().is("[") || here().is("{") || here().is("<<") || here().kind == Kind::parameter)
        return unsupported;
      TRY(const json::value one, literal(under, 1));
      const std::string own = type_of(one);
      if ((own != "S" && own != "N") || (!type.empty() && own != type)) return unsupported;
      type = own;
      members.push_back(one.get_object().begin()->value());
    } while (take_sign(","));
    CHECK(expect_sign(">>", "RIGHT_DOUBLE_ANGLE_BRACKET"));
    return json::value(json::object{{type + "S", std::move(members)}});
  }

  static std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
  }

  const std::string_view text_;
  const std::vector<PartiqlToken> tokens_;
  const json::array& parameters_;
  size_t at_ = 0, parameter_ = 0, operators_ = 0;
  std::string fault_, returning_words_;
  PartiqlStatement out_;
};
}  // namespace

Result<PartiqlStatement> parse_partiql(std::string_view statement, const json::array& parameters) {
  TRY(std::vector<PartiqlToken> tokens, partiql_tokens(statement));
  return PartiqlParser(statement, std::move(tokens), parameters).parse();
}

std::string redacted(std::string_view statement, const PartiqlStatement& parsed,
                     const std::string& hash, const std::string& range) {
  const auto tokens = partiql_tokens(statement);
  if (!tokens) return "***(Redacted)";
  std::string out;
  size_t end = tokens->front().begin;
  auto value = parsed.values.begin();
  for (const PartiqlToken& token : *tokens) {
    if (token.begin < end || token.kind == Kind::end) continue;  // within a value
    if (token.begin > end) out += ' ';
    end = token.end;
    while (value != parsed.values.end() && value->begin < token.begin) ++value;
    if (value == parsed.values.end() || value->begin != token.begin) {
      out += statement.substr(token.begin, token.end - token.begin);
      continue;
    }
    const bool scalar =
        value->end == token.end && (token.kind == Kind::text || token.kind == Kind::number);
    const bool of_key =
        !value->attribute.empty() && (value->attribute == hash || value->attribute == range);
    out += scalar && of_key                ? statement.substr(token.begin, token.end - token.begin)
           : token.kind == Kind::parameter ? "?"
                                           : "***(Redacted)";
    end = value->end;
  }
  return out;
}

json::object columns_of(const json::object& item, const std::vector<Path>& columns) {
  if (columns.empty()) return item;
  json::object out;
  for (const Path& column : columns)
    if (const json::value* found = find_path(item, column)) out[column_name(column)] = *found;
  return out;
}

}  // namespace sluice::dynamodb
