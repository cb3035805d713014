// SPDX-License-Identifier: Apache-2.0
#include "services/iam/managed.h"

namespace sluice::iam {
namespace {
constexpr size_t kArnBytesMin = 20, kArnBytesMax = 2048;

bool is_account(std::string_view text) {
  return text == "aws" || (text.size() == 12 && text.find_first_not_of("0123456789") == text.npos);
}
size_t count_below(const Snapshot& snapshot, const Key& prefix) {
  size_t count = 0;
  snapshot.scan(prefix, "", false, [&](std::string_view, std::string_view) {
    ++count;
    return true;
  });
  return count;
}
}  // namespace

Result<std::string> policy_arn_of(const Request& request, std::string_view field) {
  const std::string arn = request.query_text(field);
  std::string member(field);
  member[0] = static_cast<char>(member[0] + 32);
  if (arn.size() < kArnBytesMin || arn.size() > kArnBytesMax)
    return Error{400,
                 "ValidationError",
                 "1 validation error detected: Value '" + arn.substr(0, kArnBytesMin) + "' at '" +
                     member + "' failed to satisfy constraint: Member must have length " +
                     (arn.size() < kArnBytesMin ? "greater than or equal to 20"
                                                : "less than or equal to 2048"),
                 {}};
  const auto parsed = parse_arn(arn);
  if (!parsed || parsed->partition != "aws" || parsed->service != "iam" ||
      !parsed->region.empty() || !is_account(parsed->account_id) ||
      !parsed->resource.starts_with("policy/") || !is_path(path_in(arn)) ||
      !is_name(name_in(arn), kPolicyNameMax))
    return Error{400, "InvalidInput", "ARN " + arn + " is not valid.", {}};
  return arn;
}
std::string name_in(std::string_view arn) { return std::string(arn.substr(arn.rfind('/') + 1)); }
std::string path_in(std::string_view arn) {
  const size_t from = arn.find('/');
  return std::string(arn.substr(from, arn.rfind('/') + 1 - from));
}
std::string place_of(std::string_view arn) {
  // No name has a '~', which comes behind all that a name may have.
  return (is_aws_policy(arn) ? "~" : "") + lower(name_in(arn));
}

std::shared_ptr<const ManagedPolicy> find_policy(const Snapshot& snapshot, const std::string& arn) {
  if (is_aws_policy(arn)) return aws_policy(arn);
  auto policy = snapshot.get(managed_key(name_in(arn)));
  return policy && policy->arn == arn ? policy : nullptr;
}
std::shared_ptr<const ManagedPolicy> look_policy(Staged& staged, const std::string& arn) {
  if (is_aws_policy(arn)) return aws_policy(arn);
  auto policy = staged.look(managed_key(name_in(arn)));
  return policy && policy->arn == arn ? policy : nullptr;
}
Result<ManagedPolicy> policy_to_change(const std::string& arn, std::string_view action,
                                       const Caller& caller, Staged& staged) {
  if (is_aws_policy(arn))
    return Error{403,
                 "AccessDenied",
                 "User: " + caller.principal().arn + " is not authorized to perform: " +
                     std::string(action) + " on resource: policy " + arn,
                 {}};
  const auto policy = look_policy(staged, arn);
  if (!policy) return no_such_policy(arn);
  return *policy;
}
Result<Done> check_attachable(const std::string& arn, Staged& staged) {
  if (is_aws_policy(arn) && path_in(arn).starts_with("/aws-service-role/"))
    return Error{
        400, "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.", {}};
  if (!look_policy(staged, arn))
    return Error{
        404, "NoSuchEntity", "Policy " + arn + " does not exist or is not attachable.", {}};
  return Done{};
}
size_t attachments_of(const Snapshot& snapshot, std::string_view arn) {
  return count_below(snapshot, attachments_prefix(arn));
}
size_t boundaries_of(const Snapshot& snapshot, std::string_view arn) {
  return count_below(snapshot, boundaries_prefix(arn));
}

Error no_such_policy(const std::string& arn) {
  return {404, "NoSuchEntity", "Policy " + arn + " was not found.", {}};
}
Result<Done> check_document(const std::string& document) {
  CHECK(policy::parse(document, policy::Kind::identity));
  if (policy_size(document) > kManagedPolicyBytesMax)
    return Error{409,
                 "LimitExceeded",
                 "Cannot exceed quota for PolicySize: " + std::to_string(kManagedPolicyBytesMax),
                 {}};
  return Done{};
}

Need policy_need(std::string_view action, const std::string& arn, const Snapshot& snapshot) {
  Need need{std::string(action), arn, {}, {}, "AWS::IAM::Policy"};
  if (const auto policy = find_policy(snapshot, arn)) add_resource_tags(need.context, policy->tags);
  return need;
}

}  // namespace sluice::iam
