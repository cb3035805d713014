// SPDX-License-Identifier: Apache-2.0
#pragma once
// The legacy conditional parameters, from before there were expressions: they are translated into
// what expressions are parsed into, and nobody else knows of them. Source: Developer Guide, "Legacy
// conditional parameters".
//
//   CHECK(check_parameters(body, {"ConditionExpression"}, {"Expected", "ConditionalOperator"}));
//   TRY(in.condition, legacy_condition(body, "Expected"));       // nullptr: the body has none
#include "services/dynamodb/key_condition.h"
#include "services/dynamodb/update.h"

namespace sluice::dynamodb {

// Refuses expressions and legacy parameters side by side, and placeholders that no expression could
// use. `expressions` and `legacy` are those that the operation has, in AWS's order.
Result<Done> check_parameters(const json::object& body, std::vector<std::string_view> expressions,
                              std::vector<std::string_view> legacy);

// Expected, QueryFilter or ScanFilter, joined by ConditionalOperator.
Result<Condition> legacy_condition(const json::object& body, const char* member);
// AttributesToGet.
Result<std::vector<Path>> legacy_projection(const json::object& body);
// AttributeUpdates.
Result<Update> legacy_update(const json::object& updates);
// KeyConditions.
Result<KeyPredicates> legacy_key_condition(const json::object& conditions);

}  // namespace sluice::dynamodb
