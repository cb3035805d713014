// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/transactions.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/partiql_parser.h"
#include "store/jobs.h"

namespace sluice::dynamodb {
namespace {
// The kinds of actions: what they hold, which expressions they have, which one they cannot be
// without ("": none), and which permission they need.
struct Kind {
  const char *name, *member;
  ExpressionList expressions;
  const char *needed, *permission;
};
constexpr const char* kCondition = "ConditionExpression";
const Kind kWriteKinds[] = {
    {"ConditionCheck", "Key", {kCondition}, kCondition, "dynamodb:ConditionCheckItem"},
    {"Put", "Item", {kCondition}, "", "dynamodb:PutItem"},
    {"Update", "Key", {"UpdateExpression", kCondition}, "UpdateExpression", "dynamodb:UpdateItem"},
    {"Delete", "Key", {kCondition}, "", "dynamodb:DeleteItem"}};
const Kind kGetKinds[] = {{"Get", "Key", {"ProjectionExpression"}, "", "dynamodb:GetItem"}};
template <class Self>
constexpr std::span<const Kind> kinds() {
  if constexpr (std::is_same_v<Self, TransactWriteItems>)
    return kWriteKinds;
  else
    return kGetKinds;
}
const Kind& kind_of(const TransactAction& action, std::span<const Kind> kinds) {
  return *std::find_if(kinds.begin(), kinds.end(),
                       [&](const Kind& one) { return action.kind == one.name; });
}

std::string first_lower(std::string_view name) {
  std::string out(name);
  out[0] = static_cast<char>(out[0] | 0x20);
  return out;
}
// `number` is that of the action, for messages.
Result<TransactAction> read_action(const json::value& given, size_t number,
                                   std::span<const Kind> kinds) {
  if (!given.is_object()) return Error{400, "SerializationException", "Expected a structure", {}};
  const Fields fields(given.get_object());
  const auto is_given = [&](const Kind& one) { return fields.find(one.name) != nullptr; };
  const auto kind = std::find_if(kinds.begin(), kinds.end(), is_given);
  const std::string at = "transactItems." + std::to_string(number) + ".member.";
  Constraints constraints;
  if (kinds.size() == 1) constraints.not_null(kind != kinds.end(), at + "get");
  CHECK(constraints.met());
  if (kind == kinds.end() || std::count_if(kinds.begin(), kinds.end(), is_given) > 1)
    return validation("TransactItems can only contain one of Check, Put, Update or Delete");
  TRY(const json::object* body, fields.object(kind->name));
  if (*kind->needed)
    constraints.not_null(Fields(*body).find(kind->needed) != nullptr,
                         at + first_lower(kind->name) + "." + first_lower(kind->needed));
  CHECK(constraints.met());
  TransactAction action{kind->name, {}};
  TRY(action.in, read_item_in(*body, kind->member, kind->expressions, {}));
  return action;
}
Result<Done> check_request(const json::object& body, const json::array* items) {
  Constraints constraints;
  constraints.not_null(items != nullptr, "transactItems");
  if (items) {
    constraints.check(!items->empty(), "[]", "transactItems",
                      "Member must have length greater than or equal to 1");
    constraints.check(items->size() <= kTransactionMax, "[...]", "transactItems",
                      "Member must have length less than or equal to 100");
  }
  TRY(const auto token, Fields(body).text("ClientRequestToken"));
  if (token) constraints.length(*token, "clientRequestToken", 1, kTokenCharactersMax);
  CHECK(constraints.met());
  CHECK(one_of(body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  return one_of(body, "ReturnItemCollectionMetrics", {"SIZE", "NONE"});
}

}  // namespace

bool Reasons::take(size_t action, const Error& why) {
  // A key without a value is refused before the actions are looked at.
  const bool of_value = why.code == "ValidationException" &&
                        !why.message.starts_with("One or more parameter values are not valid.");
  const char* code = why.code == "ConditionalCheckFailedException" ? "ConditionalCheckFailed"
                     : why.code == "DuplicateItemException"        ? "DuplicateItem"
                     : why.code == "ResourceNotFoundException"     ? "ResourceNotFound"
                     : of_value                                    ? "ValidationError"
                                                                   : nullptr;
  if (!code) return false;
  json::object reason{{"Code", code}, {"Message", why.message}};
  for (const auto& [name, value] : why.details)
    if (name == "json:Item") reason["Item"] = json::parse(value);
  reasons_[action] = std::move(reason);
  any_ = true;
  return true;
}
Result<Done> Reasons::none() const {
  if (!any_) return Done{};
  std::string codes;
  json::array reasons;
  for (const json::object& reason : reasons_) {
    codes += (codes.empty() ? "" : ", ") + std::string(reason.at("Code").as_string());
    reasons.push_back(reason);
  }
  return Error{400,
               "TransactionCanceledException",
               "Transaction cancelled, please refer cancellation reasons for specific reasons [" +
                   codes + "]",
               {{"json:CancellationReasons", json::serialize(reasons)}}};
}

namespace {
// The tables of a transaction, each opened once.
template <class From>
class Tables {
 public:
  Tables(From& from, const Ports& ports) : from_(from), ports_(ports) {}
  Result<const Table*> open(const std::string& name) {
    auto known = tables_.find(name);
    if (known == tables_.end()) {
      TRY(Table table, Table::open(name, from_, ports_));
      known = tables_.emplace(name, std::move(table)).first;
    }
    return &known->second;
  }

 private:
  From& from_;
  const Ports& ports_;
  std::map<std::string, Table> tables_;
};

// The keys of all actions. Where one has none, the reason is noted.
template <class From>
Result<std::vector<std::optional<Key>>> keys_of(const TransactIn& in, Tables<From>& tables,
                                                Reasons& reasons) {
  std::vector<std::optional<Key>> keys(in.actions.size());
  std::set<std::string> seen;
  for (const TransactAction& action : in.actions) CHECK(tables.open(action.in.table));
  for (size_t i = 0; i < keys.size(); ++i) {
    const TransactAction& action = in.actions[i];
    TRY(const Table* table, tables.open(action.in.table));
    auto key = table->key_of(action.in.item, action.kind != "Put");
    if (!key) {
      if (!reasons.take(i, key.error())) return std::move(key).error();
      continue;
    }
    if (!seen.insert(key->bytes).second)
      return validation("Transaction request cannot include multiple operations on one item");
    keys[i] = *std::move(key);
  }
  return keys;
}

// What each table has cost. Transactions cost twice.
class Costs {
 public:
  void add(const std::string& table, const Cost& cost) { costs_[table].add(cost, 2); }
  json::array shown(const json::object& body, const char* kind) const {
    json::array out;
    for (const auto& [table, cost] : costs_) out.push_back(cost.shown(table, body, kind));
    return out;
  }

 private:
  std::map<std::string, Cost> costs_;
};

// One action of a transaction, while nothing is written yet.
struct Prepared {
  const TransactAction* action;
  OldItem old;
  std::optional<json::object> after;
};
Result<Done> prepare(Prepared& one, const Table& table) {
  const ItemIn& in = one.action->in;
  const bool updates = one.action->kind == "Update";
  if (updates) CHECK(spares_key(in, table));
  if (one.action->kind == "Put") {
    CHECK(check_index_keys(table, in.item));
    one.after = in.item;
  }
  if (!updates && !in.condition && !in.inserts) return Done{};
  TRY(const json::object* before, one.old.read());
  CHECK(check_condition(in, before));
  if (updates) {
    TRY(one.after, updated_item(in, before));
    if (one.after) CHECK(check_index_keys(table, *one.after, true));
  }
  return Done{};
}
// The item after the action, which may leave it as it is.
const json::object* after_of(const Prepared& one, const json::object* before) {
  if (one.after) return &*one.after;
  return one.action->kind == "Delete" ? nullptr : before;
}
Result<Done> write(Prepared& one) {
  if (one.action->kind == "ConditionCheck") return Done{};
  if (one.after) return write_item(one.old, &*one.after);
  return one.action->kind == "Delete" ? write_item(one.old, nullptr) : Done{};
}

std::string fingerprint(json::object body) {
  for (const char* other : {"ClientRequestToken", "ReturnConsumedCapacity"}) body.erase(other);
  return base64(sha256(json::serialize(body)));
}
// Whether the request was done already, within ten minutes. A token that was used for another
// request is refused.
Result<bool> is_done(const TransactIn& in, Time now, Staged& staged) {
  const std::string token = text_of(in.body, "ClientRequestToken");
  if (token.empty()) return false;
  const auto known = staged.look(transaction_key(token));
  if (!known || now - known->made >= kTokenMs) return false;
  if (known->fingerprint == fingerprint(in.body)) return true;
  return Error{400,
               "IdempotentParameterMismatchException",
               "The request uses the same client token as a previous, but non-identical request. "
               "Do not reuse a client token with different requests, unless the requests are "
               "identical",
               {}};
}
}  // namespace

template <class Self>
Result<TransactIn> Transacts<Self>::parse(const Request& request) {
  TransactIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const json::array* items, Fields(in.body).array("TransactItems"));
  CHECK(check_request(in.body, items));
  size_t bytes = 0;
  for (const json::value& item : *items) {
    TRY(TransactAction action, read_action(item, in.actions.size() + 1, kinds<Self>()));
    bytes += item_bytes(action.in.item);
    in.actions.push_back(std::move(action));
  }
  if (bytes > kTransactionBytesMax)
    return validation("The items of a transaction have at most 4 MB together.");
  return in;
}
template <class Self>
Result<std::vector<Need>> Transacts<Self>::needs(const In& in, const Snapshot& s,
                                                 const Ports& ports) {
  std::vector<Need> needs;
  std::set<std::string> tables;
  for (const TransactAction& action : in.actions) {
    CallContext context(action.in.table, s);
    context.add_item(action.in.item);
    context.add_paths(action.in.condition.get());
    context.add_paths(action.in.projection);
    if (action.in.update) context.add_paths(*action.in.update);
    if (action.kind == "Get")
      context.set_select(action.in.projection);
    else
      context.set_option(action.in.body, "ReturnValues");
    context.set_option(in.body, "ReturnConsumedCapacity");
    policy::Context keys = context.take();
    keys["dynamodb:enclosingoperation"] = {std::string(Self::name)};
    needs.push_back(
        table_need(kind_of(action, kinds<Self>()).permission, action.in.table, s, std::move(keys)));
    add_disclosure_need(needs, action.in.body);
    tables.insert(action.in.table);
  }
  for (const std::string& table : tables) CHECK(add_key_need(needs, table, s, ports));
  return needs;
}
template <class Self>
json::value Transacts<Self>::audit(const In& in, const Snapshot& s) {
  json::array items;
  size_t names_bytes = kAuditNamesBytesMax;
  for (const TransactAction& action : in.actions) {
    json::object shown{{"tableName", action.in.table}};
    describe(shown, action.in.item, action.kind == "Put", s.get(table_key(action.in.table)).get(),
             names_bytes);
    items.push_back(json::object{
        {first_lower(action.kind), merged(std::move(shown), shown_options(action.in.body))}});
  }
  json::object shown{{"transactItems", std::move(items)}};
  const std::string token = text_of(in.body, "ClientRequestToken");
  if (!token.empty()) shown["clientRequestToken"] = token;
  return merged(std::move(shown), shown_options(in.body));
}
template struct Transacts<TransactWriteItems>;
template struct Transacts<TransactGetItems>;

Result<JsonOut> transact_write(const TransactIn& in, Time now, Staged& staged, const Ports& ports) {
  TRY(const bool done, is_done(in, now, staged));
  Tables<Staged> tables(staged, ports);
  Reasons reasons(in.actions.size());
  TRY(auto keys, keys_of(in, tables, reasons));
  std::vector<Prepared> prepared;
  prepared.reserve(keys.size());
  Costs costs;
  const bool counts = wants_consumed(in.body);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i]) continue;
    const TransactAction& asked = in.actions[i];
    TRY(const Table* table, tables.open(asked.in.table));
    Prepared& one =
        prepared.emplace_back(Prepared{&asked, OldItem(*table, *std::move(keys[i]), staged), {}});
    if (!done)
      if (auto ready = prepare(one, *table); !ready && !reasons.take(i, ready.error()))
        return std::move(ready).error();
    if (!counts) continue;
    TRY(const json::object* before, one.old.read());
    // Who asks again is told what reading costs, for nothing is written.
    costs.add(asked.in.table, done ? Cost{read_units(before ? item_bytes(*before) : 0, true)}
                                   : write_cost(*table, before, after_of(one, before)));
  }
  CHECK(reasons.none());
  if (!done) {
    for (Prepared& one : prepared) CHECK(write(one));
    if (const std::string token = text_of(in.body, "ClientRequestToken"); !token.empty())
      staged.put(transaction_key(token),
                 TransactionRecord{.made = now, .fingerprint = fingerprint(in.body)});
  }
  JsonOut out;
  if (counts)
    out.body["ConsumedCapacity"] =
        costs.shown(in.body, done ? "ReadCapacityUnits" : "WriteCapacityUnits");
  return out;
}
Result<JsonOut> TransactWriteItems::run(const Authorized<In>& in, Staged& staged) {
  return transact_write(*in, in.time(), staged, in.ports());
}

