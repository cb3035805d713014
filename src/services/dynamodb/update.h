// SPDX-License-Identifier: Apache-2.0
#pragma once
// Update expressions: SET, REMOVE, ADD and DELETE. Source: Developer Guide, "Using update
// expressions in DynamoDB". All that an update reads is the item as it was: the indexes of its
// lists do not move while it is updated.
//
//   TRY(const Update update, parse_update("SET n = n + :one REMOVE l[0]", placeholders));
//   TRY(const json::object item, updated(update, before));
#include "services/dynamodb/expression.h"

namespace sluice::dynamodb {

struct UpdateAction {
  enum class Kind : uint8_t { set, remove, add, erase } kind;
  Path path;
  // SET: a tree of "+", "-", "if_not_exists", "list_append", "path" and "value". ADD and DELETE: a
  // "value". REMOVE: nothing.
  Condition operand;
};
struct Update {
  std::vector<UpdateAction> actions;
  // What is said of an attribute whose type an action cannot take.
  const char* mismatch = "An operand in the update expression has an incorrect data type";
};

Result<Update> parse_update(std::string_view text, Placeholders& placeholders);
// The paths that an update writes; none leads to another one.
std::vector<Path> paths_of(const Update& update);
// Whether an update of what does not exist makes an item: one that only takes away does not. One
// that does nothing at all does.
bool makes_item(const Update& update);
// Errors: ValidationException, when the item is not such as the update needs.
Result<json::object> updated(const Update& update, const json::object& item);

}  // namespace sluice::dynamodb
