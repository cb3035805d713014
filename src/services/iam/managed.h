// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations on managed policies share: how a policy is named, found and shown.
//
//   TRY(in.arn, policy_arn_of(request));
//   const auto policy = find_policy(snapshot, in.arn);   // of the account, or one of AWS's
//   if (!policy) return no_such_policy(in.arn);
#include "services/iam/aws_policies.h"
#include "services/iam/roles.h"
#include "services/iam/tags.h"

namespace sluice::iam {

// The ARN of a policy of the account, or of one of AWS's.
Result<std::string> policy_arn_of(const Request& request, std::string_view field = "PolicyArn");
// The name and the path that an ARN says.
std::string name_in(std::string_view policy_arn);
std::string path_in(std::string_view policy_arn);
// The order of policies in lists, and the Marker of their pages: first those of the account by
// their names, then AWS's.
std::string place_of(std::string_view policy_arn);

// nullptr: there is none.
std::shared_ptr<const ManagedPolicy> find_policy(const Snapshot& snapshot, const std::string& arn);
std::shared_ptr<const ManagedPolicy> look_policy(Staged& staged, const std::string& arn);
// The policy that a call changes. Errors: NoSuchEntity; AccessDenied for AWS's own.
Result<ManagedPolicy> policy_to_change(const std::string& arn, std::string_view action,
                                       const Caller& caller, Staged& staged);
// Whether a role may get it. Errors: PolicyNotAttachable; NoSuchEntity.
Result<Done> check_attachable(const std::string& arn, Staged& staged);
// To how many roles it is attached, and of how many it is the permissions boundary.
size_t attachments_of(const Snapshot& snapshot, std::string_view policy_arn);
size_t boundaries_of(const Snapshot& snapshot, std::string_view policy_arn);

Error no_such_policy(const std::string& arn);
// Errors: MalformedPolicyDocument, LimitExceeded.
Result<Done> check_document(const std::string& document);
inline std::string version_id(int64_t number) { return "v" + std::to_string(number); }

// What a call asks of a policy that there may be: with the condition keys of its tags.
Need policy_need(std::string_view action, const std::string& arn, const Snapshot& snapshot);

struct PolicyIn {
  std::string arn;
};
// An operation on one managed policy, which PolicyArn names.
template <class Self, class Input = PolicyIn>
struct OnPolicy {
  using In = Input;
  static json::value audit(const Request& request) { return shown(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{policy_need(Self::action, in.arn, s)};
  }
};
inline Response xml_answer(XmlWriter xml) { return {200, {}, xml.take(), nullptr, 0}; }

}  // namespace sluice::iam
