// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/statements.h"

#include <algorithm>

#include "base/random.h"

namespace sluice::lambda {
namespace {
constexpr std::string_view kSidLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Result<Done> check_policy_revision(const FunctionPolicy& policy, const std::string& wanted) {
  if (wanted.empty() || wanted == policy.revision) return Done{};
  return Error{412,
               "PreconditionFailedException",
               "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy "
               "API to retrieve the latest RevisionId",
               {}};
}
}  // namespace

Result<std::string> statement_id_of(const json::object& body) {
  TRY(std::string sid, Fields(body).required_text("StatementId"));
  if (sid.empty() || sid.size() > 100 || sid.find_first_not_of(kSidLetters) != std::string::npos)
    return invalid("StatementId must be 1 to 100 of a-z, A-Z, 0-9, - and _.");
  return sid;
}

std::optional<json::object> account_principal(const std::string& principal) {
  std::string account = principal;
  if (const auto arn = parse_arn(principal);
      arn && arn->service == "iam" && arn->resource == "root")
    account = arn->account_id;
  if (account.size() != 12 || account.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return json::object{{"AWS", "arn:aws:iam::" + account + ":root"}};
}

const Permission* find_statement(const FunctionPolicy& policy, std::string_view sid) {
  const auto found = std::ranges::find(policy.statements, sid, &Permission::sid);
  return found == policy.statements.end() ? nullptr : &*found;
}

Result<Done> check_new_statement(const FunctionPolicy& policy, const std::string& sid,
                                 const std::string& revision) {
  if (find_statement(policy, sid))
    return Error{409,
                 "ResourceConflictException",
                 "The statement id (" + sid +
                     ") provided already exists. Please provide a new statement id, or remove "
                     "the existing statement.",
                 {}};
  return check_policy_revision(policy, revision);
}
Result<Done> add_statement(FunctionPolicy& policy, const Permission& statement,
                           const std::string& revision) {
  CHECK(check_new_statement(policy, statement.sid, revision));
  policy.statements.push_back(statement);
  policy.revision = random_uuid();
  const size_t bytes = json::serialize(members_of(policy)).size();
  if (bytes > kPolicyBytesMax)
    return Error{
        400,
        "PolicyLengthExceededException",
        "The final policy size (" + std::to_string(bytes) + ") is bigger than the limit (20480).",
        {}};
  return Done{};
}
Result<Done> remove_statement(FunctionPolicy& policy, std::string_view sid,
                              const std::string& revision) {
  const auto found = std::ranges::find(policy.statements, sid, &Permission::sid);
  if (found == policy.statements.end())
    return Error{404,
                 "ResourceNotFoundException",
                 "Statement " + std::string(sid) + " is not found in resource policy.",
                 {}};
  CHECK(check_policy_revision(policy, revision));
  policy.statements.erase(found);
  policy.revision = random_uuid();
  return Done{};
}

}  // namespace sluice::lambda
