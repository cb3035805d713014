// SPDX-License-Identifier: Apache-2.0
#include "services/kms/grants.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "request/principals.h"
#include "services/kms/granting.h"
#include "services/kms/specs.h"

namespace sluice::kms {
namespace {
std::string lower_first(std::string_view name) {
  return lower(std::string(name.substr(0, 1))) + std::string(name.substr(1));
}
Error bad_arn(const std::string& name) {
  return {400, "InvalidArnException", "Invalid Arn " + name.substr(0, kGrantPrincipalMax), {}};
}
// GranteePrincipal or RetiringPrincipal as it is stored: a role by its id.
Result<std::string> pinned(const std::string& name, const Ports& ports, const Snapshot& snapshot) {
  if (!name.starts_with("arn:")) return bad_arn(name);
  auto id = pin_principal("AWS", name, *ports.identities, snapshot);
  if (!id) return bad_arn(name);
  return id;
}
Result<Done> check_principal(const json::object& body, std::string_view member, bool required) {
  TRY(const auto name, Fields(body).text(member));
  if (!name && !required) return Done{};
  if (!name)
    return invalid("1 validation error detected: Value null at '" + lower_first(member) +
                   "' failed to satisfy constraint: Member must not be null");
  if (name->empty() || name->size() > kGrantPrincipalMax)
    return invalid(std::string(member) + " must have 1 to 256 characters");
  return Done{};
}
Result<std::vector<std::string>> operations_of(const json::object& body) {
  TRY(const auto asked, Fields(body).texts("Operations"));
  if (asked.empty())
    return invalid(
        "1 validation error detected: Value null at 'operations' failed to satisfy constraint: "
        "Member must not be null");
  std::vector<std::string> out;
  for (const std::string& operation : asked) {
    const auto known = grant_operations();
    if (std::ranges::find(known, operation) == known.end())
      return invalid(
          "1 validation error detected: Value '[" + operation.substr(0, 50) +
          "]' at 'operations' failed to satisfy constraint: Member must satisfy enum value set");
    if (std::ranges::find(out, operation) == out.end()) out.push_back(operation);
  }
  return out;
}
Result<std::map<std::string, std::string>> pairs_of(const json::object& constraints,
                                                    std::string_view member) {
  TRY(const json::object context, context_of(constraints, member));
  if (constraints.contains(member) && context.empty())
    return invalid(std::string(member) + " must have at least one pair");
  if (context.size() > kConstraintPairsMax)
    return invalid("A grant constraint can have at most 8 pairs");
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : context) {
    if (value.get_string().size() > kConstraintValueMax)
      return invalid("A value in a grant constraint can have at most 384 characters");
    out[name] = value.get_string();
  }
  return out;
}
// What the request asks for, with the principals as they were sent.
Result<Grant> asked_grant(const json::object& body) {
  Grant grant;
  TRY(grant.operations, operations_of(body));
  grant.name = text_of(body, "Name");
  grant.grantee = text_of(body, "GranteePrincipal");
  grant.retiring = text_of(body, "RetiringPrincipal");
  TRY(const json::object* constraints, Fields(body).object("Constraints"));
  if (!constraints) return grant;
  TRY(grant.context_equals, pairs_of(*constraints, "EncryptionContextEquals"));
  TRY(grant.context_subset, pairs_of(*constraints, "EncryptionContextSubset"));
  return grant;
}
void add_constraints(policy::Context& context, const Grant& grant) {
  std::vector<std::string> types, names;
  if (!grant.context_equals.empty()) types.push_back("EncryptionContextEquals");
  if (!grant.context_subset.empty()) types.push_back("EncryptionContextSubset");
  for (const auto* pairs : {&grant.context_equals, &grant.context_subset})
    for (const auto& [name, value] : *pairs) {
      context["kms:encryptioncontext:" + lower(name)] = {value};
      names.push_back(name);
    }
  if (!types.empty()) context["kms:grantconstrainttype"] = std::move(types);
  if (!names.empty()) context["kms:encryptioncontextkeys"] = std::move(names);
}

json::object shown(const Grant& grant, const Ports& ports, const Snapshot& snapshot) {
  json::object out{{"KeyId", key_arn(snapshot.scope(), grant.key_id)},
                   {"GrantId", grant.id},
                   {"CreationDate", static_cast<double>(grant.created) / 1000},
                   {"GranteePrincipal", show_principal(grant.grantee, *ports.identities, snapshot)},
                   {"IssuingAccount", "arn:aws:iam::" + snapshot.scope().account_id + ":root"},
                   {"Operations", json::value_from(grant.operations)}};
  if (!grant.name.empty()) out["Name"] = grant.name;
  if (!grant.retiring.empty())
    out["RetiringPrincipal"] = show_principal(grant.retiring, *ports.identities, snapshot);
  json::object constraints;
  if (!grant.context_equals.empty())
    constraints["EncryptionContextEquals"] = json::value_from(grant.context_equals);
  if (!grant.context_subset.empty())
    constraints["EncryptionContextSubset"] = json::value_from(grant.context_subset);
  if (!constraints.empty()) out["Constraints"] = std::move(constraints);
  return out;
}
Error no_such_grant(const std::string& id) {
  return {400, "NotFoundException", "Grant ID " + id.substr(0, kGrantIdMax) + " not found", {}};
}
Result<Done> check_grant_id(const std::string& id) {
  if (id.empty() || id.size() > kGrantIdMax)
    return Error{400, "InvalidGrantIdException", "A grant id must have 1 to 128 characters", {}};
  return Done{};
}

// The grant that a call with the same Name made before: of the same content but for its id.
std::shared_ptr<const Grant> made_before(const Grant& grant, const Snapshot& snapshot) {
  std::shared_ptr<const Grant> found;
  if (grant.name.empty()) return found;
  snapshot.scan(schema::prefix(Family::meta, "kms.grantee", {grant.key_id, grant.grantee}), "",
                false, [&](std::string_view key, std::string_view) {
                  const auto old = snapshot.get(grant_key(grant.key_id, schema::parts(key).at(2)));
                  if (!old) return true;
                  Grant same = grant;
                  same.id = old->id;
                  same.created = old->created;
                  if (same == *old) found = old;
                  return !found;
                });
  return found;
}
bool constrained(const Grant& grant) {
  return !grant.context_equals.empty() || !grant.context_subset.empty();
}
Result<Done> check_operations(const Grant& grant) {
  for (const std::string& operation : grant.operations)
    if (constrained(grant) && !has_encryption_context(operation) && operation != "CreateGrant" &&
        operation != "DescribeKey" && operation != "RetireGrant")
      return invalid("Operation " + operation + " does not support encryption context constraints");
  return Done{};
}
Result<Done> check_for_key(const Grant& grant, const KmsKey& key) {
  for (const std::string& operation : grant.operations)
    if (!grantable(key, operation))
      return invalid("Operation " + operation + " is not supported by a key with key spec " +
                     key.spec + " and key usage " + key.usage);
  if (constrained(grant) && !is_symmetric(key))
    return invalid("Encryption context constraints are for symmetric encryption keys only");
  return Done{};
}
}  // namespace

