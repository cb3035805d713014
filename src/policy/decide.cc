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
enum class Named { no, directly, by_account };

Named names(const Statement& s, const Question& q) {
  const Principal& p = q.principal;
  Named best = Named::no;
  for (const auto& [type, name] : s.principals) {
    if (type == "AWS" && name == "*") return Named::directly;
    if (type == "Service" && p.type == Principal::Type::service && name == p.arn)
      return Named::directly;
    if (type != "AWS" || p.type != Principal::Type::assumed_role) continue;
    if (name == p.arn || name == p.role_arn || name == p.role_id) return Named::directly;
    if (name == p.account_id || name == "arn:aws:iam::" + p.account_id + ":root")
      best = Named::by_account;
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
    const bool comparable = q.context.contains(c.key) || !is_unfilled(q.action, c.key);
    if (comparable ? !holds(c, q.context, d.variables, s.allow) : s.allow) return false;
  }
  return true;
}

bool applies(const Statement& s, const Question& q, const Document& d) {
  return action_matches(s, q.action) && resource_matches(s, q, d) && conditions_hold(s, q, d);
}

struct Found {
  bool allow = false, deny = false, delegated = false;
  std::string sid;
};
Found look(const Document& d, const Question& q) {
  Found out;
  for (const Statement& s : d.statements) {
    Named named = Named::directly;
    if (d.kind != Kind::identity) {
      named = !s.not_principal ? names(s, q) : excepted(s, q) ? Named::no : Named::directly;
    }
    if (named == Named::no || !applies(s, q, d)) continue;
    if (!s.allow) {
      out.deny = true;
      out.sid = s.sid;
      return out;
    }
    if (named == Named::directly) {
      out.allow = true;
      out.sid = s.sid;
    } else
      out.delegated = true;
  }
  return out;
}
}  // namespace

Decision decide(const Question& q) {
  bool identity_allows = false, resource_allows = false, must_be_named = false, delegated = false;
  Kind missing = Kind::identity;
  for (const DocumentPtr& d : q.identity) {
    if (!d) return {Outcome::explicit_deny, Kind::identity, "a policy that does not parse"};
    const Found found = look(*d, q);
    if (found.deny) return {Outcome::explicit_deny, Kind::identity, found.sid};
    identity_allows = identity_allows || found.allow;
  }
  for (const auto& [kind, d] : q.resource_policies) {
    if (!d) return {Outcome::explicit_deny, kind, "a policy that does not parse"};
    const Found found = look(*d, q);
    if (found.deny) return {Outcome::explicit_deny, kind, found.sid};
    if (kind == Kind::key || kind == Kind::trust) {
      must_be_named = true;
      missing = kind;
    }
    resource_allows = resource_allows || found.allow;
    delegated = delegated || found.delegated;
  }
  const bool same_account = q.principal.account_id == q.resource_account;
  if (q.principal.type != Principal::Type::assumed_role)
    return {resource_allows ? Outcome::allow : Outcome::implicit_deny, Kind::resource, {}};
  if (!same_account)
    return {
        (resource_allows || delegated) && identity_allows ? Outcome::allow : Outcome::implicit_deny,
        identity_allows ? Kind::resource : Kind::identity,
        {}};
  if (resource_allows) return {Outcome::allow, missing, {}};
  if (must_be_named) {
    if (delegated && identity_allows) return {Outcome::allow, Kind::identity, {}};
    return {Outcome::implicit_deny, delegated ? Kind::identity : missing, {}};
  }
  return {identity_allows ? Outcome::allow : Outcome::implicit_deny, Kind::identity, {}};
}

bool could_allow(const Document& document, std::string_view action) {
  return std::any_of(document.statements.begin(), document.statements.end(),
                     [&](const Statement& s) { return s.allow && action_matches(s, action); });
}

std::string denied_text(const Question& q, const Decision& d, bool quote) {
  const char* type = d.kind == Kind::identity ? "identity-based"
                     : d.kind == Kind::trust  ? "role trust"
                                              : "resource-based";
  const std::string resource = quote ? "\"" + q.resource + "\"" : q.resource;
  std::string text = "User: " + q.principal.arn + " is not authorized to perform: " + q.action +
                     " on resource: " + resource;
  if (d.outcome == Outcome::explicit_deny)
    return text + " with an explicit deny in " + (d.kind == Kind::identity ? "an " : "a ") + type +
           " policy";
  return text + " because no " + type + " policy allows the " + q.action + " action";
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
