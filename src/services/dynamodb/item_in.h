// SPDX-License-Identifier: Apache-2.0
#pragma once
// What all operations on single items share: how their request is read, checked and recorded, and
// what they cost.
//
//   TRY(const ItemIn in, read_item_in(request, "Key", {"UpdateExpression",
//   "ConditionExpression"})); CHECK(check_condition(in, before)); TRY(const auto after,
//   updated_item(in, before));   // nullopt: there is no item to be written
#include "base/json_writer.h"
#include "services/dynamodb/cost.h"
#include "services/dynamodb/update.h"
#include "services/dynamodb/write_item.h"

namespace sluice::dynamodb {

struct ItemIn {
  std::string table;
  json::object body, item;  // `item` is Item or Key, and checked
  std::shared_ptr<Node> condition;
  std::shared_ptr<Update> update;
  std::vector<Path> projection;
  bool columns = false;   // the projection is that of a statement: columns_of, not project
  bool inserts = false;   // an item that is there already is not replaced
  bool if_there = false;  // the condition is asked of an item that is there alone
};
// The expressions that an operation has.
using ExpressionList = std::initializer_list<const char*>;
// `member` is "Item" or "Key". An operation of a transaction has no `legacy` parameters.
Result<ItemIn> read_item_in(const Request& request, const char* member, ExpressionList expressions);
Result<ItemIn> read_item_in(json::object body, const char* member, ExpressionList expressions,
                            const std::vector<std::string_view>& legacy);
// Errors: ConditionalCheckFailedException, with the item when the request wants to see it;
// DuplicateItemException.
Result<Done> check_condition(const ItemIn& in, const json::object* there);
// Refuses an update of the key.
Result<Done> spares_key(const ItemIn& in, const Table& table);
// What UpdateItem makes of an item. nullopt: there is none, and it makes none.
Result<std::optional<json::object>> updated_item(const ItemIn& in, const json::object* before);

constexpr size_t kAuditNamesBytesMax = 16 * 1024;
// Adds CloudTrail's view of an item to `into`: its key as it is, and of a `whole` item the names of
// all attributes, together up to `names_bytes`.
void describe(json::object& into, const json::object& item, bool whole, const TableRecord* table,
              size_t& names_bytes);
// The same, as members of the object that is being written.
void describe(JsonWriter& into, const PackedItem& item, bool whole, const TableRecord* table,
              size_t& names_bytes);
json::object merged(json::object into, const json::value& more);
// What CloudTrail shows of a call besides keys and the names of attributes. Expressions may be
// shown, because values are in ExpressionAttributeValues.
json::value shown_options(const json::object& body);
// Makes {"a": "x"} of {"a": {"S": "x"}}.
json::object plain_key(const json::object& key);

}  // namespace sluice::dynamodb
