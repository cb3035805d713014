// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/partiql.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/index.h"

namespace sluice::dynamodb {
namespace {
using Kind = PartiqlStatement::Kind;

bool is_read(const StatementIn& one) { return one.parsed.kind == Kind::select; }

// Characters as AWS counts them: those beyond the first 65,536 are two.
size_t characters_of(std::string_view text) {
  size_t count = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    count += (byte & 0xC0) == 0x80 ? 0 : byte >= 0xF0 ? 2 : 1;
  }
  return count;
}
// The text of a statement stays out of the messages, which the trail keeps.
Result<Done> check_text(const std::optional<std::string>& text, const std::string& where) {
  Constraints constraints;
  constraints.not_null(text.has_value(), where);
  const size_t characters = characters_of(text.value_or("x"));
  constraints.check(characters > 0, "", where,
                    "Member must have length greater than or equal to 1");
  constraints.check(characters <= kStatementCharactersMax, "...", where,
                    "Member must have length less than or equal to 8192");
  return constraints.met();
}
// The name of the table, which may be an ARN.
Result<std::string> name_of_table(const std::string& given) {
  if (given.starts_with("arn:")) return table_name_of({{"TableName", given}});
  constexpr const char* kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  if (given.size() >= 3 && given.size() <= 255 &&
      given.find_first_not_of(kLetters) == std::string::npos)
    return given;
  return validation(
      "Table name should be within the length [3, 255] and only contain 'a-z', 'A-Z', '0-9', '-', "
      "'_', '.'.");
}

// What is known of a statement before it is parsed: `where` is its place in the request.
Result<StatementIn> read_statement(const json::object& body, const std::string& where) {
  StatementIn in;
  const Fields fields(body);
  TRY(const auto text, fields.text("Statement"));
  CHECK(check_text(text, where + "statement"));
  in.text = *text;
  TRY(const json::array* parameters, fields.array("Parameters"));
  if (parameters) {
    Constraints constraints;
    constraints.check(!parameters->empty(), "[]", where + "parameters",
                      "Member must have length greater than or equal to 1");
    CHECK(constraints.met());
    in.parameters = *parameters;
  }
  TRY(const auto consistent, fields.boolean("ConsistentRead"));
  in.consistent = consistent.value_or(false);
  CHECK(one_of(body, "ReturnValuesOnConditionCheckFailure", {"ALL_OLD", "NONE"}));
  in.tells_failed = text_of(body, "ReturnValuesOnConditionCheckFailure") == "ALL_OLD";
  return in;
}
Result<Done> check_parameters(StatementIn& in) {
  for (json::value& one : in.parameters) CHECK(check_value(one));
  return Done{};
}
Result<Done> parse_statement(StatementIn& in) {
  TRY(in.parsed, parse_partiql(in.text, in.parameters));
  TRY(in.parsed.table, name_of_table(in.parsed.table));
  return check_item(in.parsed.item);
}

// The keys that a statement goes by: of the index that it names, if there is one.
KeySpace keys_of_table(const TableRecord& table) {
  return {"i", table.id, {table.hash, table.hash_type}, {table.range, table.range_type}};
}
Result<KeySpace> keys_read(const PartiqlStatement& statement, const KeySpace& of_table,
                           const std::vector<IndexRecord>& indexes) {
  if (statement.index.empty()) return of_table;
  const IndexRecord* index = find_index(indexes, statement.index);
  if (!index) return validation("The table does not have the specified index");
  return keys_of(*index);
}

constexpr const char* kActions[] = {"dynamodb:PartiQLSelect", "dynamodb:PartiQLInsert",
                                    "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete",
                                    "dynamodb:PartiQLSelect"};
// The partitions that a SELECT reads. nullopt: all of them, or it cannot be done.
std::optional<std::vector<json::value>> partitions_of(const PartiqlStatement& one,
                                                      const TableRecord& table) {
  const auto keys = keys_read(one, keys_of_table(table), table.indexes);
  if (!keys) return std::nullopt;
  auto plan = plan_read(one, *keys);
  return plan && plan->keyed ? std::optional(std::move(plan->partitions)) : std::nullopt;
}
// The partition that an UPDATE or DELETE is about, when it names one.
std::vector<json::value> partition_of(const PartiqlStatement& one, const TableRecord& table) {
  const WhereKey key = where_key(one.where.get(), keys_of_table(table), false);
  const json::value* hash = key.key.if_contains(table.hash);
  return hash ? std::vector{*hash} : std::vector<json::value>();
}
// `page` says that the answer tells the key of the last item that was looked at.
Need statement_need(const StatementIn& in, const Snapshot& s, bool page,
                    std::string_view enclosing) {
  const PartiqlStatement& one = in.parsed;
  const auto table = s.get(table_key(one.table));
  const bool selects = one.kind == Kind::select || one.kind == Kind::exists;
  CallContext call(one.table, s);
  call.add_item(one.item);
  call.add_paths(one.where.get());
  call.add_paths(one.columns);
  if (one.update) call.add_paths(*one.update);
  for (const PartiqlStatement::Order& order : one.order) call.add_path({order.attribute});
  std::optional<std::vector<json::value>> partitions;
  if (table && one.kind != Kind::insert)
    partitions = selects ? partitions_of(one, *table) : partition_of(one, *table);
  if (partitions)
    for (const json::value& partition : *partitions) call.add_leading_key(partition);
  if (one.kind == Kind::select) call.set_select(one.columns, {}, !one.index.empty());
  if (one.kind == Kind::update || one.kind == Kind::erase)
    call.set_option({{"ReturnValues", one.returning.empty() ? "NONE" : one.returning}},
                    "ReturnValues");
  if (page && selects && table) {
    call.add_keys(table->hash, table->range);
    if (const IndexRecord* index = find_index(table->indexes, one.index))
      call.add_keys(index->hash, index->range);
  }
  policy::Context context = call.take();
  if (selects) context["dynamodb:fulltablescan"] = {partitions ? "false" : "true"};
  // EXISTS gives nothing, or all of the item when its condition fails and the call asks for that.
  if (one.kind == Kind::exists)
    context["dynamodb:select"] = {in.tells_failed ? "ALL_ATTRIBUTES" : "SPECIFIC_ATTRIBUTES"};
  // It reads every partition: a policy of some of them would not notice it otherwise.
  if (selects && !partitions) context["dynamodb:leadingkeys"] = {"*"};
  if (!enclosing.empty()) context["dynamodb:enclosingoperation"] = {std::string(enclosing)};
  Need need = table_need(kActions[static_cast<size_t>(one.kind)], one.table, s, std::move(context));
  if (!one.index.empty()) need.resource += "/index/" + one.index;
  return need;
}
// The needs of one statement, and of what it tells when its condition fails.
void add_statement_needs(std::vector<Need>& needs, const StatementIn& in, const Snapshot& s,
                         bool page, std::string_view enclosing) {
  needs.push_back(statement_need(in, s, page, enclosing));
  if (in.tells_failed && (in.parsed.kind == Kind::update || in.parsed.kind == Kind::erase))
    add_disclosure_need(needs, {{"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}});
}

json::value shown_statement(const StatementIn& in, const Snapshot& s) {
  const auto table = s.get(table_key(in.parsed.table));
  return json::value_from(
      redacted(in.text, in.parsed, table ? table->hash : "", table ? table->range : ""));
}

// The options of a call as the other operations read them.
json::object options_of(const json::object& body, const StatementIn& in) {
  json::object out{{"TableName", in.parsed.table}};
  if (const json::value* wanted = Fields(body).find("ReturnConsumedCapacity"))
    out["ReturnConsumedCapacity"] = *wanted;
  if (in.consistent) out["ConsistentRead"] = true;
  if (in.tells_failed) out["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD";
  if (!in.parsed.returning.empty()) out["ReturnValues"] = in.parsed.returning;
  return out;
}

// The single item that a statement is about, as the operations on items read it. What is not there
// is not changed by UPDATE, and DELETE asks nothing of it.
ItemIn item_in(const StatementIn& in, json::object key, bool has_condition, json::object body) {
  const PartiqlStatement& one = in.parsed;
  ItemIn out;
  out.table = one.table;
  out.body = std::move(body);
  out.item = one.kind == Kind::insert ? one.item : std::move(key);
  out.update = one.update;
  out.projection = one.columns;
  out.columns = true;
  out.inserts = one.kind == Kind::insert;
  if (has_condition || one.kind == Kind::update) out.condition = one.where;
  out.if_there = one.kind == Kind::erase;
  return out;
}
Result<Done> check_insert(const json::object& item, const KeySpace& keys) {
  for (const KeyAttribute* attribute : {&keys.hash, &keys.range}) {
    if (attribute->name.empty()) continue;
    const json::value* value = item.if_contains(attribute->name);
    if (!value)
      return validation("Key attribute should be present in the item: Key " + attribute->name);
    CHECK(check_key_value(*attribute, *value));
  }
  return Done{};
}
// The key of an UPDATE or DELETE.
Result<WhereKey> key_to_write(const PartiqlStatement& one, const KeySpace& keys) {
  WhereKey found = where_key(one.where.get(), keys, false);
  if (!found.twice.empty())
    return validation("Multiple conditions on same key " + found.twice +
                      ". Only single item Update/Insert/Delete are supported");
  for (const KeyAttribute* attribute : {&keys.hash, &keys.range}) {
    if (attribute->name.empty()) continue;
    const json::value* value = found.key.if_contains(attribute->name);
    if (!value)
      return validation("Where clause does not contain a mandatory equality on all key attributes");
    CHECK(check_key_value(*attribute, *value));
  }
  return found;
}
bool is_whole(const WhereKey& found, const KeySpace& keys) {
  return found.twice.empty() && found.key.size() == (keys.range.name.empty() ? 1u : 2u);
}

Result<ItemIn> write_in(const StatementIn& in, const json::object& body, const KeySpace& keys) {
  json::object options = options_of(body, in);
  if (in.parsed.kind == Kind::insert) {
    CHECK(check_insert(in.parsed.item, keys));
    return item_in(in, {}, false, std::move(options));
  }
  TRY(WhereKey found, key_to_write(in.parsed, keys));
  return item_in(in, std::move(found.key), found.more, std::move(options));
}
Result<JsonOut> write(const ItemIn& item, Kind kind, Staged& staged, const Ports& ports) {
  return kind == Kind::insert   ? put_item(item, staged, ports)
         : kind == Kind::update ? update_item(item, staged, ports)
                                : delete_item(item, staged, ports);
}

// NextToken: where the reading ended, sealed under the key of the table, and bound to the statement
// with its parameters.
Key token_seal() { return {Family::items, "PartiQL NextToken"}; }
std::string digest_of(const StatementIn& in) {
  return base64(sha256(json::serialize(json::array{in.text, in.parameters})));
}
std::string make_token(const StatementIn& in, const Table& table, const SearchPage& page,
                       size_t skipped) {
  const json::object place{{"statement", json::object{{"S", digest_of(in)}}},
                           {"part", json::object{{"N", std::to_string(skipped + page.last_part)}}},
                           {"last", json::object{{"M", page.last}}}};
  return base64(table.seal(token_seal(), place));
}
struct Place {
  size_t part = 0;
  json::object last;
};
Result<Place> read_token(const std::string& token, const StatementIn& in, const Table& table) {
  const auto sealed = unbase64(token);
  const auto place =
      sealed ? table.open_item(token_seal().bytes, *sealed) : Result<json::object>(validation(""));
  if (!place) return validation("Invalid NextToken");
  if (place->at("statement").at("S").as_string() != digest_of(in))
    return validation("NextToken does not match request");
  const auto part = parse_int(std::string_view(place->at("part").at("N").as_string()));
  return Place{static_cast<size_t>(part.value_or(0)), place->at("last").at("M").as_object()};
}

// A keyed read of an index cannot filter by what the index does not hold.
Result<Done> check_index_read(const StatementIn& in, const ReadPlan& plan, const Table& table) {
  const IndexRecord* index = find_index(table.indexes(), in.parsed.index);
  if (!index) return Done{};
  if (index->global && in.consistent)
    return validation("Strongly consistent read is not supported on Global Secondary Indexes");
  std::string names;
  for (const std::string& name : plan.filters)
    if (!projects(*index, table, name)) names += (names.empty() ? "" : ", ") + name;
  if (names.empty()) return Done{};
  return validation("One or more parameter values were invalid: Secondary index " + index->name +
                    " does not project one or more filter attributes: [" + names + "]");
}
Result<JsonOut> select(const ExecuteStatement::In& in, const Table& table, const Snapshot& s) {
  const PartiqlStatement& one = in.statement.parsed;
  TRY(const KeySpace keys, keys_read(one, table.keys(), table.indexes()));
  TRY(const ReadPlan plan, plan_read(one, keys));
  CHECK(check_index_read(in.statement, plan, table));
  Place place;
  if (!in.token.empty()) {
    TRY(place, read_token(in.token, in.statement, table));
  }
  SearchIn whole{one.table, one.index, options_of(in.body, in.statement)};
  whole.filter = one.where;
  whole.projection = one.columns;
  whole.limit = in.limit;
  whole.backwards = plan.backwards;
  whole.statement = true;
  std::vector<SearchIn> parts;
  for (size_t i = place.part; i < plan.spans.size(); ++i) {
    parts.push_back(whole);
    parts.back().span = plan.spans[i];
  }
  if (!plan.keyed) parts.push_back(std::move(whole));
  JsonOut out{{{"Items", json::array{}}}};
  if (parts.empty()) return out;
  parts.front().start = std::move(place.last);
  TRY(SearchPage page, search(parts, table, s));
  out.body["Items"] = std::move(page.items);
  if (page.more) {
    out.body["NextToken"] = make_token(in.statement, table, page, place.part);
    out.body["LastEvaluatedKey"] = std::move(page.last);
  }
  if (!page.cost.empty()) out.body["ConsumedCapacity"] = std::move(page.cost);
  return out;
}
}  // namespace

Result<ExecuteStatement::In> ExecuteStatement::parse(const Request& request) {
  In in;
  TRY(in.body, parse_json_object(request.body));
  TRY(in.statement, read_statement(in.body, ""));
  CHECK(one_of(in.body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  const Fields fields(in.body);
  TRY(const auto limit, fields.integer("Limit"));
  TRY(const auto token, fields.text("NextToken"));
  Constraints constraints;
  constraints.check(!limit || *limit >= 1, std::to_string(limit.value_or(0)), "limit",
                    "Member must have value greater than or equal to 1");
  if (token) constraints.length(*token, "nextToken", 1, kNextTokenBytesMax);
  CHECK(constraints.met());
  in.limit = limit.value_or(0);
  in.token = token.value_or("");
  CHECK(check_parameters(in.statement));
  CHECK(parse_statement(in.statement));
  if (in.statement.parsed.kind == Kind::exists)
    return validation("EXISTS can only be used in ExecuteTransaction write requests.");
  return in;
}
Result<std::vector<Need>> ExecuteStatement::needs(const In& in, const Snapshot& s,
                                                  const Ports& ports) {
  std::vector<Need> needs;
  add_statement_needs(needs, in.statement, s, true, "");
  CHECK(add_key_need(needs, in.statement.parsed.table, s, ports));
  return needs;
}
Result<JsonOut> ExecuteStatement::run(const Authorized<In>& in, Staged& staged) {
  const StatementIn& one = in->statement;
  if (is_read(one)) {  // from the snapshot alone, so that no commit can make it run again
    TRY(const Table read, Table::open(one.parsed.table, staged.snapshot(), in.ports()));
    return select(*in, read, staged.snapshot());
  }
  TRY(const Table table, Table::open(one.parsed.table, staged, in.ports()));
  TRY(const ItemIn item, write_in(one, in->body, table.keys()));
  TRY(JsonOut done, write(item, one.parsed.kind, staged, in.ports()));
  JsonOut out{{{"Items", json::array{}}}};
  if (json::value* told = done.body.if_contains("Attributes"))
    out.body["Items"] = json::array{std::move(*told)};
  if (json::value* cost = done.body.if_contains("ConsumedCapacity"))
    out.body["ConsumedCapacity"] = std::move(*cost);
  return out;
}
namespace {
// What a record shows of a statement of a batch or a transaction. `given` is what the request has.
json::value shown_member(json::value statement, const json::value& given) {
  return merged(
      json::object{{"statement", std::move(statement)}},
      shown_members(given.get_object(), {"ConsistentRead", "ReturnValuesOnConditionCheckFailure"}));
}
}  // namespace
json::value ExecuteStatement::audit(const In& in, const Snapshot& s) {
  return merged(json::object{{"statement", shown_statement(in.statement, s)}},
                shown_members(in.body, {"ConsistentRead", "Limit", "ReturnConsumedCapacity",
                                        "ReturnValuesOnConditionCheckFailure"}));
}

namespace {
// The statements of a batch or a transaction, each an object.
Result<const json::array*> statements_of(const json::object& body, const char* member,
                                         size_t most) {
  TRY(const json::array* statements, Fields(body).array(member));
  std::string where(member);
  where[0] = static_cast<char>(where[0] | 0x20);
  Constraints constraints;
  constraints.not_null(statements != nullptr, where);
  if (statements) {
    constraints.check(!statements->empty(), "[]", where,
                      "Member must have length greater than or equal to 1");
    constraints.check(statements->size() <= most, "[...]", where,
                      "Member must have length less than or equal to " + std::to_string(most));
  }
  CHECK(constraints.met());
  for (const json::value& one : *statements)
    if (!one.is_object()) return Error{400, "SerializationException", "Expected a structure", {}};
  CHECK(one_of(body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  return statements;
}
std::string member_of(const char* list, size_t number) {
  return std::string(list) + "." + std::to_string(number) + ".member.";
}
}  // namespace

Result<BatchExecuteStatement::In> BatchExecuteStatement::parse(const Request& request) {
  In in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const json::array* given, statements_of(in.body, "Statements", kBatchStatementsMax));
  size_t reads = 0, writes = 0;
  for (const json::value& one : *given) {
    TRY(StatementIn statement,
        read_statement(one.get_object(), member_of("statements", in.statements.size() + 1)));
    statement.tells_failed = false;  // AWS tells nothing here
    auto parsed = check_parameters(statement);
    if (parsed) parsed = parse_statement(statement);
    if (parsed && statement.parsed.kind == Kind::exists)
      parsed = validation("EXISTS can only be used in ExecuteTransaction write requests.");
    if (!parsed && parsed.error().code == "SerializationException")
      return std::move(parsed).error();
    if (!parsed) {
      in.statements.push_back(std::move(parsed).error());
      continue;
    }
    ++(is_read(statement) ? reads : writes);
    in.statements.push_back(std::move(statement));
  }
  if (reads && writes)
    return validation(
        "BatchExecuteStatement API does not support both read and write operations in the same "
        "request.");
  return in;
}
// Each statement asks for itself.
Result<std::vector<Need>> BatchExecuteStatement::needs(const In& in, const Snapshot& s) {
  std::vector<Need> needs{no_need()};
  std::set<std::string> tables;
  for (const auto& one : in.statements)
    if (one && tables.insert(one->parsed.table).second) {
      needs.push_back(no_need());
      needs.back().resource = table_arn(s.scope(), one->parsed.table);
      needs.back().resource_type = "AWS::DynamoDB::Table";
    }
  return needs;
}
namespace {
std::string batch_code(const Error& why) {
  return why.code == "ConditionalCheckFailedException" ? "ConditionalCheckFailed"
         : why.code == "DuplicateItemException"        ? "DuplicateItem"
         : why.code == "ResourceNotFoundException"     ? "ResourceNotFound"
         : why.code.starts_with("AccessDenied")        ? "AccessDenied"
         : why.code == "ValidationException"           ? "ValidationError"
         : why.code == "RequestLimitExceeded"          ? "RequestLimitExceeded"
                                                       : "InternalServerError";
}
Error answer_is_full() {
  return {400,
          "RequestLimitExceeded",
          "The items of the statements before this one have 16 MB; ask for this one again.",
          {}};
}
// What one statement of a batch answers. `ran` is set as soon as its item is known.
Result<JsonOut> run_member(const Authorized<BatchExecuteStatement::In>& in, const StatementIn& one,
                           Staged& staged, bool& ran) {
  std::vector<Need> needs;
  add_statement_needs(needs, one, staged.snapshot(), false, "");
  CHECK(add_key_need(needs, one.parsed.table, staged.snapshot(), in.ports()));
  CHECK(in.ask(needs, staged.snapshot()));
  TRY(const Table table, Table::open(one.parsed.table, staged, in.ports()));
  if (!is_read(one)) {
    TRY(const ItemIn item, write_in(one, in->body, table.keys()));
    ran = true;
    return write(item, one.parsed.kind, staged, in.ports());
  }
  TRY(const KeySpace keys, keys_read(one.parsed, table.keys(), table.indexes()));
  TRY(const ReadPlan plan, plan_read(one.parsed, keys));
  WhereKey found = where_key(one.parsed.where.get(), table.keys(), true);
  if (!one.parsed.index.empty() || !is_whole(found, table.keys()) || found.more)
    return validation(
        "Select statements within BatchExecuteStatement must specify the primary key in the where "
        "clause.");
  ran = true;
  return get_item(item_in(one, std::move(found.key), false, options_of(in->body, one)),
                  staged.snapshot(), in.ports());
}
}  // namespace
Result<BatchExecuteStatement::Out> BatchExecuteStatement::run(const Authorized<In>& in,
                                                              Staged& staged) {
  Out out;
  json::array responses, costs;
  size_t bytes = 0;  // as JSON
  for (const auto& one : in->statements) {
    bool ran = false;
    auto done = !one                      ? Result<JsonOut>(one.error())
                : bytes > kAnswerBytesMax ? Result<JsonOut>(answer_is_full())
                                          : run_member(in, *one, staged, ran);
    json::object response;
    if (one && (done || ran)) response["TableName"] = one->parsed.table;
    if (!done) {
      if (done.error().code == "InternalServerError") return std::move(done).error();
      const std::string code = batch_code(done.error());
      ++out.refused[code];
      response["Error"] = json::object{{"Code", code}, {"Message", done.error().message}};
    } else {
      for (const char* member : {"Item", "Attributes"})
        if (json::value* told = done->body.if_contains(member)) {
          bytes += answered_bytes(told->get_object());
          response["Item"] = std::move(*told);
        }
      if (json::value* cost = done->body.if_contains("ConsumedCapacity"))
        costs.push_back(std::move(*cost));
    }
    responses.push_back(std::move(response));
  }
  out.json.body["Responses"] = std::move(responses);
  if (wants_consumed(in->body)) out.json.body["ConsumedCapacity"] = std::move(costs);
  return out;
}
json::value BatchExecuteStatement::audit(const In& in, const Snapshot& s) {
  const json::array& given = in.body.at("Statements").get_array();
  json::array shown;
  for (const auto& one : in.statements)
    shown.push_back(shown_member(one ? shown_statement(*one, s) : json::value("***(Redacted)"),
                                 given[shown.size()]));
  return merged(json::object{{"requestItems", std::move(shown)}},
                shown_members(in.body, {"ReturnConsumedCapacity"}));
}
json::value BatchExecuteStatement::audit_result(const Out& out) {
  if (out.refused.empty()) return nullptr;
  json::object refused;
  for (const auto& [code, count] : out.refused) refused[code] = count;
  return json::object{{"errors", std::move(refused)}};
}

namespace {
Error in_statement(size_t number, Error why) {
  if (why.code == "ValidationException")
    why.message =
        "Validation failed in TransactStatements[" + std::to_string(number) + "]: " + why.message;
  return why;
}
// What no statement of a transaction can have.
Result<Done> check_member(const PartiqlStatement& one) {
  if (!one.returning.empty())
    return validation("RETURNING clause is not supported in ExecuteTransaction.");
  if (!one.index.empty())
    return validation(one.kind == Kind::select
                          ? "Reads on indices are not supported within transactions."
                          : "Operations on indices are not supported in transactions");
  return Done{};
}
}  // namespace
Result<ExecuteTransaction::In> ExecuteTransaction::parse(const Request& request) {
  In in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const json::array* given, statements_of(in.body, "TransactStatements", kTransactionMax));
  TRY(const auto token, Fields(in.body).text("ClientRequestToken"));
  Constraints constraints;
  if (token) constraints.length(*token, "clientRequestToken", 1, kTokenCharactersMax);
  CHECK(constraints.met());
  size_t reads = 0;
  for (size_t i = 0; i < given->size(); ++i) {
    TRY(StatementIn one,
        read_statement((*given)[i].get_object(), member_of("transactStatements", i + 1)));
    CHECK(check_parameters(one));
    if (auto parsed = parse_statement(one); !parsed)
      return in_statement(i, std::move(parsed).error());
    if (auto fits = check_member(one.parsed); !fits)
      return in_statement(i, std::move(fits).error());
    reads += is_read(one);
    in.statements.push_back(std::move(one));
  }
  if (reads && reads < in.statements.size())
    return validation(
        "ExecuteTransaction API does not support both read and write operations in the same "
        "request.");
  in.reads = reads > 0;
  return in;
}
Result<std::vector<Need>> ExecuteTransaction::needs(const In& in, const Snapshot& s,
                                                    const Ports& ports) {
  std::vector<Need> needs;
  std::set<std::string> tables;
  for (const StatementIn& one : in.statements) {
    add_statement_needs(needs, one, s, false, name);
    tables.insert(one.parsed.table);
  }
  for (const std::string& table : tables) CHECK(add_key_need(needs, table, s, ports));
  return needs;
}
namespace {
// The statement as an action of a transaction. Whether its key is whole is looked at there, except
// for what reads.
Result<TransactAction> action_of(const StatementIn& one, const KeySpace& keys) {
  static constexpr const char* kKinds[] = {"Get", "Put", "Update", "Delete", "ConditionCheck"};
  const bool reads = is_read(one);
  if (reads) CHECK(plan_read(one.parsed, keys));
  WhereKey found = where_key(one.parsed.where.get(), keys, reads);
  if (reads && (!is_whole(found, keys) || found.more))
    return validation(
        "Select statements within ExecuteTransaction must specify the primary key in the where "
        "clause.");
  if (one.parsed.kind == Kind::exists && (!is_whole(found, keys) || !found.more))
    return validation("EXISTS() must contain a single item read with additional condition");
  if (!found.twice.empty()) found.key.clear();
  return TransactAction{kKinds[static_cast<size_t>(one.parsed.kind)],
                        item_in(one, std::move(found.key), found.more, options_of({}, one))};
}
Result<TransactIn> transaction_of(const ExecuteTransaction::In& in, Staged& staged) {
  TransactIn out;
  out.body = in.body;
  Reasons reasons(in.statements.size());
  for (size_t i = 0; i < in.statements.size(); ++i) {
    const StatementIn& one = in.statements[i];
    const auto table = staged.look(table_key(one.parsed.table));
    if (!table) {
      reasons.take(i, {400, "ResourceNotFoundException", "Requested resource not found", {}});
      continue;
    }
    auto action = action_of(one, keys_of_table(*table));
    if (!action) return in_statement(i, std::move(action).error());
    out.actions.push_back(*std::move(action));
  }
  CHECK(reasons.none());
  size_t bytes = 0;
  for (const TransactAction& action : out.actions) bytes += item_bytes(action.in.item);
  if (bytes > kTransactionBytesMax)
    return validation("The items of a transaction have at most 4 MB together.");
  return out;
}
}  // namespace
Result<JsonOut> ExecuteTransaction::run(const Authorized<In>& in, Staged& staged) {
  TRY(const TransactIn whole, transaction_of(*in, staged));
  if (in->reads) return transact_get(whole, staged.snapshot(), in.ports());
  TRY(JsonOut out, transact_write(whole, in.time(), staged, in.ports()));
  out.body["Responses"] = json::array{};
  return out;
}
json::value ExecuteTransaction::audit(const In& in, const Snapshot& s) {
  const json::array& given = in.body.at("TransactStatements").get_array();
  json::array shown;
  for (const StatementIn& one : in.statements)
    shown.push_back(shown_member(shown_statement(one, s), given[shown.size()]));
  json::object out{{"transactStatements", std::move(shown)}};
  const std::string token = text_of(in.body, "ClientRequestToken");
  if (!token.empty()) out["clientRequestToken"] = token;
  return merged(std::move(out), shown_members(in.body, {"ReturnConsumedCapacity"}));
}

}  // namespace sluice::dynamodb
