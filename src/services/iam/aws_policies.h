// SPDX-License-Identifier: Apache-2.0
#pragma once
// The policies that AWS manages, those that make sense here: they can be read, listed and attached
// by their ARNs, and nobody can change them.
//
//   const std::shared_ptr<const ManagedPolicy> policy = aws_policy(arn);   // nullptr: not here
//   for (const auto& policy : aws_policies()) list(*policy);
#include "services/iam/records.h"

namespace sluice::iam {

// Whether the ARN is of AWS's own account, also when there is no such policy here.
bool is_aws_policy(std::string_view arn);
// Sorted by name. Each is made, and its document parsed, once for the whole program.
const std::vector<std::shared_ptr<const ManagedPolicy>>& aws_policies();
std::shared_ptr<const ManagedPolicy> aws_policy(std::string_view arn);

}  // namespace sluice::iam
