// SPDX-License-Identifier: Apache-2.0
#pragma once
// Inline policies of roles: PutRolePolicy, GetRolePolicy, ListRolePolicies, DeleteRolePolicy.
//
//   constexpr auto rows = table<PutRolePolicy, GetRolePolicy, DeleteRolePolicy>();   // iam.cc
#include "services/iam/roles.h"

namespace sluice::iam {

struct RolePolicyOperation {
  struct In {
    std::string role, policy, document;
    PageIn page;
  };
  static json::value audit(const Request& request) { return shown(request); }
  static Result<In> parse_names(const Request& request, bool with_policy);
};
template <class Op>
std::vector<Need> policy_needs(const RolePolicyOperation::In& in, const Snapshot& s) {
  constexpr bool changes =
      Op::action.find(":Get") == Op::action.npos && Op::action.find(":List") == Op::action.npos;
  return {changes ? bounded_role_need(Op::action, in.role, s) : role_need(Op::action, in.role, s)};
}

struct PutRolePolicy : RolePolicyOperation {
  static constexpr std::string_view name = "PutRolePolicy", action = "iam:PutRolePolicy";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return policy_needs<PutRolePolicy>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct GetRolePolicy : RolePolicyOperation {
  static constexpr std::string_view name = "GetRolePolicy", action = "iam:GetRolePolicy";
  using Out = In;
  static Result<In> parse(const Request& request) { return parse_names(request, true); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return policy_needs<GetRolePolicy>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct ListRolePolicies : RolePolicyOperation {
  static constexpr std::string_view name = "ListRolePolicies", action = "iam:ListRolePolicies";
  struct Out {
    std::vector<std::string> names;
    std::string next;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return policy_needs<ListRolePolicies>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct DeleteRolePolicy : RolePolicyOperation {
  static constexpr std::string_view name = "DeleteRolePolicy", action = "iam:DeleteRolePolicy";
  using Out = Nothing;
  static Result<In> parse(const Request& request) { return parse_names(request, true); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return policy_needs<DeleteRolePolicy>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};

}  // namespace sluice::iam
