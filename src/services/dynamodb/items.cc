// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/items.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/bytes.h"
#include "services/dynamodb/legacy.h"
#include "services/dynamodb/write_item.h"

namespace sluice::dynamodb {
namespace {
// The expressions that an operation on one item has.
using ExpressionList = std::initializer_list<const char*>;
bool has(ExpressionList expressions, std::string_view member) {
  return std::find(expressions.begin(), expressions.end(), member) != expressions.end();
}
// The legacy parameters that say the same.
std::vector<std::string_view> legacy_of(ExpressionList expressions) {
  if (has(expressions, "ProjectionExpression")) return {"AttributesToGet"};
  if (has(expressions, "UpdateExpression"))
    return {"AttributeUpdates", "Expected", "ConditionalOperator"};
  return {"Expected", "ConditionalOperator"};
}
Result<Done> parse_legacy(ItemIn& in, ExpressionList expressions) {
  if (has(expressions, "ProjectionExpression")) {
    TRY(in.projection, legacy_projection(in.body));
    return Done{};
  }
  if (has(expressions, "UpdateExpression")) {
    TRY(const json::object* updates, Fields(in.body).object("AttributeUpdates"));
    if (updates) {
      TRY(Update update, legacy_update(*updates));
      in.update = std::make_shared<Update>(std::move(update));
    }
  }
  TRY(Condition expected, legacy_condition(in.body, "Expected"));
  in.condition = std::move(expected);
  return Done{};
}
// The expressions in AWS's order, so that the same one of several faults is reported.
Result<Done> parse_expressions(ItemIn& in, ExpressionList expressions) {
  TRY(Placeholders placeholders, Placeholders::parse(in.body));
  const Fields fields(in.body);
  if (has(expressions, "UpdateExpression")) {
    TRY(const auto update, fields.text("UpdateExpression"));
    if (update) {
      TRY(Update parsed, parse_update(*update, placeholders));
      in.update = std::make_shared<Update>(std::move(parsed));
    }
  }
  if (has(expressions, "ConditionExpression")) {
    TRY(const auto condition, fields.text("ConditionExpression"));
    if (condition) {
      TRY(Condition parsed, parse_condition(*condition, "ConditionExpression", placeholders));
      in.condition = std::move(parsed);
    }
  }
  if (has(expressions, "ProjectionExpression")) {
    TRY(const auto projection, fields.text("ProjectionExpression"));
    if (projection) {
      TRY(in.projection, parse_projection(*projection, placeholders));
    }
  }
  return placeholders.all_used();
}
Result<ItemIn> parse_item_in(const Request& request, const char* member,
                             ExpressionList expressions) {
  ItemIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(in.table, table_name_of(in.body));
  TRY(const json::object* item, Fields(in.body).object(member));
  if (!item)
    return validation("1 validation error detected: Value null at '" + lower(member) +
                      "' failed to satisfy constraint: Member must not be null");
  CHECK(one_of(in.body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  CHECK(one_of(in.body, "ReturnItemCollectionMetrics", {"SIZE", "NONE"}));
  CHECK(one_of(in.body, "ReturnValues",
               {"ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"}));
  CHECK(one_of(in.body, "ReturnValuesOnConditionCheckFailure", {"ALL_OLD", "NONE"}));
  CHECK(
      check_parameters(in.body, {expressions.begin(), expressions.end()}, legacy_of(expressions)));
  in.item = *item;
  CHECK(check_item(in.item));
  const std::string returns = text_of(in.body, "ReturnValues");
  if (!has(expressions, "UpdateExpression") && !returns.empty() && returns != "NONE" &&
      returns != "ALL_OLD")
    return validation("ReturnValues can only be ALL_OLD or NONE");
  CHECK(parse_legacy(in, expressions));
  CHECK(parse_expressions(in, expressions));
  return in;
}
double write_units(size_t bytes) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / 1024));
}
double read_units(size_t bytes, bool consistent) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / 4096)) * (consistent ? 1 : 0.5);
}
bool wants_consumed(const json::object& body) {
  const std::string v = text_of(body, "ReturnConsumedCapacity");
  return v == "TOTAL" || v == "INDEXES";
}

