#include "services/iam/roles.h"

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::iam {
namespace {
bool is_name(std::string_view text, size_t max) {
  return !text.empty() && text.size() <= max && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-") == text.npos;
}
Result<Done> check_trust(const std::string& trust) {
  if (trust.size() > kTrustPolicyBytesMax) return Error{409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: " + std::to_string(kTrustPolicyBytesMax), {}};
  CHECK(policy::parse(trust, policy::Kind::trust));
  return Done{};
}
void write_role(XmlWriter& xml, const json::object& role) {
  xml.element("Path", text_of(role, "Path")).element("RoleName", text_of(role, "RoleName")).element("RoleId", text_of(role, "RoleId")).element("Arn", text_of(role, "Arn"));
  xml.element("CreateDate", iso_seconds(int_of(role, "CreateDate"))).element("AssumeRolePolicyDocument", percent_encode(text_of(role, "Trust")));
  if (const std::string text = text_of(role, "Description"); !text.empty()) xml.element("Description", text);
  xml.element("MaxSessionDuration", std::to_string(int_of(role, "MaxSession", 3600)));
}
Result<int64_t> max_session_of(const Request& request) {
  const auto value = parse_int(request.query_text("MaxSessionDuration"));
  if (!value || *value < 3600 || *value > 43200) return Error{400, "ValidationError", "MaxSessionDuration must be 3600 to 43200 seconds", {}};
  return *value;
}
}  // namespace

Result<std::string> role_name_of(const Request& request) {
  const std::string name = request.query_text("RoleName");
  if (!is_name(name, kRoleNameMax)) return Error{400, "ValidationError", "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-, and have 1 to 64 of them", {}};
  return name;
}
std::string role_arn(const Snapshot& snapshot, const std::string& name) {
  const auto role = snapshot.get_json(role_key(name));
  return role ? text_of(*role, "Arn") : iam_arn(snapshot.scope(), "role/" + name);
}
Result<Done> may_change(const std::string& role) {
  if (role == kOperatorRole) return Error{400, "UnmodifiableEntity", "The role sluice-operator belongs to the server and cannot be changed.", {}};
  return Done{};
}

Result<RoleIn> CreateRole::parse(const Request& request) {
  TRY(auto in, UpdateAssumeRolePolicy::parse(request));
  in.description = request.query_text("Description");
  in.path = request.query_value("Path") ? request.query_text("Path") : "/";
  if (in.description.size() > 1000) return Error{400, "ValidationError", "Description must have at most 1000 characters", {}};
  if (in.path.empty() || in.path.size() > 512 || in.path.front() != '/' || in.path.back() != '/') return Error{400, "ValidationError", "Path must begin and end with /", {}};
  if (request.query_value("MaxSessionDuration")) { TRY(in.max_session_s, max_session_of(request)); }
  if (request.query_value("PermissionsBoundary")) return Error{400, "InvalidInput", "Sluice has no permissions boundaries yet.", {}};
  return in;
}
Result<RoleOut> CreateRole::run(const Authorized<In>& in, Staged& staged) {
  CHECK(check_trust(in->trust));
  if (staged.get(role_key(in->name))) return Error{409, "EntityAlreadyExists", "Role with name " + in->name + " already exists.", {}};
  json::object role{{"RoleName", in->name}, {"Path", in->path}, {"RoleId", "AROA" + random_upper(17)}, {"Arn", iam_arn(staged.snapshot().scope(), "role" + in->path + in->name)},
                    {"CreateDate", in.time()}, {"Trust", in->trust}, {"Description", in->description}, {"MaxSession", in->max_session_s}};
  staged.put_json(role_key(in->name), role);
  return RoleOut{std::move(role)};
}
Response CreateRole::render(const Out& out) { return GetRole::render(out); }

Result<RoleIn> GetRole::parse(const Request& request) {
  RoleIn in;
  TRY(in.name, role_name_of(request));
  return in;
}
Result<RoleOut> GetRole::run(const Authorized<In>& in, const Snapshot& snapshot) {
  auto role = snapshot.get_json(role_key(in->name));
  if (!role) return no_such_role(in->name);
  return RoleOut{*std::move(role)};
}
Response GetRole::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Role");
  write_role(xml, out.role);
  xml.close("Role");
  return {200, {}, xml.take(), nullptr, 0};
}

Result<RolesOut> ListRoles::run(const Authorized<In>&, const Snapshot& snapshot) {
  RolesOut out;
  snapshot.scan(schema::prefix(Family::meta, "iam.role", {}), "", false, [&](std::string_view, std::string_view value) {
    if (auto role = parse_json_object(value)) out.roles.push_back(*std::move(role));
    return true;
  });
  return out;
}
Response ListRoles::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Roles");
  for (const json::object& role : out.roles) {
    xml.open("member");
    write_role(xml, role);
    xml.close("member");
  }
  xml.close("Roles").element("IsTruncated", "false");
  return {200, {}, xml.take(), nullptr, 0};
}

Result<Nothing> DeleteRole::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  if (!staged.get(role_key(in->name))) return no_such_role(in->name);
  bool has_policies = false;
  staged.snapshot().scan(schema::prefix(Family::meta, "iam.role-policy", {in->name}), "", false, [&](std::string_view, std::string_view) { has_policies = true; return false; });
  if (has_policies) return Error{409, "DeleteConflict", "Cannot delete entity, must delete policies first.", {}};
  staged.expect_empty(schema::prefix(Family::meta, "iam.role-policy", {in->name}));
  staged.erase(role_key(in->name));
  return Nothing{};
}

Result<RoleIn> UpdateRole::parse(const Request& request) {
  TRY(auto in, GetRole::parse(request));
  in.has_description = request.query_value("Description");
  in.description = request.query_text("Description");
  in.has_max_session = request.query_value("MaxSessionDuration");
  if (in.has_max_session) { TRY(in.max_session_s, max_session_of(request)); }
  return in;
}
Result<Nothing> UpdateRole::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  auto role = staged.get_json(role_key(in->name));
  if (!role) return no_such_role(in->name);
  if (in->has_description) (*role)["Description"] = in->description;
  if (in->has_max_session) (*role)["MaxSession"] = in->max_session_s;
  staged.put_json(role_key(in->name), *role);
  return Nothing{};
}

Result<RoleIn> UpdateAssumeRolePolicy::parse(const Request& request) {
  TRY(auto in, GetRole::parse(request));
  const std::string* trust = request.query_value(request.query_value("AssumeRolePolicyDocument") ? "AssumeRolePolicyDocument" : "PolicyDocument");
  if (!trust) return Error{400, "ValidationError", "1 validation error detected: Value null at 'assumeRolePolicyDocument' failed to satisfy constraint: Member must not be null", {}};
  in.trust = *trust;
  return in;
}
Result<Nothing> UpdateAssumeRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  CHECK(check_trust(in->trust));
  auto role = staged.get_json(role_key(in->name));
  if (!role) return no_such_role(in->name);
  (*role)["Trust"] = in->trust;
  staged.put_json(role_key(in->name), *role);
  return Nothing{};
}

}  // namespace sluice::iam
