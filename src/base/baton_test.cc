// SPDX-License-Identifier: Apache-2.0
#include "base/baton.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace sluice {
namespace {
TEST(Baton, WhoWaitsGetsEachWordOnceAndInTurn) {
  constexpr uint32_t kWords = 20'000;
  Baton there, back;
  std::thread other([&] {
    for (uint32_t n = 1; n <= kWords; ++n) {
      EXPECT_EQ(there.await(), n);
      back.pass(n);
    }
  });
  for (uint32_t n = 1; n <= kWords; ++n) {
    there.pass(n);
    EXPECT_EQ(back.await(), n);
  }
  other.join();
}

TEST(Baton, AWordThatIsThereAlreadyIsNotWaitedFor) {
  Baton baton;
  baton.keep(7);
  EXPECT_EQ(baton.await(), 7U);
  baton.pass(8);
  EXPECT_EQ(baton.await(), 8U);
}

// The one that is woken may be gone before the one that wakes is done.
TEST(Baton, MayBeGoneOnceItWasPassed) {
  for (int n = 0; n < 2'000; ++n) {
    auto baton = std::make_unique<Baton>();
    std::thread other([passed = baton.get()] { passed->pass(1); });
    EXPECT_EQ(baton->await(), 1U);
    baton.reset();
    other.join();
  }
}
}  // namespace
}  // namespace sluice
