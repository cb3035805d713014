// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS Identity and Access Management: roles and their inline policies. There are no users and no
// access keys. Source: IAM API Reference 2010-05-08.
//
//   const std::unique_ptr<Identities> identities = iam::identities();
//   ports.identities = identities.get();
//   CHECK(iam::bootstrap(*store));
#include "request/ports.h"

namespace sluice::iam {

// The size of a policy is all but its white space, as AWS's quotas count it.
constexpr size_t kRoleNameMax = 64, kPolicyNameMax = 128, kPathMax = 512, kDescriptionMax = 1000,
                 kTrustPolicyBytesMax = 2048, kInlinePoliciesBytesMax = 10240;
constexpr size_t kPageMax = 1000, kPageDefault = 100, kMarkerBytesMax = 320;

extern const Service service;
std::unique_ptr<Identities> identities();
// Makes the role sluice-operator when it does not exist. Only the owner's Unix socket gives
// sessions of it.
Result<Done> bootstrap(Store& store);

}  // namespace sluice::iam
