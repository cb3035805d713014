// SPDX-License-Identifier: Apache-2.0
#pragma once
// Roles: CreateRole, GetRole, ListRoles, DeleteRole, UpdateRole, UpdateAssumeRolePolicy; and what
// other operations on roles share with them.
//
//   constexpr auto rows = table<CreateRole, GetRole, ListRoles, DeleteRole>();   // iam.cc
#include "base/xml.h"
#include "request/audit.h"
#include "services/iam/iam.h"
#include "services/iam/records.h"
#include "services/iam/tags.h"

namespace sluice::iam {

inline Error no_such_role(const std::string& name) {
  return {404, "NoSuchEntity", "The role with name " + name + " cannot be found.", {}};
}
// 1 to `max` of [\w+=,.@-].
bool is_name(std::string_view text, size_t max);
bool is_path(std::string_view path);  // begins and ends with /
Result<Done> check_description(const std::string& text);
Result<std::string> role_name_of(const Request& request);    // RoleName: 1 to 64 characters
Result<std::string> policy_name_of(const Request& request);  // PolicyName: 1 to 128
Result<std::string> path_of(const Request& request);         // Path; "/" when absent
Result<bool> flag_of(const Request& request, std::string_view field);  // false when absent
// PolicyUsageFilter: policies that are attached, policies that are permissions boundaries, or both.
enum class Usage { any, permissions, boundary };
Result<Usage> usage_filter_of(const Request& request);
std::string role_arn(const Snapshot& snapshot, const std::string& name);
// Fails for the operator's own role.
Result<Done> may_change(const std::string& role);
// All but white space, as AWS's quotas count it.
size_t policy_size(std::string_view text);
// The policy document of a request. It is refused, as on AWS, when it has characters that no policy
// may have.
Result<std::string> document_of(const Request& request, std::string_view field);

// Which page a List call asks for. Marker is where the page before ended; MaxItems is 1 to 1000,
// and 100 when it is absent.
struct PageIn {
  std::string marker;
  size_t max = kPageDefault;
};
Result<PageIn> page_of(const Request& request);
Result<std::string> path_prefix_of(const Request& request);  // PathPrefix; "/" when absent
Result<Done> assignment_status_of(const Request& request);   // AssignmentStatus, when it is there
void end_page(XmlWriter& xml, const std::string& next_marker);  // writes IsTruncated and Marker

struct LastUse {
  std::optional<Time> at;
  std::string region;
};
// RoleLastUsed, which is empty for a role that nobody has used.
void write_last_use(XmlWriter& xml, const LastUse& use);

struct RoleIn {
  std::string name, trust, description, path, boundary;
  Tags tags;
  int64_t max_session_s = 3600;
  bool has_description = false, has_max_session = false;
};
struct RoleOut {
  Role role;
  std::optional<LastUse> last_use = {};  // only of the answers that tell it
};
// What all answers tell of a role; then what CreateRole and GetRole tell besides, and ListRoles
// does not.
void write_role(XmlWriter& xml, const Role& role);
void write_boundary_and_tags(XmlWriter& xml, const Role& role);
// Name and text of each of its own policies.
std::vector<std::pair<std::string, std::string>> inline_policies_of(const Snapshot& snapshot,
                                                                    std::string_view role);
// Of the role that will be kept: its boundary must be a policy that there is.
Result<Done> set_boundary(Role& role, const std::string& policy_arn, Staged& staged);
struct RolesOut {
  std::vector<Role> roles;
  std::string next;
};
struct Nothing {};

// requestParameters: all but what may be a secret (Password, certificates).
json::value shown(const Request& request);
struct RoleOperation {
  using In = RoleIn;
  static json::value audit(const Request& request) { return shown(request); }
};
// What a call asks of a role that there may be: with the condition keys of its tags.
Need role_need(std::string_view action, const std::string& role, const Snapshot& snapshot);
// The same of a call that changes what the role may do: with iam:PermissionsBoundary too.
Need bounded_role_need(std::string_view action, const std::string& role, const Snapshot& snapshot);
template <class Op>
std::vector<Need> role_needs(const RoleIn& in, const Snapshot& s) {
  return {role_need(Op::action, in.name, s)};
}

struct CreateRole : RoleOperation {
  static constexpr std::string_view name = "CreateRole", action = "iam:CreateRole";
  using Out = RoleOut;
  static Result<In> parse(const Request& request);
  // The need has the path that the role will have. With tags it needs iam:TagRole besides.
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit_result(const Out& out);
};
struct GetRole : RoleOperation {
  static constexpr std::string_view name = "GetRole", action = "iam:GetRole";
  using Out = RoleOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return role_needs<GetRole>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct ListRoles {
  static constexpr std::string_view name = "ListRoles", action = "iam:ListRoles";
  struct In {
    std::string path_prefix;
    PageIn page;
  };
  using Out = RolesOut;
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{
        {"iam:ListRoles", iam_arn(s.scope(), "role" + in.path_prefix), {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct DeleteRole : RoleOperation {
  static constexpr std::string_view name = "DeleteRole", action = "iam:DeleteRole";
  using Out = Nothing;
  static Result<In> parse(const Request& request) { return GetRole::parse(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return role_needs<DeleteRole>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct UpdateRole : RoleOperation {
  static constexpr std::string_view name = "UpdateRole", action = "iam:UpdateRole";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return role_needs<UpdateRole>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct UpdateAssumeRolePolicy : RoleOperation {
  static constexpr std::string_view name = "UpdateAssumeRolePolicy",
                                    action = "iam:UpdateAssumeRolePolicy";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return role_needs<UpdateAssumeRolePolicy>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};

}  // namespace sluice::iam