Result<KeyIn> CreateGrant::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  CHECK(check_principal(in.body, "GranteePrincipal", true));
  CHECK(check_principal(in.body, "RetiringPrincipal", false));
  TRY(const auto named, Fields(in.body).text("Name"));
  if (named &&
      (named->empty() || named->size() > kGrantNameMax ||
       named->find_first_not_of(
           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:/_-") != named->npos))
    return invalid("1 validation error detected: Value '" + named->substr(0, kGrantNameMax) +
                   "' at 'name' failed to satisfy constraint: Member must satisfy regular "
                   "expression pattern: ^[a-zA-Z0-9:/_-]+$");
  TRY(const Grant grant, asked_grant(in.body));
  CHECK(check_operations(grant));
  return in;
}
Result<std::vector<Need>> CreateGrant::needs(const In& in, const Snapshot& snapshot) {
  TRY(const auto key, find_key(snapshot, in.key_id));
  TRY(const Grant grant, asked_grant(in.body));
  Need need = key_need(action, *key, {}, snapshot);
  need.context["kms:grantoperations"] = grant.operations;
  need.context["kms:granteeprincipal"] = {grant.grantee};
  if (!grant.retiring.empty()) need.context["kms:retiringprincipal"] = {grant.retiring};
  need.context["kms:grantisforawsresource"] = {"false"};
  add_constraints(need.context, grant);
  need.grants = grants_that([grant](const Grant& parent) { return may_create(parent, grant); },
                            key->id, snapshot);
  return std::vector<Need>{std::move(need)};
}
Result<JsonOut> CreateGrant::run(const Authorized<In>& in, Staged& staged) {
  const Snapshot& snapshot = staged.snapshot();
  TRY(const KmsKey key, tracked_key(staged, in->key_id));
  CHECK(customer_managed(key, in->key_id));
  CHECK(usable(key, snapshot.scope()));
  CHECK(check_grant_tokens(in->body, snapshot));
  TRY(Grant grant, asked_grant(in->body));
  CHECK(check_for_key(grant, key));
  TRY(grant.grantee, pinned(grant.grantee, in.ports(), snapshot));
  if (!grant.retiring.empty()) {
    TRY(grant.retiring, pinned(grant.retiring, in.ports(), snapshot));
  }
  grant.key_id = key.id;
  grant_count(staged,
              key.id);  // of two that are made at the same time with one name, one conflicts
  if (const auto old = made_before(grant, snapshot)) {
    grant = *old;
  } else {
    grant.id = hex(random_bytes(32));
    grant.created = in.time();
    CHECK(put_grant(staged, grant));
  }
  CHECK(not_a_dry_run(in->body));
  return JsonOut{{{"GrantId", grant.id}, {"GrantToken", grant_token(grant, snapshot)}},
                 key_arn(snapshot.scope(), key.id)};
}
json::value CreateGrant::audit(const In& in) {
  json::value shown = audit_key(in);
  const json::value* constraints = in.body.if_contains("Constraints");
  if (!constraints || !constraints->is_object() || !shown.is_object()) return shown;
  json::object& out = shown.get_object()["constraints"].emplace_object();
  for (const auto& [member, pairs] : constraints->get_object())
    out[lower_first(member)] = pairs;  // the names of a context keep their case
  return shown;
}
json::value CreateGrant::audit_result(const Out& out) {
  return json::object{{"grantId", out.body.at("GrantId")}, {"keyId", out.key_arn}};
}

Result<JsonOut> ListGrants::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, find_key(snapshot, in->key_id));
  TRY(const Page page, page_of(in->body, 100, 50));
  const Fields fields(in->body);
  TRY(const auto id, fields.text("GrantId"));
  if (id) CHECK(check_grant_id(*id));
  TRY(const auto principal, fields.text("GranteePrincipal"));
  std::string grantee;
  if (principal) {
    TRY(grantee, pinned(*principal, in.ports(), snapshot));
  }
  json::array grants;
  std::string last, next;
  snapshot.scan(RecordPrefix<Grant>{key->id},
                page.marker.empty() ? "" : grant_key(key->id, page.marker).bytes, false,
                [&](std::string_view, const Grant& grant) {
                  if (grant.id == page.marker || (id && grant.id != *id) ||
                      (principal && grant.grantee != grantee))
                    return true;
                  if (grants.size() == page.limit) {
                    next = last;
                    return false;
                  }
                  grants.push_back(shown(grant, in.ports(), snapshot));
                  last = grant.id;
                  return true;
                });
  if (id && grants.empty() && page.marker.empty()) return no_such_grant(*id);
  JsonOut out{{{"Grants", std::move(grants)}}};
  end_page(out.body, next);
  return out;
}

