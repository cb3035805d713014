// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/processor.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sluice::lambda {
namespace {
TEST(ProcessorShares, FollowTheMemory) {
  EXPECT_EQ(nice_of(128), 7);
  EXPECT_EQ(nice_of(512), 4);
  EXPECT_EQ(nice_of(1769), 1);
  EXPECT_EQ(nice_of(10240), 1);  // the server comes first
  for (int64_t mb = 256; mb <= 1769; mb += 64)
    EXPECT_NEAR(std::pow(1.5625, nice_of(128) - nice_of(mb)), static_cast<double>(mb) / 128,
                static_cast<double>(mb) / 128 / 3)
        << mb;
}
}  // namespace
}  // namespace sluice::lambda
