// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which condition keys AWS fills for which action, and which of these Sluice fills. Source: the
// Service Authorization Reference, and the IAM User Guide, "AWS global condition context keys".
//
// A key that AWS defines for an action and Sluice does not fill cannot be compared: an Allow that
// names it does not hold, a Deny that names it does, so that no policy opens here what it closes on
// AWS. A key that a request does not have, here as on AWS, is absent, with IAM's rules for that.
#include <span>
#include <string_view>

namespace sluice::policy {

struct ActionKeys {
  std::string_view actions;  // a pattern, as policies have it: "dynamodb:GetItem", "s3:*"
  // Names as AWS writes them, with a blank between; "aws:RequestTag/*" stands for every tag.
  std::string_view filled, unfilled;
};
std::span<const ActionKeys> condition_keys();
// `key` in lower case.
bool is_unfilled(std::string_view action, std::string_view key);

}  // namespace sluice::policy
