#include <gtest/gtest.h>

#include "base/random.h"
#include "policy/condition.h"
#include "policy/decide.h"
#include "policy/match.h"

namespace sluice::policy {
namespace {
constexpr const char* kRole = "arn:aws:iam::000000000000:role/r";

Question ask(std::string action, std::string resource) {
  Question q;
  q.principal = {Principal::Type::assumed_role, "arn:aws:sts::000000000000:assumed-role/r/s", kRole, "AROA", "000000000000"};
  q.action = std::move(action);
  q.resource = std::move(resource);
  q.resource_account = "000000000000";
  return q;
}
DocumentPtr identity(const std::string& statement) { return parse_cached(R"({"Version":"2012-10-17","Statement":)" + statement + "}", Kind::identity); }
DocumentPtr document(Kind kind, const std::string& statement) { return parse_cached(R"({"Version":"2012-10-17","Statement":)" + statement + "}", kind); }
const std::string kAllowAll = R"({"Effect":"Allow","Action":"*","Resource":"*"})";

TEST(Decide, DeniesWithoutAnAllow) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  EXPECT_EQ(decide(q).outcome, Outcome::implicit_deny);
  q.identity = {identity(kAllowAll)};
  EXPECT_TRUE(decide(q).allowed());
}
TEST(Decide, LetsAnExplicitDenyWinWhereverItStands) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.identity = {identity("[" + kAllowAll + R"(,{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}])")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.identity = {identity(kAllowAll)};
  q.resource_policies = {{Kind::resource, document(Kind::resource, R"({"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"})")}};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}
TEST(Decide, DeniesWhenAPolicyDoesNotParse) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.identity = {identity(kAllowAll), identity(R"({"Effect":"Maybe"})")};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
  q.identity = {identity(kAllowAll)};
  q.resource_policies = {{Kind::resource, nullptr}};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}
