// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/item_in.h"

#include <algorithm>

#include "base/bytes.h"
#include "request/audit.h"
#include "services/dynamodb/legacy.h"

namespace sluice::dynamodb {
namespace {
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
}  // namespace

Result<ItemIn> read_item_in(const Request& request, const char* member,
                            ExpressionList expressions) {
  TRY(json::object body, parse_json_object(request.body));
  return read_item_in(std::move(body), member, expressions, legacy_of(expressions));
}
Result<ItemIn> read_item_in(json::object body, const char* member, ExpressionList expressions,
                            const std::vector<std::string_view>& legacy) {
  ItemIn in;
  in.body = std::move(body);
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
  CHECK(check_parameters(in.body, {expressions.begin(), expressions.end()}, legacy));
  in.item = *item;
  CHECK(check_item(in.item));
  const std::string returns = text_of(in.body, "ReturnValues");
  if (!has(expressions, "UpdateExpression") && !returns.empty() && returns != "NONE" &&
      returns != "ALL_OLD")
    return validation("ReturnValues can only be ALL_OLD or NONE");
  if (!legacy.empty()) CHECK(parse_legacy(in, expressions));
  CHECK(parse_expressions(in, expressions));
  return in;
}

Result<Done> check_condition(const ItemIn& in, const json::object* there) {
  static const json::object kNoItem;
  if (in.inserts && there)
    return Error{400, "DuplicateItemException", "Duplicate primary key exists in table", {}};
  if (in.if_there && !there) return Done{};
  if (!in.condition || evaluate(*in.condition, there ? *there : kNoItem)) return Done{};
  Error failed{400, "ConditionalCheckFailedException", "The conditional request failed", {}};
  if (there && text_of(in.body, "ReturnValuesOnConditionCheckFailure") == "ALL_OLD")
    failed.details.emplace_back("json:Item", json::serialize(*there));
  return failed;
}
Result<Done> spares_key(const ItemIn& in, const Table& table) {
  if (!in.update) return Done{};
  for (const UpdateAction& action : in.update->actions) {
    const std::string& name = std::get<std::string>(action.path.front());
    if (name == table.keys().hash.name || name == table.keys().range.name)
      return validation("One or more parameter values were invalid: Cannot update attribute " +
                        name + ". This attribute is part of the key");
  }
  return Done{};
}
Result<std::optional<json::object>> updated_item(const ItemIn& in, const json::object* before) {
  static const Update kNothing;
  const Update& update = in.update ? *in.update : kNothing;
  if (!before && !makes_item(update)) return std::optional<json::object>();
  TRY(json::object after, updated(update, before ? *before : in.item));
  if (item_bytes(after) > kItemBytesMax)
    return validation("Item size to update has exceeded the maximum allowed size");
  return std::optional(std::move(after));
}
namespace {
// A table without a range key has "" for its name, which an attribute may have too.
bool is_key(const TableRecord* table, std::string_view name) {
  return table && !name.empty() && (name == table->hash || name == table->range);
}
}  // namespace
// CloudTrail's view of an item (DynamoDB Developer Guide, "Understanding DynamoDB log file
// entries"): the key as it is; of a `whole` item the names of all attributes, together up to
// `names_bytes`.
void describe(json::object& into, const json::object& item, bool whole, const TableRecord* table,
              size_t& names_bytes) {
  json::object key;
  json::array names;
  for (const auto& [name, value] : item) {
    const bool in_key = is_key(table, name);
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
void describe(JsonWriter& into, const PackedItem& item, bool whole, const TableRecord* table,
              size_t& names_bytes) {
  const auto in_key = [&](size_t n) { return is_key(table, item.name(n)); };
  into.name("key").begin_object();
  for (size_t n = 0; n < item.size(); ++n) {
    if (!in_key(n)) continue;
    into.name(item.name(n));
    // A key of a wrong type, which is refused, is shown as it was sent.
    if (const PackedValue value = item.value(n); value.is_scalar())
      into.text(value.shown());
    else
      into.value(item.tree().at(item.name(n)).get_object().begin()->value());
  }
  into.end_object();
  std::vector<std::string_view> names;
  for (size_t n = 0; n < item.size(); ++n) {
    if (in_key(n) && !whole) continue;
    const std::string_view name = item.name(n);
    if (name.size() <= names_bytes) {
      names_bytes -= name.size();
      names.push_back(name);
    } else if (names.empty() || names.back() != "...")
      names.push_back("...");
  }
  if (names.empty()) return;
  into.name("item").begin_array();
  for (const std::string_view name : names) into.text(name);
  into.end_array();
}
json::object merged(json::object into, const json::value& more) {
  if (more.is_object())
    for (const auto& [name, value] : more.get_object()) into[name] = value;
  return into;
}

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

}  // namespace sluice::dynamodb
