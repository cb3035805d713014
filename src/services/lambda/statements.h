// SPDX-License-Identifier: Apache-2.0
#pragma once
// The statements of a policy of a function, a version, an alias or a layer: added one by one, and
// removed by their id.
//
//   CHECK(add_statement(policy, statement, text_of(in->body, "RevisionId")));
//   staged.put(policy_key(in->settings()), policy);
#include "services/lambda/model.h"

namespace sluice::lambda {

// Errors: InvalidParameterValueException, ValidationException.
Result<std::string> statement_id_of(const json::object& body);
// {"AWS": "arn:aws:iam::...:root"} of 12 digits or of that ARN; nullopt: it is another principal.
std::optional<json::object> account_principal(const std::string& principal);
// The statement with this id; nullptr: there is none.
const Permission* find_statement(const FunctionPolicy& policy, std::string_view sid);

// Both give the policy a new revision. `revision` is what the caller takes for the latest; "": he
// does not say. Errors: PreconditionFailedException, ResourceConflictException,
// PolicyLengthExceededException, ResourceNotFoundException.
Result<Done> check_new_statement(const FunctionPolicy& policy, const std::string& sid,
                                 const std::string& revision);
Result<Done> add_statement(FunctionPolicy& policy, const Permission& statement,
                           const std::string& revision);
Result<Done> remove_statement(FunctionPolicy& policy, std::string_view sid,
                              const std::string& revision);

}  // namespace sluice::lambda
