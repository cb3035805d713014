// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/items.h"

#include <algorithm>
#include <cmath>
#include <semaphore>
#include <set>

#include "base/bytes.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/item_in.h"
#include "services/dynamodb/item_text.h"
#include "services/dynamodb/legacy.h"
#include "services/dynamodb/partiql_parser.h"
#include "services/dynamodb/write_item.h"

namespace sluice::dynamodb {
namespace {
// Checks the condition. Returns what was there, when the answer shows it.
Result<const json::object*> checked_old(const ItemIn& in, OldItem& old) {
  const bool returns_old = text_of(in.body, "ReturnValues") == "ALL_OLD";
  if (!in.condition && !in.inserts && !returns_old) return nullptr;
  TRY(const json::object* there, old.read());
  CHECK(check_condition(in, there));
  return returns_old ? there : nullptr;
}
// Adds what the write has cost and what it was part of. `after` is nullptr when it leaves no item.
Result<Done> add_metrics(JsonOut& out, const ItemIn& in, const Table& table, OldItem& old,
                         const json::object* after, const Snapshot& snapshot) {
  if (wants_consumed(in.body)) {
    TRY(const json::object* before, old.read());
    out.body["ConsumedCapacity"] = write_cost(table, before, after).shown(in.table, in.body);
  }
  if (auto collection = collection_of(table, in.item, in.body, snapshot))
    out.body["ItemCollectionMetrics"] = *std::move(collection);
  return Done{};
}
}  // namespace

CallContext::CallContext(const std::string& table, const Snapshot& snapshot) {
  if (const auto record = snapshot.get(table_key(table))) hash_ = record->hash;
}
// An item may have a hundred thousand names, so they are not looked for one among the others.
void CallContext::add_name(std::string_view name) {
  if (names_.contains(name)) return;  // most items of a batch have the same names
  names_.emplace(name);
  context_["dynamodb:attributes"].emplace_back(name);
}
void CallContext::add_keys(const std::string& hash, const std::string& range) {
  for (const std::string* name : {&hash, &range})
    if (!name->empty()) add_name(*name);
}
void CallContext::add_item(const json::object& item) {
  for (const auto& [name, value] : item) add_name(name);
  if (const json::value* key = hash_.empty() ? nullptr : item.if_contains(hash_))
    add_leading_key(*key);
}
void CallContext::add_item(const PackedItem& item) {
  for (size_t n = 0; n < item.size(); ++n) add_name(item.name(n));
  const auto key = hash_.empty() ? std::nullopt : item.find(hash_);
  if (key && key->is_scalar()) context_["dynamodb:leadingkeys"].push_back(key->shown());
}
// A binary key stands as the base64 that it was sent in.
void CallContext::add_leading_key(const json::value& key) {
  const std::string type = type_of(key);
  if (type == "S" || type == "N" || type == "B")
    context_["dynamodb:leadingkeys"].emplace_back(key.get_object().begin()->value().get_string());
}
void CallContext::add_path(const Path& path) { add_name(std::get<std::string>(path.front())); }
void CallContext::add_paths(const std::vector<Path>& paths) {
  for (const Path& path : paths) add_path(path);
}
void CallContext::add_paths(const Node* expression) {
  if (!expression) return;
  if (!expression->path.empty()) add_path(expression->path);
  for (const auto& child : expression->children) add_paths(child.get());
}
void CallContext::add_paths(const Update& update) {
  for (const UpdateAction& action : update.actions) {
    add_path(action.path);
    add_paths(action.operand.get());
  }
}
void CallContext::set_select(const std::vector<Path>& projection, std::string_view asked,
                             bool of_index) {
  context_["dynamodb:select"] = {!asked.empty()        ? std::string(asked)
                                 : !projection.empty() ? "SPECIFIC_ATTRIBUTES"
                                 : of_index            ? "ALL_PROJECTED_ATTRIBUTES"
                                                       : "ALL_ATTRIBUTES"};
}
void CallContext::set_option(const json::object& body, const char* member) {
  const std::string asked = text_of(body, member);
  context_["dynamodb:" + lower(member)] = {asked.empty() ? "NONE" : asked};
}

void add_disclosure_need(std::vector<Need>& needs, const json::object& body) {
  if (text_of(body, "ReturnValuesOnConditionCheckFailure") != "ALL_OLD") return;
  Need told = needs.back();
  told.context["dynamodb:returnvalues"] = {"ALL_OLD"};
  needs.push_back(std::move(told));
}

template <class Self>
json::value OnItem<Self>::audit(const In& in, const Snapshot& s) {
  json::object shown{{"tableName", in.table}};
  size_t names_bytes = kAuditNamesBytesMax;
  describe(shown, in.item, Self::name == "PutItem", s.get(table_key(in.table)).get(), names_bytes);
  return merged(std::move(shown), shown_options(in.body));
}

template <class Self>
Result<std::vector<Need>> OnItem<Self>::needs(const In& in, const Snapshot& s, const Ports& ports) {
  CallContext context(in.table, s);
  context.add_item(in.item);
  context.add_paths(in.condition.get());
  context.add_paths(in.projection);
  if (in.update) context.add_paths(*in.update);
  if (Self::name == "GetItem")
    context.set_select(in.projection);
  else
    context.set_option(in.body, "ReturnValues");
  context.set_option(in.body, "ReturnConsumedCapacity");
  std::vector<Need> needs = list_of(table_need(Self::action, in.table, s, context.take()));
  add_disclosure_need(needs, in.body);
  CHECK(add_key_need(needs, in.table, s, ports));
  return needs;
}
template struct OnItem<PutItem>;
template struct OnItem<GetItem>;
template struct OnItem<DeleteItem>;
template struct OnItem<UpdateItem>;

Result<ItemIn> PutItem::parse(const Request& request) {
  return read_item_in(request, "Item", {"ConditionExpression"});
}
Result<JsonOut> put_item(const ItemIn& in, Staged& staged, const Ports& ports) {
  TRY(const Table table, Table::open(in.table, staged, ports));
  TRY(Key key, table.key_of(in.item, false));
  CHECK(check_index_keys(table, in.item));
  OldItem old(table, std::move(key), staged);
  TRY(const json::object* returned, checked_old(in, old));
  JsonOut out;
  if (returned) out.body["Attributes"] = *returned;
  CHECK(add_metrics(out, in, table, old, &in.item, staged.snapshot()));
  CHECK(write_item(old, &in.item));
  return out;
}
Result<JsonOut> PutItem::run(const Authorized<In>& in, Staged& staged) {
  return put_item(*in, staged, in.ports());
}
Result<ItemIn> DeleteItem::parse(const Request& request) {
  return read_item_in(request, "Key", {"ConditionExpression"});
}
Result<JsonOut> delete_item(const ItemIn& in, Staged& staged, const Ports& ports) {
  TRY(const Table table, Table::open(in.table, staged, ports));
  TRY(Key key, table.key_of(in.item, true));
  OldItem old(table, std::move(key), staged);
  TRY(const json::object* returned, checked_old(in, old));
  JsonOut out;
  if (returned) out.body["Attributes"] = *returned;
  CHECK(add_metrics(out, in, table, old, nullptr, staged.snapshot()));
  CHECK(write_item(old, nullptr));
  return out;
}
Result<JsonOut> DeleteItem::run(const Authorized<In>& in, Staged& staged) {
  return delete_item(*in, staged, in.ports());
}
Result<ItemIn> UpdateItem::parse(const Request& request) {
  return read_item_in(request, "Key", {"UpdateExpression", "ConditionExpression"});
}
namespace {
// What the answer shows of an update, by its ReturnValues. `after` is nullptr when it made nothing.
void show_values(JsonOut& out, const ItemIn& in, const json::object* before,
                 const json::object* after) {
  const std::string wanted = text_of(in.body, "ReturnValues");
  const json::object* item = wanted.ends_with("_OLD")   ? before
                             : wanted.ends_with("_NEW") ? after
                                                        : nullptr;
  if (!item) return;
  if (wanted.starts_with("ALL_")) {
    out.body["Attributes"] = *item;
    return;
  }
  if (!in.update) return;
  json::object shown = project(*item, paths_of(*in.update));
  if (!shown.empty()) out.body["Attributes"] = std::move(shown);
}
}  // namespace
Result<JsonOut> update_item(const ItemIn& in, Staged& staged, const Ports& ports) {
  TRY(const Table table, Table::open(in.table, staged, ports));
  TRY(Key key, table.key_of(in.item, true));
  CHECK(spares_key(in, table));
  OldItem old(table, std::move(key), staged);
  TRY(const json::object* before, old.read());
  CHECK(check_condition(in, before));
  JsonOut out;
  TRY(const auto after, updated_item(in, before));
  if (!after) {
    CHECK(add_metrics(out, in, table, old, nullptr, staged.snapshot()));
    return out;
  }
  CHECK(check_index_keys(table, *after, true));
  show_values(out, in, before, &*after);
  CHECK(add_metrics(out, in, table, old, &*after, staged.snapshot()));
  CHECK(write_item(old, &*after));
  return out;
}
Result<JsonOut> UpdateItem::run(const Authorized<In>& in, Staged& staged) {
  return update_item(*in, staged, in.ports());
}
Result<ItemIn> GetItem::parse(const Request& request) {
  return read_item_in(request, "Key", {"ProjectionExpression"});
}
Result<JsonOut> get_item(const ItemIn& in, const Snapshot& s, const Ports& ports) {
  TRY(const Table table, Table::open(in.table, s, ports));
  TRY(const Key key, table.key_of(in.item, true));
  JsonOut out;
  size_t bytes = 0;
  if (const auto sealed = s.get(key)) {
    if (in.projection.empty() && !in.columns) {
      TRY(const std::string stored, table.open_text(*sealed, key.bytes));
      JsonWriter text(stored.size() * 2);
      TRY(bytes, write_stored_item(text, stored));
      out.written = {"Item", text.take()};
    } else {
      TRY(const json::object item, table.open_item(key.bytes, *sealed));
      bytes = item_bytes(item);
      out.body["Item"] =
          in.columns ? columns_of(item, in.projection) : project(item, in.projection);
    }
  }
  if (wants_consumed(in.body))
    out.body["ConsumedCapacity"] =
        Cost{read_units(bytes, bool_of(in.body, "ConsistentRead"))}.shown(in.table, in.body);
  return out;
}
Result<JsonOut> GetItem::run(const Authorized<In>& in, const Snapshot& s) {
  return get_item(*in, s, in.ports());
}

namespace {
std::optional<Write> read_write(JsonCursor& in) {
  if (!in.takes('{')) return std::nullopt;
  const auto kind = in.text();
  const bool put = kind == "PutRequest";
  if ((!put && kind != "DeleteRequest") || !in.takes(':') || !in.takes('{') ||
      in.text() != (put ? "Item" : "Key") || !in.takes(':'))
    return std::nullopt;
  auto item = PackedItem::read(in);
  if (!item || !in.takes('}') || !in.takes('}')) return std::nullopt;
  return Write{put, *std::move(item)};
}
// The writes of a table, which may be named in two ways: by its name and by its ARN.
std::vector<Write>& writes_of(BatchWriteItem::In& in, const std::string& table) {
  for (auto& [name, writes] : in.tables)
    if (name == table) return writes;
  return in.tables.emplace_back(table, std::vector<Write>()).second;
}
// The usual batch, read without a tree: writes of one table, without options. nullopt: it is
// another one, or something is wrong with it.
std::optional<BatchWriteItem::In> read_usual_batch(std::string_view body) {
  JsonCursor in(body);
  if (!in.takes('{') || in.text() != "RequestItems" || !in.takes(':') || !in.takes('{'))
    return std::nullopt;
  const auto named = in.text();
  if (!named) return std::nullopt;
  auto table = table_name_of({{"TableName", *named}});
  if (!table || !in.takes(':') || !in.takes('[')) return std::nullopt;
  std::vector<Write> writes;
  writes.reserve(kBatchWriteMax);
  do {
    auto write = read_write(in);
    if (!write || writes.size() == kBatchWriteMax) return std::nullopt;
    writes.push_back(*std::move(write));
  } while (in.takes(','));
  if (!in.takes(']') || !in.takes('}') || !in.takes('}') || !in.ends()) return std::nullopt;
  BatchWriteItem::In batch;
  batch.tables.emplace_back(*std::move(table), std::move(writes));
  return batch;
}
}  // namespace
Result<BatchWriteItem::In> BatchWriteItem::parse(const Request& request) {
  if (auto usual = read_usual_batch(request.body)) return *std::move(usual);
  TRY(const json::object body, parse_json_object(request.body));
  TRY(const json::object* tables, Fields(body).object("RequestItems"));
  const auto wrong_length = [](const std::string& shown) {
    return validation("1 validation error detected: Value '" + shown +
                      "' at 'requestItems' failed to satisfy constraint: Map value must satisfy "
                      "constraint: [Member must have length less than or equal to 25, Member must "
                      "have length greater than or equal to 1]");
  };
  if (!tables || tables->empty())
    return validation("The requestItems parameter is required for BatchWriteItem");
  if (tables->size() > kBatchWriteMax) return wrong_length("{}");
  CHECK(one_of(body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  CHECK(one_of(body, "ReturnItemCollectionMetrics", {"SIZE", "NONE"}));
  In in{{}, wants_consumed(body), shown_options(body), {}};
  for (const char* option : {"ReturnConsumedCapacity", "ReturnItemCollectionMetrics"})
    if (const json::value* wanted = body.if_contains(option)) in.body[option] = *wanted;
  size_t count = 0;
  for (const auto& [table_name, requests] : *tables) {
    TRY(const std::string table, table_name_of({{"TableName", table_name}}));
    if (!requests.is_array()) return Error{400, "SerializationException", "Expected a list", {}};
    if (requests.get_array().empty() || requests.get_array().size() > kBatchWriteMax)
      return wrong_length("{" + table + "=[" + (requests.get_array().empty() ? "" : "...") + "]}");
    std::vector<Write>& writes = writes_of(in, table);
    for (const json::value& one : requests.get_array()) {
      if (!one.is_object() || one.get_object().size() != 1)
        return validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes");
      const json::value* put = one.get_object().if_contains("PutRequest");
      const json::value* erase = one.get_object().if_contains("DeleteRequest");
      const json::value* holder = put ? put : erase;
      const json::value* item = holder && holder->is_object()
                                    ? holder->get_object().if_contains(put ? "Item" : "Key")
                                    : nullptr;
      if (!item || !item->is_object())
        return validation("1 validation error detected: Value null at 'requestItems." + table +
                          ".member' failed to satisfy constraint: Member must not be null");
      json::object checked = item->get_object();
      CHECK(check_item(checked));
      writes.push_back({put != nullptr, PackedItem(checked)});
      if (++count > kBatchWriteMax)
        return validation("Too many items requested for the BatchWriteItem call");
    }
  }
  return in;
}
Result<std::vector<Need>> BatchWriteItem::needs(const In& in, const Snapshot& s,
                                                const Ports& ports) {
  std::vector<Need> needs;
  for (const auto& [table, writes] : in.tables) {
    CallContext context(table, s);
    for (const Write& write : writes) context.add_item(write.item);
    context.set_option(in.body, "ReturnConsumedCapacity");
    needs.push_back(table_need(action, table, s, context.take()));
    CHECK(add_key_need(needs, table, s, ports));
  }
  return needs;
}
namespace {
// A batch says of a key that is put what other calls say of one that is looked up.
Result<Done> check_key_types(const Table& table, const PackedItem& item) {
  for (const KeyAttribute* one : {&table.keys().hash, &table.keys().range}) {
    const auto value = item.find(one->name);
    if (!one->name.empty() && (!value || type_of(*value) != one->type))
      return validation("The provided key element does not match the schema");
  }
  return Done{};
}
}  // namespace
Result<JsonOut> BatchWriteItem::run(const Authorized<In>& in, Staged& staged) {
  json::array units;
  json::object collections;
  for (const auto& [table_name, writes] : in->tables) {
    TRY(const Table table, Table::open(table_name, staged, in.ports()));
    std::set<std::string> seen;
    Cost cost;
    json::array of_table;
    for (const Write& write : writes) {
      CHECK(check_key_types(table, write.item));
      TRY(Key key, table.key_of(write.item, !write.put));
      if (!seen.insert(key.bytes).second)
        return validation("Provided list of item keys contains duplicates");
      OldItem old(table, std::move(key), staged);
      if (write.put && !in->consumed && table.indexes().empty()) {
        CHECK(write_item(old, write.item));
        continue;
      }
      const json::object item = write.item.tree();
      const json::object* after = write.put ? &item : nullptr;
      if (after) CHECK(check_index_keys(table, *after));
      if (in->consumed) {
        TRY(const json::object* before, old.read());
        cost.add(write_cost(table, before, after));
      }
      CHECK(write_item(old, after));
      if (auto one = collection_of(table, item, in->body, staged.snapshot()))
        of_table.push_back(*std::move(one));
    }
    if (in->consumed) units.push_back(cost.shown(table_name, in->body));
    if (!of_table.empty()) collections[table_name] = std::move(of_table);
  }
  JsonOut out{{{"UnprocessedItems", json::object{}}}};
  if (!units.empty()) out.body["ConsumedCapacity"] = std::move(units);
  if (!collections.empty()) out.body["ItemCollectionMetrics"] = std::move(collections);
  return out;
}
// It names up to 25 keys, so it is written straight into its text.
std::string BatchWriteItem::audit(const In& in, const Snapshot& s) {
  JsonWriter shown(1024);
  size_t names_bytes = kAuditNamesBytesMax;
  shown.begin_object().name("requestItems").begin_object();
  for (const auto& [table_name, writes] : in.tables) {
    const auto table = s.get(table_key(table_name));
    shown.name(table_name).begin_array();
    for (const Write& write : writes) {
      shown.begin_object().name(write.put ? "putRequest" : "deleteRequest").begin_object();
      describe(shown, write.item, write.put, table.get(), names_bytes);
      shown.end_object().end_object();
    }
    shown.end_array();
  }
  shown.end_object();
  if (const json::object* options = in.shown.if_object())
    for (const auto& [option, value] : *options) shown.member(option, value);
  return shown.end_object().take();
}

namespace {
// The tables of a batch are read with expressions, all of them, or with what was before these.
Result<Done> check_one_kind(const json::object& tables) {
  json::object all;
  for (const auto& [table, wanted] : tables)
    if (wanted.is_object())
      for (const char* member : {"ProjectionExpression", "AttributesToGet"})
        if (const json::value* given = wanted.get_object().if_contains(member))
          all[member] = *given;
  return check_parameters(all, {"ProjectionExpression"}, {"AttributesToGet"});
}
}  // namespace
Result<BatchGetItem::In> BatchGetItem::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  TRY(const json::object* tables, Fields(body).object("RequestItems"));
  if (!tables || tables->empty())
    return validation("The requestItems parameter is required for BatchGetItem");
  CHECK(check_one_kind(*tables));
  CHECK(one_of(body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  CHECK(one_of(body, "ReturnItemCollectionMetrics", {"SIZE", "NONE"}));
  In in{{}, wants_consumed(body), shown_options(body), {}};
  for (const char* option : {"ReturnConsumedCapacity", "ReturnItemCollectionMetrics"})
    if (const json::value* wanted = body.if_contains(option)) in.body[option] = *wanted;
  size_t count = 0;
  for (const auto& [table_name, wanted] : *tables) {
    Wanted w;
    TRY(w.table, table_name_of({{"TableName", table_name}}));
    if (!wanted.is_object())
      return Error{400, "SerializationException", "Expected a structure", {}};
    TRY(const json::array* keys, Fields(wanted.get_object()).array("Keys"));
    if (!keys || keys->empty())
      return validation(
          "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Keys "
          "must have length greater than or equal to 1");
    if (keys->size() > kBatchGetMax)
      return validation("1 validation error detected: Value at 'RequestItems." + w.table +
                        ".member.Keys' failed to satisfy constraint: Member must have length less "
                        "than or equal to " +
                        std::to_string(kBatchGetMax));
    for (const json::value& key : *keys) {
      if (!key.is_object()) return Error{400, "SerializationException", "Expected a map", {}};
      w.keys.push_back(key.get_object());
      CHECK(check_item(w.keys.back()));
      if (++count > kBatchGetMax)
        return validation("Too many items requested for the BatchGetItem call");
    }
    CHECK(check_parameters(wanted.get_object(), {"ProjectionExpression"}, {"AttributesToGet"}));
    TRY(w.projection, legacy_projection(wanted.get_object()));
    TRY(Placeholders placeholders, Placeholders::parse(wanted.get_object()));
    TRY(const auto projection, Fields(wanted.get_object()).text("ProjectionExpression"));
    if (projection) {
      TRY(w.projection, parse_projection(*projection, placeholders));
    }
    CHECK(placeholders.all_used());
    w.consistent = bool_of(wanted.get_object(), "ConsistentRead");
    w.shown = shown_options(wanted.get_object());
    in.tables.push_back(std::move(w));
  }
  return in;
}
Result<std::vector<Need>> BatchGetItem::needs(const In& in, const Snapshot& s, const Ports& ports) {
  std::vector<Need> needs;
  for (const Wanted& w : in.tables) {
    CallContext context(w.table, s);
    for (const json::object& key : w.keys) context.add_item(key);
    context.add_paths(w.projection);
    context.set_select(w.projection);
    context.set_option(in.body, "ReturnConsumedCapacity");
    needs.push_back(table_need(action, w.table, s, context.take()));
    CHECK(add_key_need(needs, w.table, s, ports));
  }
  return needs;
}
json::value BatchGetItem::audit(const In& in, const Snapshot& s) {
  json::object tables;
  size_t names_bytes = kAuditNamesBytesMax;
  for (const Wanted& w : in.tables) {
    const auto table = s.get(table_key(w.table));
    json::array keys;
    for (const json::object& wanted : w.keys) {
      json::object shown;
      describe(shown, wanted, false, table.get(), names_bytes);
      keys.push_back(std::move(shown.at("key")));
    }
    tables[w.table] = merged(json::object{{"keys", std::move(keys)}}, w.shown);
  }
  return merged(json::object{{"requestItems", std::move(tables)}}, in.shown);
}
namespace {
// How many large answers are made at the same time: each takes some times its size in memory.
constexpr ptrdiff_t kLargeAnswersMax = 8;
constexpr size_t kLargeAnswerBytes = 1 << 20;
std::shared_ptr<const void> wait_for_large_answer() {
  static std::counting_semaphore<> turns{kLargeAnswersMax};
  turns.acquire();
  return {&turns, [](const void*) { turns.release(); }};
}
}  // namespace
size_t answered_bytes(const json::object& item) {
  constexpr size_t kSmallBytes = 4096;  // a hundred of them are little either way
  const size_t bytes = item_bytes(item);
  return bytes < kSmallBytes ? bytes : std::max(bytes, json::serialize(item).size());
}
Result<BatchGetItem::Out> BatchGetItem::run(const Authorized<In>& in, const Snapshot& s) {
  Out out;
  json::object responses, unprocessed;
  json::array units;
  size_t bytes = 0;
  for (const Wanted& w : in->tables) {
    TRY(const Table table, Table::open(w.table, s, in.ports()));
    json::array found, left;
    std::set<std::string> seen;
    double total = 0;
    for (const json::object& wanted : w.keys) {
      TRY(const Key key, table.key_of(wanted, true));
      if (!seen.insert(key.bytes).second)
        return validation("Provided list of item keys contains duplicates");
      if (bytes > kAnswerBytesMax) {
        left.push_back(wanted);
        continue;
      }
      if (bytes > kLargeAnswerBytes && !out.turn) out.turn = wait_for_large_answer();
      const auto sealed = s.get(key);
      if (!sealed) {
        total += read_units(0, w.consistent);
        continue;
      }
      TRY(const json::object item, table.open_item(key.bytes, *sealed));
      total += read_units(item_bytes(item), w.consistent);
      json::object shown = project(item, w.projection);
      bytes += std::max(item_bytes(item), answered_bytes(shown));
      found.push_back(std::move(shown));
    }
    if (in->consumed) units.push_back(Cost{total}.shown(w.table, in->body));
    responses[w.table] = std::move(found);
    if (!left.empty()) unprocessed[w.table] = json::object{{"Keys", std::move(left)}};
  }
  out.body = json::object{{"Responses", std::move(responses)},
                          {"UnprocessedKeys", std::move(unprocessed)}};
  if (!units.empty()) out.body["ConsumedCapacity"] = std::move(units);
  return out;
}

}  // namespace sluice::dynamodb
