// SPDX-License-Identifier: Apache-2.0
#include "services/iam/roles.h"

#include "base/bytes.h"
#include "base/random.h"
#include "policy/policy_text.h"
#include "request/principals.h"
#include "services/iam/managed.h"

namespace sluice::iam {
namespace {
constexpr char kRoleType[] = "AWS::IAM::Role";
// The trust policy as it is stored: its roles pinned to their ids.
Result<std::string> checked_trust(const std::string& trust, const Ports& ports,
                                  const Snapshot& snapshot) {
  if (policy_size(trust) > kTrustPolicyBytesMax)
    return Error{409,
                 "LimitExceeded",
                 "Cannot exceed quota for ACLSizePerRole: " + std::to_string(kTrustPolicyBytesMax),
                 {}};
  CHECK(policy::parse(trust, policy::Kind::trust));
  return pin_principals(trust, *ports.identities, snapshot);
}
Result<int64_t> max_session_of(const Request& request) {
  const auto value = parse_int(request.query_text("MaxSessionDuration"));
  if (!value || *value < 3600 || *value > 43200)
    return Error{400, "ValidationError", "MaxSessionDuration must be 3600 to 43200 seconds", {}};
  return *value;
}
}  // namespace

void write_role(XmlWriter& xml, const Role& role) {
  xml.element("Path", role.path)
      .element("RoleName", role.name)
      .element("RoleId", role.id)
      .element("Arn", role.arn);
  xml.element("CreateDate", iso_seconds(role.created))
      .element("AssumeRolePolicyDocument", percent_encode(role.trust.text()));
  if (!role.description.empty()) xml.element("Description", role.description);
  xml.element("MaxSessionDuration", std::to_string(role.max_session_s));
}
void write_boundary_and_tags(XmlWriter& xml, const Role& role) {
  if (!role.boundary.empty())
    xml.open("PermissionsBoundary")
        .element("PermissionsBoundaryType", "Policy")
        .element("PermissionsBoundaryArn", role.boundary)
        .close("PermissionsBoundary");
  if (!role.tags.empty()) write_tags(xml, role.tags);
}

void write_last_use(XmlWriter& xml, const LastUse& use) {
  xml.open("RoleLastUsed");
  if (use.at) xml.element("LastUsedDate", iso_seconds(*use.at)).element("Region", use.region);
  xml.close("RoleLastUsed");
}

bool is_name(std::string_view text, size_t max) {
  return !text.empty() && text.size() <= max &&
         text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-") == text.npos;
}
bool is_role_name(std::string_view text) { return is_name(text, kRoleNameMax); }
bool is_path(std::string_view path) {
  if (path.empty() || path.size() > kPathMax || path.front() != '/' || path.back() != '/')
    return false;
  for (const char c : path)
    if (c < '!' || c > '~') return false;
  return true;
}
Result<Done> check_description(const std::string& text) {
  bool printable = is_utf8(text);
  for (const char c : text)
    printable =
        printable && (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r');
  if (!printable || text.size() > kDescriptionMax)
    return Error{
        400,
        "ValidationError",
        "The specified value for description is invalid: at most 1000 printable characters",
        {}};
  return Done{};
}
Result<std::string> policy_name_of(const Request& request) {
  const std::string name = request.query_text("PolicyName");
  if (!is_name(name, kPolicyNameMax))
    return Error{400,
                 "ValidationError",
                 "The specified value for policyName is invalid: 1 to 128 of alphanumeric "
                 "characters and +=,.@_-",
                 {}};
  return name;
}
Result<std::string> path_of(const Request& request) {
  const std::string path = request.query_value("Path") ? request.query_text("Path") : "/";
  if (!is_path(path))
    return Error{400,
                 "ValidationError",
                 "The specified value for path is invalid. It must begin and end with / and "
                 "contain only alphanumeric characters and/or / characters.",
                 {}};
  return path;
}
Result<bool> flag_of(const Request& request, std::string_view field) {
  const std::string* text = request.query_value(field);
  if (!text || *text == "false") return false;
  if (*text == "true") return true;
  return Error{400, "ValidationError", std::string(field) + " must be true or false", {}};
}
Result<Usage> usage_filter_of(const Request& request) {
  const std::string* filter = request.query_value("PolicyUsageFilter");
  if (!filter) return Usage::any;
  if (*filter == "PermissionsPolicy") return Usage::permissions;
  if (*filter == "PermissionsBoundary") return Usage::boundary;
  return Error{400,
               "ValidationError",
               "1 validation error detected: Value '" + filter->substr(0, 20) +
                   "' at 'policyUsageFilter' failed to satisfy constraint: Member must satisfy "
                   "enum value set: [PermissionsPolicy, PermissionsBoundary]",
               {}};
}

json::value shown(const Request& request) {
  json::value fields = shown_fields(request, {"RoleName",          "Path",
                                              "PathPrefix",        "AssumeRolePolicyDocument",
                                              "Description",       "MaxSessionDuration",
                                              "PolicyName",        "PolicyDocument",
                                              "PolicyArn",         "VersionId",
                                              "SetAsDefault",      "Scope",
                                              "OnlyAttached",      "EntityFilter",
                                              "PolicyUsageFilter", "PermissionsBoundary",
                                              "UserName",          "GroupName",
                                              "AccessKeyId",       "Status",
                                              "ServiceName",       "Marker",
                                              "MaxItems",          "AssignmentStatus"});
  json::array tags, keys;
  if (const auto given = tags_of(request)) tags = shown_tags(*given);
  if (const auto given = tag_keys_of(request))
    for (const std::string& key : *given) keys.push_back(json::value(key));
  if (!fields.is_object() && (!tags.empty() || !keys.empty())) fields = json::object{};
  if (!tags.empty()) fields.as_object()["tags"] = std::move(tags);
  if (!keys.empty()) fields.as_object()["tagKeys"] = std::move(keys);
  return fields;
}

Result<std::string> role_name_of(const Request& request) {
  const std::string name = request.query_text("RoleName");
  if (!is_role_name(name))
    return Error{400,
                 "ValidationError",
                 "The specified value for roleName is invalid. It must contain only alphanumeric "
                 "characters and/or the following: +=,.@_-, and have 1 to 64 of them",
                 {}};
  return name;
}
std::string role_arn(const Snapshot& snapshot, const std::string& name) {
  const auto role = snapshot.get(role_key(name));
  return role ? role->arn : iam_arn(snapshot.scope(), "role/" + name);
}
Need role_need(std::string_view action, const std::string& name, const Snapshot& snapshot) {
  Need need{std::string(action), role_arn(snapshot, name), {}, {}, kRoleType};
  if (const auto role = snapshot.get(role_key(name))) add_resource_tags(need.context, role->tags);
  return need;
}
Need bounded_role_need(std::string_view action, const std::string& name, const Snapshot& snapshot) {
  Need need = role_need(action, name, snapshot);
  const auto role = snapshot.get(role_key(name));
  if (role && !role->boundary.empty()) need.context["iam:permissionsboundary"] = {role->boundary};
  return need;
}
Result<Done> may_change(const std::string& role) {
  if (role == kOperatorRole)
    return Error{400,
                 "UnmodifiableEntity",
                 "The role sluice-operator belongs to the server and cannot be changed.",
                 {}};
  return Done{};
}

std::vector<std::pair<std::string, std::string>> inline_policies_of(const Snapshot& snapshot,
                                                                    std::string_view role) {
  std::vector<std::pair<std::string, std::string>> policies;
  snapshot.scan(schema::prefix(Family::meta, "iam.role-policy", {role}), "", false,
                [&](std::string_view key, std::string_view value) {
                  policies.emplace_back(schema::parts(key).at(1), value);
                  return true;
                });
  return policies;
}

size_t policy_size(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += c != ' ' && c != '\t' && c != '\n' && c != '\r';
  return count;
}
Result<std::string> document_of(const Request& request, std::string_view field) {
  std::string member(field);
  member[0] = static_cast<char>(member[0] + 32);
  const std::string* text = request.query_value(field);
  if (!text || text->empty())
    return Error{400,
                 "ValidationError",
                 "1 validation error detected: Value null at '" + member +
                     "' failed to satisfy constraint: Member must not be null",
                 {}};
  if (!policy::is_policy_text(*text))
    return Error{400,
                 "ValidationError",
                 "The specified value for " + member +
                     " is invalid. It must contain only printable ASCII characters.",
                 {}};
  return *text;
}
Result<PageIn> page_of(const Request& request) {
  PageIn page{request.query_text("Marker"), kPageDefault};
  if (request.query_value("Marker") &&
      (page.marker.empty() || page.marker.size() > kMarkerBytesMax))
    return Error{400, "ValidationError", "The Marker is not one that a call before this gave", {}};
  if (const std::string* text = request.query_value("MaxItems")) {
    const auto max = parse_int(*text);
    if (!max || *max < 1 || *max > static_cast<int64_t>(kPageMax))
      return Error{400,
                   "ValidationError",
                   "1 validation error detected: Value '" + text->substr(0, 20) +
                       "' at 'maxItems' failed to satisfy constraint: Member must have value "
                       "between 1 and 1000",
                   {}};
    page.max = static_cast<size_t>(*max);
  }
  return page;
}
void end_page(XmlWriter& xml, const std::string& next_marker) {
  xml.element("IsTruncated", next_marker.empty() ? "false" : "true");
  if (!next_marker.empty()) xml.element("Marker", next_marker);
}

Result<RoleIn> CreateRole::parse(const Request& request) {
  TRY(auto in, GetRole::parse(request));
  TRY(in.trust, document_of(request, "AssumeRolePolicyDocument"));
  in.description = request.query_text("Description");
  CHECK(check_description(in.description));
  TRY(in.path, path_of(request));
  if (request.query_value("MaxSessionDuration")) {
    TRY(in.max_session_s, max_session_of(request));
  }
  if (request.query_value("PermissionsBoundary")) {
    TRY(in.boundary, policy_arn_of(request, "PermissionsBoundary"));
  }
  TRY(in.tags, optional_tags_of(request));
  return in;
}
Result<std::vector<Need>> CreateRole::needs(const In& in, const Snapshot& s) {
  Need create{
      std::string(action), iam_arn(s.scope(), "role" + in.path + in.name), {}, {}, kRoleType};
  add_request_tags(create.context, in.tags);
  std::vector<Need> needs{create};
  if (!in.boundary.empty()) needs[0].context["iam:permissionsboundary"] = {in.boundary};
  if (!in.tags.empty()) {
    needs.push_back(std::move(create));
    needs.back().action = "iam:TagRole";
    needs.back().resource_type = "";
  }
  return needs;
}
Result<RoleOut> CreateRole::run(const Authorized<In>& in, Staged& staged) {
  TRY(const std::string trust, checked_trust(in->trust, in.ports(), staged.snapshot()));
  if (staged.get(role_key(in->name)))
    return Error{409, "EntityAlreadyExists", "Role with name " + in->name + " already exists.", {}};
  Role role{.name = in->name,
            .path = in->path,
            .id = "AROA" + random_upper(17),
            .arn = iam_arn(staged.snapshot().scope(), "role" + in->path + in->name),
            .created = in.time(),
            .trust = trust,
            .description = in->description,
            .max_session_s = in->max_session_s,
            .tags = in->tags};
  if (!in->boundary.empty()) CHECK(set_boundary(role, in->boundary, staged));
  staged.put(role_key(in->name), role);
  role.trust = in->trust;
  return RoleOut{std::move(role)};
}
Response CreateRole::render(const Out& out) { return GetRole::render(out); }
json::value CreateRole::audit_result(const Out& out) {
  const Role& role = out.role;
  json::object shown{{"path", role.path},
                     {"roleName", role.name},
                     {"roleId", role.id},
                     {"arn", role.arn},
                     {"createDate", long_date(role.created)},
                     {"assumeRolePolicyDocument", percent_encode(role.trust.text())},
                     {"maxSessionDuration", role.max_session_s}};
  if (!role.description.empty()) shown["description"] = role.description;
  if (!role.boundary.empty())
    shown["permissionsBoundary"] = json::object{{"permissionsBoundaryType", "Policy"},
                                                {"permissionsBoundaryArn", role.boundary}};
  if (!role.tags.empty()) shown["tags"] = shown_tags(role.tags);
  return json::object{{"role", std::move(shown)}};
}

Result<RoleIn> GetRole::parse(const Request& request) {
  RoleIn in;
  TRY(in.name, role_name_of(request));
  return in;
}
Result<RoleOut> GetRole::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto stored = snapshot.get(role_key(in->name));
  if (!stored) return no_such_role(in->name);
  RoleOut out{*stored};
  out.last_use =
      LastUse{in.ports().identities->last_use(stored->id, snapshot), snapshot.scope().region};
  out.role.trust = show_principals(stored->trust.text(), *in.ports().identities, snapshot);
  return out;
}
Response GetRole::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Role");
  write_role(xml, out.role);
  write_boundary_and_tags(xml, out.role);
  if (out.last_use) write_last_use(xml, *out.last_use);
  xml.close("Role");
  return {200, {}, xml.take(), nullptr, 0};
}