TEST(Decide, LetsAKeyPolicyAloneOrTheAccountDecide) {
  Question q = ask("kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:key/k");
  q.identity = {identity(kAllowAll)};
  const auto key_policy = [&](const std::string& principal) { q.resource_policies = {{Kind::key, document(Kind::key, R"({"Effect":"Allow","Principal":{"AWS":")" + principal + R"("},"Action":"kms:*","Resource":"*"})")}}; };
  key_policy("arn:aws:iam::000000000000:role/other");
  EXPECT_FALSE(decide(q).allowed());                        // IAM alone opens no key
  key_policy("arn:aws:iam::000000000000:root");
  EXPECT_TRUE(decide(q).allowed());                         // delegated to IAM
  q.identity.clear();
  EXPECT_FALSE(decide(q).allowed());
  key_policy(kRole);
  EXPECT_TRUE(decide(q).allowed());                         // named
}
TEST(Decide, AsksTheTrustPolicyForARole) {
  Question q = ask("sts:AssumeRole", "arn:aws:iam::000000000000:role/target");
  q.identity = {identity(kAllowAll)};
  q.resource_policies = {{Kind::trust, document(Kind::trust, R"({"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"})")}};
  EXPECT_FALSE(decide(q).allowed());
  q.principal = {Principal::Type::service, "lambda.amazonaws.com", "", "", "000000000000"};
  EXPECT_TRUE(decide(q).allowed());
}
TEST(Decide, NeedsBothSidesAcrossAccounts) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.resource_account = "111111111111";
  q.identity = {identity(kAllowAll)};
  EXPECT_FALSE(decide(q).allowed());
  q.resource_policies = {{Kind::resource, document(Kind::resource, R"({"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"s3:*","Resource":"*"})")}};
  EXPECT_TRUE(decide(q).allowed());
  q.identity.clear();
  EXPECT_FALSE(decide(q).allowed());
}
TEST(Decide, UnderstandsNotActionNotResourceAndNotPrincipal) {
  Question q = ask("s3:GetObject", "arn:aws:s3:::b/k");
  q.identity = {identity(R"({"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::secret/*"})")};
  EXPECT_TRUE(decide(q).allowed());
  q.action = "iam:CreateRole";
  EXPECT_FALSE(decide(q).allowed());
  q.action = "s3:GetObject";
  q.resource = "arn:aws:s3:::secret/k";
  EXPECT_FALSE(decide(q).allowed());
  q.identity = {identity(kAllowAll)};
  q.resource_policies = {{Kind::resource, document(Kind::resource, R"({"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::000000000000:role/other"},"Action":"s3:*","Resource":"*"})")}};
  EXPECT_EQ(decide(q).outcome, Outcome::explicit_deny);
}

struct Row { const char* op; const char* value; const char* actual; bool wanted; };      // actual nullptr: the key is missing
class Operator : public testing::TestWithParam<Row> {};
TEST_P(Operator, HoldsAsAwsSays) {
  const auto [op, value, actual, wanted] = GetParam();
  const auto parsed = parse(std::string(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{")") + op + R"(":{"aws:Key":")" + value + R"("}}}})", Kind::identity);
  ASSERT_TRUE(parsed) << parsed.error().message;
  Context context{{"aws:who", {"me*"}}};
  if (actual) context["aws:key"] = {actual};
  EXPECT_EQ(holds((*parsed)->statements[0].conditions[0], context, true, true), wanted);
}
INSTANTIATE_TEST_SUITE_P(Table, Operator, testing::Values(
    Row{"StringEquals", "a", "a", true}, Row{"StringEquals", "a", "A", false}, Row{"StringEquals", "a*", "ab", false}, Row{"StringEquals", "a", nullptr, false}, Row{"StringEqualsIfExists", "a", nullptr, true},
    Row{"StringNotEquals", "a", "b", true}, Row{"StringNotEquals", "a", nullptr, true}, Row{"StringEqualsIgnoreCase", "aB", "Ab", true}, Row{"StringLike", "a*c?", "abbcd", true}, Row{"StringNotLike", "a*", "ab", false},
    Row{"StringLike", "${aws:who}", "me*", true}, Row{"StringLike", "${aws:who}", "mean", false}, Row{"StringLike", "${aws:missing}", "", false}, Row{"StringEquals", "${aws:missing, 'x'}", "x", true}, Row{"StringLike", "a${*}", "a*", true},
    Row{"NumericEquals", "1.0", "1", true}, Row{"NumericLessThan", "10", "9", true}, Row{"NumericLessThan", "10", "x", false}, Row{"NumericGreaterThanEquals", "10", "10", true}, Row{"NumericNotEquals", "1", "2", true},
    Row{"DateLessThan", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", true}, Row{"DateGreaterThan", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", false}, Row{"DateLessThan", "1767312000", "2026-01-01T00:00:00Z", true},
    Row{"Bool", "false", "false", true}, Row{"Bool", "false", "true", false}, Row{"Bool", "true", nullptr, false}, Row{"BinaryEquals", "YQ==", "YQ==", true},
    Row{"IpAddress", "10.0.0.0/8", "10.1.2.3", true}, Row{"IpAddress", "10.0.0.0/8", "11.1.2.3", false}, Row{"IpAddress", "::1", "::1", true}, Row{"NotIpAddress", "10.0.0.0/8", "10.1.2.3", false},
    Row{"ArnLike", "arn:aws:s3:::b*", "arn:aws:s3:::bucket", true}, Row{"ArnLike", "arn:aws:s3:*", "arn:aws:s3:::bucket", false}, Row{"ArnEquals", "arn:aws:*:::b", "arn:aws:s3:::b", true}, Row{"ArnNotLike", "arn:aws:s3:::b", "arn:aws:s3:::c", true},
    Row{"Null", "true", nullptr, true}, Row{"Null", "true", "x", false}, Row{"Null", "false", "x", true}, Row{"ForAllValues:StringEquals", "a", nullptr, true}, Row{"ForAnyValue:StringEquals", "a", nullptr, false}));

TEST(Parse, RefusesWhatIsNotAPolicy) {
  for (const char* text : {"", "[]", "{}", R"({"Statement":[]})", R"({"Statement":{"Effect":"Allow","Action":"*"}})", R"({"Statement":{"Effect":"Allow","Action":"nonsense","Resource":"*"}})",
                           R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}})", R"({"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}})",
                           R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringSortOf":{"a":"b"}}}})", R"({"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})",
                           R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Extra":1}})"})
    EXPECT_FALSE(parse(text, Kind::identity)) << text;
  EXPECT_FALSE(parse(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", Kind::resource));     // no principal
}
TEST(Parse, SurvivesRandomBytes) {
  const std::string good = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::b/${aws:userid}","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]})";
  for (int i = 0; i < 5000; ++i) {
    std::string text = good;
    const std::string dice = random_bytes(4);
    text[static_cast<uint8_t>(dice[0]) % text.size()] = dice[1];
    text.erase(static_cast<uint8_t>(dice[2]) % text.size(), static_cast<uint8_t>(dice[3]) % 3);
    (void)parse(text, Kind::identity);
  }
}
// Backtracking would take 2^40 steps here.
TEST(Glob, IsLinearOnHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "a*";
  EXPECT_FALSE(glob(pattern + "b", std::string(4000, 'a')));
  EXPECT_TRUE(arn_glob("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y:z"));
  EXPECT_FALSE(arn_glob("arn:aws:s3:::b/*", "arn:aws:s3:::c/x"));
}
TEST(IsPublic, SeesThroughConditions) {
  const auto check = [](const std::string& rest) { return is_public(*document(Kind::resource, R"({"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*",)" + rest + "}")); };
  EXPECT_TRUE(check(R"("Principal":"*")"));
  EXPECT_TRUE(check(R"("Principal":{"AWS":"*"},"Condition":{"StringLike":{"aws:SourceArn":"arn:*"}})"));
  EXPECT_TRUE(check(R"("Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}})"));
  EXPECT_TRUE(check(R"("Principal":"*","Condition":{"StringEqualsIfExists":{"aws:SourceAccount":"1"}})"));
  EXPECT_FALSE(check(R"("Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}})"));
  EXPECT_FALSE(check(R"("Principal":"*","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}})"));
  EXPECT_FALSE(check(R"("Principal":{"AWS":"arn:aws:iam::000000000000:role/r"})"));
}
}  // namespace
}  // namespace sluice::policy
