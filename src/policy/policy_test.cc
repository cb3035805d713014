// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <tuple>

#include "base/random.h"
#include "policy/condition.h"
#include "policy/decide.h"
#include "policy/match.h"

namespace sluice::policy {
namespace {
constexpr const char* kRole = "arn:aws:iam::000000000000:role/r";

Question ask(std::string action, std::string resource) {
  Question q;
  q.principal = {Principal::Type::assumed_role, "arn:aws:sts::000000000000:assumed-role/r/s", kRole,
                 "AROA", "000000000000"};
  q.action = std::move(action);
  q.resource = std::move(resource);
  q.resource_account = "000000000000";
  return q;
}
bool holds(const Condition& c, const Context& context, bool variables, bool allow) {
  return policy::holds(c, context.values(c.key), context, variables, allow);
}
Operator op_of(const std::string& name) { return operator_named(name).value(); }
Attached attached(Kind kind, std::string name, const std::string& statement) {
  const auto parsed = parse(R"({"Version":"2012-10-17","Statement":)" + statement + "}", kind);
  return {kind, std::move(name), parsed ? *parsed : nullptr};
}
Attached identity(const std::string& statement) {
  return attached(Kind::identity, "own", statement);
}
Attached document(Kind kind, const std::string& statement) {
  return attached(kind, "arn:of:resource", statement);
}
const std::string kAllowAll = R"({"Effect":"Allow","Action":"*","Resource":"*"})";

TEST(Decide, DeniesWithoutAnAllow) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  EXPECT_EQ(decide(q).outcome, Outcome::implicit_deny);
  q.policies.identity = {identity(kAllowAll)};
  EXPECT_TRUE(decide(q).allowed());
}
TEST(Decide, LetsAnExplicitDenyWinWhereverItStands) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {
      identity("[" + kAllowAll + R"(,{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}])")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.policies.identity = {identity(kAllowAll)};
  q.policies.resource = {document(
      Kind::resource, R"({"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"})")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}
TEST(Decide, DeniesWhenAPolicyDoesNotParse) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {identity(kAllowAll), identity(R"({"Effect":"Maybe"})")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.policies.identity = {identity(kAllowAll)};
  q.policies.resource = {{Kind::resource, "arn:of:resource", nullptr}};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}
TEST(Stored, IsParsedOnceForAllItsCopies) {
  const Stored<Kind::resource> policy(
      R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}})");
  const Stored<Kind::resource> copy = policy;
  ASSERT_TRUE(policy.document());
  EXPECT_EQ(copy.document(), policy.document());
  EXPECT_EQ(copy.on("arn").at(0).document, policy.document());
  EXPECT_EQ(copy.on("arn").at(0).name, "arn");
  EXPECT_EQ(copy, policy);
}
TEST(Stored, DeniesWhenItDoesNotParseAndSaysNothingWhenThereIsNone) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {identity(kAllowAll)};
  q.policies.resource = Stored<Kind::resource>("{").on("arn:aws:s3:::b");
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.policies.resource = Stored<Kind::resource>("").on("arn:aws:s3:::b");
  EXPECT_TRUE(q.policies.resource.empty());
  EXPECT_TRUE(decide(q).allowed());
}
// Of a decision, as "allow own Sid": what it does, whose it is, its Sid or its place.
std::vector<std::string> determining(const Question& q) {
  std::vector<std::string> out;
  for (const DeterminingStatement& one : decide(q).statements)
    out.push_back((one.allows() ? "allow " : "deny ") + one.name() + " " +
                  (!one.index          ? "malformed"
                   : one.sid().empty() ? std::to_string(*one.index)
                                       : std::string(one.sid())));
  return out;
}
using Names = std::vector<std::string>;

