// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/random.h"
#include "services/cloudwatch/expression.h"
#include "services/cloudwatch/operations.h"

namespace sluice::cloudwatch {
namespace {
namespace fs = std::filesystem;
bool never() { return false; }

TEST(Aggregate, EstimatesPercentilesWithinOnePercent) {
  Aggregate a;
  for (int i = 1; i <= 1000; ++i) a.add(i, 1);
  EXPECT_NEAR(*a.percentile(50), 500, 5);
  EXPECT_NEAR(*a.percentile(99), 990, 10);
  EXPECT_EQ(*a.percentile(0), 1);
  EXPECT_EQ(*a.percentile(100), 1000);
  EXPECT_EQ(a.sum(), 500500);
}
TEST(Aggregate, SurvivesItsEncodingAndMerges) {
  Aggregate low, high;
  for (int i = -500; i < 0; ++i) low.add(i, 1);
  for (int i = 0; i < 500; ++i) high.add(i, 2);
  auto decoded = Aggregate::decode(low.encode());
  ASSERT_TRUE(decoded);
  decoded->merge(high);
  EXPECT_EQ(decoded->count(), 1500);
  EXPECT_EQ(decoded->minimum(), -500);
  EXPECT_EQ(decoded->maximum(), 499);
  EXPECT_NEAR(*decoded->percentile(33), -6, 0.1);
  EXPECT_FALSE(Aggregate::decode(low.encode().substr(0, 40)));
}
TEST(Aggregate, StaysSmallWhateverItsValues) {
  Aggregate a, b;
  for (int exponent = -1000; exponent < 360; ++exponent)
    a.add(std::ldexp(1.1, exponent), 1), b.add(-std::ldexp(1.7, exponent), 1);
  a.merge(b);
  EXPECT_LT(a.encode().size(), 6000u);
  EXPECT_EQ(a.count(), 2720);
  EXPECT_LT(*a.percentile(40), 0);
}
TEST(Aggregate, KnowsNoPercentileOfAStatisticSet) {
  Aggregate a = Aggregate::of_statistics(10, 55, 1, 10);
  EXPECT_FALSE(a.percentile(50));
  Aggregate one;
  one.add(5, 1);
  one.merge(a);
  EXPECT_FALSE(one.percentile(50));
  EXPECT_EQ(*Aggregate::of_statistics(3, 12, 4, 4).percentile(50), 4);  // all of them are known
}

TEST(Form, BecomesTheSameStructureAsJson) {
  const auto object =
      object_of_form({{"A.member.10.N", "ten"}, {"A.member.2.N", "two"}, {"B", "b"}, {"C.D", "d"}});
  ASSERT_TRUE(object);
  EXPECT_EQ(json::serialize(*object), R"({"A":[{"N":"two"},{"N":"ten"}],"B":"b","C":{"D":"d"}})");
  EXPECT_FALSE(object_of_form({{"a.a.a.a.a.a.a.a.a.a.a", ""}}));
}

Lookup lookup() {
  Lookup all;
  all.series = [](const std::string& id) -> Result<Series> {
    if (id == "a") return Series{{0, 1}, {60, 2}, {120, 4}};
    if (id == "b") return Series{{60, 4}, {120, 0}};
    return fault("ValidationError", "no " + id);
  };
  all.metrics = [all]() -> Result<std::vector<Series>> {
    return std::vector<Series>{*all.series("a"), *all.series("b")};
  };
  return all;
}
Series computed(std::string_view text) {
  size_t budget = 1000;
  const auto got = evaluate(text, lookup(), budget);
  EXPECT_TRUE(got) << (got ? "" : got.error().message);
  return got ? *got : Series{};
}
TEST(Expression, FollowsPrecedenceAndJoinsByTime) {
  EXPECT_EQ(computed("1 + a * 2"), (Series{{0, 3}, {60, 5}, {120, 9}}));
  EXPECT_EQ(computed("100*(a - b)"), (Series{{60, -200}, {120, 400}}));
  EXPECT_EQ(computed("a / b"), (Series{{60, 0.5}}));  // x / 0 has no point
  EXPECT_EQ(computed("-a + -(-1)"), (Series{{0, 0}, {60, -1}, {120, -3}}));
}
TEST(Expression, FoldsSeriesAndLists) {
  EXPECT_EQ(computed("SUM([a, b])"), (Series{{0, 1}, {60, 6}, {120, 4}}));
  EXPECT_EQ(computed("AVG(METRICS())"), (Series{{0, 1}, {60, 3}, {120, 2}}));
  EXPECT_EQ(computed("a - MIN(a)"), (Series{{0, 0}, {60, 1}, {120, 3}}));
  EXPECT_EQ(computed("MAX([a*10, [b]])"), (Series{{0, 10}, {60, 20}, {120, 40}}));
}
TEST(Expression, RefusesWhatItDoesNotUnderstand) {
  for (const std::string& text : std::vector<std::string>{
           "", "a +", "(a", "a b", "SEARCH('x')", "FILL(a, 0)", "SUM(a)", "[a, b]", "1/0 + a",
           "nothing", "a..b", "1e999", std::string(3000, '('), std::string(3000, '[')}) {
    size_t budget = 1000;
    const auto got = evaluate(text, lookup(), budget);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, "ValidationError");
  }
  size_t budget = 5;
  EXPECT_FALSE(evaluate("a + a + a + a", lookup(), budget));
}

class StoredMetrics : public testing::Test {
 protected:
  StoredMetrics() : dir_(fs::temp_directory_path() / ("sluice-metrics-" + random_hex(12))) {
    fs::create_directory(dir_);
    store_ = *Store::open({dir_ / "data", dir_ / "root.key", {}, false, {}});
  }
  ~StoredMetrics() override {
    store_.reset();
    fs::remove_all(dir_);
  }
  void write(Time time, double value, int64_t resolution_s = 60, Time at = kAt) {
    Staged staged = store_->stage();
    Aggregate a;
    a.add(value, 1);
    append(staged, metric_, "Count", time, resolution_s, a, at);
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  }
  size_t stored(std::string_view table) {
    size_t count = 0;
    store_->snapshot().scan(schema::prefix(Family::metrics, table, {}), "", false,
                            [&](std::string_view, std::string_view) { return ++count > 0; });
    return count;
  }
  Points points(int64_t start_s, int64_t end_s, int64_t period_s, Time at) {
    size_t budget = 1000;
    const auto got = read(store_->snapshot(), metric_id(metric_), {start_s, end_s, period_s}, "",
                          true, at, budget);
    EXPECT_TRUE(got);
    return got ? *got : Points{};
  }
  static constexpr int64_t kNowS = 1'800'000'000;  // a whole hour
  static constexpr Time kAt = kNowS * 1000;
  const Metric metric_{"App", "Calls", {{"b", "2"}, {"a", "1"}}};
  const fs::path dir_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoredMetrics, AreTheSameWhateverTheOrderOfTheirDimensions) {
  EXPECT_EQ(metric_id(metric_), metric_id({"App", "Calls", {{"a", "1"}, {"b", "2"}}}));
  EXPECT_NE(metric_id(metric_), metric_id({"App", "Calls", {{"a", "1"}}}));
  EXPECT_NE(metric_id({"ab", "c", {}}), metric_id({"a", "bc", {}}));
}
TEST_F(StoredMetrics, AreFoldedIntoOneRecordAMinuteAndReadTheSame) {
  for (int batch = 0; batch < 10; ++batch) {
    Staged staged = store_->stage();
    for (int i = 0; i < 500; ++i) {
      Aggregate a;
      a.add(batch * 500 + i, 1);
      append(staged, metric_, "Count", kAt - 60'000, 60, a, kAt);
    }
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
    if (batch % 3 == 0) fold_once(*store_, never);
  }
  const auto before = points(kNowS - 60, kNowS, 60, kAt);
  fold_once(*store_, never);
  EXPECT_EQ(stored("f"), 0u);
  EXPECT_EQ(stored("d"), 1u);
  const auto after = points(kNowS - 60, kNowS, 60, kAt);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after.begin()->second.count(), 5000);
  EXPECT_EQ(before.begin()->second.encode(), after.begin()->second.encode());
}
TEST_F(StoredMetrics, GrowCoarserWithAgeAndThenExpire) {
  for (int second = 0; second < 120; ++second) write(kAt + second * 1000, 1, 1, kAt + 120'000);
  fold_once(*store_, never);
  EXPECT_EQ(stored("d"), 120u);
  const std::pair<int64_t, size_t> kSteps[] = {
      {4 * 3600, 2}, {16 * 86400, 1}, {64 * 86400, 1}, {457 * 86400, 0}};
  for (const auto& [age_s, left] : kSteps) {
    const Time at = kAt + age_s * 1000;
    // What a reader sees does not depend on whether the keeper was there yet.
    const auto before = points(kNowS, kNowS + 3600, 3600, at);
    roll_up_once(*store_, at, never);
    EXPECT_EQ(stored("d"), left);
    const auto after = points(kNowS, kNowS + 3600, 3600, at);
    EXPECT_EQ(before.size(), after.size());
    if (left) {
      ASSERT_EQ(after.size(), 1u);
      EXPECT_EQ(after.begin()->second.count(), 120);
    }
    EXPECT_TRUE(points(kNowS, kNowS + 3600, 30, at).empty());
    EXPECT_EQ(points(kNowS, kNowS + 3600, 60, at).size(), age_s == 4 * 3600 ? 2u : 0u);
  }
  EXPECT_EQ(stored("cloudwatch.metric"), 0u);
}
TEST_F(StoredMetrics, AreReadWithinABudget) {
  for (int i = 0; i < 11; ++i) write(kAt - i * 60'000, 1);
  size_t budget = 10;
  EXPECT_FALSE(read(store_->snapshot(), metric_id(metric_), {kNowS - 3600, kNowS + 60, 60}, "",
                    false, kAt, budget));
}
TEST_F(StoredMetrics, LeaveOutWhatIsOutsideTheLimits) {
  const auto records = [&](const Meter::Dimensions& dimensions, double value, std::string_view unit,
                           Time time) {
    Staged staged = store_->stage();
    meter()->record(staged, {"App", "M", dimensions, {&value, 1}, unit, time});
    EXPECT_TRUE(store_->commit(std::move(staged), {}));
    const size_t count = stored("f");
    fold_once(*store_, never);
    return count;
  };
  EXPECT_EQ(records({{"a", "1"}}, 1, "Count", now()), 1u);
  EXPECT_EQ(records({{"a", "1"}}, 0x1p361, "Count", now()), 0u);
  EXPECT_EQ(records({{"a", "1"}}, 1, "Fathoms", now()), 0u);
  EXPECT_EQ(records({{"a", "1"}}, 1, "Count", now() - kPastMaxMs - 60'000), 0u);
  EXPECT_EQ(records({{"a", ""}}, 1, "Count", now()), 0u);
  EXPECT_EQ(records({{"a", "1"}, {"a", "2"}}, 1, "Count", now()), 0u);
}

}  // namespace
}  // namespace sluice::cloudwatch