Result<std::string> path_prefix_of(const Request& request) {
  const std::string* given = request.query_value("PathPrefix");
  if (!given) return std::string("/");
  if (given->empty() || given->size() > kPathMax || given->front() != '/')
    return Error{400,
                 "ValidationError",
                 "The specified value for pathPrefix is invalid. It must begin with /",
                 {}};
  return *given;
}
Result<Done> assignment_status_of(const Request& request) {
  const std::string* given = request.query_value("AssignmentStatus");
  if (given && *given != "Assigned" && *given != "Unassigned" && *given != "Any")
    return Error{400,
                 "ValidationError",
                 "The specified value for assignmentStatus is invalid: Assigned, Unassigned or Any",
                 {}};
  return Done{};
}
Result<ListRoles::In> ListRoles::parse(const Request& request) {
  In in;
  TRY(in.path_prefix, path_prefix_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<RolesOut> ListRoles::run(const Authorized<In>& in, const Snapshot& snapshot) {
  RolesOut out;
  snapshot.scan(RecordPrefix<Role>{},
                in->page.marker.empty() ? "" : role_key(in->page.marker).bytes, false,
                [&](std::string_view, Role role) {
                  if (role.name == in->page.marker || !role.path.starts_with(in->path_prefix))
                    return true;
                  if (out.roles.size() == in->page.max) {
                    out.next = out.roles.back().name;
                    return false;
                  }
                  role.trust = show_principals(role.trust.text(), *in.ports().identities, snapshot);
                  out.roles.push_back(std::move(role));
                  return true;
                });
  return out;
}
Response ListRoles::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Roles");
  for (const Role& role : out.roles) {
    xml.open("member");
    write_role(xml, role);
    xml.close("member");
  }
  xml.close("Roles");
  end_page(xml, out.next);
  return {200, {}, xml.take(), nullptr, 0};
}

Result<Nothing> DeleteRole::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  const auto role = staged.look(role_key(in->name));
  if (!role) return no_such_role(in->name);
  if (!role->attached.empty())
    return Error{
        409, "DeleteConflict", "Cannot delete entity, must detach all policies first.", {}};
  bool has_policies = false;
  staged.snapshot().scan(schema::prefix(Family::meta, "iam.role-policy", {in->name}), "", false,
                         [&](std::string_view, std::string_view) {
                           has_policies = true;
                           return false;
                         });
  if (has_policies)
    return Error{409, "DeleteConflict", "Cannot delete entity, must delete policies first.", {}};
  staged.expect_empty(schema::prefix(Family::meta, "iam.role-policy", {in->name}));
  if (!role->boundary.empty()) staged.erase(boundary_key(role->boundary, in->name));
  staged.erase(role_key(in->name));
  if (staged.get(last_use_key(role->id))) staged.erase(last_use_key(role->id));
  return Nothing{};
}