Result<Done> check_condition(const ItemIn& in, const json::object* there) {
  static const json::object kNoItem;
  if (!in.condition || evaluate(*in.condition, there ? *there : kNoItem)) return Done{};
  Error failed{400, "ConditionalCheckFailedException", "The conditional request failed", {}};
  if (there && text_of(in.body, "ReturnValuesOnConditionCheckFailure") == "ALL_OLD")
    failed.details.emplace_back("json:Item", json::serialize(*there));
  return failed;
}
// Checks the condition. Returns what was there, when the answer shows it.
Result<const json::object*> checked_old(const ItemIn& in, OldItem& old) {
  const bool returns_old = text_of(in.body, "ReturnValues") == "ALL_OLD";
  if (!in.condition && !returns_old) return nullptr;
  TRY(const json::object* there, old.read());
  CHECK(check_condition(in, there));
  return returns_old ? there : nullptr;
}
Result<size_t> old_bytes(OldItem& old) {
  TRY(const json::object* before, old.read());
  return before ? item_bytes(*before) : 0;
}
// A write costs by the larger one of the old item and the new one. `after` is nullptr when it
// leaves none.
Result<Done> add_consumed(JsonOut& out, const ItemIn& in, OldItem& old, const json::object* after) {
  if (!wants_consumed(in.body)) return Done{};
  TRY(const size_t before, old_bytes(old));
  out.body["ConsumedCapacity"] =
      consumed(in.table, write_units(std::max(before, after ? item_bytes(*after) : 0)), in.body);
  return Done{};
}
// CloudTrail's view of an item (DynamoDB Developer Guide, "Understanding DynamoDB log file
// entries"): the key as it is; of a `whole` item the names of all attributes, together up to
// `names_bytes`.
constexpr size_t kAuditNamesBytesMax = 16 * 1024;
void describe(json::object& into, const json::object& item, bool whole, const TableRecord* table,
              size_t& names_bytes) {
  json::object key;
  json::array names;
  for (const auto& [name, value] : item) {
    const bool in_key = table && (name == table->hash || name == table->range);
    if (in_key) key[name] = value;
    if (in_key && !whole) continue;
    if (name.size() <= names_bytes) {
      names_bytes -= name.size();
      names.emplace_back(name);
    } else if (names.empty() || names.back() != "...")
      names.emplace_back("...");
  }
  into["key"] = plain_key(key);
  if (!names.empty()) into["item"] = std::move(names);
}
json::object merged(json::object into, const json::value& more) {
  if (more.is_object())
    for (const auto& [name, value] : more.get_object()) into[name] = value;
  return into;
}
}  // namespace

json::value shown_options(const json::object& body) {
  return shown_members(
      body, {"UpdateExpression", "ConditionExpression", "KeyConditionExpression",
             "FilterExpression", "ProjectionExpression", "AttributesToGet", "ConditionalOperator",
             "ExpressionAttributeNames", "ConsistentRead", "Select", "Limit", "ScanIndexForward",
             "Segment", "TotalSegments", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics",
             "ReturnValues", "ReturnValuesOnConditionCheckFailure"});
}
json::object plain_key(const json::object& key) {
  json::object plain;
  for (const auto& [name, value] : key) plain[name] = value.get_object().begin()->value();
  return plain;
}

