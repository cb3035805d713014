#include "base/json.h"

#include <gtest/gtest.h>

#include <thread>

namespace sluice {
namespace {
// A document larger than its first block, copied and changed by threads that share it, outlived by one of its values.
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
}  // namespace
}  // namespace sluice
