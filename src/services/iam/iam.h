// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS Identity and Access Management: roles and their inline policies. No users, no access keys.
// Source: IAM API Reference 2010-05-08.
#include "request/ports.h"

namespace sluice::iam {

// Policy sizes count everything but white space, as AWS's quotas do.
constexpr size_t kRoleNameMax = 64, kPolicyNameMax = 128, kPathMax = 512, kDescriptionMax = 1000,
                 kTrustPolicyBytesMax = 2048, kInlinePoliciesBytesMax = 10240;
constexpr size_t kPageMax = 1000, kPageDefault = 100, kMarkerBytesMax = 320;
constexpr std::string_view kOperatorRole = "sluice-operator";

extern const Service service;
std::unique_ptr<Identities> identities();
// Makes the role sluice-operator when it is absent; only the owner's Unix socket gives sessions of
// it.
Result<Done> bootstrap(Store& store);

}  // namespace sluice::iam
