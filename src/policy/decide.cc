// SPDX-License-Identifier: Apache-2.0
#include "policy/decide.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "policy/condition.h"
#include "policy/condition_keys.h"
#include "policy/match.h"

namespace sluice::policy {
namespace {
// How a statement names the caller. `as_role`: his role, or everybody but some; `directly`: his
// session, his service, or everybody.
enum class Named { no, by_account, as_role, directly };

// Its number, or arn:aws:iam::<number>:root.
bool names_account(std::string_view name, std::string_view account) {
  constexpr std::string_view kBefore = "arn:aws:iam::", kAfter = ":root";
  if (name == account) return true;
  if (name.size() != kBefore.size() + account.size() + kAfter.size()) return false;
  return name.starts_with(kBefore) && name.ends_with(kAfter) &&
         name.substr(kBefore.size(), account.size()) == account;
}

Named named_by(std::string_view name, const Principal& p) {
  const bool account = names_account(name, p.account_id);
  // The account has no policies for him: that he is let in at all is what it gives him.
  if (p.type == Principal::Type::local_user) return account ? Named::directly : Named::no;
  if (p.type != Principal::Type::assumed_role) return Named::no;
  if (name == p.arn) return Named::directly;
  if (name == p.role_arn || name == p.role_id) return Named::as_role;
  return account ? Named::by_account : Named::no;
}

Named names(const Statement& s, const Principal& p) {
  Named best = Named::no;
  // Who comes from an identity provider is let in only where that provider is named.
  const bool federated = p.type == Principal::Type::federated;
  for (const auto& [type, name] : s.principals) {
    if (federated && type == "Federated" && name == p.arn) return Named::directly;
    if (type == "AWS" && name == "*" && !(federated && s.allow)) return Named::directly;
    if (type == "Service" && p.type == Principal::Type::service && name == p.arn)
      return Named::directly;
    if (type == "AWS") best = std::max(best, named_by(name, p));
    if (best == Named::directly) return best;
  }
  return best;
}

// Whether NotPrincipal leaves the caller out. Of a Deny only a list of all its names does: session,
// role and account, as on AWS; of an Allow any name does.
bool excepted(const Statement& s, const Principal& p) {
  if (s.allow || p.type != Principal::Type::assumed_role) return names(s, p) != Named::no;
  bool session = false, role = false, account = false;
  for (const auto& [type, name] : s.principals) {
    if (type != "AWS") continue;
    if (name == "*") return true;
    session = session || name == p.arn;
    role = role || name == p.role_arn || name == p.role_id;
    account = account || names_account(name, p.account_id);
  }
  return session && role && account;
}

// A question, and what of it each statement is compared with.
struct Asked {
  explicit Asked(const QuestionView& of) : question(of), lower_action(of.action) {
    // Log groups are named with and without ":*"; a pattern for either means the group.
    if (of.action.starts_with("logs:")) log_group = std::string(of.resource) + ":*";
  }
  const QuestionView& question;
  const LowerName lower_action;
  std::string log_group;  // "": it is about none
};

bool action_matches(const Statement& s, std::string_view lower_action) {
  return std::any_of(s.actions.begin(), s.actions.end(),
                     [&](const Pattern& one) { return one.glob(lower_action); }) != s.not_action;
}

template <class Matches>
bool names_resource(const Asked& asked, const Matches& matches) {
  return matches(asked.question.resource) || (!asked.log_group.empty() && matches(asked.log_group));
}

bool resource_matches(const Statement& s, const Asked& asked, const Document& d) {
  if (d.kind == Kind::trust) return true;  // the role itself
  const bool must_be_known = s.allow && s.not_resource;
  bool any = false;
  for (const Pattern& pattern : s.resources) {
    if (any && !must_be_known) break;
    if (pattern.is_plain(d.variables)) {
      any = any || names_resource(asked, [&](std::string_view r) { return pattern.arn_glob(r); });
      continue;
    }
    if (!must_be_known &&
        !names_resource(asked, [&](std::string_view r) { return pattern.could_match(r); }))
      continue;
    const auto full = substitute(pattern.text(), asked.question.context, d.variables);
    if (!full && must_be_known) return false;  // what it would leave out is not known
    any = any ||
          (full && names_resource(asked, [&](std::string_view r) { return arn_glob(*full, r); }));
  }
  return any != s.not_resource;
}

bool conditions_hold(const Statement& s, const Asked& asked, const Document& d) {
  const Keys& keys = asked.question.context;
  for (const Condition& c : s.conditions) {
    const auto actual = keys.values(c.key);
    const bool comparable = actual || !is_unfilled(asked.lower_action, c.key);
    if (comparable ? !holds(c, actual, keys, d.variables, s.allow) : s.allow) return false;
  }
  return true;
}

using Statements = Decision::Statements;
struct Allowing {
  // by_account: where the account's own policies allow it too.
  Statements directly, as_role, by_account;
};
void add(Named named, const DeterminingStatement& found, Allowing& out) {
  (named == Named::directly  ? out.directly
   : named == Named::as_role ? out.as_role
                             : out.by_account)
      .push_back(found);
}
void look(const Grant& grant, const Principal& principal, Allowing& out) {
  const Named named = named_by(grant.principal, principal);
  if (named != Named::no) add(named, {nullptr, &grant, {}}, out);
}
Named named_in(const Statement& s, const Principal& p, const Document& d) {
  if (d.kind == Kind::identity) return Named::directly;
  if (!s.not_principal) return names(s, p);
  const bool unnamed =
      s.allow && (p.type == Principal::Type::federated || p.type == Principal::Type::local_user);
  return unnamed || excepted(s, p) ? Named::no : Named::as_role;
}
// Adds what allows it; returns what denies it.
std::optional<DeterminingStatement> look(const Attached& policy, const Asked& asked,
                                         Allowing& out) {
  if (!policy.document) return DeterminingStatement{&policy, nullptr, {}};
  const Document& d = *policy.document;
  for (size_t i = 0; i < d.statements.size(); ++i) {
    const Statement& s = d.statements[i];
    // What costs least is asked first.
    if (!action_matches(s, asked.lower_action)) continue;
    const Named named = named_in(s, asked.question.principal, d);
    if (named == Named::no || !resource_matches(s, asked, d) || !conditions_hold(s, asked, d))
      continue;
    const DeterminingStatement found{&policy, nullptr, i};
    if (!s.allow) return found;
    add(named, found, out);
  }
  return std::nullopt;
}
Statements operator+(Statements some, const Statements& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

// What the identity's policies and the resource's give, once nothing denies. `must_be` is key or
// trust where a policy of that kind has to name who may.
Decision given(const QuestionView& q, const Allowing& identity, const Allowing& resource,
               std::optional<Kind> must_be) {
  const Statements &own = identity.directly, &delegated = resource.by_account;
  const Statements named = resource.directly + resource.as_role;
  const auto allow = [](Statements by) {
    return Decision{Outcome::allow, Kind::identity, std::move(by)};
  };
  const auto deny = [](Kind kind) { return Decision{Outcome::implicit_deny, kind, {}}; };
  if (q.principal.type != Principal::Type::assumed_role)
    return named.empty() ? deny(must_be.value_or(Kind::resource)) : allow(named);
  if (q.principal.account_id != q.resource_account) {
    if (own.empty()) return deny(Kind::identity);
    const Statements theirs = named + delegated;
    return theirs.empty() ? deny(Kind::resource) : allow(own + theirs);
  }
  if (must_be) {
    if (!delegated.empty() && !own.empty()) return allow(own + named + delegated);
    if (!named.empty()) return allow(named);
    return deny(delegated.empty() ? *must_be : Kind::identity);
  }
  return own.empty() && named.empty() ? deny(Kind::identity) : allow(own + named);
}
}  // namespace

QuestionView::QuestionView(const Question& whole)
    : principal(whole.principal),
      action(whole.action),
      resource(whole.resource),
      context(whole.context),
      resource_account(whole.resource_account),
      identity(whole.policies.identity),
      resource_policies(whole.policies.resource),
      boundary(whole.policies.boundary),
      session(whole.policies.session),
      grants(whole.policies.grants) {}

bool DeterminingStatement::allows() const {
  return grant || (index && policy->document->statements[*index].allow);
}
std::string_view DeterminingStatement::sid() const {
  return index ? std::string_view(policy->document->statements[*index].sid) : "";
}
bool DeterminingStatement::operator==(const DeterminingStatement& other) const {
  return kind() == other.kind() && index == other.index && allows() == other.allows() &&
         name() == other.name() && sid() == other.sid();
}

Decision decide(const QuestionView& q) {
  const Asked asked(q);
  Allowing identity, resource;
  std::optional<Kind> must_be;
  for (const Attached& policy : q.identity)
    if (auto denied = look(policy, asked, identity))
      return {Outcome::explicit_deny, policy.kind, {*denied}};
  for (const Attached& policy : q.resource_policies) {
    if (auto denied = look(policy, asked, resource))
      return {Outcome::explicit_deny, policy.kind, {*denied}};
    if (policy.kind == Kind::key || policy.kind == Kind::trust) must_be = policy.kind;
  }
  for (const Grant& grant : q.grants) look(grant, q.principal, resource);
  Statements within;            // what the ceilings allow
  std::optional<Kind> too_low;  // the first ceiling that does not
  for (const auto& [kind, ceiling] :
       {std::pair{Kind::boundary, &q.boundary}, std::pair{Kind::session, &q.session}}) {
    if (!*ceiling) continue;
    Allowing allowing;
    for (const Attached& policy : **ceiling)
      if (auto denied = look(policy, asked, allowing))
        return {Outcome::explicit_deny, kind, {*denied}};
    if (allowing.directly.empty() && !too_low) too_low = kind;
    within = within + allowing.directly;
  }
  Decision whole = given(q, identity, resource, must_be);
  if (!whole.allowed()) return whole;
  if (!too_low) {
    whole.statements = whole.statements + within;
    return whole;
  }
  // Above its ceilings a caller has only what is given to the session itself or to everybody.
  resource.as_role.clear();
  const Decision without_role = given(q, {}, resource, must_be);
  return without_role.allowed() ? without_role : Decision{Outcome::implicit_deny, *too_low, {}};
}

bool could_allow(const Document& document, std::string_view action) {
  const LowerName lower_action(action);
  return std::any_of(
      document.statements.begin(), document.statements.end(),
      [&](const Statement& s) { return s.allow && action_matches(s, lower_action); });
}

std::string denied_text(const QuestionView& q, const Decision& d, bool quote) {
  const char* type = d.kind == Kind::identity   ? "identity-based policy"
                     : d.kind == Kind::session  ? "session policy"
                     : d.kind == Kind::boundary ? "permissions boundary"
                     : d.kind == Kind::trust    ? "role trust policy"
                                                : "resource-based policy";
  const std::string action(q.action), quotes = quote ? "\"" : "",
                                      resource = quotes + std::string(q.resource) + quotes;
  if (q.principal.type == Principal::Type::federated) return "Not authorized to perform " + action;
  std::string text = "User: " + q.principal.arn + " is not authorized to perform: " + action +
                     " on resource: " + resource;
  if (d.outcome == Outcome::explicit_deny)
    return text + " with an explicit deny in " + (d.kind == Kind::identity ? "an " : "a ") + type;
  return text + " because no " + type + " allows the " + action + " action";
}

bool is_public(const Document& document) {
  static constexpr std::string_view kFixing[] = {
      "aws:sourcearn",      "aws:sourceaccount",
      "aws:sourcevpc",      "aws:sourcevpce",
      "aws:sourceowner",    "aws:userid",
      "aws:principalarn",   "aws:principalaccount",
      "aws:principalorgid", "s3:x-amz-server-side-encryption-aws-kms-key-id"};
  for (const Statement& s : document.statements) {
    if (!s.allow) continue;
    bool open = s.not_principal;
    for (const auto& [type, name] : s.principals) open = open || name == "*" || type == "Federated";
    for (const Condition& c : s.conditions) {
      using enum Operator::Compares;
      const bool positive =
          !c.op.negated && (c.op.compares == text || c.op.compares == like || c.op.compares == arn);
      bool fixed = positive && !c.if_exists && c.set != Condition::Set::all &&
                   std::find(std::begin(kFixing), std::end(kFixing), c.key) != std::end(kFixing);
      if (c.op.compares == networks && !c.op.negated && c.key == "aws:sourceip" && !c.if_exists) {
        fixed = true;
        for (const std::string& v : c.values) {
          const size_t slash = v.find('/');
          const auto bits = slash == std::string::npos ? std::optional<int64_t>(128)
                                                       : parse_int(v.substr(slash + 1));
          fixed = fixed && bits && *bits >= (v.find(':') == std::string::npos ? 8 : 32);
        }
      }
      for (const std::string& v : c.values)
        fixed = fixed && v.find_first_of("*?$") == std::string::npos;
      if (fixed) open = false;
    }
    if (open) return true;
  }
  return false;
}

}  // namespace sluice::policy
