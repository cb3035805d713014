// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/update.h"

#include <gmock/gmock.h>

namespace sluice::dynamodb {
namespace {
json::object object(const char* text) { return *parse_json_object(text); }
constexpr const char* kValues =
    R"({":n":{"N":"2"},":s":{"S":"x"},":t":{"S":"y"},":l":{"L":[{"N":"9"}]},)"
    R"(":ss":{"SS":["b","c"]},":ns":{"NS":["1.0","3"]},":bs":{"BS":["AQ=="]},":m":{"M":{}}})";
// The values that an expression does not name are left out, because all must be used.
Placeholders placeholders(std::string_view text) {
  json::object values;
  for (const auto& [name, value] : object(kValues))
    if (text.find(std::string_view(name)) != text.npos) values[name] = value;
  json::object body{{"ExpressionAttributeNames", {{"#a", "a.b"}}}};
  if (!values.empty()) body["ExpressionAttributeValues"] = values;
  return *Placeholders::parse(body);
}
std::string fault(std::string_view text) {
  auto given = placeholders(text);
  const auto update = parse_update(text, given);
  return update ? "" : update.error().message;
}
// The item after the update, or why there is none.
std::string after(const char* item, std::string_view text) {
  auto given = placeholders(text);
  const auto update = parse_update(text, given);
  if (!update) return update.error().message;
  const auto done = updated(*update, object(item));
  return done ? json::serialize(*done) : done.error().message;
}
std::string same(const char* text) { return json::serialize(object(text)); }

constexpr const char* kListOfThree = R"({"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]}})";

TEST(Update, ReadsTheItemAsItWasWhateverItWrites) {
  EXPECT_EQ(after(R"({"a":{"N":"1"},"b":{"N":"5"}})", "SET a = b, b = a"),
            same(R"({"a":{"N":"5"},"b":{"N":"1"}})"));
}

TEST(Update, IndexesMeanTheListAsItWas) {
  EXPECT_EQ(after(kListOfThree, "REMOVE l[0], l[1] SET l[2] = :s"),
            same(R"({"l":{"L":[{"S":"x"}]}})"));
}

TEST(Update, ElementsPastTheEndAreAppendedInTheOrderOfTheirIndexes) {
  EXPECT_EQ(after(kListOfThree, "SET l[90] = :t, l[7] = :s REMOVE l[3]"),
            same(R"({"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"S":"x"},{"S":"y"}]}})"));
}

TEST(Update, SetsInsideOfMapsAndLists) {
  EXPECT_EQ(
      after(R"({"m":{"M":{"l":{"L":[{"M":{"k":{"N":"1"}}}]}}}})", "SET m.l[0].k = m.l[0].k + :n"),
      same(R"({"m":{"M":{"l":{"L":[{"M":{"k":{"N":"3"}}}]}}}})"));
  EXPECT_EQ(after("{}", "SET #a = :s"), same(R"({"a.b":{"S":"x"}})"));
}

TEST(Update, FunctionsAndArithmetic) {
  EXPECT_EQ(after("{}", "SET c = if_not_exists(c, :n) - :n"), same(R"({"c":{"N":"0"}})"));
  EXPECT_EQ(after("{}", "SET c = list_append(if_not_exists(c, :l), :l)"),
            same(R"({"c":{"L":[{"N":"9"},{"N":"9"}]}})"));
  EXPECT_EQ(after(R"({"c":{"N":"3"}})", "SET c = (c - :n)"), same(R"({"c":{"N":"1"}})"));
}

TEST(Update, AddAndDeleteChangeSetsByTheirValuesNotTheirNotation) {
  EXPECT_EQ(after(R"({"s":{"NS":["1","2"]}})", "ADD s :ns"), same(R"({"s":{"NS":["1","2","3"]}})"));
  EXPECT_EQ(after(R"({"s":{"SS":["a","b"]}})", "DELETE s :ss"), same(R"({"s":{"SS":["a"]}})"));
  EXPECT_EQ(after(R"({"s":{"SS":["c","b"]}})", "DELETE s :ss"), "{}");
  EXPECT_EQ(after(R"({"l":{"L":[{"SS":["c"]},{"N":"1"}]}})", "DELETE l[0] :ss"),
            same(R"({"l":{"L":[{"N":"1"}]}})"));
  EXPECT_EQ(after("{}", "ADD s :bs DELETE t :ss"), same(R"({"s":{"BS":["AQ=="]}})"));
}

TEST(Update, RefusesWhatTheItemIsNotMadeFor) {
  const char* kPath = "The document path provided in the update expression is invalid for update";
  const char* kType = "An operand in the update expression has an incorrect data type";
  EXPECT_EQ(after(R"({"a":{"S":"x"}})", "SET a.b = :s"), kPath);
  EXPECT_EQ(after(R"({"a":{"S":"x"}})", "REMOVE a[0]"), kPath);
  EXPECT_EQ(after("{}", "REMOVE a.b"), kPath);
  EXPECT_EQ(after(R"({"a":{"M":{}}})", "REMOVE a.b"), same(R"({"a":{"M":{}}})"));
  EXPECT_EQ(after(R"({"a":{"S":"x"}})", "ADD a :n"), kType);
  EXPECT_EQ(after(R"({"a":{"NS":["1"]}})", "DELETE a :ss"), kType);
  EXPECT_EQ(after(R"({"a":{"S":"x"}})", "SET b = a + :n"), kType);
  EXPECT_EQ(after(R"({"a":{"S":"x"}})", "SET b = list_append(a, :l)"), kType);
  EXPECT_EQ(after("{}", "SET b = a"),
            "The provided expression refers to an attribute that does not exist in the item");
}

