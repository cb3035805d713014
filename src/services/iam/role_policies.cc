#include "services/iam/role_policies.h"

#include "base/bytes.h"

namespace sluice::iam {

Result<RolePolicyOperation::In> RolePolicyOperation::parse_names(const Request& request, bool with_policy) {
  In in;
  TRY(in.role, role_name_of(request));
  in.policy = request.query_text("PolicyName");
  const bool good = !in.policy.empty() && in.policy.size() <= kPolicyNameMax && in.policy.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-") == std::string::npos;
  if (with_policy && !good) return Error{400, "ValidationError", "The specified value for policyName is invalid: 1 to 128 of alphanumeric characters and +=,.@_-", {}};
  return in;
}

Result<PutRolePolicy::In> PutRolePolicy::parse(const Request& request) {
  TRY(auto in, parse_names(request, true));
  in.document = request.query_text("PolicyDocument");
  return in;
}
Result<Nothing> PutRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  if (!staged.get(role_key(in->role))) return no_such_role(in->role);
  CHECK(policy::parse(in->document, policy::Kind::identity));
  size_t total = in->document.size();
  staged.snapshot().scan(schema::prefix(Family::meta, "iam.role-policy", {in->role}), "", false, [&](std::string_view key, std::string_view value) {
    if (schema::parts(key).at(1) != in->policy) total += value.size();
    return true;
  });
  if (total > kInlinePoliciesBytesMax) return Error{409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role " + in->role, {}};
  staged.put(policy_key(in->role, in->policy), in->document);
  return Nothing{};
}

Result<RolePolicyOperation::In> GetRolePolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto document = snapshot.get(policy_key(in->role, in->policy));
  if (!document) return Error{404, "NoSuchEntity", "The role policy with name " + in->policy + " cannot be found.", {}};
  return In{in->role, in->policy, *document};
}
Response GetRolePolicy::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.element("RoleName", out.role).element("PolicyName", out.policy).element("PolicyDocument", percent_encode(out.document));
  return {200, {}, xml.take(), nullptr, 0};
}

Result<ListRolePolicies::Out> ListRolePolicies::run(const Authorized<In>& in, const Snapshot& snapshot) {
  if (!snapshot.get(role_key(in->role))) return no_such_role(in->role);
  Out out;
  snapshot.scan(schema::prefix(Family::meta, "iam.role-policy", {in->role}), "", false, [&](std::string_view key, std::string_view) {
    out.names.push_back(schema::parts(key).at(1));
    return true;
  });
  return out;
}
Response ListRolePolicies::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("PolicyNames");
  for (const std::string& name : out.names) xml.element("member", name);
  xml.close("PolicyNames").element("IsTruncated", "false");
  return {200, {}, xml.take(), nullptr, 0};
}
Result<Nothing> ListAttachedRolePolicies::run(const Authorized<In>& in, const Snapshot& snapshot) {
  if (!snapshot.get(role_key(in->role))) return no_such_role(in->role);
  return Nothing{};
}
Result<Nothing> DeleteRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  if (!staged.get(policy_key(in->role, in->policy))) return Error{404, "NoSuchEntity", "The role policy with name " + in->policy + " cannot be found.", {}};
  staged.erase(policy_key(in->role, in->policy));
  return Nothing{};
}

}  // namespace sluice::iam
