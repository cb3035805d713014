// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gtest/gtest.h>

#include <thread>

namespace sluice {
namespace {
// A document larger than its first block, copied and changed by threads that share it, outlived by
// one of its values.
TEST(Json, ADocumentsBlockGrowsIsSharedAndLivesAsLongAsAValueOfIt) {
  std::string text = "[";
  for (int n = 0; n < 5000; ++n) text += std::string(n ? "," : "") + R"({"k":[[],{}]})";
  json::value kept;
  {
    auto parsed = parse_json(text + "]");
    ASSERT_TRUE(parsed);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&shared = std::as_const(*parsed)] {
        for (int n = 0; n < 200; ++n) {
          json::value mine = shared.as_array()[static_cast<size_t>(n)];
          mine.as_object()["more"] = std::string(100, 'x');
          EXPECT_EQ(mine.as_object().at("more").as_string(), std::string(100, 'x'));
        }
      });
    for (auto& t : threads) t.join();
    EXPECT_EQ(json::serialize(*parsed), text + "]");
    kept = std::move(parsed->as_array()[4999]);
  }
  EXPECT_EQ(json::serialize(kept), R"({"k":[[],{}]})");
}

// Found by json_fuzz: 1E400 was kept as "Infinity", which no parser takes again.
TEST(Json, RefusesNumbersThatItCouldNotWrite) {
  for (const char* text : {"1E400", "-1e400", "[[1e999]]", R"({"a":{"b":[1E309]}})"})
    EXPECT_FALSE(parse_json(text)) << text;
  for (const char* text : {"1E308", "1e-400", "[-0]", R"({"a":12345678901234567890123})"}) {
    const auto value = parse_json(text);
    ASSERT_TRUE(value) << text;
    EXPECT_TRUE(parse_json(json::serialize(*value))) << text;
  }
}

TEST(Json, IsBoundedInDepthAndEndsWithTheDocument) {
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')));
  EXPECT_FALSE(parse_json("{} {}"));
  EXPECT_FALSE(parse_json("\"\xff\""));
}

TEST(Json, StrictRefusesARepeatedKeyWhereverItIs) {
  EXPECT_TRUE(parse_json_strict(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"));
  EXPECT_FALSE(parse_json_strict(R"({"b":[{"a":1,"\u0061":2}]})"));
}

// Whoever sends a name in both cases hides neither value from the audit record.
TEST(Json, CamelCaseKeepsANameThatStandsThereInBothCases) {
  const auto shown = [](const char* text) {
    return json::serialize(camel_case(*parse_json(text)));
  };
  EXPECT_EQ(shown(R"({"Name":"a","Deep":[{"Other":1}]})"), R"({"name":"a","deep":[{"other":1}]})");
  EXPECT_EQ(shown(R"({"Name":"a","name":"b"})"), R"({"Name":"a","name":"b"})");
  EXPECT_EQ(shown(R"({"a":{"name":"b","Name":"a"}})"), R"({"a":{"name":"b","Name":"a"}})");
}
}  // namespace
}  // namespace sluice
