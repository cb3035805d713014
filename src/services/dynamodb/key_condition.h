// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Query asks of the key of its items: the partition key is equal to a value, and at most one
// comparison of the sort key. Source: Developer Guide, "Key condition expressions for the Query
// operation".
//
//   TRY(const KeyPredicates wanted, read_key_condition(*parsed));    // KeyConditionExpression
//   TRY(const Span span, wanted_span(wanted, table.keys()));
#include "services/dynamodb/model.h"

namespace sluice::dynamodb {

// `op` is =, <, <=, >, >=, BETWEEN or begins_with, or the name of a legacy operator that no key can
// be asked for, such as "CONTAINS".
struct KeyPredicate {
  std::string attribute, op;
  std::vector<json::value> operands;
};
using KeyPredicates = std::vector<KeyPredicate>;

// Errors: ValidationException for a condition that no key can have.
Result<KeyPredicates> read_key_condition(const Node& condition);
// The partition key that is asked for, whatever else is wrong with the condition. nullptr: none.
const json::value* wanted_partition(const KeyPredicates& wanted, const std::string& hash);
// The keys that a condition lets through: they are one span, because items sort as their keys do.
// Errors: ValidationException for a condition that does not fit these keys.
Result<Span> wanted_span(const KeyPredicates& wanted, const KeySpace& keys);

}  // namespace sluice::dynamodb