Result<KeyIn> ListRetirableGrants::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, false));
  CHECK(check_principal(in.body, "RetiringPrincipal", true));
  return in;
}
Result<JsonOut> ListRetirableGrants::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Page page, page_of(in->body, 100, 50));
  TRY(const std::string retiring,
      pinned(text_of(in->body, "RetiringPrincipal"), in.ports(), snapshot));
  const size_t slash = page.marker.find('/');
  Grant from{.retiring = retiring};
  if (!page.marker.empty()) {
    if (slash == page.marker.npos)
      return Error{
          400, "InvalidMarkerException", "The marker is not one that a call before this gave", {}};
    from.key_id = page.marker.substr(0, slash);
    from.id = page.marker.substr(slash + 1);
  }
  json::array grants;
  std::string last, next;
  snapshot.scan(schema::prefix(Family::meta, "kms.retirable", {retiring}),
                page.marker.empty() ? "" : retirable_key(from).bytes, false,
                [&](std::string_view key, std::string_view) {
                  const auto parts = schema::parts(key);
                  const std::string place = parts.at(1) + "/" + parts.at(2);
                  const auto grant = snapshot.get(grant_key(parts.at(1), parts.at(2)));
                  if (place == page.marker || !grant) return true;
                  if (grants.size() == page.limit) {
                    next = last;
                    return false;
                  }
                  grants.push_back(shown(*grant, in.ports(), snapshot));
                  last = place;
                  return true;
                });
  JsonOut out{{{"Grants", std::move(grants)}}};
  end_page(out.body, next);
  return out;
}

