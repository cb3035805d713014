// SPDX-License-Identifier: Apache-2.0
#include "services/iam/boundaries.h"

namespace sluice::iam {

// The commit fails when the policy that was looked at is deleted meanwhile. DeletePolicy for its
// part expects that it is nobody's boundary.
Result<Done> set_boundary(Role& role, const std::string& arn, Staged& staged) {
  CHECK(check_attachable(arn, staged));
  if (!role.boundary.empty()) staged.erase(boundary_key(role.boundary, role.name));
  role.boundary = arn;
  staged.put(boundary_key(arn, role.name), "");
  return Done{};
}

Result<PutRolePermissionsBoundary::In> PutRolePermissionsBoundary::parse(const Request& request) {
  In in;
  TRY(in.role, role_name_of(request));
  TRY(in.arn, policy_arn_of(request, "PermissionsBoundary"));
  return in;
}
Result<std::vector<Need>> PutRolePermissionsBoundary::needs(const In& in, const Snapshot& s) {
  Need need = role_need(action, in.role, s);
  need.context["iam:permissionsboundary"] = {in.arn};
  return std::vector<Need>{std::move(need)};
}
Result<Nothing> PutRolePermissionsBoundary::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  auto role = staged.get(role_key(in->role));
  if (!role) return no_such_role(in->role);
  CHECK(set_boundary(*role, in->arn, staged));
  staged.put(role_key(in->role), *role);
  return Nothing{};
}

Result<Nothing> DeleteRolePermissionsBoundary::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  auto role = staged.get(role_key(in->name));
  if (!role) return no_such_role(in->name);
  if (role->boundary.empty())
    return Error{404,
                 "NoSuchEntity",
                 "The role with name " + in->name + " does not have a permissions boundary.",
                 {}};
  staged.erase(boundary_key(role->boundary, in->name));
  role->boundary.clear();
  staged.put(role_key(in->name), *role);
  return Nothing{};
}

}  // namespace sluice::iam