TEST(Update, NestsUpToThirtyTwoLevels) {
  std::string item = R"({"N":"1"})", path = "a";
  for (int depth = 1; depth < 32; ++depth) item = R"({"M":{"a":)" + item + "}}", path += ".a";
  const std::string whole = R"({"a":)" + item + "}";
  EXPECT_THAT(after(whole.c_str(), "SET " + path + " = :s"), testing::HasSubstr(R"("S":"x")"));
  EXPECT_EQ(after(whole.c_str(), "SET " + path + " = :l"),
            "Nesting Levels have exceeded supported limits");
}

// The kinds of faults come in an order of their own, wherever they stand.
TEST(Update, ReportsFaultsInTheOrderOfAws) {
  const std::string invalid = "Invalid UpdateExpression: ";
  EXPECT_EQ(fault("SET a = f(:none), table = :s"),
            invalid + "Attribute name is a reserved keyword; reserved keyword: table");
  EXPECT_EQ(fault("SET a = :none SET b = f(:s)"), invalid + "Invalid function name; function: f");
  EXPECT_EQ(fault("SET a = :none SET b = :s"),
            invalid + "The \"SET\" section can only be used once in an update expression;");
  EXPECT_EQ(fault("SET #none = :none, a = :s, a.b = :s"),
            invalid +
                "An expression attribute name used in the document path is not defined; attribute "
                "name: #none");
  EXPECT_EQ(fault("SET a.b = :s, a = :none"),
            invalid +
                "An expression attribute value used in expression is not defined; attribute value: "
                ":none");
  EXPECT_EQ(fault("SET a[1] = :s, a.b = :s ADD c :s REMOVE a[1].d"),
            invalid +
                "Two document paths overlap with each other; must remove or rewrite one of these "
                "paths; path one: [a, [1]], path two: [a, [1], d]");
  EXPECT_EQ(fault("SET a[1] = :s, a.b = :s"),
            invalid +
                "Two document paths conflict with each other; must remove or rewrite one of these "
                "paths; path one: [a, [1]], path two: [a, b]");
  EXPECT_EQ(fault("ADD a :s SET b = list_append(:s, :l)"),
            invalid +
                "Incorrect operand type for operator or function; operator: ADD, operand type: "
                "STRING");
  EXPECT_EQ(fault("DELETE a :n"),
            invalid +
                "Incorrect operand type for operator or function; operator: DELETE, operand type: "
                "NUMBER");
  EXPECT_EQ(fault("SET b = :s + :n"),
            invalid +
                "Incorrect operand type for operator or function; operator or function: +, operand "
                "type: S");
  EXPECT_EQ(fault("SET b = if_not_exists(:s, :n)"),
            invalid +
                "Operator or function requires a document path; operator or function: "
                "if_not_exists");
  EXPECT_EQ(fault("SET b = list_append(:l)"),
            invalid +
                "Incorrect number of operands for operator or function; operator or function: "
                "list_append, number of operands: 1");
  EXPECT_EQ(fault("SET b = list_append(list_append(:l, :l), :l)"),
            invalid +
                "The function is not allowed to be used this way in an expression; function: "
                "list_append");
}

TEST(Update, NamesTheTokenThatIsNoSyntax) {
  const std::string syntax = "Invalid UpdateExpression: Syntax error; token: ";
  EXPECT_EQ(fault("INVALID SYNTAX HERE"), syntax + "\"INVALID\", near: \"INVALID SYNTAX\"");
  EXPECT_EQ(fault("SET a  =  :n + :n + :n"), syntax + "\"+\", near: \":n + :n\"");
  EXPECT_EQ(fault("SET a ="), syntax + "\"<EOF>\", near: \"=\"");
  EXPECT_EQ(fault("SET a = :n, "), syntax + "\"<EOF>\", near: \",\"");
  EXPECT_EQ(fault("SET a[:n] = :n"), syntax + "\":n\", near: \"[:n]\"");
  EXPECT_EQ(fault("SET _a = :n"), syntax + "\"_a\", near: \"SET _a =\"");
  EXPECT_EQ(fault("SET set = :n"), syntax + "\"set\", near: \"SET set =\"");
  EXPECT_EQ(fault("SET b = if_not_exists(c, :n+:n)"), syntax + "\"+\", near: \":n+:n\"");
  EXPECT_EQ(fault("SET a = :n@"), syntax + "\"@\", near: \":n@\"");
}

TEST(Update, OnlyWhatGivesMakesAnItem) {
  const auto makes = [](std::string_view text) {
    auto given = placeholders(text);
    return makes_item(*parse_update(text, given));
  };
  EXPECT_TRUE(makes_item({}));
  EXPECT_TRUE(makes("REMOVE a SET b = :s"));
  EXPECT_TRUE(makes("ADD a :n"));
  EXPECT_FALSE(makes("REMOVE a DELETE b :ss"));
}

}  // namespace
}  // namespace sluice::dynamodb
