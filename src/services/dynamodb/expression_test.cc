// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/expression.h"
#include "services/dynamodb/key_condition.h"

#include <gmock/gmock.h>

namespace sluice::dynamodb {
namespace {
Placeholders placeholders() {
  return *Placeholders::parse(*parse_json_object(
      R"({"ExpressionAttributeNames":{"#a":"a"},)"
      R"("ExpressionAttributeValues":{":s":{"S":"x"},":t":{"S":"y"},":n":{"N":"2"},)"
      R"(":m":{"M":{}},":b":{"B":"AQI="},":type":{"S":"SS"}}})"));
}
// Why the text is no condition; "": it is one.
std::string fault(std::string_view text) {
  auto given = placeholders();
  const auto parsed = parse_condition(text, "FilterExpression", given);
  if (parsed) return "";
  const std::string why = parsed.error().message, kind = "Invalid FilterExpression: ";
  return why.starts_with(kind) ? why.substr(kind.size()) : why;
}
bool holds(std::string_view text, const char* item) {
  auto given = placeholders();
  return evaluate(**parse_condition(text, "FilterExpression", given), *parse_json_object(item));
}
std::string projected(const char* item, std::string_view text) {
  auto given = placeholders();
  const auto paths = parse_projection(text, given);
  return paths ? json::serialize(project(*parse_json_object(item), *paths)) : paths.error().message;
}
std::string key_fault(std::string_view text) {
  auto given = placeholders();
  const auto parsed = parse_condition(text, "KeyConditionExpression", given);
  if (!parsed) return parsed.error().message;
  const auto key = read_key_condition(**parsed);
  return key ? "" : key.error().message;
}

TEST(Condition, StandsInParenthesesOnce) {
  EXPECT_EQ(fault("(a = :s) AND (NOT (b = :s OR (c < :n)))"), "");
  EXPECT_EQ(fault("(a) = (:s)"), "");
  for (const char* twice : {"((a = :s))", "((a)) = :s", "a = ((:s))", "((a = :s)) AND b = :s"})
    EXPECT_EQ(fault(twice), "The expression has redundant parentheses;") << twice;
}

TEST(KeyCondition, StandsInParenthesesAsOftenAsOneLikes) {
  EXPECT_EQ(key_fault("((a = :s)) AND ((b = :s))"), "");
}

// The kinds of faults come in an order of their own, wherever they stand.
TEST(Condition, ReportsFaultsInTheOrderOfAws) {
  EXPECT_EQ(fault("a = :none AND ((f(b)))"), "The expression has redundant parentheses;");
  EXPECT_EQ(fault("a = :none AND table = :s AND f(b)"), "Invalid function name; function: f");
  EXPECT_EQ(fault("table = :none AND attribute_exists(a) = :s"),
            "The function is not allowed to be used this way in an expression; function: "
            "attribute_exists");
  EXPECT_EQ(fault("a = :none AND table = :s"),
            "Attribute name is a reserved keyword; reserved keyword: table");
  EXPECT_EQ(fault("b < :m AND a = :none"),
            "Incorrect operand type for operator or function; operator or function: <, operand "
            "type: M");
  EXPECT_EQ(fault("a = #none AND b < :m"),
            "An expression attribute name used in the document path is not defined; attribute "
            "name: #none");
}

TEST(Condition, SaysWhatIsWrongWithItsOperands) {
  EXPECT_EQ(fault("size(a)"),
            "The function is not allowed to be used this way in an expression; function: size");
  EXPECT_EQ(fault("a.b[0] = a.b[0]"),
            "The first operand must be distinct from the remaining operands for this operator or "
            "function; operator: =, first operand: [a, b, [0]]");
  EXPECT_EQ(fault("contains(a, a)"),
            "The first operand must be distinct from the remaining operands for this operator or "
            "function; operator: contains, first operand: [a]");
  EXPECT_EQ(fault("a BETWEEN :t AND :s"),
            "The BETWEEN operator requires upper bound to be greater than or equal to lower "
            "bound; lower bound operand: AttributeValue: {S:y}, upper bound operand: "
            "AttributeValue: {S:x}");
  EXPECT_EQ(fault("a BETWEEN :s AND :n"),
            "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
            "operand: AttributeValue: {S:x}, upper bound operand: AttributeValue: {N:2}");
  EXPECT_EQ(fault("a BETWEEN :s AND :s"), "");
  EXPECT_EQ(fault("attribute_type(a, b)"),
            "Incorrect operand type for operator or function; operator or function: "
            "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}");
  EXPECT_EQ(fault("attribute_exists(:s)"),
            "Operator or function requires a document path; operator or function: "
            "attribute_exists");
}

TEST(Condition, NamesTheTokenThatIsNoSyntax) {
  EXPECT_EQ(fault("a"), "Syntax error; token: \"<EOF>\", near: \"a\"");
  EXPECT_EQ(fault("a = :s b"), "Syntax error; token: \"b\", near: \":s b\"");
  EXPECT_EQ(fault("a AND b = :s"), "Syntax error; token: \"AND\", near: \"a AND b\"");
  EXPECT_EQ(fault("a IN ()"), "Syntax error; token: \")\", near: \"()\"");
  EXPECT_EQ(fault("and = :s"), "Syntax error; token: \"and\", near: \"and =\"");
  EXPECT_EQ(fault("(a = :s) = :s"), "Syntax error; token: \"<EOF>\", near: \":s\"");
  EXPECT_EQ(fault("a[b] = :s"), "Syntax error; token: \"b\", near: \"[b]\"");
}

TEST(Condition, FindsBytesInBytes) {
  EXPECT_TRUE(holds("contains(a, :b)", R"({"a":{"B":"AAECAw=="}})"));
  EXPECT_FALSE(holds("contains(a, :b)", R"({"a":{"B":"AgE="}})"));
  EXPECT_FALSE(holds("contains(a, :b)", R"({"a":{"S":"AQI="}})"));
}

TEST(Projection, LeavesNothingOfPathsThatLeadNowhere) {
  const char* item =
      R"({"m":{"M":{"x":{"N":"1"},"l":{"L":[{"S":"a"},{"S":"b"},{"M":{"k":{"S":"c"}}}]}}}})";
  EXPECT_EQ(projected(item, "m.nothing, m.x.deeper, m.l[7], nothing"), "{}");
  EXPECT_EQ(projected(item, "m[0]"), "{}");
  EXPECT_EQ(projected(item, "m.nothing.deeper, m.x"), R"({"m":{"M":{"x":{"N":"1"}}}})");
}

TEST(Projection, PutsWhatItTakesOutOfListsInTheirOrder) {
  const char* item =
      R"({"l":{"L":[{"M":{"a":{"N":"1"},"b":{"N":"2"},"c":{"N":"3"}}},{"S":"x"},{"S":"y"}]}})";
  EXPECT_EQ(projected(item, "l[2], l[0].b, l[0].a"),
            R"({"l":{"L":[{"M":{"a":{"N":"1"},"b":{"N":"2"}}},{"S":"y"}]}})");
}

TEST(Projection, RefusesPathsThatMeet) {
  const std::string rest = "must remove or rewrite one of these paths; path one: ";
  EXPECT_EQ(projected("{}", "a.b, a"),
            "Invalid ProjectionExpression: Two document paths overlap with each other; " + rest +
                "[a, b], path two: [a]");
  EXPECT_EQ(projected("{}", "a, #a"),
            "Invalid ProjectionExpression: Two document paths overlap with each other; " + rest +
                "[a], path two: [a]");
  EXPECT_EQ(projected("{}", "a[0], a.b"),
            "Invalid ProjectionExpression: Two document paths conflict with each other; " + rest +
                "[a, [0]], path two: [a, b]");
}

TEST(KeyCondition, MayHaveItsValueOnTheLeft) {
  auto given = placeholders();
  const auto parsed = parse_condition(":s = a AND :n < b", "KeyConditionExpression", given);
  const auto key = read_key_condition(**parsed);
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)[0].attribute, "a");
  EXPECT_EQ((*key)[0].op, "=");
  EXPECT_EQ((*key)[1].op, ">");
  EXPECT_EQ(json::serialize((*key)[1].operands[0]), R"({"N":"2"})");
}

