// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the grants of a key allow, and their tokens. A grant takes effect with the commit that makes
// it, so a token opens nothing that the grant does not open already; one that is not ours is
// refused, as AWS does. Source: KMS Developer Guide, "Grants in AWS KMS".
//
//   need.grants = grants_that([=](const Grant& grant) { return covers(grant, "Decrypt", context);
//   },
//                             key.id, snapshot);
//   CHECK(check_grant_tokens(in->body, snapshot));
#include "request/operation.h"
#include "services/kms/records.h"

namespace sluice::kms {

constexpr size_t kGrantsMax = 50'000, kGrantTokensMax = 10, kGrantTokenBytesMax = 8192,
                 kGrantIdMax = 128, kGrantNameMax = 256, kGrantPrincipalMax = 256,
                 kConstraintPairsMax = 8, kConstraintValueMax = 384;

// What a grant may allow: "Decrypt", "CreateGrant".
std::span<const std::string_view> grant_operations();
// Whether the operation has an encryption context, so that the constraints of grants bear on it.
bool has_encryption_context(std::string_view operation);
// Whether the grant allows this operation on its key with this encryption context.
bool covers(const Grant& grant, std::string_view operation, const json::object& context);
// Whether a grant may be made by right of `parent`: it allows no operation more, and is bound at
// least as much.
bool may_create(const Grant& parent, const Grant& child);

// For Need: those grants of the key for which `fits` is true, by whom they are for.
using GrantsOf = std::function<std::vector<policy::Grant>(const policy::Principal&)>;
GrantsOf grants_that(std::function<bool(const Grant&)> fits, std::string key_id,
                     const Snapshot& snapshot);

// Errors: LimitExceededException.
Result<Done> put_grant(Staged& staged, const Grant& grant);
void erase_grant(Staged& staged, const Grant& grant);
// All grants of a key that goes.
void erase_grants(Staged& staged, const std::string& key_id);
int64_t grant_count(Staged& staged, const std::string& key_id);

std::string grant_token(const Grant& grant, const Snapshot& snapshot);
// The grant of a token; nullptr when it is no more. Errors: InvalidGrantTokenException.
Result<std::shared_ptr<const Grant>> grant_of_token(std::string_view token,
                                                    const Snapshot& snapshot);
// GrantTokens, which many operations take.
Result<Done> check_grant_tokens(const json::object& body, const Snapshot& snapshot);

}  // namespace sluice::kms
