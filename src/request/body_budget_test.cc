// SPDX-License-Identifier: Apache-2.0
#include "request/body_budget.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {
constexpr size_t kMiB = 1 << 20;

// Whoever has one token and no key fills his session's part of the unproven bodies, from however
// many sources, and leaves the rest to others.
TEST(BodyBudget, UnprovenBodiesOfASessionHaveAShareOverAllItsSources) {
  BodyBudget budget;
  BodyBudget::Share one(budget, "leaked", "192.0.2.1"), two(budget, "leaked", "192.0.2.2");
  EXPECT_TRUE(one.grow_to(70 * kMiB));
  EXPECT_FALSE(two.grow_to(30 * kMiB));
  EXPECT_TRUE(two.grow_to(25 * kMiB));
  BodyBudget::Share other(budget, "other", "192.0.2.2");
  EXPECT_TRUE(other.grow_to(45 * kMiB));
}

// Proven ones are held to the limits of all and of a caller alone.
TEST(BodyBudget, ProvenBodiesLeaveTheUnprovenShare) {
  BodyBudget budget;
  BodyBudget::Share one(budget, "session", "192.0.2.1"), two(budget, "session", "192.0.2.2");
  EXPECT_TRUE(one.grow_to(70 * kMiB));
  one.prove();
  EXPECT_FALSE(one.grow_to(90 * kMiB));
  EXPECT_TRUE(two.grow_to(70 * kMiB));
  two.prove();
  BodyBudget::Share third(budget, "third", "192.0.2.3");
  EXPECT_FALSE(third.grow_to(60 * kMiB));
  EXPECT_TRUE(third.grow_to(50 * kMiB));
}

// What a request held is free again when it is answered, proven or not.
TEST(BodyBudget, WhatIsAnsweredIsGivenBack) {
  BodyBudget budget;
  for (int n = 0; n < 10; ++n) {
    BodyBudget::Share unproven(budget, "session", "192.0.2.1");
    EXPECT_TRUE(unproven.grow_to(70 * kMiB));
    if (n % 2) unproven.prove();
  }
}

// Small bodies are served however full it is.
TEST(BodyBudget, TheBeginningOfABodyIsFree) {
  BodyBudget budget;
  BodyBudget::Share one(budget, "a", "192.0.2.1"), two(budget, "b", "192.0.2.1");
  EXPECT_TRUE(one.grow_to(72 * kMiB));
  EXPECT_TRUE(two.grow_to(72 * kMiB));
  BodyBudget::Share third(budget, "c", "192.0.2.1");
  EXPECT_TRUE(third.grow_to(kFreeBytes));
  EXPECT_FALSE(third.grow_to(kFreeBytes + kMiB));
}

}  // namespace
}  // namespace sluice
