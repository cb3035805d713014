// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/processor.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sluice::lambda {
namespace {
TEST(ProcessorShares, FollowTheMemory) {
  EXPECT_EQ(nice_of(128), 14);
  EXPECT_EQ(nice_of(512), 8);
  EXPECT_EQ(nice_of(1769), 2);
  EXPECT_EQ(nice_of(10240), 2);  // the server comes first
  for (int64_t mb = 256; mb <= 1769; mb += 64)
    EXPECT_NEAR(std::pow(1.25, nice_of(128) - nice_of(mb)), static_cast<double>(mb) / 128,
                static_cast<double>(mb) / 128 / 4)
        << mb;
}
}  // namespace
}  // namespace sluice::lambda
