// SPDX-License-Identifier: Apache-2.0
// Attribute values and numbers: canonical forms are stable, and sort as the numbers do.
#include "fuzz.h"
#include "services/dynamodb/value.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto rest = fuzz::text(data, size);
  const auto first = fuzz::take(rest, "\n");
  const auto a = dynamodb::canonical_number(first), b = dynamodb::canonical_number(rest);
  if (a) MUST(*dynamodb::canonical_number(*a) == *a);
  if (a && b) {
    const int order = dynamodb::compare_numbers(*a, *b),
              bytes = dynamodb::sortable_number(*a).compare(dynamodb::sortable_number(*b));
    MUST((order < 0) == (bytes < 0) && (order > 0) == (bytes > 0));
    MUST(dynamodb::compare_numbers(*b, *a) == -order);
  }
  auto value = parse_json(rest);
  if (!value) return 0;
  if (dynamodb::check_value(*value)) {
    json::value again = *value;
    MUST(dynamodb::check_value(again) && dynamodb::equal_values(again, *value));
    (void)dynamodb::value_bytes(*value);
  }
  if (value->is_object() && dynamodb::check_item(value->get_object()))
    (void)dynamodb::item_bytes(value->get_object());
  return 0;
}
