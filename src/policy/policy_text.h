// SPDX-License-Identifier: Apache-2.0
#pragma once
// What characters a policy may have that comes with a call of IAM or STS. Source: IAM API
// Reference, CreatePolicy, the pattern of PolicyDocument.
//
//   if (!policy::is_policy_text(text)) return invalid("...");
#include <string_view>

namespace sluice::policy {

// U+0009, U+000A, U+000D and U+0020 to U+00FF, in UTF-8.
bool is_policy_text(std::string_view text);

}  // namespace sluice::policy
