// SPDX-License-Identifier: Apache-2.0
#include "services/iam/simulate.h"

#include <algorithm>
#include <set>

#include "policy/condition_keys.h"
#include "policy/decide.h"
#include "policy/positions.h"
#include "request/query_list.h"

namespace sluice::iam {
namespace {
constexpr std::string_view kValueTypes[] = {"string",  "stringList",  "numeric", "numericList",
                                            "boolean", "booleanList", "ip",      "ipList",
                                            "binary",  "binaryList",  "date",    "dateList"};

constexpr std::string_view kResourcePolicy = "ResourcePolicy";  // under PolicyTexts

Error invalid(std::string text) { return {400, "InvalidInput", std::move(text), {}}; }

Result<std::vector<std::string>> texts_of(const Request& request, std::string_view list,
                                          size_t max) {
  std::vector<std::string> texts;
  TRY(const auto members, list_members(request, list, max));
  for (const ListMember& member : members) {
    const auto text = member.find("");
    if (text == member.end() || text->second.empty())
      return invalid("The list " + std::string(list) + " is malformed.");
    texts.push_back(text->second);
  }
  return texts;
}
// The documents of a list, which results name by their place: PolicyInputList.1
Result<std::vector<policy::Attached>> policies_of(const Request& request, std::string_view list,
                                                  PolicyTexts* kept = nullptr) {
  std::vector<policy::Attached> policies;
  TRY(const auto texts, texts_of(request, list, kSimulatedPoliciesMax));
  for (const std::string& text : texts) {
    std::string name = std::string(list) + "." + std::to_string(policies.size() + 1);
    auto document = policy::parse(text, policy::Kind::identity);
    if (!document) return invalid(name + ": " + document.error().message);
    if (kept) (*kept)[name] = text;
    policies.push_back({policy::Kind::identity, std::move(name), *std::move(document)});
  }
  return policies;
}
// The name of the role that an ARN of this account names.
Result<std::string> role_of(const Request& request, std::string_view field) {
  const std::string arn = request.query_text(field);
  const auto parsed = parse_arn(arn);
  if (!parsed || parsed->service != "iam") return invalid("Invalid Entity Arn: " + arn);
  if (!parsed->resource.starts_with("role/"))
    return Error{404, "NoSuchEntity", "Sluice has no entity " + arn + ": it has roles alone.", {}};
  return name_in(arn);
}
Result<policy::Context> context_of(const Request& request) {
  policy::Context context;
  TRY(const auto entries, list_members(request, "ContextEntries", kSimulatedKeysMax));
  for (const ListMember& entry : entries) {
    const auto name = entry.find("ContextKeyName"), type = entry.find("ContextKeyType");
    if (name == entry.end() || name->second.empty() || type == entry.end() ||
        std::find(std::begin(kValueTypes), std::end(kValueTypes), type->second) ==
            std::end(kValueTypes))
      return invalid("A context entry must have a ContextKeyName and a valid ContextKeyType.");
    policy::Context::Values& values = context[lower(name->second)];
    for (const auto& [field, value] : entry)
      if (field.starts_with("ContextKeyValues.member.")) values.push_back(value);
    if (values.size() > 1 && !type->second.ends_with("List"))
      return invalid("The context key " + name->second + " has more than one value, but its type " +
                     type->second + " is no list.");
  }
  return context;
}
Result<policy::Principal> caller_of(const Request& request) {
  const std::string arn = request.query_text("CallerArn");
  const auto parsed = parse_arn(arn);
  if (!parsed || parsed->account_id.size() != 12)
    return invalid(
        "CallerArn must be the ARN of whoever asks: ResourcePolicy cannot be simulated without.");
  return policy::Principal{policy::Principal::Type::assumed_role, arn, arn, "", parsed->account_id};
}

std::string session_arn(const std::string& account, const std::string& role) {
  return "arn:aws:sts::" + account + ":assumed-role/" + role + "/simulated";
}

void add_keys(const policy::Attached& policy, std::set<std::string>& keys) {
  if (policy.document)
    for (const std::string& key : policy::keys_of(*policy.document)) keys.insert(key);
}

// Which policy an id is of, as the API says it.
std::string_view source_type(const MatchedStatement& statement) {
  if (statement.kind != policy::Kind::identity && statement.kind != policy::Kind::boundary)
    return "resource";
  if (is_aws_policy(statement.policy)) return "aws-managed";
  if (statement.policy.starts_with("arn:")) return "user-managed";
  return statement.policy.find("InputList.") == std::string::npos ? "role" : "none";
}
void write_position(XmlWriter& xml, const char* name, const policy::Position& position) {
  xml.open(name)
      .element("Line", std::to_string(position.line))
      .element("Column", std::to_string(position.column))
      .close(name);
}
// Where the statement stands, when its policy is there to be looked at.
using SpansOf = std::map<std::string, std::vector<policy::Span>>;  // by policy, once looked for
void write_span(XmlWriter& xml, const MatchedStatement& statement, const PolicyTexts& texts,
                SpansOf& spans_of) {
  const bool of_resource = statement.kind == policy::Kind::resource;
  const auto text = texts.find(of_resource ? std::string(kResourcePolicy) : statement.policy);
  if (text == texts.end() || !statement.index) return;
  auto [known, fresh] = spans_of.try_emplace(text->first);
  if (fresh) known->second = policy::statement_spans(text->second);
  const std::vector<policy::Span>& spans = known->second;
  if (*statement.index >= spans.size()) return;
  write_position(xml, "StartPosition", spans[*statement.index].start);
  write_position(xml, "EndPosition", spans[*statement.index].end);
}
void write_result(XmlWriter& xml, const SimulatedResult& result, const SimulationOut& all,
                  SpansOf& spans_of) {
  const policy::Outcome outcome = result.outcome;
  xml.open("member")
      .element("EvalActionName", result.action)
      .element("EvalResourceName", result.resource)
      .element("EvalDecision", outcome == policy::Outcome::allow           ? "allowed"
                               : outcome == policy::Outcome::explicit_deny ? "explicitDeny"
                                                                           : "implicitDeny")
      .open("MatchedStatements");
  for (const MatchedStatement& statement : result.statements) {
    xml.open("member")
        .element("SourcePolicyId", statement.policy)
        .element("SourcePolicyType", source_type(statement));
    write_span(xml, statement, all.texts, spans_of);
    xml.close("member");
  }
  xml.close("MatchedStatements").open("MissingContextValues");
  for (const std::string& key : all.missing) xml.element("member", key);
  xml.close("MissingContextValues");
  if (result.within_boundary)
    xml.open("PermissionsBoundaryDecisionDetail")
        .element("AllowedByPermissionsBoundary", *result.within_boundary ? "true" : "false")
        .close("PermissionsBoundaryDecisionDetail");
  xml.close("member");
}
}  // namespace

json::value Simulation::audit(const Request& request) {
  json::value fields = shown_fields(
      request, {"PolicySourceArn", "ResourceOwner", "CallerArn", "Marker", "MaxItems"});
  constexpr std::pair<const char*, const char*> kLists[] = {
      {"ActionNames", "actionNames"},
      {"ResourceArns", "resourceArns"},
      {"PolicyInputList", "policyInputList"},
      {"PermissionsBoundaryPolicyInputList", "permissionsBoundaryPolicyInputList"}};
  for (const auto& [list, shown] : kLists) {
    const auto names = texts_of(request, list, kSimulatedNamesMax);
    if (!names || names->empty()) continue;
    if (!fields.is_object()) fields = json::object{};
    fields.as_object()[shown] = json::value_from(*names);
  }
  return fields;
}

Result<SimulationIn> Simulation::parse(const Request& request, const std::string& role) {
  In in;
  in.role = role;
  TRY(in.policies, policies_of(request, "PolicyInputList", &in.texts));
  TRY(auto boundary, policies_of(request, "PermissionsBoundaryPolicyInputList", &in.texts));
  if (!boundary.empty()) {
    for (policy::Attached& one : boundary) one.kind = policy::Kind::boundary;
    in.boundary = std::move(boundary);
  }
  TRY(in.actions, texts_of(request, "ActionNames", kSimulatedNamesMax));
  if (in.actions.empty()) return invalid("ActionNames must name what is to be simulated.");
  for (const std::string& action : in.actions)
    if (action.find(':') == action.npos || action.find_first_of("*?") != action.npos)
      return invalid("Invalid Action: " + action + " is not service:Name.");
  TRY(in.resources, texts_of(request, "ResourceArns", kSimulatedNamesMax));
  if (in.resources.empty()) in.resources = {"*"};
  for (const std::string& resource : in.resources)
    if (resource != "*" && !parse_arn(resource))
      return invalid("Invalid Resource Arn: " + resource);
  in.resource_policy = request.query_text("ResourcePolicy");
  if (role.empty() && (!in.resource_policy.empty() || request.query_value("CallerArn"))) {
    TRY(in.caller, caller_of(request));
  }
  if (const std::string* owner = request.query_value("ResourceOwner")) {
    const auto parsed = parse_arn(*owner);
    in.resource_account = parsed ? parsed->account_id : *owner;
    if (in.resource_account.size() != 12)
      return invalid("ResourceOwner must be an account: arn:aws:iam::123456789012:root");
  }
  TRY(in.context, context_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<SimulationIn> SimulatePrincipalPolicy::parse(const Request& request) {
  TRY(const std::string role, role_of(request, "PolicySourceArn"));
  return Simulation::parse(request, role);
}
Result<SimulationIn> SimulateCustomPolicy::parse(const Request& request) {
  TRY(In in, Simulation::parse(request, ""));
  if (in.policies.empty()) return invalid("PolicyInputList must have the policies.");
  return in;
}

Result<SimulationOut> Simulation::run(const Authorized<In>& in, const Snapshot& snapshot) {
  policy::Question question;
  const std::string& account = snapshot.scope().account_id;
  question.principal = in->caller;
  if (question.principal.arn.empty())
    question.principal = {policy::Principal::Type::assumed_role, session_arn(account, "simulated"),
                          "", "", account};
  question.policies.identity = in->policies;
  if (!in->role.empty()) {
    const auto rules = in.ports().identities->rules(in->role, snapshot);
    if (!rules) return no_such_role(in->role);
    question.principal = {policy::Principal::Type::assumed_role, session_arn(account, in->role),
                          rules->role.arn, rules->role.id, account};
    question.policies.identity.insert(question.policies.identity.begin(), rules->policies.begin(),
                                      rules->policies.end());
    question.policies.boundary = rules->boundary;
    question.context = {{"aws:principalarn", {rules->role.arn}}};
    for (const auto& [key, value] : rules->role.tags)
      question.context["aws:principaltag/" + lower(key)] = {value};
  }
  question.context["aws:principalaccount"] = {question.principal.account_id};
  question.context["aws:currenttime"] = {iso_seconds(in.time())};
  question.context["aws:epochtime"] = {std::to_string(in.time() / 1000)};
  question.context.add(in->context);
  if (in->boundary) question.policies.boundary = in->boundary;
  question.resource_account = in->resource_account.empty() ? account : in->resource_account;

  policy::DocumentPtr of_resource;
  if (!in->resource_policy.empty()) {
    auto parsed = policy::parse(in->resource_policy, policy::Kind::resource);
    if (!parsed) return invalid("ResourcePolicy: " + parsed.error().message);
    of_resource = *std::move(parsed);
  }
  Out out;
  out.texts = in->texts;
  if (!in->role.empty())
    if (const auto role = in.ports().identities->role(in->role, snapshot)) {
      out.texts.insert(role->inline_policies.begin(), role->inline_policies.end());
      for (const auto& [arn, stored] : role->managed_policies) out.texts[arn] = stored.text();
      if (role->boundary && !in->boundary)
        out.texts[role->boundary->first] = role->boundary->second.text();
    }
  if (of_resource) out.texts[std::string(kResourcePolicy)] = in->resource_policy;
  size_t at = 0;
  if (!in->page.marker.empty()) {
    const auto marker = parse_int(in->page.marker);
    if (!marker || *marker < 0) return invalid("Invalid Marker.");
    at = static_cast<size_t>(*marker);
  }
  const size_t all = in->actions.size() * in->resources.size();
  for (; at < all && out.results.size() < in->page.max; ++at) {
    question.action = in->actions[at / in->resources.size()];
    question.resource = in->resources[at % in->resources.size()];
    if (of_resource)
      question.policies.resource = {{policy::Kind::resource, question.resource, of_resource}};
    const policy::Decision decision = policy::decide(question);
    SimulatedResult result{question.action, question.resource, decision.outcome, {}, {}};
    for (const policy::DeterminingStatement& one : decision.statements)
      result.statements.push_back({one.kind(), one.name(), one.index});
    if (question.policies.boundary) {
      policy::Question within = question;
      within.policies = {.identity = *question.policies.boundary};
      result.within_boundary = policy::decide(within).allowed();
    }
    out.results.push_back(std::move(result));
  }
  if (at < all) out.next = std::to_string(at);

  std::set<std::string> keys;
  for (const policy::Attached& one : question.policies.identity) add_keys(one, keys);
  if (question.policies.boundary)
    for (const policy::Attached& one : *question.policies.boundary) add_keys(one, keys);
  add_keys({policy::Kind::resource, "", of_resource}, keys);
  for (const std::string& key : keys)
    if (!question.context.find(key)) out.missing.push_back(policy::spelled(key));
  return out;
}

Response Simulation::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("EvaluationResults");
  SpansOf spans_of;
  for (const SimulatedResult& result : out.results) write_result(xml, result, out, spans_of);
  xml.close("EvaluationResults");
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

Result<ContextKeys::In> GetContextKeysForPrincipalPolicy::parse(const Request& request) {
  In in;
  TRY(in.role, role_of(request, "PolicySourceArn"));
  TRY(in.policies, policies_of(request, "PolicyInputList"));
  return in;
}
Result<ContextKeys::In> GetContextKeysForCustomPolicy::parse(const Request& request) {
  In in;
  TRY(in.policies, policies_of(request, "PolicyInputList"));
  if (in.policies.empty()) return invalid("PolicyInputList must have the policies.");
  return in;
}
Result<ContextKeys::Out> ContextKeys::run(const Authorized<In>& in, const Snapshot& snapshot) {
  std::set<std::string> keys;
  for (const policy::Attached& one : in->policies) add_keys(one, keys);
  if (!in->role.empty()) {
    const auto rules = in.ports().identities->rules(in->role, snapshot);
    if (!rules) return no_such_role(in->role);
    for (const policy::Attached& one : rules->policies) add_keys(one, keys);
  }
  Out out;
  for (const std::string& key : keys) out.keys.push_back(policy::spelled(key));
  return out;
}
Response ContextKeys::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("ContextKeyNames");
  for (const std::string& key : out.keys) xml.element("member", key);
  xml.close("ContextKeyNames");
  return xml_answer(std::move(xml));
}

}  // namespace sluice::iam