TEST(KeyCondition, SaysOfEachFaultWhatItIs) {
  EXPECT_EQ(key_fault("a = :s AND begins_with(b, :s)"), "");
  EXPECT_EQ(key_fault("a = :s OR b = :s"), "Invalid operator used in KeyConditionExpression: OR");
  EXPECT_EQ(key_fault("a <> :s"), "Invalid operator used in KeyConditionExpression: <>");
  EXPECT_EQ(key_fault("a IN (:s)"), "Invalid operator used in KeyConditionExpression: IN");
  EXPECT_EQ(key_fault("NOT a = :s"), "Invalid operator used in KeyConditionExpression: NOT");
  EXPECT_EQ(key_fault("contains(a, :s)"),
            "Invalid operator used in KeyConditionExpression: contains");
  EXPECT_EQ(key_fault("size(a) = :n"), "KeyConditionExpressions cannot contain nested operations");
  EXPECT_EQ(key_fault("a.b = :s"),
            "KeyConditionExpressions cannot have conditions on nested attributes");
  EXPECT_EQ(key_fault("a = :s AND a = :t"),
            "KeyConditionExpressions must only contain one condition per key");
  EXPECT_EQ(key_fault("a = b"),
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
            "condition");
  EXPECT_EQ(key_fault(":s = :t"),
            "Invalid condition in KeyConditionExpression: No key attribute specified");
  EXPECT_EQ(key_fault(":n BETWEEN a AND b"),
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key "
            "attribute as its first operand");
  EXPECT_EQ(key_fault("a = :s AND b = :s AND c = :s"), "Conditions can be of length 1 or 2 only");
}

}  // namespace
}  // namespace sluice::dynamodb