TEST(Decide, NamesTheStatementsThatAllow) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {
      identity(R"([{"Effect":"Allow","Action":"s3:Put*","Resource":"*","Sid":"Puts"},)"
               R"({"Effect":"Allow","Action":"s3:Get*","Resource":"*","Sid":"Gets"},)" +
               kAllowAll + "]")};
  EXPECT_EQ(determining(q), (Names{"allow own Gets", "allow own 2"}));
  const Attached bucket = document(
      Kind::resource,
      R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Sid":"Open"})");
  q.policies.resource = {bucket};
  EXPECT_EQ(determining(q), (Names{"allow own Gets", "allow own 2", "allow arn:of:resource Open"}));
  q.policies.identity.clear();
  EXPECT_EQ(determining(q), Names{"allow arn:of:resource Open"});
  q.principal = {Principal::Type::service, "s3.amazonaws.com", "", "", "000000000000"};
  EXPECT_EQ(determining(q), Names{"allow arn:of:resource Open"});
  q.action = "s3:PutObject";
  EXPECT_EQ(determining(q), Names{});  // nothing denies it, nothing allows it
}
TEST(Decide, NamesOnlyTheDenyWhereOneDenies) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {identity(kAllowAll)};
  q.policies.resource = {document(
      Kind::resource,
      R"([{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},)"
      R"({"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Sid":"Shut"}])")};
  EXPECT_EQ(determining(q), Names{"deny arn:of:resource Shut"});
  q.policies.identity.push_back(
      attached(Kind::identity, "second",
               R"([{"Effect":"Allow","Action":"iam:*","Resource":"*"},)"
               R"({"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}])"));
  EXPECT_EQ(determining(q), Names{"deny second 1"});
  q.policies.identity = {{Kind::identity, "broken", nullptr}};
  EXPECT_EQ(determining(q), Names{"deny broken malformed"});
}
TEST(Decide, NamesWhoDelegatesBesideWhoWasDelegatedTo) {
  Question q = ask("kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:key/k");
  q.policies.identity = {identity(kAllowAll)};
  const std::string named =
      R"({"Effect":"Allow","Principal":{"AWS":"AROA"},"Action":"kms:*","Resource":"*"})";
  const std::string account =
      R"({"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:*","Resource":"*"})";
  q.policies.resource = {document(Kind::key, account)};
  EXPECT_EQ(determining(q), (Names{"allow own 0", "allow arn:of:resource 0"}));
  q.policies.resource = {document(Kind::key, named)};
  EXPECT_EQ(determining(q), Names{"allow arn:of:resource 0"});  // the role's own did not matter
  q.policies.resource = {document(Kind::key, "[" + named + "," + account + "]")};
  EXPECT_EQ(determining(q),
            (Names{"allow own 0", "allow arn:of:resource 0", "allow arn:of:resource 1"}));
  q.resource_account = "111111111111";  // both sides are needed
  q.policies.resource = {document(Kind::resource, account)};
  EXPECT_EQ(determining(q), (Names{"allow own 0", "allow arn:of:resource 0"}));
}
TEST(Decide, LetsAKeyPolicyAloneOrTheAccountDecide) {
  Question q = ask("kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:key/k");
  q.policies.identity = {identity(kAllowAll)};
  const auto key_policy = [&](const std::string& principal) {
    q.policies.resource = {document(Kind::key, R"({"Effect":"Allow","Principal":{"AWS":")" +
                                                   principal +
                                                   R"("},"Action":"kms:*","Resource":"*"})")};
  };
  key_policy("arn:aws:iam::000000000000:role/other");
  EXPECT_FALSE(decide(q).allowed());  // IAM alone opens no key
  key_policy("arn:aws:iam::000000000000:root");
  EXPECT_TRUE(decide(q).allowed());  // delegated to IAM
  q.policies.identity.clear();
  EXPECT_FALSE(decide(q).allowed());
  key_policy(kRole);
  EXPECT_TRUE(decide(q).allowed());  // named
}
TEST(Decide, LetsAGrantAllowBesideTheKeyPolicy) {
  Question q = ask("kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:key/k");
  const std::string other =
      R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:role/other"},)"
      R"("Action":"kms:*","Resource":"*"})";
  q.policies.resource = {document(Kind::key, other)};
  EXPECT_FALSE(decide(q).allowed());
  q.policies.grants = {{"of-another", "AROAOTHER"}};
  EXPECT_FALSE(decide(q).allowed());
  q.policies.grants.push_back({"mine", q.principal.role_id});
  EXPECT_TRUE(decide(q).allowed());
  ASSERT_EQ(decide(q).statements.size(), 1U);
  const Grant mine{"mine", q.principal.role_id};
  EXPECT_EQ(decide(q).statements[0], (DeterminingStatement{nullptr, &mine, std::nullopt}));
  // The account's grant needs a policy of its own beside it.
  q.policies.grants = {{"the-account's", "arn:aws:iam::000000000000:root"}};
  EXPECT_FALSE(decide(q).allowed());
  q.policies.identity = {identity(kAllowAll)};
  EXPECT_TRUE(decide(q).allowed());
  // What is granted to the role, a session has within its own policy only.
  q.policies.grants = {{"mine", q.principal.role_id}};
  q.policies.identity.clear();
  q.policies.session.emplace();
  EXPECT_FALSE(decide(q).allowed());
  q.policies.grants = {{"the session's", q.principal.arn}};
  EXPECT_TRUE(decide(q).allowed());
  q.policies.session.reset();
  // A Deny wins, wherever it stands.
  q.policies.grants = {{"mine", q.principal.role_id}};
  q.policies.identity = {identity(R"({"Effect":"Deny","Action":"kms:*","Resource":"*"})")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.policies.identity.clear();
  q.policies.resource = {
      document(Kind::key, R"({"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"})")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}
TEST(Decide, AsksTheTrustPolicyForARole) {
  Question q = ask("sts:AssumeRole", "arn:aws:iam::000000000000:role/target");
  q.policies.identity = {identity(kAllowAll)};
  q.policies.resource = {
      document(Kind::trust, R"({"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},)"
                            R"("Action":"sts:AssumeRole"})")};
  EXPECT_FALSE(decide(q).allowed());
  q.principal = {Principal::Type::service, "lambda.amazonaws.com", "", "", "000000000000"};
  EXPECT_TRUE(decide(q).allowed());
}
TEST(Decide, LetsAWebIdentityInOnlyWhereItsProviderIsNamed) {
  Question q = ask("sts:AssumeRoleWithWebIdentity", "arn:aws:iam::000000000000:role/target");
  const std::string provider = "arn:aws:iam::000000000000:oidc-provider/ci.example";
  q.principal = {Principal::Type::federated, provider, "", "", "000000000000"};
  q.context["ci.example:sub"] = {"repo:a"};
  const auto trusts = [&](const std::string& principal, const std::string& more = "") {
    q.policies.resource = {
        document(Kind::trust, R"({"Effect":"Allow","Action":"sts:*",)" + principal + more + "}")};
    return decide(q).allowed();
  };
  const std::string named = R"("Principal":{"Federated":")" + provider + R"("})";
  EXPECT_TRUE(trusts(named));
  EXPECT_TRUE(trusts(named, R"(,"Condition":{"StringLike":{"ci.example:sub":"repo:*"}})"));
  EXPECT_FALSE(trusts(named, R"(,"Condition":{"StringEquals":{"ci.example:sub":"repo:b"}})"));
  EXPECT_FALSE(trusts(R"("Principal":{"Federated":")" + provider + R"(.org"})"));
  EXPECT_FALSE(trusts(R"("Principal":{"AWS":")" + provider + R"("})"));
  EXPECT_FALSE(trusts(R"("Principal":"*")"));
  EXPECT_FALSE(trusts(R"("Principal":{"AWS":"000000000000"})"));
  EXPECT_FALSE(trusts(R"("NotPrincipal":{"AWS":"arn:aws:iam::000000000000:role/r"})"));
  EXPECT_EQ(denied_text(q, decide(q), false),
            "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  q.policies.resource = {document(Kind::trust, R"([{"Effect":"Allow","Action":"sts:*",)" + named +
                                                   R"(},{"Effect":"Deny","Action":"sts:*",)"
                                                   R"("Principal":"*"}])")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}
TEST(Decide, LetsALocalUserInWhereTheAccountIsTrusted) {
  Question q = ask("sts:AssumeRole", "arn:aws:iam::000000000000:role/target");
  q.principal = {Principal::Type::local_user, "unix-uid:7", "", "", "000000000000"};
  const auto trusts = [&](const std::string& principal) {
    q.policies.resource = {
        document(Kind::trust, R"({"Effect":"Allow","Action":"sts:*",)" + principal + "}")};
    return decide(q).allowed();
  };
  EXPECT_TRUE(trusts(R"("Principal":{"AWS":"arn:aws:iam::000000000000:root"})"));
  EXPECT_TRUE(trusts(R"("Principal":{"AWS":"000000000000"})"));
  EXPECT_FALSE(trusts(R"("Principal":{"AWS":"111111111111"})"));
  EXPECT_FALSE(trusts(R"("Principal":{"AWS":"arn:aws:iam::000000000000:role/r"})"));
  EXPECT_FALSE(trusts(R"("Principal":{"Service":"lambda.amazonaws.com"})"));
  EXPECT_FALSE(trusts(R"("NotPrincipal":{"AWS":"arn:aws:iam::000000000000:role/r"})"));
  EXPECT_EQ(denied_text(q, decide(q), false),
            "User: unix-uid:7 is not authorized to perform: sts:AssumeRole on resource: "
            "arn:aws:iam::000000000000:role/target because no role trust policy allows the "
            "sts:AssumeRole action");
}
TEST(Decide, NeedsBothSidesAcrossAccounts) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.resource_account = "111111111111";
  q.policies.identity = {identity(kAllowAll)};
  EXPECT_FALSE(decide(q).allowed());
  q.policies.resource = {document(
      Kind::resource, R"({"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"s3:*",)"
                      R"("Resource":"*"})")};
  EXPECT_TRUE(decide(q).allowed());
  q.policies.identity.clear();
  EXPECT_FALSE(decide(q).allowed());
}
// IAM User Guide, "Policy evaluation within a single account": how a resource policy names the
// caller decides whether the session's own policy bounds what it gives.
// The same table for a permissions boundary, which bounds a role's sessions as their own policies
// do; with both, both must allow.
TEST(Decide, BoundsARoleByItsPermissionsBoundary) {
  const auto ceiling = [](Kind kind, const std::string& action) {
    Attached policy = attached(Kind::identity, "limit",
                               R"({"Effect":"Allow","Action":")" + action + R"(","Resource":"*"})");
    policy.kind = kind;
    return std::vector{std::move(policy)};
  };
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.boundary = ceiling(Kind::boundary, "s3:*");
  EXPECT_FALSE(decide(q).allowed());  // it gives nothing by itself
  EXPECT_EQ(decide(q).kind, Kind::identity);
  q.policies.identity = {identity(kAllowAll)};
  EXPECT_TRUE(decide(q).allowed());
  EXPECT_EQ(decide(q).statements.back().kind(), Kind::boundary);
  q.policies.boundary = ceiling(Kind::boundary, "kms:*");
  EXPECT_EQ(decide(q).kind, Kind::boundary);
  EXPECT_NE(denied_text(q, decide(q), false)
                .find("because no permissions boundary allows the s3:GetObject action"),
            std::string::npos);
  for (const auto& [boundary, session, allowed] : {std::tuple{"s3:*", "s3:*", true},
                                                   {"s3:*", "kms:*", false},
                                                   {"kms:*", "s3:*", false},
                                                   {"kms:*", "kms:*", false}}) {
    q.policies.boundary = ceiling(Kind::boundary, boundary);
    q.policies.session = ceiling(Kind::session, session);
    EXPECT_EQ(decide(q).allowed(), allowed) << boundary << " " << session;
  }
  q.policies.session.reset();
  q.policies.boundary = std::vector{Attached{Kind::boundary, "broken", nullptr}};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.policies.boundary = ceiling(Kind::boundary, "kms:*");
  q.policies.identity.clear();
  for (const auto& [principal, allowed] :
       {std::pair{R"({"AWS":"AROA"})", false},
        {R"({"AWS":"arn:aws:sts::000000000000:assumed-role/r/s"})", true},
        {R"("*")", true}}) {
    q.policies.resource = {document(
        Kind::resource, std::string(R"({"Effect":"Allow","Action":"s3:*","Resource":"*",)") +
                            R"("Principal":)" + principal + "}")};
    EXPECT_EQ(decide(q).allowed(), allowed) << principal;
  }
}
TEST(Decide, BoundsASessionByItsOwnPolicy) {
  const auto session_policy = [](const std::string& statement) {
    Attached policy = attached(Kind::identity, "own", statement);
    policy.kind = Kind::session;
    return std::vector{std::move(policy)};
  };
  const std::string reads = R"({"Effect":"Allow","Action":"s3:Get*","Resource":"*"})",
                    lists = R"({"Effect":"Allow","Action":"s3:List*","Resource":"*"})",
                    denies = R"({"Effect":"Deny","Action":"s3:Get*","Resource":"*"})";
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.session = session_policy(reads);
  EXPECT_FALSE(decide(q).allowed());  // it gives nothing by itself
  q.policies.identity = {identity(kAllowAll)};
  EXPECT_TRUE(decide(q).allowed());
  EXPECT_EQ(decide(q).statements.back().kind(), Kind::session);
  q.policies.session = session_policy(lists);
  EXPECT_FALSE(decide(q).allowed());
  EXPECT_EQ(decide(q).kind, Kind::session);
  EXPECT_NE(denied_text(q, decide(q), false).find("because no session policy allows"),
            std::string::npos);
  q.policies.session = session_policy("[" + kAllowAll + "," + denies + "]");
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  EXPECT_NE(denied_text(q, decide(q), false).find("an explicit deny in a session policy"),
            std::string::npos);
  q.policies.session = std::vector{Attached{Kind::session, "broken", nullptr}};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.policies.session = std::vector<Attached>{};
  EXPECT_FALSE(decide(q).allowed());  // a policy that is missing allows nothing

  q.policies.session = session_policy(lists);
  const struct {
    const char* principal;
    bool own, allowed;
  } rows[] = {{R"({"AWS":"arn:aws:iam::000000000000:root"})", true, false},
              {R"({"AWS":"AROA"})", true, false},
              {R"({"AWS":"AROA"})", false, false},
              {R"({"AWS":"arn:aws:iam::000000000000:role/r"})", false, false},
              {R"({"AWS":["AROA","arn:aws:sts::000000000000:assumed-role/r/s"]})", false, true},
              {R"({"AWS":"arn:aws:sts::000000000000:assumed-role/r/s"})", false, true},
              {R"({"AWS":"arn:aws:sts::000000000000:assumed-role/r/other"})", false, false},
              {R"("*")", false, true}};
  for (const Kind kind : {Kind::resource, Kind::key}) {
    for (const auto& [principal, own, allowed] : rows) {
      q.policies.identity.clear();
      if (own) q.policies.identity = {identity(kAllowAll)};
      q.policies.resource = {
          document(kind, std::string(R"({"Effect":"Allow","Action":"s3:*","Resource":"*",)") +
                             R"("Principal":)" + principal + "}")};
      EXPECT_EQ(decide(q).allowed(), allowed) << principal;
    }
  }
  // Everybody but one is no name of the session.
  q.policies.resource = {document(
      Kind::resource, R"({"Effect":"Allow","Action":"s3:*","Resource":"*",)"
                      R"("NotPrincipal":{"AWS":"arn:aws:iam::000000000000:role/other"}})")};
  EXPECT_FALSE(decide(q).allowed());
}
TEST(Decide, AsksTheSessionPolicyAcrossAccountsWhoeverIsNamed) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.resource_account = "111111111111";
  q.policies.identity = {identity(kAllowAll)};
  q.policies.resource = {document(
      Kind::resource, R"({"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"})")};
  EXPECT_TRUE(decide(q).allowed());
  q.policies.session = std::vector<Attached>{};
  EXPECT_FALSE(decide(q).allowed());
}
TEST(Decide, UnderstandsNotActionNotResourceAndNotPrincipal) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {
      identity(R"({"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::secret/*"})")};
  EXPECT_TRUE(decide(q).allowed());
  q.action = "iam:CreateRole";
  EXPECT_FALSE(decide(q).allowed());
  q.action = "s3:GetObject";
  q.resource = "arn:aws:s3:::secret/k";
  EXPECT_FALSE(decide(q).allowed());
  q.policies.identity = {identity(kAllowAll)};
  q.policies.resource = {
      document(Kind::resource,
               R"({"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::000000000000:role/other"},)"
               R"("Action":"s3:*","Resource":"*"})")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}

struct Row {
  const char* op;
  const char* value;
  const char* actual;
  bool wanted;
};  // actual nullptr: the key is missing
class Operator : public testing::TestWithParam<Row> {};
TEST_P(Operator, HoldsAsAwsSays) {
  const auto [op, value, actual, wanted] = GetParam();
  const auto parsed = parse(
      std::string(
          R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",)"
          R"("Condition":{")") +
          op + R"(":{"aws:Key":")" + value + R"("}}}})",
      Kind::identity);
  ASSERT_TRUE(parsed) << parsed.error().message;
  Context context{{"aws:who", {"me*"}}};
  if (actual) context["aws:key"] = {actual};
  EXPECT_EQ(holds((*parsed)->statements[0].conditions[0], context, true, true), wanted);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Operator,
    testing::Values(
        Row{"StringEquals", "a", "a", true}, Row{"StringEquals", "a", "A", false},
        Row{"StringEquals", "a*", "ab", false}, Row{"StringEquals", "a*?", "a*?", true},
        Row{"StringNotEquals", "*", "*", false}, Row{"StringEqualsIgnoreCase", "A*", "a*", true},
        Row{"StringEquals", "${aws:who}?", "me*?", true}, Row{"StringEquals", "a", nullptr, false},
        Row{"StringEqualsIfExists", "a", nullptr, true}, Row{"StringNotEquals", "a", "b", true},
        Row{"StringNotEquals", "a", nullptr, true}, Row{"StringEqualsIgnoreCase", "aB", "Ab", true},
        Row{"StringLike", "a*c?", "abbcd", true}, Row{"StringNotLike", "a*", "ab", false},
        Row{"StringLike", "${aws:who}", "me*", true},
        Row{"StringLike", "${aws:who}", "mean", false},
        Row{"StringLike", "${aws:missing}", "", false},
        Row{"StringEquals", "${aws:missing, 'x'}", "x", true},
        Row{"StringLike", "a${*}", "a*", true}, Row{"NumericEquals", "1.0", "1", true},
        Row{"NumericLessThan", "10", "9", true}, Row{"NumericLessThan", "10", "x", false},
        Row{"NumericGreaterThanEquals", "10", "10", true}, Row{"NumericNotEquals", "1", "2", true},
        Row{"DateLessThan", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", true},
        Row{"DateGreaterThan", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", false},
        Row{"DateLessThan", "1767312000", "2026-01-01T00:00:00Z", true},
        Row{"Bool", "false", "false", true}, Row{"Bool", "false", "true", false},
        Row{"Bool", "true", nullptr, false}, Row{"BinaryEquals", "YQ==", "YQ==", true},
        Row{"IpAddress", "10.0.0.0/8", "10.1.2.3", true},
        Row{"IpAddress", "10.0.0.0/8", "11.1.2.3", false}, Row{"IpAddress", "::1", "::1", true},
        Row{"IpAddress", "2001:db8::/32", "2001:db8:1::1", true},
        Row{"IpAddress", "2001:db8::/32", "10.1.2.3", false},
        Row{"IpAddress", "::ffff:10.0.0.0/104", "10.1.2.3", true},
        Row{"IpAddress", "::ffff:10.0.0.0/104", "11.1.2.3", false},
        Row{"IpAddress", "0.0.0.0/0", "10.1.2.3", true},
        Row{"NotIpAddress", "2001:db8::/32", "2001:db8:1::1", false},
        Row{"NotIpAddress", "2001:db8::/32", "10.1.2.3", true},
        Row{"NotIpAddress", "::ffff:10.0.0.0/104", "10.1.2.3", false},
        Row{"NotIpAddress", "10.0.0.0/8", "10.1.2.3", false},
        Row{"ArnLike", "arn:aws:s3:::b*", "arn:aws:s3:::bucket", true},
        Row{"ArnLike", "arn:aws:s3:*", "arn:aws:s3:::bucket", false},
        Row{"ArnEquals", "arn:aws:*:::b", "arn:aws:s3:::b", true},
        Row{"ArnNotLike", "arn:aws:s3:::b", "arn:aws:s3:::c", true},
        Row{"Null", "true", nullptr, true}, Row{"Null", "true", "x", false},
        Row{"Null", "false", "x", true}, Row{"ForAllValues:StringEquals", "a", nullptr, true},
        Row{"ForAnyValue:StringEquals", "a", nullptr, false}));

// Every operator with IfExists holds without its key, and says with the key what it says without
// the suffix.
TEST(Operators, WithIfExistsHoldWithoutTheirKey) {
  for (const auto& [op, value, other] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"StringEquals", "a", "b"},
           {"StringNotEquals", "a", "b"},
           {"StringEqualsIgnoreCase", "a", "b"},
           {"StringNotEqualsIgnoreCase", "a", "b"},
           {"StringLike", "a*", "b"},
           {"StringNotLike", "a*", "b"},
           {"NumericEquals", "1", "2"},
           {"NumericNotEquals", "1", "2"},
           {"NumericLessThan", "1", "2"},
           {"NumericLessThanEquals", "1", "2"},
           {"NumericGreaterThan", "1", "0"},
           {"NumericGreaterThanEquals", "1", "0"},
           {"DateEquals", "2026-01-01", "2026-01-02"},
           {"DateNotEquals", "2026-01-01", "2026-01-02"},
           {"DateLessThan", "2026-01-01", "2026-01-02"},
           {"DateLessThanEquals", "2026-01-01", "2026-01-02"},
           {"DateGreaterThan", "2026-01-01", "2025-01-01"},
           {"DateGreaterThanEquals", "2026-01-01", "2025-01-01"},
           {"Bool", "true", "false"},
           {"BinaryEquals", "YQ==", "YR=="},
           {"IpAddress", "10.0.0.0/8", "11.0.0.1"},
           {"NotIpAddress", "10.0.0.0/8", "11.0.0.1"},
           {"ArnEquals", "arn:aws:s3:::a", "arn:aws:s3:::b"},
           {"ArnLike", "arn:aws:s3:::a", "arn:aws:s3:::b"},
           {"ArnNotEquals", "arn:aws:s3:::a", "arn:aws:s3:::b"},
           {"ArnNotLike", "arn:aws:s3:::a", "arn:aws:s3:::b"}}) {
    const bool negated = op.find("Not") != std::string::npos;
    Condition c{op_of(op), Condition::Set::one, false, "k", {value}};
    for (const bool allow : {true, false}) {
      EXPECT_EQ(holds(c, {}, true, allow), negated) << op;
      EXPECT_EQ(holds(c, {{"k", {other}}}, true, allow), negated) << op;
      c.if_exists = true;
      EXPECT_TRUE(holds(c, {}, true, allow)) << op;
      EXPECT_EQ(holds(c, {{"k", {other}}}, true, allow), negated) << op;
      c.if_exists = false;
    }
  }
}
TEST(Operators, OnSetsAskForAllOrForAny) {
  const auto check = [](Condition::Set set, const char* op, std::vector<std::string> wanted,
                        std::vector<std::string> actual) {
    return holds({op_of(op), set, false, "k", std::move(wanted)},
                 actual.empty() ? Context{} : Context{{"k", actual}}, true, true);
  };
  const auto all = Condition::Set::all, any = Condition::Set::any;
  EXPECT_TRUE(check(all, "StringEquals", {"a", "b"}, {"a", "b", "a"}));
  EXPECT_FALSE(check(all, "StringEquals", {"a", "b"}, {"a", "c"}));
  EXPECT_TRUE(check(all, "StringEquals", {"a"}, {}));
  EXPECT_TRUE(check(any, "StringEquals", {"a", "b"}, {"c", "b"}));
  EXPECT_FALSE(check(any, "StringEquals", {"a", "b"}, {"c"}));
  EXPECT_FALSE(check(any, "StringEquals", {"a"}, {}));
  EXPECT_TRUE(check(all, "StringNotEquals", {"a"}, {"b", "c"}));
  EXPECT_FALSE(check(all, "StringNotEquals", {"a"}, {"a", "c"}));
  EXPECT_TRUE(check(any, "StringNotEquals", {"a"}, {"a", "c"}));
  EXPECT_FALSE(check(any, "StringNotEquals", {"a"}, {"a"}));
  EXPECT_FALSE(check(any, "StringNotEquals", {"a"}, {}));
}
// What cannot be compared never widens an Allow and never narrows a Deny.
TEST(Operators, FailSafeOnWhatTheyCannotCompare) {
  for (const auto& [op, value, actual] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"NumericNotEquals", "1", "one"},
           {"DateNotEquals", "2026-01-01", "soon"},
           {"NotIpAddress", "10.0.0.0/8", "unix"},
           {"StringNotEquals", "${aws:missing}", "a"},
           {"StringNotLike", "${aws:missing}", "a"},
           {"ArnNotLike", "arn:aws:s3:::${aws:missing}", "arn:aws:s3:::b"}}) {
    EXPECT_FALSE(
        holds({op_of(op), Condition::Set::one, false, "k", {value}}, {{"k", {actual}}}, true, true))
        << op;
    EXPECT_TRUE(holds({op_of(op), Condition::Set::one, false, "k", {value}}, {{"k", {actual}}},
                      true, false))
        << op;
  }
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {identity(
      R"({"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::b/${aws:missing}"})")};
  EXPECT_FALSE(decide(q).allowed());
  q.policies.identity = {identity(
      "[" + kAllowAll +
      R"(,{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::b/${aws:missing}"}])")};
  EXPECT_FALSE(decide(q).allowed());
  q.policies.identity = {identity(
      R"({"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:missing, 'k'}"})")};
  EXPECT_TRUE(decide(q).allowed());
}
TEST(Decide, KnowsAPrincipalByEachOfItsNames) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  for (const auto& [name, allowed] : std::vector<std::pair<std::string, bool>>{
           {kRole, true},
           {"AROA", true},
           {"arn:aws:sts::000000000000:assumed-role/r/s", true},
           {"*", true},
           {"arn:aws:sts::000000000000:assumed-role/r/other", false},
           {"AROAOTHER", false},
           {"arn:aws:iam::000000000000:root", false},
           {"000000000000", false},
           {"arn:aws:iam::111111111111:role/r", false}}) {
    q.policies.resource = {document(Kind::resource, R"({"Effect":"Allow","Principal":{"AWS":")" +
                                                        name +
                                                        R"("},"Action":"s3:*","Resource":"*"})")};
    EXPECT_EQ(decide(q).allowed(), allowed) << name;  // the account's root alone only delegates
  }
  q.policies.resource = {
      document(Kind::resource,
               R"({"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"s3:*",)"
               R"("Resource":"*"})")};
  EXPECT_FALSE(decide(q).allowed());
}
TEST(Decide, LetsAServiceInForItsSourceOnly) {
  Question q = ask("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:f");
  q.principal = {Principal::Type::service, "s3.amazonaws.com", "", "", "000000000000"};
  q.policies.resource = {document(Kind::resource,
                                  R"({"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},)"
                                  R"("Action":"lambda:InvokeFunction","Resource":"*",)"
                                  R"("Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"},)"
                                  R"("StringEquals":{"AWS:SourceAccount":"000000000000"}}})")};
  q.context = {{"aws:sourcearn", {"arn:aws:s3:::b"}}, {"aws:sourceaccount", {"000000000000"}}};
  EXPECT_TRUE(decide(q).allowed());
  q.context["aws:sourcearn"] = {"arn:aws:s3:::c"};
  EXPECT_FALSE(decide(q).allowed());
  q.context = {{"aws:sourcearn", {"arn:aws:s3:::b"}}, {"aws:sourceaccount", {"111111111111"}}};
  EXPECT_FALSE(decide(q).allowed());
  q.context = {{"aws:sourcearn", {"arn:aws:s3:::b"}}, {"aws:sourceaccount", {"000000000000"}}};
  q.principal.arn = "logs.amazonaws.com";
  EXPECT_FALSE(decide(q).allowed());
}
TEST(Decide, ExceptsByNotPrincipalOnlyWhoIsNamedInFull) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.policies.identity = {identity(kAllowAll)};
  const auto with = [&](const char* effect, const std::string& names) {
    q.policies.resource = {document(Kind::resource, std::string(R"({"Effect":")") + effect +
                                                        R"(","NotPrincipal":{"AWS":[)" + names +
                                                        R"(]},"Action":"s3:*","Resource":"*"})")};
    return decide(q).outcome;
  };
  const std::string role = std::string("\"") + kRole + "\"",
                    session = R"("arn:aws:sts::000000000000:assumed-role/r/s")",
                    account = R"("arn:aws:iam::000000000000:root")";
  EXPECT_EQ(with("Deny", role + "," + session + "," + account), Outcome::allow);
  EXPECT_EQ(with("Deny", R"("AROA",)" + session + R"(,"000000000000")"), Outcome::allow);
  for (const std::string& names : {role, session, account, role + "," + account,
                                   session + "," + account, role + "," + session})
    EXPECT_EQ(with("Deny", names), Outcome::explicit_deny) << names;
  q.policies.identity.clear();
  for (const std::string& names : {role, session, account})
    EXPECT_EQ(with("Allow", names), Outcome::implicit_deny) << names;
  EXPECT_EQ(with("Allow", R"("arn:aws:iam::000000000000:role/other")"), Outcome::allow);
}

TEST(Parse, RefusesValuesItsOperatorsCannotRead) {
  for (const auto& [op, value, good] : std::vector<std::tuple<std::string, std::string, bool>>{
           {"NumericEquals", "1.5", true},
           {"NumericNotEquals", "one", false},
           {"DateLessThan", "2026-01-01T00:00:00Z", true},
           {"DateNotEquals", "soon", false},
           {"DateEquals", "1767312000", true},
           {"IpAddress", "::1/128", true},
           {"NotIpAddress", "10.0.0.0/99", false},
           {"IpAddress", "10.0.0", false},
           {"Bool", "True", true},
           {"Bool", "yes", false},
           {"Null", "true", true},
           {"Null", "", false},
           {"BinaryEquals", "YQ==", true},
           {"BinaryEquals", "!", false},
           {"StringEquals", "", true}})
    EXPECT_EQ(parse(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",)"
                    R"("Resource":"*","Condition":{")" +
                        op + R"(":{"k":")" + value + R"("}}}})",
                    Kind::identity)
                  .has_value(),
              good)
        << op << " " << value;
}
// Random documents of the right shape: parsed or refused, decided or denied, never a crash; and
// what is refused allows nothing.
TEST(Parse, SurvivesRandomDocuments) {
  const std::vector<std::string> atoms{"null",
                                       "true",
                                       "0",
                                       "1e999",
                                       "\"\"",
                                       "\"*\"",
                                       "\"s3:*\"",
                                       "\"${\"",
                                       "\"${aws:x\"",
                                       "\"${aws:x, '\"",
                                       "\"arn:::::\"",
                                       "\"arn:aws:s3:::${*}\"",
                                       "[]",
                                       "{}",
                                       "\"AROA\"",
                                       "\"10.0.0.0/8\"",
                                       "\"Allow\"",
                                       "\"Deny\"",
                                       "\"\\u0001*\""};
  const std::vector<std::string> names{
      "Effect",       "Action",    "NotAction", "Resource",   "NotResource",       "Principal",
      "NotPrincipal", "Condition", "Sid",       "StringLike", "ForAllValues:Bool", "NullIfExists",
      "AWS",          "Service",   "aws:x"};
  const auto die = [](size_t n) { return static_cast<uint8_t>(random_bytes(1)[0]) % n; };
  const std::function<std::string(int)> value = [&](int depth) -> std::string {
    if (depth == 0 || die(3) == 0) return atoms[die(atoms.size())];
    const bool list = die(3) == 0;
    std::string out = list ? "[" : "{";
    for (size_t i = 0, n = die(4); i < n; ++i)
      out +=
          (i ? "," : "") + (list ? "" : "\"" + names[die(names.size())] + "\":") + value(depth - 1);
    return out + (list ? "]" : "}");
  };
  int parsed = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string text = R"({"Version":"2012-10-17","Statement":{"Effect":)" +
                             std::string(die(2) ? "\"Allow\"" : "\"Deny\"") + R"(,"Action":)" +
                             value(1) + R"(,"Resource":)" + value(1) +
                             (die(2) ? R"(,"Principal":)" + value(2) : "") +
                             (die(2) ? R"(,"Condition":)" + value(3) : "") + "}}";
    for (const Kind kind : {Kind::identity, Kind::resource, Kind::key}) {
      auto one = parse(text, kind);
      Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
      if (kind == Kind::identity)
        q.policies.identity = {{kind, "own", one ? *one : nullptr}};
      else
        q.policies.resource = {{kind, "arn:of:resource", one ? *one : nullptr}};
      const Decision d = decide(q);
      if (!one) {
        EXPECT_EQ(d.outcome, Outcome::explicit_deny);
      }
      parsed += one.has_value();
    }
  }
  EXPECT_GT(parsed, 100);
}

TEST(Parse, RefusesWhatIsNotAPolicy) {
  for (const char* text :
       {"", "[]", "{}", R"({"Statement":[]})", R"({"Statement":{"Effect":"Allow","Action":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":"nonsense","Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}})",
        R"({"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*",)"
        R"("Condition":{"StringSortOf":{"a":"b"}}}})",
        R"({"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Extra":1}})",
        R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Sid":"a b"}})",
        R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Sid":"a"},)"
        R"({"Effect":"Deny","Action":"*","Resource":"*","Sid":"a"}]})",
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",)"
        R"("Resource":"arn:aws:s3:${aws:userid}::b"}})"})
    EXPECT_FALSE(parse(text, Kind::identity)) << text;
  EXPECT_FALSE(parse(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})",
                     Kind::resource));  // no principal
}
TEST(Parse, SurvivesRandomBytes) {
  const std::string good =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],)"
      R"("Resource":"arn:aws:s3:::b/${aws:userid}",)"
      R"("Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]})";
  for (int i = 0; i < 5000; ++i) {
    std::string text = good;
    const std::string dice = random_bytes(4);
    text[static_cast<uint8_t>(dice[0]) % text.size()] = dice[1];
    text.erase(static_cast<uint8_t>(dice[2]) % text.size(), static_cast<uint8_t>(dice[3]) % 3);
    (void)parse(text, Kind::identity);
  }
}
// Backtracking would take 2^40 steps here.
// The matcher marks what was substituted with a byte of its own, which a policy may contain too:
// then it means itself.
TEST(Glob, TakesEveryByteOfAPolicyAsItself) {
  for (const bool variables : {false, true}) {
    const std::string pattern = *substitute("a\x01*", Context{}, variables);
    EXPECT_TRUE(glob(pattern, "a\x01"));
    EXPECT_TRUE(glob(pattern, "a\x01zzz"));
    EXPECT_FALSE(glob(pattern, "a*"));
  }
}
TEST(Context, KeepsOneEntryOfEachKey) {
  Context context{{"b", {"1"}}, {"a", {"2", "3"}}, {"c", {}}};
  ASSERT_TRUE(context.find("a"));
  EXPECT_EQ(*context.find("a"), (Context::Values{"2", "3"}));
  EXPECT_TRUE(context.find("c")->empty());
  for (const char* other : {"", "aa", "A", "d"}) EXPECT_FALSE(context.find(other)) << other;
  context["b"] = {"4"};
  context.add({{"a", {"5"}}, {"0", {"6"}}});
  EXPECT_EQ(*context.find("b"), Context::Values{"4"});
  EXPECT_EQ(*context.find("a"), Context::Values{"5"});
  EXPECT_EQ(*context.find("0"), Context::Values{"6"});
}
// A Pattern takes shortcuts; it must say what the functions say that take none.
TEST(Pattern, MatchesWhatItsTextMatches) {
  std::mt19937 random(20261130);
  const auto text = [&](std::string_view letters, size_t longest) {
    std::string made(random() % (longest + 1), ' ');
    for (char& letter : made) letter = letters[random() % letters.size()];
    return made;
  };
  int matched = 0, arns_matched = 0;
  for (int n = 0; n < 300'000; ++n) {
    std::string pattern = text("ab:*?$\x01", 5), subject = text("ab:*$\x01", 6);
    if (n % 2) {
      pattern = (n % 3 ? "a:b:::" : "a:*::?:") + pattern;
      subject = "a:b:::" + subject;
    }
    const Pattern looked_at(pattern);
    EXPECT_EQ(looked_at.glob(subject), glob(pattern, subject)) << pattern << " " << subject;
    EXPECT_EQ(looked_at.arn_glob(subject), arn_glob(pattern, subject)) << pattern << " " << subject;
    const bool matches = glob(pattern, subject) || arn_glob(pattern, subject);
    EXPECT_TRUE(looked_at.could_match(subject) || !matches) << pattern << " " << subject;
    matched += glob(pattern, subject);
    arns_matched += arn_glob(pattern, subject);
  }
  EXPECT_GT(matched, 1000);
  EXPECT_GT(arns_matched, 1000);
}
TEST(Glob, IsLinearOnHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "a*";
  EXPECT_FALSE(glob(pattern + "b", std::string(4000, 'a')));
  EXPECT_TRUE(arn_glob("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y:z"));
  EXPECT_FALSE(arn_glob("arn:aws:s3:::b/*", "arn:aws:s3:::c/x"));
}
TEST(IsPublic, SeesThroughConditions) {
  const auto check = [](const std::string& rest) {
    return is_public(
        *document(Kind::resource,
                  R"({"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*",)" +
                      rest + "}")
             .document);
  };
  EXPECT_TRUE(check(R"("Principal":"*")"));
  EXPECT_TRUE(
      check(R"("Principal":{"AWS":"*"},"Condition":{"StringLike":{"aws:SourceArn":"arn:*"}})"));
  EXPECT_TRUE(check(R"("Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}})"));
  EXPECT_TRUE(
      check(R"("Principal":"*","Condition":{"StringEqualsIfExists":{"aws:SourceAccount":"1"}})"));
  EXPECT_FALSE(
      check(R"("Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}})"));
  EXPECT_FALSE(check(
      R"("Principal":"*","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}})"));
  EXPECT_FALSE(check(R"("Principal":{"AWS":"arn:aws:iam::000000000000:role/r"})"));
}
}  // namespace
}  // namespace sluice::policy
