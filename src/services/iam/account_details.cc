// SPDX-License-Identifier: Apache-2.0
#include "services/iam/account_details.h"

#include "request/principals.h"
#include "request/query_list.h"

namespace sluice::iam {
namespace {
constexpr size_t kFilterMax = 10;
// A page begins after a role or after a policy: its Marker is one of these and the place.
constexpr std::string_view kAfterRole = "role/", kAfterPolicy = "policy/";

void write_role_detail(XmlWriter& xml, const GetAccountAuthorizationDetails::RoleDetail& detail) {
  xml.open("member");
  write_role(xml, detail.role);
  write_boundary_and_tags(xml, detail.role);
  write_last_use(xml, detail.last_use);
  xml.open("InstanceProfileList").close("InstanceProfileList").open("RolePolicyList");
  for (const auto& [name, text] : detail.inline_policies)
    xml.open("member")
        .element("PolicyName", name)
        .element("PolicyDocument", percent_encode(text))
        .close("member");
  xml.close("RolePolicyList").open("AttachedManagedPolicies");
  for (const std::string& arn : detail.role.attached)
    xml.open("member")
        .element("PolicyName", name_in(arn))
        .element("PolicyArn", arn)
        .close("member");
  xml.close("AttachedManagedPolicies").close("member");
}
void write_policy_detail(XmlWriter& xml, const PolicyOut& detail) {
  const ManagedPolicy& policy = detail.policy;
  xml.open("member");
  write_policy(xml, detail);
  if (!policy.description.empty()) xml.element("Description", policy.description);
  xml.open("PolicyVersionList");
  for (auto version = policy.versions.rbegin(); version != policy.versions.rend(); ++version)
    xml.open("member")
        .element("Document", percent_encode(version->document.text()))
        .element("VersionId", version_id(version->number))
        .element("IsDefaultVersion", version->number == policy.default_version ? "true" : "false")
        .element("CreateDate", iso_seconds(version->created))
        .close("member");
  xml.close("PolicyVersionList").close("member");
}
}  // namespace

json::value GetAccountAuthorizationDetails::audit(const Request& request) {
  json::value fields = shown_fields(request, {"Marker", "MaxItems"});
  json::array filter;
  if (const auto given = list_members(request, "Filter", kFilterMax))
    for (const ListMember& one : *given)
      if (const auto text = one.find(""); text != one.end()) filter.emplace_back(text->second);
  if (filter.empty()) return fields;
  if (!fields.is_object()) fields = json::object{};
  fields.as_object()["filter"] = std::move(filter);
  return fields;
}

Result<GetAccountAuthorizationDetails::In> GetAccountAuthorizationDetails::parse(
    const Request& request) {
  In in;
  TRY(in.page, page_of(request));
  TRY(const auto filter, list_members(request, "Filter", kFilterMax));
  if (!filter.empty()) in.roles = in.own_policies = in.aws_policies = false;
  for (const ListMember& one : filter) {
    const auto text = one.find("");
    const std::string wanted = text == one.end() ? "" : text->second;
    if (wanted == "Role") {
      in.roles = true;
    } else if (wanted == "LocalManagedPolicy") {
      in.own_policies = true;
    } else if (wanted == "AWSManagedPolicy") {
      in.aws_policies = true;
    } else if (wanted != "User" && wanted != "Group") {
      return Error{400,
                   "ValidationError",
                   "1 validation error detected: Value '" + wanted.substr(0, 20) +
                       "' at 'filter' failed to satisfy constraint: Member must satisfy enum "
                       "value set: [User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]",
                   {}};
    }
  }
  return in;
}

Result<GetAccountAuthorizationDetails::Out> GetAccountAuthorizationDetails::run(
    const Authorized<In>& in, const Snapshot& snapshot) {
  Out out;
  const std::string& marker = in->page.marker;
  const auto after = [&](std::string_view kind) {
    return marker.starts_with(kind) ? marker.substr(kind.size()) : std::string();
  };
  const std::string after_role = after(kAfterRole), after_policy = after(kAfterPolicy);
  const auto is_full = [&] { return out.roles.size() + out.policies.size() == in->page.max; };
  const auto end_here = [&] {
    out.next = out.policies.empty()
                   ? std::string(kAfterRole) + out.roles.back().role.name
                   : std::string(kAfterPolicy) + place_of(out.policies.back().policy.arn);
    return false;
  };
  if (in->roles && after_policy.empty())
    snapshot.scan(
        RecordPrefix<Role>{}, after_role.empty() ? "" : role_key(after_role).bytes, false,
        [&](std::string_view, Role role) {
          if (role.name == after_role) return true;
          if (is_full()) return end_here();
          role.trust = show_principals(role.trust.text(), *in.ports().identities, snapshot);
          out.roles.push_back(
              {role,
               inline_policies_of(snapshot, role.name),
               {in.ports().identities->last_use(role.id, snapshot), snapshot.scope().region}});
          return true;
        });
  const auto take = [&](const ManagedPolicy& policy) {
    if (!after_policy.empty() && place_of(policy.arn) <= after_policy) return true;
    PolicyOut found{policy, attachments_of(snapshot, policy.arn),
                    boundaries_of(snapshot, policy.arn)};
    if (is_aws_policy(policy.arn) && found.attachments + found.boundaries == 0) return true;
    if (is_full()) return end_here();
    out.policies.push_back(std::move(found));
    return true;
  };
  if (out.next.empty() && in->own_policies && !after_policy.starts_with('~'))
    snapshot.scan(RecordPrefix<ManagedPolicy>{},
                  after_policy.empty() ? "" : managed_key(after_policy).bytes, false,
                  [&](std::string_view, const ManagedPolicy& policy) { return take(policy); });
  for (const auto& policy : aws_policies())
    if (!in->aws_policies || !out.next.empty() || !take(*policy)) break;
  return out;
}

Response GetAccountAuthorizationDetails::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("UserDetailList").close("UserDetailList");
  xml.open("GroupDetailList").close("GroupDetailList").open("RoleDetailList");
  for (const RoleDetail& detail : out.roles) write_role_detail(xml, detail);
  xml.close("RoleDetailList").open("Policies");
  for (const PolicyOut& detail : out.policies) write_policy_detail(xml, detail);
  xml.close("Policies");
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

}  // namespace sluice::iam
