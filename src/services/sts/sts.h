// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS Security Token Service: AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity. Source:
// STS API Reference 2011-06-15.
//
//   Ports ports{.services = {&sts::service}};
#include "request/ports.h"

namespace sluice::sts {
constexpr int64_t kDurationMinS = 900, kDurationMaxS = 43200, kDurationDefaultS = 3600;
// Of a session that is taken with another role's session.
constexpr int64_t kChainedMaxS = 3600;
extern const Service service;
// The tokens of identity providers that are taken. `identities` must outlive it.
std::unique_ptr<WebIdentities> web_identities(const Identities& identities);
// What the owner of the process may ask for at the operator socket. Never among the services of the
// wire.
extern const Service operator_service;
}  // namespace sluice::sts