CallContext::CallContext(const std::string& table, const Snapshot& snapshot) {
  if (const auto record = snapshot.get(table_key(table))) hash_ = record->hash;
}
void CallContext::add_name(std::string_view name) {
  std::vector<std::string>& names = context_["dynamodb:attributes"];
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}
void CallContext::add_item(const json::object& item) {
  for (const auto& [name, value] : item) add_name(name);
  if (const json::value* key = hash_.empty() ? nullptr : item.if_contains(hash_))
    add_leading_key(*key);
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
void CallContext::set_select(const json::object& body, const std::vector<Path>& projection) {
  const std::string asked = text_of(body, "Select");
  context_["dynamodb:select"] = {!asked.empty()       ? asked
                                 : projection.empty() ? "ALL_ATTRIBUTES"
                                                      : "SPECIFIC_ATTRIBUTES"};
}
void CallContext::set_option(const json::object& body, const char* member) {
  const std::string asked = text_of(body, member);
  context_["dynamodb:" + lower(member)] = {asked.empty() ? "NONE" : asked};
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
    context.set_select(in.body, in.projection);
  else
    context.set_option(in.body, "ReturnValues");
  context.set_option(in.body, "ReturnConsumedCapacity");
  std::vector<Need> needs{table_need(Self::action, in.table, s, context.take())};
  CHECK(add_key_need(needs, in.table, s, ports));
  return needs;
}
template struct OnItem<PutItem>;
template struct OnItem<GetItem>;
template struct OnItem<DeleteItem>;
template struct OnItem<UpdateItem>;

Result<ItemIn> PutItem::parse(const Request& request) {
  return parse_item_in(request, "Item", {"ConditionExpression"});
}
Result<JsonOut> PutItem::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Table table, Table::open(in->table, staged, in.ports()));
  TRY(Key key, table.key_of(in->item, false));
  OldItem old(table, std::move(key), staged);
  TRY(const json::object* returned, checked_old(*in, old));
  JsonOut out;
  if (returned) out.body["Attributes"] = *returned;
  CHECK(add_consumed(out, *in, old, &in->item));
  CHECK(write_item(old, &in->item));
  return out;
}
Result<ItemIn> DeleteItem::parse(const Request& request) {
  return parse_item_in(request, "Key", {"ConditionExpression"});
}
Result<JsonOut> DeleteItem::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Table table, Table::open(in->table, staged, in.ports()));
  TRY(Key key, table.key_of(in->item, true));
  OldItem old(table, std::move(key), staged);
  TRY(const json::object* returned, checked_old(*in, old));
  JsonOut out;
  if (returned) out.body["Attributes"] = *returned;
  CHECK(add_consumed(out, *in, old, nullptr));
  CHECK(write_item(old, nullptr));
  return out;
}
Result<ItemIn> UpdateItem::parse(const Request& request) {
  return parse_item_in(request, "Key", {"UpdateExpression", "ConditionExpression"});
}
namespace {
Result<Done> spares_key(const Update& update, const Table& table) {
  for (const UpdateAction& action : update.actions) {
    const std::string& name = std::get<std::string>(action.path.front());
    if (name == table.hash.name || name == table.range.name)
      return validation("One or more parameter values were invalid: Cannot update attribute " +
                        name + ". This attribute is part of the key");
  }
  return Done{};
}
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
Result<JsonOut> UpdateItem::run(const Authorized<In>& in, Staged& staged) {
  static const Update kNothing;
  const Update& update = in->update ? *in->update : kNothing;
  TRY(const Table table, Table::open(in->table, staged, in.ports()));
  TRY(Key key, table.key_of(in->item, true));
  CHECK(spares_key(update, table));
  OldItem old(table, std::move(key), staged);
  TRY(const json::object* before, old.read());
  CHECK(check_condition(*in, before));
  JsonOut out;
  if (!before && !makes_item(update)) {
    CHECK(add_consumed(out, *in, old, nullptr));
    return out;
  }
  TRY(const json::object after, updated(update, before ? *before : in->item));
  if (item_bytes(after) > kItemBytesMax)
    return validation("Item size to update has exceeded the maximum allowed size");
  show_values(out, *in, before, &after);
  CHECK(add_consumed(out, *in, old, &after));
  CHECK(write_item(old, &after));
  return out;
}
Result<ItemIn> GetItem::parse(const Request& request) {
  return parse_item_in(request, "Key", {"ProjectionExpression"});
}
Result<JsonOut> GetItem::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Table table, Table::open(in->table, s, in.ports()));
  TRY(const Key key, table.key_of(in->item, true));
  JsonOut out;
  size_t bytes = 0;
  if (const auto sealed = s.get(key)) {
    TRY(const json::object item, table.open_item(key.bytes, *sealed));
    bytes = item_bytes(item);
    out.body["Item"] = project(item, in->projection);
  }
  if (wants_consumed(in->body))
    out.body["ConsumedCapacity"] =
        consumed(in->table, read_units(bytes, bool_of(in->body, "ConsistentRead")), in->body);
  return out;
}

