// SPDX-License-Identifier: Apache-2.0
// DynamoDB's expressions, evaluated against an item of every type, and updates of it.
#include "fuzz.h"
#include "services/dynamodb/key_condition.h"
#include "services/dynamodb/update.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const json::object kItem = *parse_json_object(
      R"({"a":{"S":"text"},"b":{"N":"12.5"},"c":{"L":[{"S":"x"},{"M":{"d":{"N":"1"}}}]},)"
      R"("e":{"SS":["p","q"]},"f":{"BOOL":true},"g":{"NULL":true},"h":{"B":"AAEC"},)"
      R"("i":{"NS":["1","2"]}})");
  static const json::object kNames = *parse_json_object(
      R"({"ExpressionAttributeNames":{"#a":"a","#c":"c"},)"
      R"("ExpressionAttributeValues":{":s":{"S":"text"},":n":{"N":"2"},":l":{"L":[]},)"
      R"(":b":{"B":"AAEC"},":t":{"S":"N"}}})");
  const auto text = fuzz::text(data, size);
  auto placeholders = dynamodb::Placeholders::parse(kNames);
  MUST(placeholders);
  if (const auto condition = dynamodb::parse_condition(text, "FilterExpression", *placeholders))
    (void)dynamodb::evaluate(**condition, kItem), (void)dynamodb::read_key_condition(**condition);
  if (const auto paths = dynamodb::parse_projection(text, *placeholders)) {
    const json::object shown = dynamodb::project(kItem, *paths);
    MUST(shown.size() <= kItem.size() || paths->empty());
  }
  if (const auto update = dynamodb::parse_update(text, *placeholders))
    if (auto item = dynamodb::updated(*update, kItem)) MUST(dynamodb::check_item(*item));
  (void)placeholders->all_used();
  return 0;
}
