// SPDX-License-Identifier: Apache-2.0
#include "services/iam/aws_policies.h"

#include <gtest/gtest.h>

namespace sluice::iam {
namespace {
TEST(AwsPolicies, ParseAndAreInTheirOrder) {
  std::string before;
  for (const auto& policy : aws_policies()) {
    ASSERT_EQ(policy->versions.size(), 1U) << policy->name;
    EXPECT_TRUE(policy->versions[0].document.document()) << policy->name;
    EXPECT_EQ(policy->version(policy->default_version), policy->versions.data()) << policy->name;
    EXPECT_TRUE(policy->id.starts_with("ANPA") && policy->id.size() == 21) << policy->name;
    EXPECT_EQ(aws_policy(policy->arn), policy) << policy->name;
    EXPECT_LT(before, lower(policy->name));
    before = lower(policy->name);
  }
  EXPECT_EQ(aws_policy("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole"), nullptr);
  EXPECT_NE(aws_policy("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"),
            nullptr);
}
}  // namespace
}  // namespace sluice::iam