Result<BatchWriteItem::In> BatchWriteItem::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  TRY(const json::object* tables, Fields(body).object("RequestItems"));
  const auto wrong_length = [](const std::string& shown) {
    return validation("1 validation error detected: Value '" + shown +
                      "' at 'requestItems' failed to satisfy constraint: Map value must satisfy "
                      "constraint: [Member must have length less than or equal to 25, Member must "
                      "have length greater than or equal to 1]");
  };
  if (!tables)
    return validation(
        "1 validation error detected: Value null at 'requestItems' failed to satisfy constraint: "
        "Member must not be null");
  if (tables->empty() || tables->size() > kBatchWriteMax) return wrong_length("{}");
  CHECK(one_of(body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  In in{{}, wants_consumed(body), shown_options(body), {}};
  if (const json::value* wanted = body.if_contains("ReturnConsumedCapacity"))
    in.body["ReturnConsumedCapacity"] = *wanted;
  size_t count = 0;
  for (const auto& [table_name, requests] : *tables) {
    TRY(const std::string table, table_name_of({{"TableName", table_name}}));
    if (!requests.is_array()) return Error{400, "SerializationException", "Expected a list", {}};
    if (requests.get_array().empty() || requests.get_array().size() > kBatchWriteMax)
      return wrong_length("{" + table + "=[" + (requests.get_array().empty() ? "" : "...") + "]}");
    std::vector<Write> writes;
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
      writes.push_back({put != nullptr, item->get_object()});
      CHECK(check_item(writes.back().item));
      if (++count > kBatchWriteMax)
        return validation("Too many items requested for the BatchWriteItem call");
    }
    in.tables.emplace_back(table, std::move(writes));
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
Result<JsonOut> BatchWriteItem::run(const Authorized<In>& in, Staged& staged) {
  json::array units;
  for (const auto& [table_name, writes] : in->tables) {
    TRY(const Table table, Table::open(table_name, staged, in.ports()));
    std::set<std::string> seen;
    double total = 0;
    for (const Write& write : writes) {
      TRY(Key key, table.key_of(write.item, !write.put));
      if (!seen.insert(key.bytes).second)
        return validation("Provided list of item keys contains duplicates");
      OldItem old(table, std::move(key), staged);
      if (in->consumed) {
        TRY(const size_t before, old_bytes(old));
        total += write_units(std::max(before, write.put ? item_bytes(write.item) : 0));
      }
      CHECK(write_item(old, write.put ? &write.item : nullptr));
    }
    if (in->consumed) units.push_back(consumed(table_name, total, in->body));
  }
  JsonOut out{{{"UnprocessedItems", json::object{}}}};
  if (!units.empty()) out.body["ConsumedCapacity"] = std::move(units);
  return out;
}
json::value BatchWriteItem::audit(const In& in, const Snapshot& s) {
  json::object tables;
  size_t names_bytes = kAuditNamesBytesMax;
  for (const auto& [table_name, writes] : in.tables) {
    const auto table = s.get(table_key(table_name));
    json::array requests;
    for (const Write& write : writes) {
      json::object shown;
      describe(shown, write.item, write.put, table.get(), names_bytes);
      requests.push_back(
          json::object{{write.put ? "putRequest" : "deleteRequest", std::move(shown)}});
    }
    tables[table_name] = std::move(requests);
  }
  return merged(json::object{{"requestItems", std::move(tables)}}, in.shown);
}

Result<BatchGetItem::In> BatchGetItem::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  TRY(const json::object* tables, Fields(body).object("RequestItems"));
  if (!tables || tables->empty())
    return validation(
        "1 validation error detected: Value null at 'requestItems' failed to satisfy constraint: "
        "Member must not be null");
  CHECK(one_of(body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  In in{{}, wants_consumed(body), shown_options(body), {}};
  if (const json::value* wanted = body.if_contains("ReturnConsumedCapacity"))
    in.body["ReturnConsumedCapacity"] = *wanted;
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
    context.set_select({}, w.projection);
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
Result<JsonOut> BatchGetItem::run(const Authorized<In>& in, const Snapshot& s) {
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
      if (bytes > 16u << 20) {
        left.push_back(wanted);
        continue;
      }
      const auto sealed = s.get(key);
      if (!sealed) {
        total += read_units(0, w.consistent);
        continue;
      }
      TRY(const json::object item, table.open_item(key.bytes, *sealed));
      bytes += item_bytes(item);
      total += read_units(item_bytes(item), w.consistent);
      found.push_back(project(item, w.projection));
    }
    if (in->consumed) units.push_back(consumed(w.table, total, in->body));
    responses[w.table] = std::move(found);
    if (!left.empty()) unprocessed[w.table] = json::object{{"Keys", std::move(left)}};
  }
  JsonOut out{{{"Responses", std::move(responses)}, {"UnprocessedKeys", std::move(unprocessed)}}};
  if (!units.empty()) out.body["ConsumedCapacity"] = std::move(units);
  return out;
}

}  // namespace sluice::dynamodb
