// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attribute values in AWS's JSON form ({"S":"x"}), checked and made canonical. Source: Developer
// Guide, "Naming rules and data types".
//
//   CHECK(check_item(item));                          // {"price": {"N": "1.50"}} becomes "1.5"
//   if (compare_values(a, b) == -1) ...               // a is smaller
//   const std::string bytes = sortable(item["id"]);
#include "services/dynamodb/dynamodb.h"

namespace sluice::dynamodb {

inline Error validation(std::string text) {
  return {400, "ValidationException", std::move(text), {}};
}

// Checks that the member is absent or one of these values.
Result<Done> one_of(const json::object& body, std::string_view name,
                    std::initializer_list<std::string_view> values);

// A number as DynamoDB keeps it: plain decimal, at most 38 significant digits, a magnitude of
// 1E-130 to 9.99E+125. It never becomes a double.
Result<std::string> canonical_number(std::string_view text);
// The exact sum or difference of two canonical numbers. Errors: a number that cannot be kept.
Result<std::string> add_numbers(std::string_view a, std::string_view b, bool subtract);
// Bytes that sort like canonical numbers.
std::string sortable_number(std::string_view canonical);
int compare_numbers(std::string_view a, std::string_view b);  // canonical numbers

// Checks a value: it has exactly one type, its sets have no member twice, and it is nested up to 32
// deep. Its numbers and sets become canonical.
Result<Done> check_value(json::value& value, size_t depth = 1);
// Checks all values, and the limit of 400 KB.
Result<Done> check_item(json::object& item);
// Bytes that are equal for equal members of a set of this type ("SS"), and sort like them.
std::string member_key(std::string_view type, std::string_view member);
// Puts the members of a set into DynamoDB's order, which is by bytes or by number. False: one
// comes twice.
bool sort_set(json::array& members, std::string_view type);
size_t number_bytes(std::string_view canonical);
size_t value_bytes(const json::value& value);
size_t item_bytes(const json::object& item);
std::string type_of(const json::value& value);  // "S"
// For an S, N or B: bytes that sort like values of that type.
std::string sortable(const json::value& value);
bool equal_values(const json::value& a, const json::value& b);
// -1, 0 or 1 for two S, two N or two B; nullopt for others.
std::optional<int> compare_values(const json::value& a, const json::value& b);

}  // namespace sluice::dynamodb
