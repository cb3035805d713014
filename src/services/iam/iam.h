// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS Identity and Access Management: roles, their inline policies, and managed policies. There are
// no users and no access keys. Source: IAM API Reference 2010-05-08.
//
//   const std::unique_ptr<Identities> identities = iam::identities();
//   ports.identities = identities.get();
//   CHECK(iam::bootstrap(*store));
#include "request/ports.h"

namespace sluice::iam {

// The size of a policy is all but its white space, as AWS's quotas count it.
constexpr size_t kRoleNameMax = 64, kPolicyNameMax = 128, kPathMax = 512, kDescriptionMax = 1000,
                 kTrustPolicyBytesMax = 2048, kInlinePoliciesBytesMax = 10240,
                 kManagedPolicyBytesMax = 6144;
constexpr size_t kPolicyVersionsMax = 5, kAttachedPoliciesMax = 10;  // of a policy, of a role
constexpr size_t kPageMax = 1000, kPageDefault = 100, kMarkerBytesMax = 512;

extern const Service service;
std::unique_ptr<Identities> identities();
// Makes the role sluice-operator when it does not exist. Only the owner's Unix socket gives
// sessions of it.
Result<Done> bootstrap(Store& store);

bool is_role_name(std::string_view text);

// For `sluice verify`: the attachments, from both sides.
void verify(const Ports& ports, Verification& found);

}  // namespace sluice::iam
