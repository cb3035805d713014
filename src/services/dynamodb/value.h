// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attribute values: AWS's JSON form ({"S":"x"}), checked and made canonical. Source: Developer
// Guide, "Naming rules and data types".
#include "services/dynamodb/dynamodb.h"

namespace sluice::dynamodb {

inline Error validation(std::string text) {
  return {400, "ValidationException", std::move(text), {}};
}

// The member is absent or one of these.
Result<Done> one_of(const json::object& body, std::string_view name,
                    std::initializer_list<std::string_view> values);

// A number as DynamoDB keeps it: plain decimal, at most 38 significant digits, magnitude 1E-130
// to 9.99E+125. Never a double.
Result<std::string> canonical_number(std::string_view text);
// Bytes that sort as canonical numbers do.
std::string sortable_number(std::string_view canonical);
int compare_numbers(std::string_view a, std::string_view b);  // canonical numbers

// Checks one value in place: exactly one type, numbers canonical, sets without duplicates, nesting
// to 32.
Result<Done> check_value(json::value& value, size_t depth = 1);
Result<Done> check_item(json::object& item);  // all values, and the 400 KB limit
size_t value_bytes(const json::value& value);
size_t item_bytes(const json::object& item);
std::string type_of(const json::value& value);   // "S"
std::string sortable(const json::value& value);  // of an S, N or B: bytes that sort as such values
bool equal_values(const json::value& a, const json::value& b);
// -1, 0, 1 for two S, N or B; nullopt for others.
std::optional<int> compare_values(const json::value& a, const json::value& b);

}  // namespace sluice::dynamodb
