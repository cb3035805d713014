// SPDX-License-Identifier: Apache-2.0
#include "services/iam/attachments.h"

#include <algorithm>
#include <set>

namespace sluice::iam {

// The commit fails when the policy that was looked at, or the role, is deleted meanwhile.
// DeletePolicy for its part expects that there is no attachment.
Result<Nothing> AttachRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  auto role = staged.get(role_key(in->role));
  if (!role) return no_such_role(in->role);
  CHECK(check_attachable(in->arn, staged));
  std::vector<std::string>& attached = role->attached;
  if (std::find(attached.begin(), attached.end(), in->arn) != attached.end()) return Nothing{};
  if (attached.size() >= kAttachedPoliciesMax)
    return Error{409,
                 "LimitExceeded",
                 "Cannot exceed quota for PoliciesPerRole: " + std::to_string(kAttachedPoliciesMax),
                 {}};
  const auto place = std::find_if(attached.begin(), attached.end(), [&](const std::string& other) {
    return place_of(other) > place_of(in->arn);
  });
  attached.insert(place, in->arn);
  staged.put(role_key(in->role), *role);
  staged.put(attachment_key(in->arn, in->role), "");
  return Nothing{};
}
Result<Nothing> DetachRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  auto role = staged.get(role_key(in->role));
  if (!role) return no_such_role(in->role);
  if (std::erase(role->attached, in->arn) == 0) return no_such_policy(in->arn);
  staged.put(role_key(in->role), *role);
  staged.erase(attachment_key(in->arn, in->role));
  return Nothing{};
}

Result<ListAttachedRolePolicies::In> ListAttachedRolePolicies::parse(const Request& request) {
  In in;
  TRY(in.role, role_name_of(request));
  TRY(in.path_prefix, path_prefix_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<ListAttachedRolePolicies::Out> ListAttachedRolePolicies::run(const Authorized<In>& in,
                                                                    const Snapshot& snapshot) {
  const auto role = snapshot.get(role_key(in->role));
  if (!role) return no_such_role(in->role);
  Out out;
  for (const std::string& arn : role->attached) {
    if (place_of(arn) <= in->page.marker || !path_in(arn).starts_with(in->path_prefix)) continue;
    if (out.arns.size() == in->page.max) {
      out.next = place_of(out.arns.back());
      break;
    }
    out.arns.push_back(arn);
  }
  return out;
}
Response ListAttachedRolePolicies::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("AttachedPolicies");
  for (const std::string& arn : out.arns)
    xml.open("member")
        .element("PolicyName", name_in(arn))
        .element("PolicyArn", arn)
        .close("member");
  xml.close("AttachedPolicies");
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

Result<EntitiesIn> ListEntitiesForPolicy::parse(const Request& request) {
  In in;
  TRY(in.arn, policy_arn_of(request));
  if (const std::string* filter = request.query_value("EntityFilter")) {
    constexpr std::string_view kOther[] = {"User", "Group", "LocalManagedPolicy",
                                           "AWSManagedPolicy"};
    in.none = std::find(std::begin(kOther), std::end(kOther), *filter) != std::end(kOther);
    if (!in.none && *filter != "Role")
      return Error{400,
                   "ValidationError",
                   "1 validation error detected: Value '" + filter->substr(0, 20) +
                       "' at 'entityFilter' failed to satisfy constraint: Member must satisfy enum "
                       "value set: [User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]",
                   {}};
  }
  TRY(in.usage, usage_filter_of(request));
  TRY(in.path_prefix, path_prefix_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<ListEntitiesForPolicy::Out> ListEntitiesForPolicy::run(const Authorized<In>& in,
                                                              const Snapshot& snapshot) {
  if (!find_policy(snapshot, in->arn)) return no_such_policy(in->arn);
  Out out;
  if (in->none) return out;
  // A role that has the policy in both ways comes once.
  std::set<std::string> names;
  const auto take = [&](std::string_view key, std::string_view) {
    names.insert(schema::parts(key).at(1));
    return true;
  };
  if (in->usage != Usage::boundary) snapshot.scan(attachments_prefix(in->arn), "", false, take);
  if (in->usage != Usage::permissions) snapshot.scan(boundaries_prefix(in->arn), "", false, take);
  for (auto next = names.upper_bound(in->page.marker); next != names.end(); ++next) {
    const auto role = snapshot.get(role_key(*next));
    if (!role || !role->path.starts_with(in->path_prefix)) continue;
    if (out.roles.size() == in->page.max) {
      out.next = out.roles.back().first;
      break;
    }
    out.roles.emplace_back(role->name, role->id);
  }
  return out;
}
Response ListEntitiesForPolicy::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("PolicyRoles");
  for (const auto& [role, id] : out.roles)
    xml.open("member").element("RoleName", role).element("RoleId", id).close("member");
  xml.close("PolicyRoles");
  xml.open("PolicyUsers").close("PolicyUsers").open("PolicyGroups").close("PolicyGroups");
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

}  // namespace sluice::iam
