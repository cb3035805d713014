// SPDX-License-Identifier: Apache-2.0
// Authorisation: asks every policy that applies about every need of an operation.
#include <algorithm>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "crypto/crypto.h"
#include "request/audit.h"
#include "request/request_keys.h"
#include "request/sigv4.h"

namespace sluice {
namespace {
using Noted = std::vector<AuditFacts::Determining>;
bool has_room_for(const Noted& noted, const policy::DeterminingStatement& one) {
  return noted.size() <= kDeterminingStatementsMax &&
         std::none_of(noted.begin(), noted.end(),
                      [&](const auto& other) { return other.statement == one; });
}
// `kept` gives a statement that outlives the call.
template <class Kept>
void note(Noted& noted, const policy::Decision& decision, const Kept& kept) {
  for (const policy::DeterminingStatement& one : decision.statements)
    if (has_room_for(noted, one)) noted.push_back(kept(one));
}
bool stands_in(const policy::DeterminingStatement& one,
               std::span<const policy::Attached> policies) {
  return one.policy && std::less_equal<>()(policies.data(), one.policy) &&
         std::less<>()(one.policy, policies.data() + policies.size());
}
}  // namespace

Result<Done> Gate::authorize(const std::vector<Need>& needs, const Request& request,
                             const Caller& caller, const Ports& ports, const Snapshot& snapshot,
                             AuditFacts* audit) {
  if (needs.empty())
    return Error{
        403, "AccessDenied", "The operation declares no permission that could be granted.", {}};
  const Scope& scope = ports.store->scope();
  std::shared_ptr<const RoleRules> rules;
  if (caller.principal().type == policy::Principal::Type::assumed_role) {
    const std::string& arn = caller.principal().role_arn;
    rules = ports.identities->rules(std::string_view(arn).substr(arn.rfind('/') + 1), snapshot);
    if (!rules || rules->role.id != caller.principal().role_id)
      return Error{
          403, "AccessDenied", "The role " + arn + " of this session does not exist any more.", {}};
  }
  const auto& session_policies = caller.session_policies();
  // The policies of a role and of a session outlive the call; those of a need do not.
  const auto kept = [&](const policy::DeterminingStatement& one) -> AuditFacts::Determining {
    if (rules &&
        (stands_in(one, rules->policies) || (rules->boundary && stands_in(one, *rules->boundary))))
      return {one, rules};
    if (session_policies && stands_in(one, *session_policies)) return {one, session_policies};
    if (one.grant) {
      const auto grant = std::make_shared<const policy::Grant>(*one.grant);
      return {{nullptr, grant.get(), {}}, grant};
    }
    const auto policy = std::make_shared<const policy::Attached>(*one.policy);
    return {{policy.get(), nullptr, one.index}, policy};
  };
  const RequestKeys request_keys(request, caller, scope, rules ? &rules->role.tags : nullptr);
  Noted determining;  // what allowed the needs so far: of no matter when one is denied
  for (const Need& need : needs) {
    if (need.action.empty()) continue;  // no_need(): every authenticated caller may
    const NeedKeys keys(need.context, request_keys);
    policy::QuestionView question(caller.principal(), keys);
    question.action = need.action;
    question.resource = need.resource;
    question.resource_account = scope.account_id;
    if (rules) {
      question.identity = rules->policies;
      question.boundary = rules->boundary;
      if (session_policies) question.session = *session_policies;
    }
    question.resource_policies = need.policies;
    policy::Decision decision = policy::decide(question);
    std::vector<policy::Grant> grants;
    if (decision.outcome == policy::Outcome::implicit_deny && need.grants) {
      grants = need.grants(caller.principal());
      question.grants = grants;
      decision = policy::decide(question);
    }
    if (decision.allowed()) {
      if (audit) note(determining, decision, kept);
      continue;
    }
    if (audit) note(audit->determining, decision, kept);
    const bool s3 = need.action.starts_with("s3:");
    return Error{403, "AccessDenied", policy::denied_text(question, decision, s3), {}};
  }
  for (AuditFacts::Determining& one : determining)
    if (has_room_for(audit->determining, one.statement))
      audit->determining.push_back(std::move(one));
  return Done{};
}

bool Gate::could_be_allowed(std::string_view action, const Session& session, const Ports& ports,
                            const Snapshot& snapshot) {
  // Keys, roles and functions have policies of their own, which may allow it. A function that is
  // still to be made has none. What a PartiQL statement needs is known when it is read.
  for (const char* known_later : {"kms:", "sts:", "lambda:", "dynamodb:PartiQL"})
    if (action.starts_with(known_later) && action != "lambda:CreateFunction") return true;
  const auto rules = ports.identities->rules(session.role_name, snapshot);
  if (!rules) return true;  // the role is gone: the check of the session will say so
  return std::any_of(rules->policies.begin(), rules->policies.end(),
                     [&](const policy::Attached& one) {
                       return one.document && policy::could_allow(*one.document, action);
                     });
}

Result<Done> Gate::check_guards(const std::vector<Need>& needs, const Caller& caller,
                                const Ports& ports, Staged& staged) {
  return ports.trails ? ports.trails->may_write(needs, caller, staged) : Result<Done>(Done{});
}

Result<std::shared_ptr<const Caller>> Gate::signed_caller(
    const Result<Done>& verified, const std::shared_ptr<const sigv4::KnownSession>& session) {
  CHECK(verified);
  return std::shared_ptr<const Caller>(session, &session->caller_);
}

namespace {
std::string unknown_identity(const std::string& id, const std::string& account_id) {
  return written_json(
      json::object{{"type", "Unknown"}, {"principalId", id}, {"accountId", account_id}});
}
}  // namespace

std::shared_ptr<const Caller> Gate::owner_caller(int64_t unix_uid, const Scope& scope) {
  Caller caller;
  caller.user_id_ = "unix-uid:" + std::to_string(unix_uid);
  caller.user_identity_ = unknown_identity(caller.user_id_, scope.account_id);
  return std::make_shared<const Caller>(std::move(caller));
}

std::shared_ptr<const Caller> Gate::local_user_caller(int64_t unix_uid, const Scope& scope) {
  auto caller = std::make_shared<Caller>(*owner_caller(unix_uid, scope));
  caller->principal_ = {
      policy::Principal::Type::local_user, caller->user_id_, {}, {}, scope.account_id};
  caller->context_ = {{"aws:userid", {caller->user_id_}},
                      {"aws:principalaccount", {scope.account_id}},
                      {"aws:principalisawsservice", {"false"}}};
  return caller;
}

std::shared_ptr<const Caller> Gate::web_identity_caller(const WebIdentity& identity,
                                                        const Scope& scope) {
  Caller caller;
  caller.principal_ = {
      policy::Principal::Type::federated, identity.provider_arn, {}, {}, scope.account_id};
  caller.user_id_ = identity.issuer + ":" + identity.audience + ":" + identity.subject;
  const std::string prefix = lower(identity.issuer);
  caller.context_ = {{"aws:federatedprovider", {identity.provider_arn}},
                     {"aws:principalisawsservice", {"false"}},
                     {prefix + ":aud", {identity.audience}},
                     {prefix + ":sub", {identity.subject}}};
  caller.user_identity_ = written_json(json::object{{"type", "WebIdentityUser"},
                                                    {"principalId", caller.user_id_},
                                                    {"userName", identity.subject},
                                                    {"identityProvider", identity.issuer}});
  return std::make_shared<const Caller>(std::move(caller));
}

std::shared_ptr<const Caller> Gate::certificate_caller(const CertificateIdentity& identity,
                                                       const Scope& scope) {
  Caller caller = service_caller("rolesanywhere.amazonaws.com", scope, identity.anchor_arn);
  caller.user_id_ = "x509:" + identity.serial;
  for (const auto& [key, value] : identity.tags)
    caller.context_["aws:principaltag/" + lower(key)] = {value};
  caller.user_identity_ = unknown_identity(caller.user_id_, scope.account_id);
  caller.invoked_by_ = "";
  return std::make_shared<const Caller>(std::move(caller));
}

std::shared_ptr<const RoleRules> Identities::rules(std::string_view role_name,
                                                   const Snapshot& snapshot) const {
  constexpr size_t kRolesMax = 1024;
  {
    const MutexLock lock(mutex_);
    if (const auto known = rules_.find(role_name);
        known != rules_.end() &&
        snapshot.unchanged_since(known->second->read_at,
                                 {"iam.role", "iam.role-policy", "iam.policy"}))
      return known->second;
  }
  auto view = role(role_name, snapshot);
  if (!view) return nullptr;
  auto made = std::make_shared<RoleRules>(RoleRules{*std::move(view), {}, {}, snapshot.commit()});
  for (const auto& [name, text] : made->role.inline_policies) {
    auto document = policy::parse(text, policy::Kind::identity);
    made->policies.push_back(
        {policy::Kind::identity, name, document ? *std::move(document) : nullptr});
  }
  for (const auto& [arn, stored] : made->role.managed_policies)
    made->policies.push_back({policy::Kind::identity, arn, stored.document()});
  if (const auto& boundary = made->role.boundary)
    made->boundary = {{policy::Kind::boundary, boundary->first, boundary->second.document()}};
  const MutexLock lock(mutex_);
  if (rules_.size() >= kRolesMax) rules_.clear();
  rules_[std::string(role_name)] = made;
  return made;
}

Caller Gate::role_caller(const Session& session, const Scope& scope) {
  Caller caller;
  caller.principal_ = {policy::Principal::Type::assumed_role, session.arn(scope), session.role_arn,
                       session.role_id, scope.account_id};
  caller.user_id_ = session.role_id + ":" + session.session_name;
  caller.access_key_id_ = session.access_key_id;
  caller.context_ = {{"aws:principalarn", {session.role_arn}},
                     {"aws:principalaccount", {scope.account_id}},
                     {"aws:principaltype", {"AssumedRole"}},
                     {"aws:userid", {caller.user_id_}},
                     {"aws:tokenissuetime", {iso_seconds(session.issued)}},
                     {"aws:multifactorauthpresent", {"false"}},
                     {"aws:principalisawsservice", {"false"}}};
  const SessionMarks& marks = session.marks;
  caller.marks_ = std::make_shared<const SessionMarks>(marks);
  caller.session_policies_ = marks.session_policies();
  for (const auto& [key, value] : marks.tags)
    caller.context_["aws:principaltag/" + lower(key)] = {value};
  json::object context{{"sessionIssuer", json::object{{"type", "Role"},
                                                      {"principalId", session.role_id},
                                                      {"arn", session.role_arn},
                                                      {"accountId", scope.account_id},
                                                      {"userName", session.role_name}}}};
  if (!marks.federated_provider.empty()) {
    caller.context_["aws:federatedprovider"] = {marks.federated_provider};
    context["webIdFederationData"] = json::object{{"federatedProvider", marks.federated_provider},
                                                  {"attributes", json::object()}};
  }
  context["attributes"] =
      json::object{{"creationDate", iso_seconds(session.issued)}, {"mfaAuthenticated", "false"}};
  if (!marks.source_identity.empty()) {
    caller.context_["aws:sourceidentity"] = {marks.source_identity};
    context["sourceIdentity"] = marks.source_identity;
  }
  caller.user_identity_ = written_json(json::object{{"type", "AssumedRole"},
                                                    {"principalId", caller.user_id_},
                                                    {"arn", caller.principal_.arn},
                                                    {"accountId", scope.account_id},
                                                    {"accessKeyId", session.access_key_id},
                                                    {"sessionContext", std::move(context)}});
  return caller;
}

Caller Gate::through(Caller caller, std::string_view service_principal) {
  const std::string service(service_principal);
  caller.context_["aws:viaawsservice"] = {"true"};
  for (const char* key : {"aws:calledvia", "aws:calledviafirst", "aws:calledvialast"})
    caller.context_[key] = {service};
  caller.invoked_by_ = service;
  return caller;
}

Caller Gate::service_caller(std::string_view service_principal, const Scope& scope,
                            std::string_view source_arn) {
  Caller caller;
  caller.principal_ = {
      policy::Principal::Type::service, std::string(service_principal), {}, {}, scope.account_id};
  caller.user_id_ = service_principal;
  caller.context_ = {{"aws:principalisawsservice", {"true"}},
                     {"aws:principalservicename", {std::string(service_principal)}},
                     {"aws:sourceaccount", {scope.account_id}}};
  if (!source_arn.empty()) caller.context_["aws:sourcearn"] = {std::string(source_arn)};
  caller.user_identity_ = R"({"type":"AWSService"})";
  caller.invoked_by_ = service_principal;
  return caller;
}

}  // namespace sluice
