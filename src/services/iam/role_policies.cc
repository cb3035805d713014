// SPDX-License-Identifier: Apache-2.0
#include "services/iam/role_policies.h"

#include "base/bytes.h"

namespace sluice::iam {

Result<RolePolicyOperation::In> RolePolicyOperation::parse_names(const Request& request,
                                                                 bool with_policy) {
  In in;
  TRY(in.role, role_name_of(request));
  if (with_policy) {
    TRY(in.policy, policy_name_of(request));
  }
  return in;
}

Result<PutRolePolicy::In> PutRolePolicy::parse(const Request& request) {
  TRY(auto in, parse_names(request, true));
  TRY(in.document, document_of(request, "PolicyDocument"));
  return in;
}
Result<Nothing> PutRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  if (!staged.get(role_key(in->role))) return no_such_role(in->role);
  CHECK(policy::parse(in->document, policy::Kind::identity));
  size_t total = policy_size(in->document);
  staged.snapshot().scan(schema::prefix(Family::meta, "iam.role-policy", {in->role}), "", false,
                         [&](std::string_view key, std::string_view value) {
                           if (schema::parts(key).at(1) != in->policy) total += policy_size(value);
                           return true;
                         });
  if (total > kInlinePoliciesBytesMax)
    return Error{409,
                 "LimitExceeded",
                 "Maximum policy size of 10240 bytes exceeded for role " + in->role,
                 {}};
  staged.put(policy_key(in->role, in->policy), in->document);
  return Nothing{};
}

Result<RolePolicyOperation::In> GetRolePolicy::run(const Authorized<In>& in,
                                                   const Snapshot& snapshot) {
  const auto document = snapshot.get(policy_key(in->role, in->policy));
  if (!document)
    return Error{
        404, "NoSuchEntity", "The role policy with name " + in->policy + " cannot be found.", {}};
  return In{in->role, in->policy, *document, {}};
}
Response GetRolePolicy::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.element("RoleName", out.role)
      .element("PolicyName", out.policy)
      .element("PolicyDocument", percent_encode(out.document));
  return {200, {}, xml.take(), nullptr, 0};
}

Result<ListRolePolicies::In> ListRolePolicies::parse(const Request& request) {
  TRY(In in, parse_names(request, false));
  TRY(in.page, page_of(request));
  return in;
}
Result<ListRolePolicies::Out> ListRolePolicies::run(const Authorized<In>& in,
                                                    const Snapshot& snapshot) {
  if (!snapshot.get(role_key(in->role))) return no_such_role(in->role);
  Out out;
  const std::string& marker = in->page.marker;
  snapshot.scan(schema::prefix(Family::meta, "iam.role-policy", {in->role}),
                marker.empty() ? "" : policy_key(in->role, marker).bytes, false,
                [&](std::string_view key, std::string_view) {
                  std::string name = schema::parts(key).at(1);
                  if (name == marker) return true;
                  if (out.names.size() == in->page.max) {
                    out.next = out.names.back();
                    return false;
                  }
                  out.names.push_back(std::move(name));
                  return true;
                });
  return out;
}
Response ListRolePolicies::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("PolicyNames");
  for (const std::string& policy : out.names) xml.element("member", policy);
  xml.close("PolicyNames");
  end_page(xml, out.next);
  return {200, {}, xml.take(), nullptr, 0};
}
Result<Nothing> DeleteRolePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  if (!staged.get(policy_key(in->role, in->policy)))
    return Error{
        404, "NoSuchEntity", "The role policy with name " + in->policy + " cannot be found.", {}};
  staged.erase(policy_key(in->role, in->policy));
  return Nothing{};
}

}  // namespace sluice::iam
