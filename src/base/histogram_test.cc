// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.h"

#include <gtest/gtest.h>

namespace sluice {

TEST(Histogram, TellsWhereValuesLieToWithinAQuarter) {
  for (uint64_t value : {0ull, 1ull, 3ull, 4ull, 5ull, 7ull, 8ull, 9ull, 100ull, 1023ull, 1024ull,
                         5'000'000ull, 600'000'000'000ull}) {
    Histogram one;
    one.add(value);
    const auto shown = one.shown();
    EXPECT_GE(shown.max, value);
    EXPECT_LE(shown.max, value + value / 4) << value;
    EXPECT_EQ(shown.p50, shown.max);
    EXPECT_EQ(shown.sum, value);
  }
  Histogram many;
  for (uint64_t value = 1; value <= 1000; ++value) many.add(value);
  const auto shown = many.shown();
  EXPECT_EQ(shown.count, 1000u);
  EXPECT_EQ(shown.sum, 500'500u);
  EXPECT_NEAR(static_cast<double>(shown.p50), 500, 125);
  EXPECT_NEAR(static_cast<double>(shown.p99), 990, 248);
  Histogram none;
  EXPECT_EQ(none.shown().max, 0u);
  none.add(UINT64_MAX);  // has no bucket of its own
  EXPECT_EQ(none.shown().count, 1u);
}

}  // namespace sluice
