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

Named named_by(std::string_view name, const Principal& p) {
  const bool account = name == p.account_id || name == "arn:aws:iam::" + p.account_id + ":root";
  // The account has no policies for him: that he is let in at all is what it gives him.
  if (p.type == Principal::Type::local_user) return account ? Named::directly : Named::no;
  if (p.type != Principal::Type::assumed_role) return Named::no;
  if (name == p.arn) return Named::directly;
  if (name == p.role_arn || name == p.role_id) return Named::as_role;
  return account ? Named::by_account : Named::no;
}

Named names(const Statement& s, const Question& q) {
  const Principal& p = q.principal;
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
bool excepted(const Statement& s, const Question& q) {
  if (s.allow || q.principal.type != Principal::Type::assumed_role) return names(s, q) != Named::no;
  const Principal& p = q.principal;
  bool session = false, role = false, account = false;
  for (const auto& [type, name] : s.principals) {
    if (type != "AWS") continue;
    if (name == "*") return true;
    session = session || name == p.arn;
    role = role || name == p.role_arn || name == p.role_id;
    account = account || name == p.account_id || name == "arn:aws:iam::" + p.account_id + ":root";
  }
  return session && role && account;
}

bool action_matches(const Statement& s, std::string_view action) {
  bool any = false;
  for (const std::string& pattern : s.actions) any = any || glob_ignore_case(pattern, action);
  return any != s.not_action;
}

bool resource_matches(const Statement& s, const Question& q, const Document& d) {
  if (d.kind == Kind::trust) return true;  // the role itself
  bool any = false;
  for (const std::string& pattern : s.resources) {
    const auto full = substitute(pattern, q.context, d.variables);
    if (!full && s.allow && s.not_resource) return false;  // what it would leave out is not known
    // Log groups are named with and without ":*"; a pattern for either means the group.
    any = any || (full && (arn_glob(*full, q.resource) ||
                           (q.action.starts_with("logs:") && arn_glob(*full, q.resource + ":*"))));
  }
  return any != s.not_resource;
}

bool conditions_hold(const Statement& s, const Question& q, const Document& d) {
  for (const Condition& c : s.conditions) {
    const bool comparable = q.context.find(c.key) || !is_unfilled(q.action, c.key);
    if (comparable ? !holds(c, q.context, d.variables, s.allow) : s.allow) return false;
  }
  return true;
}

bool applies(const Statement& s, const Question& q, const Document& d) {
  return action_matches(s, q.action) && resource_matches(s, q, d) && conditions_hold(s, q, d);
}

using Statements = std::vector<DeterminingStatement>;
struct Allowing {
  // by_account: where the account's own policies allow it too.
  Statements directly, as_role, by_account;
};
void add(Named named, DeterminingStatement found, Allowing& out) {
  (named == Named::directly  ? out.directly
   : named == Named::as_role ? out.as_role
                             : out.by_account)
      .push_back(std::move(found));
}
void look(const Grant& grant, const Principal& principal, Allowing& out) {
  const Named named = named_by(grant.principal, principal);
  if (named != Named::no) add(named, {true, Kind::grant, grant.id, "", {}}, out);
}
// Adds what allows it; returns what denies it.
std::optional<DeterminingStatement> look(const Attached& policy, const Question& q, Allowing& out) {
  if (!policy.document) return DeterminingStatement{false, policy.kind, policy.name, "", {}};
  const Document& d = *policy.document;
  for (size_t i = 0; i < d.statements.size(); ++i) {
    const Statement& s = d.statements[i];
    Named named = Named::directly;
    if (d.kind != Kind::identity) {
      const bool unnamed = s.allow && (q.principal.type == Principal::Type::federated ||
                                       q.principal.type == Principal::Type::local_user);
      named = !s.not_principal            ? names(s, q)
              : unnamed || excepted(s, q) ? Named::no
                                          : Named::as_role;
    }
    if (named == Named::no || !applies(s, q, d)) continue;
    DeterminingStatement found{s.allow, policy.kind, policy.name, s.sid, i};
    if (!s.allow) return found;
    add(named, std::move(found), out);
  }
  return std::nullopt;
}
Statements operator+(Statements some, const Statements& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

// What the identity's policies and the resource's give, once nothing denies. `must_be` is key or
// trust where a policy of that kind has to name who may.
Decision given(const Question& q, const Allowing& identity, const Allowing& resource,
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

Decision decide(const Question& q) {
  Allowing identity, resource;
  std::optional<Kind> must_be;
  for (const Attached& policy : q.policies.identity)
    if (auto denied = look(policy, q, identity))
      return {Outcome::explicit_deny, policy.kind, {*std::move(denied)}};
  for (const Attached& policy : q.policies.resource) {
    if (auto denied = look(policy, q, resource))
      return {Outcome::explicit_deny, policy.kind, {*std::move(denied)}};
    if (policy.kind == Kind::key || policy.kind == Kind::trust) must_be = policy.kind;
  }
  for (const Grant& grant : q.policies.grants) look(grant, q.principal, resource);
  Statements within;            // what the ceilings allow
  std::optional<Kind> too_low;  // the first ceiling that does not
  for (const auto& [kind, ceiling] : {std::pair{Kind::boundary, &q.policies.boundary},
                                      std::pair{Kind::session, &q.policies.session}}) {
    if (!*ceiling) continue;
    Allowing allowing;
    for (const Attached& policy : **ceiling)
      if (auto denied = look(policy, q, allowing))
        return {Outcome::explicit_deny, kind, {*std::move(denied)}};
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
  return std::any_of(document.statements.begin(), document.statements.end(),
                     [&](const Statement& s) { return s.allow && action_matches(s, action); });
}

std::string denied_text(const Question& q, const Decision& d, bool quote) {
  const char* type = d.kind == Kind::identity   ? "identity-based policy"
                     : d.kind == Kind::session  ? "session policy"
                     : d.kind == Kind::boundary ? "permissions boundary"
                     : d.kind == Kind::trust    ? "role trust policy"
                                                : "resource-based policy";
  const std::string resource = quote ? "\"" + q.resource + "\"" : q.resource;
  if (q.principal.type == Principal::Type::federated)
    return "Not authorized to perform " + q.action;
  std::string text = "User: " + q.principal.arn + " is not authorized to perform: " + q.action +
                     " on resource: " + resource;
  if (d.outcome == Outcome::explicit_deny)
    return text + " with an explicit deny in " + (d.kind == Kind::identity ? "an " : "a ") + type;
  return text + " because no " + type + " allows the " + q.action + " action";
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
      const bool positive = c.name == "StringEquals" || c.name == "StringLike" ||
                            c.name == "ArnEquals" || c.name == "ArnLike";
      bool fixed = positive && !c.if_exists && c.set != Condition::Set::all &&
                   std::find(std::begin(kFixing), std::end(kFixing), c.key) != std::end(kFixing);
      if (c.name == "IpAddress" && c.key == "aws:sourceip" && !c.if_exists) {
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