Result<RoleIn> UpdateRole::parse(const Request& request) {
  TRY(auto in, GetRole::parse(request));
  in.has_description = request.query_value("Description");
  in.description = request.query_text("Description");
  CHECK(check_description(in.description));
  in.has_max_session = request.query_value("MaxSessionDuration");
  if (in.has_max_session) {
    TRY(in.max_session_s, max_session_of(request));
  }
  return in;
}
Result<Nothing> UpdateRole::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  auto role = staged.get(role_key(in->name));
  if (!role) return no_such_role(in->name);
  if (in->has_description) role->description = in->description;
  if (in->has_max_session) role->max_session_s = in->max_session_s;
  staged.put(role_key(in->name), *role);
  return Nothing{};
}

Result<RoleIn> UpdateAssumeRolePolicy::parse(const Request& request) {
  TRY(auto in, GetRole::parse(request));
  TRY(in.trust, document_of(request, "PolicyDocument"));
  return in;
}
Result<Nothing> UpdateAssumeRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  auto role = staged.get(role_key(in->name));
  if (!role) return no_such_role(in->name);
  TRY(role->trust, checked_trust(in->trust, in.ports(), staged.snapshot()));
  staged.put(role_key(in->name), *role);
  return Nothing{};
}

}  // namespace sluice::iam
