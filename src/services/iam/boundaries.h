// SPDX-License-Identifier: Apache-2.0
#pragma once
// Permissions boundaries of roles: a managed policy that says the most that a role's own policies
// may allow. PutRolePermissionsBoundary, DeleteRolePermissionsBoundary. A boundary counts from the
// next call on, also for sessions that there are. Source: IAM User Guide, "Permissions boundaries
// for IAM entities".
//
//   constexpr auto rows = table<PutRolePermissionsBoundary>();   // iam.cc
#include "services/iam/managed.h"

namespace sluice::iam {

struct PutRolePermissionsBoundary {
  static constexpr std::string_view name = "PutRolePermissionsBoundary",
                                    action = "iam:PutRolePermissionsBoundary";
  struct In {
    std::string role, arn;
  };
  using Out = Nothing;
  static json::value audit(const Request& request) { return shown(request); }
  static Result<In> parse(const Request& request);
  // iam:PermissionsBoundary is the policy that the role is to get.
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct DeleteRolePermissionsBoundary : RoleOperation {
  static constexpr std::string_view name = "DeleteRolePermissionsBoundary",
                                    action = "iam:DeleteRolePermissionsBoundary";
  using Out = Nothing;
  static Result<In> parse(const Request& request) { return GetRole::parse(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{bounded_role_need(action, in.name, s)};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};

}  // namespace sluice::iam
