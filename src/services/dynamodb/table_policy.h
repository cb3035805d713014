// SPDX-License-Identifier: Apache-2.0
#pragma once
// PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy: the policy of a table, which bears
// beside those of the caller on every call of the table. Errors: ResourceNotFoundException,
// PolicyNotFoundException, ValidationException.
//
//   CHECK(put_policy(table, text, *ports.identities, snapshot));   // gives it a new revision
#include "services/dynamodb/tags.h"

namespace sluice::dynamodb {

constexpr size_t kTablePolicyBytesMax = 20 * 1024;
Result<Done> put_policy(TableRecord& table, const std::string& text, const Identities& identities,
                        const Snapshot& snapshot);

struct PutResourcePolicy : OnResource<PutResourcePolicy> {
  static constexpr std::string_view name = "PutResourcePolicy",
                                    action = "dynamodb:PutResourcePolicy";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct GetResourcePolicy : OnResource<GetResourcePolicy> {
  static constexpr std::string_view name = "GetResourcePolicy",
                                    action = "dynamodb:GetResourcePolicy";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct DeleteResourcePolicy : OnResource<DeleteResourcePolicy> {
  static constexpr std::string_view name = "DeleteResourcePolicy",
                                    action = "dynamodb:DeleteResourcePolicy";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

}  // namespace sluice::dynamodb
