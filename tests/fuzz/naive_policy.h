// SPDX-License-Identifier: Apache-2.0
#pragma once
// A second evaluator of policies, to compare the first one with: it reads the JSON at each question
// and follows the tables of the IAM User Guide one line after the other, without regard to time.
// And a source of random questions, over few names, so that they often hit.
//
//   naive::Choices choices(bytes);
//   const naive::Case one = naive::random_case(choices);
//   EXPECT_EQ(policy::decide(one.question).outcome, naive::decide(one));
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "policy/decide.h"

namespace sluice::naive {

// Takes one choice after the other from some bytes; 0 when they are used up.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}
  size_t below(size_t n) {
    if (at_ >= bytes_.size()) return 0;
    return static_cast<unsigned char>(bytes_[at_++]) % n;
  }
  template <size_t N>
  std::string one_of(const char* const (&list)[N]) {
    return list[below(N)];
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

constexpr char kAccount[] = "000000000000", kRoleId[] = "AROAROLE",
               kRole[] = "arn:aws:iam::000000000000:role/r",
               kSession[] = "arn:aws:sts::000000000000:assumed-role/r/s";

// The documents stand in the question parsed, and here as they came.
struct Case {
  policy::Question question;
  std::vector<json::object> identity, boundary, session, resource;
  bool has_boundary = false, has_session = false, is_key = false;
};

inline json::array some(Choices& c, const std::function<std::string()>& make) {
  json::array out;
  for (size_t n = 1 + c.below(2); n; --n) out.emplace_back(make());
  return out;
}
inline json::object random_statement(Choices& c, bool with_principal) {
  static constexpr const char* kActions[] = {"s3:GetObject", "s3:*",         "*",
                                             "s3:Get*",      "S3:getobject", "s3:?utObject",
                                             "kms:*",        "s3:PutObject", "s3:PutObject*",
                                             "s3:*Object"};
  static constexpr const char* kResources[] = {"arn:aws:s3:::b/k",
                                               "arn:aws:s3:::b/*",
                                               "*",
                                               "arn:aws:s3:::*/k",
                                               "arn:aws:s3:::c/?",
                                               "arn:*:s3:::b/k",
                                               "arn:aws:s3:::b/l*",
                                               "arn:aws:s3:::b/${aws:userid}",
                                               "arn:aws:s3:::c/${aws:userid, 'k'}"};
  static constexpr const char* kPrincipals[] = {kRole,
                                                kSession,
                                                kAccount,
                                                "arn:aws:iam::000000000000:root",
                                                kRoleId,
                                                "arn:aws:iam::000000000000:role/other",
                                                "arn:aws:sts::000000000000:assumed-role/r/other",
                                                "*"};
  static constexpr const char* kOperators[] = {"StringEquals",
                                               "StringNotEquals",
                                               "StringLike",
                                               "StringEqualsIfExists",
                                               "Null",
                                               "ForAnyValue:StringEquals",
                                               "ForAllValues:StringEquals"};
  static constexpr const char* kKeys[] = {"aws:userid", "s3:prefix", "aws:TagKeys"};
  static constexpr const char* kValues[] = {"k", "a", "a*", "b"};
  json::object s{{"Effect", c.below(3) ? "Allow" : "Deny"}};
  s[c.below(6) ? "Action" : "NotAction"] = some(c, [&] { return c.one_of(kActions); });
  s[c.below(6) ? "Resource" : "NotResource"] = some(c, [&] { return c.one_of(kResources); });
  if (with_principal)
    s["Principal"] = json::object{{"AWS", some(c, [&] { return c.one_of(kPrincipals); })}};
  if (c.below(3) == 0) {
    const std::string op = c.one_of(kOperators), key = c.one_of(kKeys);
    json::array values = some(c, [&] { return c.one_of(kValues); });
    if (op == "Null") values = {json::value(c.below(2) ? "true" : "false")};
    s["Condition"] = json::object{{op, json::object{{key, std::move(values)}}}};
  }
  return s;
}
inline json::object random_document(Choices& c, bool with_principal) {
  json::array statements;
  for (size_t n = 1 + c.below(3); n; --n) statements.push_back(random_statement(c, with_principal));
  return {{"Version", "2012-10-17"}, {"Statement", std::move(statements)}};
}
inline policy::Attached attached(const json::object& document, policy::Kind kind,
                                 policy::Kind parsed_as) {
  auto parsed = policy::parse(json::serialize(document), parsed_as);
  return {kind, "p", parsed ? *std::move(parsed) : nullptr};
}
// Parses the documents of a case into its question.
inline void settle(Case& one) {
  using policy::Kind;
  auto& to = one.question.policies = {};
  for (const auto& d : one.identity)
    to.identity.push_back(attached(d, Kind::identity, Kind::identity));
  if (one.has_boundary) to.boundary.emplace();
  for (const auto& d : one.boundary)
    to.boundary->push_back(attached(d, Kind::boundary, Kind::identity));
  if (one.has_session) to.session.emplace();
  for (const auto& d : one.session)
    to.session->push_back(attached(d, Kind::session, Kind::identity));
  const Kind kind = one.is_key ? Kind::key : Kind::resource;
  for (const auto& d : one.resource) to.resource.push_back(attached(d, kind, kind));
}
inline Case random_case(Choices& c) {
  Case one;
  policy::Question& q = one.question;
  q.principal = {policy::Principal::Type::assumed_role, kSession, kRole, kRoleId, kAccount};
  q.action = c.below(2) ? "s3:GetObject" : "s3:PutObject";
  static constexpr const char* kAsked[] = {"arn:aws:s3:::b/k", "arn:aws:s3:::b/l",
                                           "arn:aws:s3:::c/k"};
  q.resource = c.one_of(kAsked);
  q.resource_account = c.below(5) ? kAccount : "111111111111";
  if (c.below(4)) q.context["aws:userid"] = {c.below(2) ? "k" : "l"};
  if (c.below(2)) q.context["s3:prefix"] = {c.below(2) ? "a" : "ab"};
  if (c.below(2)) q.context["aws:tagkeys"] = {"a", c.below(2) ? "b" : "c"};
  const auto documents = [&](bool with_principal) {
    std::vector<json::object> all;
    for (size_t n = c.below(3); n; --n) all.push_back(random_document(c, with_principal));
    return all;
  };
  one.identity = documents(false);
  one.has_boundary = c.below(3) == 0;
  if (one.has_boundary) one.boundary = documents(false);
  one.has_session = c.below(3) == 0;
  if (one.has_session) one.session = documents(false);
  one.is_key = c.below(3) == 0;
  one.resource = documents(true);
  if (one.is_key && one.resource.empty()) one.resource = {random_document(c, true)};
  settle(one);
  return one;
}

// ---- the evaluator
inline bool glob(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p[0] == '*') return glob(p.substr(1), t) || (!t.empty() && glob(p, t.substr(1)));
  return !t.empty() && (p[0] == '?' || p[0] == t[0]) && glob(p.substr(1), t.substr(1));
}
inline std::vector<std::string> texts(const json::value& value) {
  std::vector<std::string> out;
  for (const json::value& one : value.as_array())
    out.emplace_back(std::string_view(one.as_string()));
  return out;
}
inline bool action_matches(const json::object& s, const policy::Question& q) {
  const bool negated = s.contains("NotAction");
  bool any = false;
  for (const std::string& p : texts(s.at(negated ? "NotAction" : "Action")))
    any = any || glob(lower(p), lower(q.action));
  return any != negated;
}
inline bool resource_matches(const json::object& s, const policy::Question& q) {
  const bool negated = s.contains("NotResource"), allow = s.at("Effect") == "Allow";
  bool any = false;
  for (std::string p : texts(s.at(negated ? "NotResource" : "Resource"))) {
    const auto* id = q.context.find("aws:userid");
    if (const size_t at = p.find("${aws:userid, 'k'}"); at != p.npos)
      p.replace(at, 18, id ? id->front() : "k");
    if (const size_t at = p.find("${aws:userid}"); at != p.npos) {
      if (!id && negated && allow) return false;  // what it would leave out is not known
      if (!id) continue;
      p.replace(at, 13, id->front());
    }
    any = any || glob(p, q.resource);
  }
  return any != negated;
}
inline bool condition_holds(const json::object& s, const policy::Question& q) {
  if (!s.contains("Condition")) return true;
  for (const auto& [op, keys] : s.at("Condition").as_object())
    for (const auto& [key, wanted] : keys.as_object()) {
      const auto* have = q.context.find(lower(std::string(key)));
      const std::vector<std::string> values = texts(wanted);
      const auto is_one = [&](const std::string& value) {
        for (const std::string& v : values)
          if (op == "StringLike" ? glob(v, value) : v == value) return true;
        return false;
      };
      bool holds = false;
      if (op == "Null") {
        holds = (values[0] == "true") == (have == nullptr);
      } else if (op == "ForAllValues:StringEquals") {
        holds = true;
        if (have)
          for (const std::string& value : *have) holds = holds && is_one(value);
      } else if (!have) {
        holds = op == "StringNotEquals" || op == "StringEqualsIfExists";
      } else {
        for (const std::string& value : *have) holds = holds || is_one(value);
        if (op == "StringNotEquals") holds = !holds;
      }
      if (!holds) return false;
    }
  return true;
}
// 0: not at all; 1: by its account; 2: by its role; 3: by its session, or as everybody.
inline int how_named(const json::object& s) {
  int best = 0;
  if (!s.contains("Principal")) return 3;
  for (const std::string& name : texts(s.at("Principal").as_object().at("AWS"))) {
    int how = 0;
    if (name == kAccount || name == "arn:aws:iam::000000000000:root") how = 1;
    if (name == kRole || name == kRoleId) how = 2;
    if (name == kSession || name == "*") how = 3;
    best = std::max(best, how);
  }
  return best;
}
// The strongest way in which the documents allow it; -1: one of them denies it.
inline int allowed_by(const std::vector<json::object>& documents, const policy::Question& q) {
  int best = 0;
  for (const json::object& document : documents)
    for (const json::value& one : document.at("Statement").as_array()) {
      const json::object& s = one.as_object();
      const int how = how_named(s);
      if (!how || !action_matches(s, q) || !resource_matches(s, q) || !condition_holds(s, q))
        continue;
      if (s.at("Effect") == "Deny") return -1;
      best = std::max(best, how);
    }
  return best;
}
inline bool any_allows(const std::vector<json::object>& documents, const policy::Question& q,
                       int how) {
  for (const json::object& document : documents)
    for (const json::value& one : document.at("Statement").as_array()) {
      const json::object& s = one.as_object();
      if (s.at("Effect") == "Allow" && how_named(s) == how && action_matches(s, q) &&
          resource_matches(s, q) && condition_holds(s, q))
        return true;
    }
  return false;
}
inline policy::Outcome decide(const Case& one) {
  using policy::Outcome;
  const policy::Question& q = one.question;
  for (const auto* documents : {&one.identity, &one.boundary, &one.session, &one.resource})
    if (allowed_by(*documents, q) < 0) return Outcome::explicit_deny;
  const bool role_may = allowed_by(one.identity, q) > 0;
  const bool below_ceilings = (!one.has_boundary || allowed_by(one.boundary, q) > 0) &&
                              (!one.has_session || allowed_by(one.session, q) > 0);
  const bool to_account = any_allows(one.resource, q, 1), to_role = any_allows(one.resource, q, 2),
             to_session = any_allows(one.resource, q, 3);
  bool allowed = false;
  if (q.resource_account != kAccount)
    allowed = role_may && below_ceilings && (to_account || to_role || to_session);
  else if (one.is_key)
    allowed = to_session || (below_ceilings && (to_role || (to_account && role_may)));
  else
    allowed = to_session || (below_ceilings && (to_role || role_may));
  return allowed ? Outcome::allow : Outcome::implicit_deny;
}

}  // namespace sluice::naive
