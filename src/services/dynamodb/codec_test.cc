// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/codec.h"
#include "services/dynamodb/expression.h"

#include <gmock/gmock.h>

namespace sluice::dynamodb {
namespace {
json::object item_of(const char* text) {
  json::object item = *parse_json_object(text);
  EXPECT_TRUE(check_item(item));
  return item;
}
constexpr const char* kEveryType =
    R"({"s":{"S":"é\u0000"},"n":{"N":"-12.5"},"b":{"B":"AP8="},"e":{"B":""},"t":{"BOOL":true},
          "f":{"BOOL":false},"z":{"NULL":true},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2.5"]},
          "bs":{"BS":["AA==","AQ=="]},
  "l":{"L":[{"S":""},{"L":[]},{"M":{"k":{"N":"1"}}}]},"m":{"M":{"deep":{"M":{}}}}})";

TEST(Codec, GivesBackEveryTypeAsItWas) {
  const json::object item = item_of(kEveryType);
  const auto back = decode_item(encode_item(item), json_arena(100));
  ASSERT_TRUE(back);
  EXPECT_EQ(json::value(*back), json::value(item));
}

// What is sealed is ours; a fault in what is read must end in an error all the same, never out of
// bounds.
TEST(Codec, RefusesEveryPrefixAndSurvivesEveryChangedByte) {
  const std::string bytes = encode_item(item_of(kEveryType));
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decode_item(std::string_view(bytes).substr(0, n), {})) << n;
  EXPECT_FALSE(decode_item(bytes + "x", {}));
  for (size_t n = 0; n < bytes.size(); ++n)
    for (const char mask : {'\x01', '\x20', '\x80', '\xff'}) {
      std::string changed = bytes;
      changed[n] = static_cast<char>(changed[n] ^ mask);
      const auto read = decode_item(changed, {});
      EXPECT_TRUE(!read || encode_item(*read).size() <= bytes.size() * 2) << n;
    }
  EXPECT_FALSE(decode_item("\x01\x01k" + std::string(100000, 'L'), {}));
}

TEST(Reserved, KnowsAwssWordsInAnyCase) {
  for (const char* word : {"ABORT", "timestamp", "Value", "zone", "FLATTERN"})
    EXPECT_TRUE(is_reserved(word)) << word;
  for (const char* word : {"device_id", "", "zones", "aborted"})
    EXPECT_FALSE(is_reserved(word)) << word;
}
}  // namespace
}  // namespace sluice::dynamodb
