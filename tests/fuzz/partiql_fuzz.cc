// SPDX-License-Identifier: Apache-2.0
// PartiQL statements: read, shown without their values, planned, and evaluated against an item.
#include "fuzz.h"
#include "services/dynamodb/partiql_plan.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const json::object kItem = *parse_json_object(
      R"({"a":{"S":"text"},"b":{"N":"12.5"},"c":{"L":[{"S":"x"},{"M":{"d":{"N":"1"}}}]},)"
      R"("e":{"SS":["p","q"]},"f":{"BOOL":true},"g":{"NULL":true},"h":{"B":"AAEC"}})");
  static const json::array kParameters = {json::object{{"S", "secret"}}, json::object{{"N", "2"}}};
  static const dynamodb::KeySpace kKeys{"i", "id", {"a", "S"}, {"b", "N"}};
  const auto text = fuzz::text(data, size);
  for (size_t count = 0; count <= kParameters.size(); ++count) {
    const json::array parameters(kParameters.begin(), kParameters.begin() + count);
    const auto one = dynamodb::parse_partiql(text, parameters);
    if (!one) continue;
    const std::string shown = dynamodb::redacted(text, *one, "a", "b");
    MUST(shown.find("secret") == std::string::npos || text.find("secret") != std::string::npos);
    if (one->where) (void)dynamodb::evaluate(*one->where, kItem);
    if (const auto plan = dynamodb::plan_read(*one, kKeys))
      MUST(plan->keyed || plan->spans.empty());
    (void)dynamodb::where_key(one->where.get(), kKeys, true);
    (void)dynamodb::columns_of(kItem, one->columns);
    if (one->update)
      if (auto item = dynamodb::updated(*one->update, kItem)) MUST(dynamodb::check_item(*item));
  }
  return 0;
}
