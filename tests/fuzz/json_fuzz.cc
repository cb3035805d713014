// SPDX-License-Identifier: Apache-2.0
// JSON documents: what parses is printed and parses to the same value.
#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "fuzz.h"

using namespace sluice;
namespace {
// Equal, but for the last digits of doubles: Boost.JSON 1.81 rounds them when it reads.
bool alike(const json::value& a, const json::value& b) {
  if (a.is_double() && b.is_double())
    return a.get_double() == b.get_double() ||
           std::abs(a.get_double() - b.get_double()) <= 1e-14 * std::abs(a.get_double()) + 1e-300;
  if (a.kind() != b.kind()) return false;
  if (a.is_array())
    return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(),
                      b.get_array().end(), alike);
  if (a.is_object())
    return std::equal(a.get_object().begin(), a.get_object().end(), b.get_object().begin(),
                      b.get_object().end(), [](const auto& x, const auto& y) {
                        return x.key() == y.key() && alike(x.value(), y.value());
                      });
  return a == b;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::text(data, size);
  const auto value = parse_json(text);
  if (value) {
    const auto again = parse_json(json::serialize(*value));
    MUST(again && alike(*again, *value));
  }
  MUST(!parse_json_strict(text) || value);
  (void)parse_json(text, 2);
  if (const auto object = parse_json_object(text)) {
    const Fields fields(*object);
    for (const char* name : {"a", "b", ""}) {
      (void)fields.text(name);
      (void)fields.integer(name);
      (void)fields.number(name);
      (void)fields.boolean(name);
      (void)fields.object(name);
      (void)fields.array(name);
      (void)fields.texts(name);
      (void)fields.required_text(name);
    }
  }
  return 0;
}
