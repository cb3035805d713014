// SPDX-License-Identifier: Apache-2.0
#pragma once
// The table of condition keys: which keys AWS fills for which action, and which of these Sluice
// fills. Sources: Service Authorization Reference; IAM User Guide, "AWS global condition context
// keys".
//
//   if (is_unfilled("s3:getobject", "s3:existingobjecttag/team")) return !statement.allow;
//
// A key that AWS fills for an action and Sluice does not cannot be compared. So that no policy
// opens here what it closes on AWS, an Allow that names such a key does not apply, and a Deny that
// names it does. A key that this request does not have, here as on AWS, is absent, and IAM's rules
// for absent keys hold.
#include <span>
#include <string>
#include <string_view>

namespace sluice::policy {

struct ActionKeys {
  std::string_view actions;  // a pattern as in policies: "dynamodb:GetItem", "s3:*"
  // Names as AWS writes them, with a blank between them; "aws:RequestTag/*" stands for every tag.
  std::string_view filled, unfilled;
};
std::span<const ActionKeys> condition_keys();
// Whether AWS fills this key for the action and Sluice does not. Both are in lower case.
bool is_unfilled(std::string_view action, std::string_view key);
// A key as AWS writes it: "aws:SourceArn" for "aws:sourcearn". One that the table does not have
// stays as it is.
std::string spelled(std::string_view key);

}  // namespace sluice::policy
