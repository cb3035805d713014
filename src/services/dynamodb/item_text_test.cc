// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/item_text.h"

#include <gmock/gmock.h>

#include "services/dynamodb/codec.h"

namespace sluice::dynamodb {
namespace {
json::object checked(const std::string& text) {
  json::object item = *parse_json_object(text);
  EXPECT_TRUE(check_item(item)) << text;
  return item;
}
TEST(ItemText, IsWhatTheTreeWouldBe) {
  for (const std::string text : {
           "{}",
           R"({"s":{"S":"é\u0000\"\\\n\ud83d\ude00"},"q\"":{"S":""},"n":{"N":"-12.5"},
               "b":{"B":"AP8="},"e":{"B":""},"t":{"BOOL":true},"f":{"BOOL":false},
               "z":{"NULL":true},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2.50"]},
               "bs":{"BS":["AA==","AQ=="]},"l":{"L":[{"S":""},{"L":[]},{"M":{"k":{"N":"1"}}}]},
               "m":{"M":{"deep":{"M":{}},"":{"NULL":true}}}})",
       }) {
    const json::object item = checked(text);
    JsonWriter out;
    const auto bytes = write_stored_item(out, encode_item(item));
    ASSERT_TRUE(bytes);
    EXPECT_EQ(*bytes, item_bytes(item));
    EXPECT_EQ(out.take(), json::serialize(item));
  }
}
TEST(ItemText, RefusesWhatIsNoItem) {
  const std::string stored = encode_item(checked(R"({"l":{"L":[{"S":"x"},{"NS":["1"]}]}})"));
  for (size_t n = 0; n < stored.size(); ++n) {
    JsonWriter out;
    EXPECT_FALSE(write_stored_item(out, std::string_view(stored).substr(0, n))) << n;
  }
  JsonWriter out;
  EXPECT_FALSE(write_stored_item(out, stored + "x"));
  EXPECT_FALSE(write_stored_item(out, "\x01\x01k" + std::string(100000, 'L')));
}
}  // namespace
}  // namespace sluice::dynamodb
