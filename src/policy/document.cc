// SPDX-License-Identifier: Apache-2.0
#include "policy/document.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/json.h"
#include "policy/condition.h"
#include "base/thread_safety.h"

namespace sluice::policy {
namespace {
Error malformed(std::string why) { return {400, "MalformedPolicyDocument", std::move(why), {}}; }

Result<std::vector<std::string>> strings(const json::value& value, std::string_view element) {
  std::vector<std::string> out;
  const auto add = [&](const json::value& v) {
    if (v.is_string())
      out.emplace_back(v.get_string());
    else if (v.is_bool())
      out.emplace_back(v.get_bool() ? "true" : "false");
    else if (v.is_number())
      out.push_back(json::serialize(v));
    else
      return false;
    return true;
  };
  if (value.is_array()) {
    for (const json::value& v : value.get_array())
      if (!add(v))
        return malformed(std::string(element) + " must be a string or a list of strings");
  } else if (!add(value)) {
    return malformed(std::string(element) + " must be a string or a list of strings");
  }
  return out;
}

Result<Done> parse_conditions(const json::value& block, Statement& statement) {
  if (!block.is_object()) return malformed("Condition must be an object");
  for (const auto& [op, keys] : block.get_object()) {
    if (!keys.is_object()) return malformed("Condition operators must hold an object of keys");
    for (const auto& [key, values] : keys.get_object()) {
      Condition c;
      std::string_view name = op;
      if (name.starts_with("ForAllValues:")) {
        c.set = Condition::Set::all;
        name.remove_prefix(13);
      } else if (name.starts_with("ForAnyValue:")) {
        c.set = Condition::Set::any;
        name.remove_prefix(12);
      }
      if (name.ends_with("IfExists")) {
        c.if_exists = true;
        name.remove_suffix(8);
      }
      // An operator nobody here knows, or a value it cannot read, is never stored, so it can
      // neither allow nor fail to deny.
      const auto known = operator_named(name);
      if (!known || (known->compares == Operator::Compares::presence && c.if_exists))
        return malformed("Invalid Condition type : " + std::string(op));
      c.op = *known;
      c.key = lower(std::string(key));
      TRY(c.values, strings(values, "A condition's value"));
      for (const std::string& one : c.values)
        if (!is_value(c.op, one))
          return malformed("Invalid value for the condition operator " + std::string(name) + ": " +
                           one.substr(0, 100));
      statement.conditions.push_back(std::move(c));
    }
  }
  return Done{};
}

Result<Done> parse_principal(const json::value& value, Statement& statement) {
  if (value.is_string()) {
    if (value.get_string() != "*") return malformed("Invalid principal in policy");
    statement.principals.emplace_back("AWS", "*");
    return Done{};
  }
  if (!value.is_object() || value.get_object().empty())
    return malformed("Invalid principal in policy");
  for (const auto& [type, names] : value.get_object()) {
    if (type != "AWS" && type != "Service" && type != "Federated" && type != "CanonicalUser")
      return malformed("Invalid principal in policy: unknown type " + std::string(type));
    TRY(auto list, strings(names, "Principal"));
    for (std::string& name : list) {
      if (type == "AWS" && name != "*" && name.find('*') != std::string::npos)
        return malformed("Invalid principal in policy: no wildcards within a principal");
      statement.principals.emplace_back(type, std::move(name));
    }
  }
  return Done{};
}

Result<Done> parse_resources(const json::object& object, Kind kind, Statement& s) {
  const json::value* with = object.if_contains("Resource");
  const json::value* without = object.if_contains("NotResource");
  if (with && without) return malformed("Resource and NotResource cannot stand in one statement");
  if (kind == Kind::trust && (with || without)) return malformed("Has prohibited field Resource");
  if (!with && !without) {
    if (kind != Kind::trust) return malformed("Missing required field Resource");
    return Done{};
  }
  s.not_resource = without != nullptr;
  TRY(std::vector<std::string> resources, strings(with ? *with : *without, "Resource"));
  for (std::string& r : resources) {
    // What a variable brings must not move the parts of the ARN.
    if (const size_t variable = r.find("${");
        variable != r.npos &&
        std::count(r.begin(), r.begin() + static_cast<std::ptrdiff_t>(variable), ':') < 5)
      return malformed("Resource " + r +
                       ": a policy variable can stand only after the fifth colon");
    if (r != "*" && kind == Kind::identity && (!r.starts_with("arn:") || split(r, ':').size() < 6))
      return malformed("Resource " + r + " must be in ARN format or \"*\".");
    s.resources.emplace_back(std::move(r));
  }
  return Done{};
}

Result<Statement> parse_statement(const json::value& value, Kind kind) {
  if (!value.is_object())
    return malformed("Syntax errors in policy: a Statement must be an object");
  const json::object& object = value.get_object();
  static const std::set<std::string, std::less<>> known = {
      "Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
      "NotAction", "Resource", "NotResource", "Condition"};
  for (const auto& [name, member] : object)
    if (!known.contains(std::string_view(name)))
      return malformed("Syntax errors in policy: unknown element " + std::string(name));
  Statement s;
  s.sid = text_of(object, "Sid");
  if (kind == Kind::identity &&
      s.sid.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") !=
          std::string::npos)
    return malformed(
        "Statement IDs (SID) should be alpha-numeric. Check that your input satisfies the regular "
        "expression [0-9A-Za-z]*");
  const std::string effect = text_of(object, "Effect");
  if (effect != "Allow" && effect != "Deny")
    return malformed("Syntax errors in policy: Effect must be Allow or Deny");
  s.allow = effect == "Allow";
  const json::value* action = object.if_contains("Action");
  const json::value* not_action = object.if_contains("NotAction");
  if ((action != nullptr) == (not_action != nullptr))
    return malformed("Missing required field Action: a statement has either Action or NotAction");
  s.not_action = not_action != nullptr;
  TRY(const std::vector<std::string> actions, strings(action ? *action : *not_action, "Action"));
  for (const std::string& a : actions) {
    if (a != "*" &&
        (a.find(':') == std::string::npos || a.find(':') != a.rfind(':') || a.starts_with('*')))
      return malformed(
          "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    s.actions.emplace_back(lower(a));
  }
  const json::value* principal = object.if_contains("Principal");
  const json::value* not_principal = object.if_contains("NotPrincipal");
  if (kind == Kind::identity && (principal || not_principal))
    return malformed("Policy document should not specify a principal.");
  if (kind != Kind::identity && (principal != nullptr) == (not_principal != nullptr))
    return malformed("Missing required field Principal");
  s.not_principal = not_principal != nullptr;
  if (principal || not_principal)
    CHECK(parse_principal(principal ? *principal : *not_principal, s));
  CHECK(parse_resources(object, kind, s));
  if (const json::value* block = object.if_contains("Condition"))
    CHECK(parse_conditions(*block, s));
  return s;
}
}  // namespace

Result<DocumentPtr> parse(std::string_view text, Kind kind) {
  if (text.size() > kDocumentBytesMax)
    return malformed("The policy is larger than " + std::to_string(kDocumentBytesMax) + " bytes");
  auto parsed = parse_json_strict(text, 32);
  if (!parsed || !parsed->is_object()) return malformed("This policy contains invalid Json");
  const json::object& object = parsed->get_object();
  for (const auto& [name, member] : object)
    if (name != "Version" && name != "Statement" && name != "Id")
      return malformed("Syntax errors in policy: unknown element " + std::string(name));
  if (kind == Kind::identity && object.contains("Id"))
    return malformed("Syntax errors in policy: Id is not allowed here");
  auto document = std::make_shared<Document>();
  document->kind = kind;
  const std::string version = text_of(object, "Version");
  if (!version.empty() && version != "2012-10-17" && version != "2008-10-17")
    return malformed("The policy must contain a valid version string");
  document->variables = version == "2012-10-17";
  const json::value* statements = object.if_contains("Statement");
  if (!statements) return malformed("Syntax errors in policy: Statement is missing");
  if (statements->is_array()) {
    for (const json::value& one : statements->get_array()) {
      TRY(Statement s, parse_statement(one, kind));
      document->statements.push_back(std::move(s));
    }
  } else {
    TRY(Statement s, parse_statement(*statements, kind));
    document->statements.push_back(std::move(s));
  }
  if (document->statements.empty()) return malformed("Syntax errors in policy: Statement is empty");
  std::set<std::string> sids;
  for (const Statement& s : document->statements)
    if (!s.sid.empty() && !sids.insert(s.sid).second)
      return malformed("Statement IDs (SID) in a single policy must be unique.");
  return DocumentPtr(std::move(document));
}

namespace {
// Adds the key of each ${key} and ${key, 'otherwise'}; ${*}, ${?} and ${$} stand for themselves.
void add_variables(std::string_view text, std::set<std::string>& keys) {
  for (size_t from = text.find("${"); from != text.npos; from = text.find("${", from)) {
    from += 2;
    const std::string_view key = text.substr(from, text.find_first_of(",}", from) - from);
    if (key.find(':') != key.npos) keys.insert(lower(std::string(key)));
  }
}
}  // namespace

std::vector<std::string> keys_of(const Document& document) {
  std::set<std::string> keys;
  for (const Statement& s : document.statements) {
    for (const Condition& c : s.conditions) {
      keys.insert(c.key);
      if (document.variables)
        for (const std::string& value : c.values) add_variables(value, keys);
    }
    if (document.variables)
      for (const Pattern& resource : s.resources) add_variables(resource.text(), keys);
  }
  return {keys.begin(), keys.end()};
}

}  // namespace sluice::policy