Result<KeyIn> RevokeGrant::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  TRY(const auto id, Fields(in.body).text("GrantId"));
  CHECK(check_grant_id(id.value_or("")));
  return in;
}
namespace {
// Ends the grant, unless it is a dry run. It conflicts with whoever ends it at the same time.
Result<JsonOut> end_grant(const KeyIn& in, const std::string& key_id, const std::string& id,
                          Staged& staged) {
  const auto grant = staged.get(grant_key(key_id, id));
  if (!grant) return no_such_grant(id);
  CHECK(not_a_dry_run(in.body));
  erase_grant(staged, *grant);
  return JsonOut{{}, key_arn(staged.snapshot().scope(), key_id)};
}
// The key and the grant that RetireGrant is about.
Result<std::shared_ptr<const Grant>> grant_to_retire(const KeyIn& in, const Snapshot& snapshot) {
  if (const std::string token = text_of(in.body, "GrantToken"); !token.empty()) {
    TRY(auto grant, grant_of_token(token, snapshot));
    if (!grant) return Error{400, "NotFoundException", "The grant of the token is not found", {}};
    return grant;
  }
  TRY(const auto key, find_key(snapshot, in.key_id));
  const std::string id = text_of(in.body, "GrantId");
  auto grant = snapshot.get(grant_key(key->id, id));
  if (!grant) return no_such_grant(id);
  return grant;
}
}  // namespace
Result<JsonOut> RevokeGrant::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto key, find_key(staged.snapshot(), in->key_id));
  return end_grant(*in, key->id, text_of(in->body, "GrantId"), staged);
}

Result<KeyIn> RetireGrant::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, false));
  const Fields fields(in.body);
  TRY(const auto token, fields.text("GrantToken"));
  TRY(const auto id, fields.text("GrantId"));
  if (token.has_value() == id.has_value() || id.has_value() == in.key_id.empty())
    return invalid("A grant to be retired is named by GrantToken, or by KeyId and GrantId.");
  if (id) CHECK(check_grant_id(*id));
  if (token && (token->empty() || token->size() > kGrantTokenBytesMax))
    return invalid("A grant token must have 1 to 8192 characters");
  return in;
}
Result<std::vector<Need>> RetireGrant::needs(const In& in, const Snapshot& snapshot) {
  TRY(const auto grant, grant_to_retire(in, snapshot));
  TRY(const auto key, find_key(snapshot, grant->key_id));
  Need need = key_need(action, *key, {}, snapshot);
  add_constraints(need.context, *grant);
  need.policies.clear();  // the policy of the key has no say
  need.grants = [grant](const policy::Principal&) {
    std::vector<policy::Grant> who;
    if (!grant->retiring.empty()) who.push_back({grant->id, grant->retiring});
    if (covers(*grant, "RetireGrant", {})) who.push_back({grant->id, grant->grantee});
    return who;
  };
  return std::vector<Need>{std::move(need)};
}
Result<JsonOut> RetireGrant::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto grant, grant_to_retire(*in, staged.snapshot()));
  return end_grant(*in, grant->key_id, grant->id, staged);
}
json::value RetireGrant::audit(const In& in) {
  json::object shown;
  for (const char* member : {"KeyId", "GrantId", "DryRun"})
    if (const json::value* value = Fields(in.body).find(member))
      shown[lower_first(member)] = *value;
  return shown.empty() ? json::value() : json::value(std::move(shown));
}

}  // namespace sluice::kms