Result<JsonOut> transact_get(const TransactIn& in, const Snapshot& s, const Ports& ports) {
  Tables<const Snapshot> tables(s, ports);
  Reasons reasons(in.actions.size());
  TRY(const auto keys, keys_of(in, tables, reasons));
  CHECK(reasons.none());
  json::array responses;
  Costs costs;
  size_t bytes = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const ItemIn& one = in.actions[i].in;
    TRY(const Table* table, tables.open(one.table));
    const auto sealed = s.get(*keys[i]);
    json::object response;
    size_t item_size = 0;
    if (sealed) {
      TRY(const json::object item, table->open_item(keys[i]->bytes, *sealed));
      item_size = item_bytes(item);
      response["Item"] =
          one.columns ? columns_of(item, one.projection) : project(item, one.projection);
    }
    bytes += item_size;
    if (bytes > kTransactionBytesMax)
      return validation("The items of a transaction have at most 4 MB together.");
    costs.add(one.table, Cost{read_units(item_size, true)});
    responses.push_back(std::move(response));
  }
  JsonOut out{{{"Responses", std::move(responses)}}};
  if (wants_consumed(in.body))
    out.body["ConsumedCapacity"] = costs.shown(in.body, "ReadCapacityUnits");
  return out;
}
Result<JsonOut> TransactGetItems::run(const Authorized<In>& in, const Snapshot& s) {
  return transact_get(*in, s, in.ports());
}

namespace {
// Looks at some tokens, from the key `next` on, which becomes that of the first one that was not
// looked at; "": all were. False: the store writes no more.
bool forget_tokens(Store& store, std::string& next) {
  constexpr size_t kBatchMax = 1000;
  const Time now = store.jobs().clock().calendar();
  Staged staged = store.stage();
  size_t count = 0;
  const std::string start = std::exchange(next, "");
  staged.snapshot().scan(RecordPrefix<TransactionRecord>{}, start, false,
                         [&](std::string_view key, const TransactionRecord& known) {
                           if (count == kBatchMax) {
                             next = key;
                             return false;
                           }
                           if (now - known.made < kTokenMs) return true;
                           staged.erase({TransactionRecord::record.family, std::string(key)});
                           ++count;
                           return true;
                         });
  return !count || store.commit(std::move(staged), {});
}
}  // namespace
void start_token_sweep(Store& store) {
  store.jobs().every("the sweep of transaction tokens", std::chrono::minutes(1),
                     [&store](const Stopping& stopping) {
                       std::string next;
                       while (!stopping() && forget_tokens(store, next) && !next.empty()) continue;
                     });
}

}  // namespace sluice::dynamodb
