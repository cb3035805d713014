// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/partiql_plan.h"

#include <gmock/gmock.h>

namespace sluice::dynamodb {
namespace {
const std::string kPrefix = "Statement wasn't well formed, can't be processed: ";

Result<PartiqlStatement> parsed(std::string_view text, const char* parameters = "[]") {
  return parse_partiql(text, json::parse(parameters).as_array());
}
// Why the text is no statement; "": it is one.
std::string fault(std::string_view text, const char* parameters = "[]") {
  const auto one = parsed(text, parameters);
  return one ? "" : one.error().message;
}
bool holds(const std::string& condition, const char* item, const char* parameters = "[]") {
  const auto one = parsed("SELECT * FROM t WHERE " + condition, parameters);
  EXPECT_TRUE(one) << condition << ": " << (one ? "" : one.error().message);
  return one && evaluate(*one->where, *parse_json_object(item));
}
std::string where_fault(const std::string& condition, const char* parameters = "[]") {
  return fault("SELECT * FROM t WHERE " + condition, parameters);
}
std::string inserted(const std::string& value) {
  const auto one = parsed("INSERT INTO t VALUE {'v': " + value + "}");
  return one ? json::serialize(one->item.at("v")) : one.error().message;
}
std::string changed(const std::string& changes, const char* item) {
  const auto one = parsed("UPDATE t " + changes + " WHERE a = 'x'");
  if (!one) return one.error().message;
  const auto after = updated(*one->update, *parse_json_object(item));
  return after ? json::serialize(*after) : after.error().message;
}
const KeySpace kKeys{"i", "id", {"p", "S"}, {"s", "N"}};
std::string planned(const std::string& rest) {
  const auto one = parsed("SELECT * FROM t " + rest);
  if (!one) return one.error().message;
  const auto plan = plan_read(*one, kKeys);
  if (!plan) return plan.error().message;
  if (!plan->keyed) return "scan";
  std::string out = std::to_string(plan->spans.size()) + (plan->backwards ? " backwards" : "");
  for (const json::value& one_of : plan->partitions) out += " " + json::serialize(one_of);
  return out;
}

TEST(Partiql, HasValuesOfEveryType) {
  EXPECT_EQ(inserted("'it''s'"), R"({"S":"it's"})");
  EXPECT_EQ(inserted("-.5e1"), R"({"N":"-5"})");
  EXPECT_EQ(inserted("1E3"), R"({"N":"1000"})");
  EXPECT_EQ(inserted("-0"), R"({"N":"0"})");
  EXPECT_EQ(inserted("true"), R"({"BOOL":true})");
  EXPECT_EQ(inserted("NULL"), R"({"NULL":true})");
  EXPECT_EQ(inserted("[1, {'a': [<<'x'>>]}]"),
            R"({"L":[{"N":"1"},{"M":{"a":{"L":[{"SS":["x"]}]}}}]})");
  EXPECT_EQ(inserted("<<34, 4.5>>"), R"({"NS":["4.5","34"]})");
  EXPECT_EQ(inserted("<<>>"), "Empty bags are not supported");
  EXPECT_EQ(inserted("<<1, 'a'>>"),
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in "
            "bags");
  EXPECT_EQ(inserted("<<'a', 'a'>>"),
            "One or more parameter values were invalid: Input collection [a, a] contains "
            "duplicates.");
  EXPECT_EQ(inserted("MISSING"), "MISSING must be compared using IS operator");
  EXPECT_EQ(inserted("set_add(a, b)"), "Unsupported data type: set_add under key root at 1:27:7");
}

TEST(Partiql, SaysWhereANumberIsWrong) {
  const std::string overflow =
      "Number overflow. Attempting to store a number with magnitude larger than supported range";
  EXPECT_EQ(inserted("1e126"), overflow + " under root");
  EXPECT_EQ(inserted("{'x': 1e126}"), overflow + " under root.x");
  EXPECT_EQ(inserted("[1, 1e126]"), overflow + " under root[1]");
  EXPECT_EQ(where_fault("a = 123456789012345678901234567890123456789"),
            "Attempting to store more than 38 significant digits in a Number under root");
  for (const char* far : {"1e2147483648", "1e99999999999", "1e-99999999999"})
    EXPECT_EQ(where_fault(std::string("a = ") + far), kPrefix);
}

TEST(Partiql, RefusesWhatItCannotRead) {
  EXPECT_EQ(fault("SLECT * FROM t"), kPrefix + "Expected data manipulation");
  EXPECT_EQ(fault("UPDATE t-x SET a = 1 WHERE b = 2"), kPrefix + "Expected data manipulation");
  for (const char* left : {"SELECT * FROM t WHERE a = 1 foo", "SELECT * FROM t WHERE a = 1 e5",
                           "INSERT INTO t VALUE {'a': 1} foo", "DELETE FROM t WHERE a = 1 foo",
                           "SELECT * FROM t WHERE a = 1)", "DELETE FROM t WHERE a = 1 ORDER BY a",
                           "INSERT INTO t x VALUE {'a': 1}", "SELECT * FROM t; SELECT * FROM t",
                           "FROM t SET c = 1 WHERE a = 1"})
    EXPECT_EQ(fault(left), kPrefix + "Unexpected token after expression") << left;
  for (const char* none :
       {"SELECT * FROM t WHERE", "SELECT * FROM t WHERE;", "DELETE FROM t WHERE ",
        "SELECT * FROM t WHERE NOT", "SELECT * FROM t WHERE (", "SELECT * FROM", " ", ";"})
    EXPECT_THAT(fault(none),
                testing::AnyOf(kPrefix + "Unexpected term", kPrefix + "Expected data manipulation"))
        << none;
  for (const char* half : {"a = 1 AND", "a = 1 OR", "a ="})
    EXPECT_EQ(where_fault(half), kPrefix + "Missing right-hand side expression of infix operator");
  EXPECT_EQ(where_fault("ORDER BY a"), kPrefix + "Unexpected keyword");
  EXPECT_EQ(where_fault("IS NULL"), kPrefix + "Unexpected operator");
  EXPECT_EQ(where_fault("a = LIKE"), kPrefix + "Unexpected operator");
  EXPECT_EQ(where_fault("a IS FOO"), kPrefix + "Expected type name");
  for (const char* torn : {"a = 1 # note", "a = 1 /* note", "a = 'x", "\"a = 1"})
    EXPECT_EQ(where_fault(torn), kPrefix) << torn;
  EXPECT_EQ(fault("DELETE FROM WHERE a = 1"), kPrefix + "Expected identifier for simple path");
  EXPECT_EQ(where_fault("attribute_exists(m.inner)"), kPrefix + "Invalid path dot component");
  EXPECT_EQ(where_fault("pad = 1"), kPrefix + "Unexpected keyword");
  EXPECT_EQ(where_fault("\"pad\" = 1"), "");
}

TEST(Partiql, LeavesCommentsOut) {
  EXPECT_EQ(fault("-- one\nSELECT * /* two */ FROM t WHERE a = 1 -- three"), "");
  EXPECT_EQ(fault("SELECT * FROM t;"), "");
}

TEST(Partiql, HasNoAliasesAndOneTable) {
  for (const char* named :
       {"SELECT * FROM t x WHERE a = 1", "SELECT * FROM t AS x", "UPDATE t x SET a = 1 WHERE b = 1",
        "DELETE FROM t x WHERE a = 1", "SELECT a AS b FROM t", "SELECT a b FROM t"})
    EXPECT_EQ(fault(named), "Aliasing is not supported") << named;
  EXPECT_EQ(fault("SELECT * FROM t, u"), "Only select from a single table or index is supported.");
  EXPECT_EQ(fault("SELECT * FROM a.b.c"),
            "A path may contain at most 2 components in the FROM clause");
  EXPECT_EQ(fault("SELECT * FROM \"\""), "Path component cannot be an empty string");
  EXPECT_EQ(fault("INSERT INTO t.i VALUE {'a': 1}"),
            "FROM clause may only contain a single table name in data manipulation statements");
  EXPECT_EQ(fault("UPDATE t.i SET a = 1"), "This operation is not supported on an index");
  EXPECT_EQ(fault("DELETE FROM t.i"), "This operation is not supported on an index");
}

TEST(Partiql, SelectsColumnsByTheirLastNames) {
  const auto one = parsed("SELECT m.k[1], l[0], m['z'], a FROM t");
  ASSERT_TRUE(one);
  EXPECT_EQ(json::serialize(columns_of(
                *parse_json_object(R"({"m":{"M":{"k":{"L":[{"S":"p"},{"S":"q"}]},"z":{"N":"1"}}},)"
                                   R"("l":{"L":[{"S":"r"}]}})"),
                one->columns)),
            R"({"k[1]":{"S":"q"},"l[0]":{"S":"r"},"z":{"N":"1"}})");
  EXPECT_EQ(fault("SELECT m.z, n.z FROM t"), "Duplicate identifiers in select clause: z");
  EXPECT_EQ(fault("SELECT *, a FROM t"),
            "Other attributes should not be present in the projection when '*' is used.");
  EXPECT_EQ(fault("SELECT COUNT(*) FROM t"), "Unexpected path component at 1:8:5");
  EXPECT_EQ(fault("SELECT attribute_exists(a) FROM t"), "Unexpected path component at 1:8:16");
  EXPECT_EQ(fault("SELECT l[-1] FROM t"),
            "List index is not within the allowable range; index: [-1] at 1:11:1");
  EXPECT_THAT(fault("SELECT a.b.c, d, a.b FROM t"), testing::HasSubstr("overlap"));
  EXPECT_EQ(fault("SELECT a FROM t LIMIT 1"), "Unsupported clause: LIMIT");
}

TEST(Partiql, HasTheConditionsOfExpressions) {
  const char* item =
      R"({"a":{"S":"text"},"n":{"N":"5"},"l":{"L":[{"N":"1"}]},"s":{"SS":["p"]},"z":{"NULL":true},)"
      R"("m":{"M":{"b":{"S":"x"}}},"f":{"BOOL":true}})";
  for (const char* one : {"a = 'text'",
                          "'text' = a",
                          "a <> 'x'",
                          "a != 'x'",
                          "n > 4 AND n >= 5 AND n < 6",
                          "n BETWEEN 5 AND 6",
                          "NOT n BETWEEN 6 AND 7",
                          "n NOT BETWEEN 6 AND 7",
                          "a IN ['x', 'text']",
                          "a NOT IN ('x')",
                          "n IN <<5>>",
                          "a IS NOT MISSING",
                          "b IS MISSING",
                          "z IS NULL",
                          "a IS NOT NULL",
                          "b IS NOT NULL",
                          "a IS STRING",
                          "f IS BOOL",
                          "m IS STRUCT",
                          "l IS LIST",
                          "n IS NUMERIC",
                          "begins_with(a, 'te')",
                          "CONTAINS(s, 'p')",
                          "size(a) = 4",
                          "attribute_type(s, 'SS')",
                          "attribute_exists(m.b)",
                          "attribute_exists(m['b'])",
                          "attribute_not_exists(l[1])",
                          "l[0] = 1",
                          "attribute_exists(a) = true",
                          "false = attribute_exists(b)",
                          "(a = 'x' OR (n = 5)) AND NOT a = 'y'",
                          "\"a\" = 'text'",
                          "l = [1]",
                          "m = {'b': 'x'}",
                          "s = <<'p'>>",
                          "n > -5"})
    EXPECT_TRUE(holds(one, item)) << one;
  for (const char* one : {"a = 'x' OR n = 5 AND a = 'y'", "b IS NULL", "b = 1", "n IS STRING",
                          "NOT a = 'text'", "attribute_exists(a) <> true"})
    EXPECT_FALSE(holds(one, item)) << one;
  EXPECT_TRUE(holds("a = ? AND n IN [?, 7]", item, R"([{"S":"text"},{"N":"5"}])"));
}

TEST(Partiql, ChecksTheOperandsOfConditions) {
  const std::string wrong =
      "Incorrect operand type for operator or function; operator or function: ";
  EXPECT_EQ(where_fault("a < ?", R"([{"BOOL":true}])"), wrong + "<, operand type: BOOL");
  EXPECT_EQ(where_fault("a BETWEEN true AND false"), wrong + "BETWEEN, operand type: BOOL");
  EXPECT_EQ(where_fault("attribute_exists('a')"),
            "Operator or function requires a document path; operator or function: "
            "attribute_exists");
  EXPECT_EQ(where_fault("attribute_exists()"),
            "Incorrect number of operands for operator or function; operator or function: "
            "attribute_exists, number of operands: 0");
  EXPECT_EQ(where_fault("EXISTS(a)"), "Unrecognized function: exists at 1:23:6");
  EXPECT_EQ(where_fault("set_add(a, <<'x'>>) = a"), "Unrecognized function: set_add at 1:23:7");
  EXPECT_EQ(where_fault("a"), "WHERE clause must contain an expression that resolves to a boolean");
  EXPECT_EQ(where_fault("a = 1 AND b"), "The arguments to AND/OR must be Expressions");
  EXPECT_EQ(where_fault("NOT b"), "The argument to NOT must be a Type or Expression");
  EXPECT_EQ(where_fault("a + 1 = 2"), "Unsupported operator in Condition Expression. Operator: +");
  EXPECT_EQ(where_fault("a LIKE 'x'"),
            "Unsupported operator in Condition Expression. Operator: LIKE");
  EXPECT_THAT(where_fault("a IN []"), testing::StartsWith("IN operator must have"));
  EXPECT_THAT(where_fault("a IN ?", R"([{"L":[]}])"), testing::StartsWith("IN operator must have"));
  EXPECT_THAT(where_fault("a IS INTEGER"), testing::StartsWith("Unsupported data type for IS"));
}

TEST(Partiql, CountsItsParameters) {
  const char* wrong = "Number of parameters in request and statement don't match.";
  EXPECT_EQ(where_fault("a = ? AND b = '?'", R"([{"S":"x"}])"), "");
  EXPECT_EQ(where_fault("a = ?"), wrong);
  EXPECT_EQ(where_fault("a = 1", R"([{"S":"x"}])"), wrong);
  EXPECT_EQ(where_fault("a = ? foo"), kPrefix + "Unexpected token after expression");
}

TEST(Partiql, ChangesItems) {
  EXPECT_EQ(changed("SET n = n + 1 - 3", R"({"n":{"N":"5"}})"), R"({"n":{"N":"3"}})");
  EXPECT_EQ(changed("SET l = list_append([0], l) REMOVE b", R"({"l":{"L":[]},"b":{"N":"1"}})"),
            R"({"l":{"L":[{"N":"0"}]}})");
  EXPECT_EQ(changed("SET s = set_add(s, <<'q'>>), r = SET_ADD(r, <<1>>)", R"({"s":{"SS":["p"]}})"),
            R"({"s":{"SS":["p","q"]},"r":{"NS":["1"]}})");
  EXPECT_EQ(changed("SET s = set_delete(s, <<'p'>>)", R"({"s":{"SS":["p"]}})"), "{}");
  EXPECT_EQ(changed("SET m.b = a SET m['c'] = {'d': 1}", R"({"a":{"N":"1"},"m":{"M":{}}})"),
            R"({"a":{"N":"1"},"m":{"M":{"b":{"N":"1"},"c":{"M":{"d":{"N":"1"}}}}}})");
  EXPECT_EQ(changed("SET t = set_add(s, <<'x'>>)", "{}"),
            "The first argument to SET_ADD must equal the assignment value at 1:18:7");
  EXPECT_EQ(changed("SET s = set_add(s, 'x')", "{}"),
            "The second argument to SET_ADD must be a value with type SET at 1:26:1");
  EXPECT_EQ(changed("SET s = set_add(s)", "{}"),
            "SET_ADD must have exactly two arguments at 1:18:7");
  EXPECT_EQ(changed("SET s = if_not_exists(s, 1)", "{}"),
            "Unrecognized function: if_not_exists at 1:18:13");
  EXPECT_EQ(changed("SET s = s * 2", "{}"),
            "Unsupported operator in Update Expression. Operator: *");
  EXPECT_THAT(changed("SET a.b = 1 REMOVE a", "{}"), testing::HasSubstr("overlap"));
  EXPECT_THAT(changed("SET a.b = 1 REMOVE a[0]", "{}"), testing::HasSubstr("conflict"));
  EXPECT_EQ(fault("FROM t WHERE a = 1 SET b = 2 REMOVE c RETURNING ALL NEW *"), "");
  EXPECT_EQ(fault("DELETE FROM t WHERE a = 1 RETURNING MODIFIED OLD *"),
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is "
            "allowed in DELETE statements.");
  EXPECT_THAT(fault("UPDATE t SET a = 1 RETURNING ALL OLD"), testing::StartsWith("Expected '*'"));
}

TEST(Partiql, IsBounded) {
  const auto times = [](size_t count, const std::string& text) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += text;
    return out;
  };
  EXPECT_EQ(where_fault(times(31, "(") + "a = 1" + times(31, ")")), "");
  EXPECT_EQ(where_fault(times(33, "(") + "a = 1" + times(33, ")")),
            kPrefix + "The expression is nested too deeply");
  EXPECT_EQ(where_fault(times(33, "NOT ") + "a = 1"),
            kPrefix + "The expression is nested too deeply");
  EXPECT_EQ(where_fault(times(2000, "(")), kPrefix + "The expression is nested too deeply");
  EXPECT_EQ(where_fault(times(2000, "size(")), kPrefix + "The expression is nested too deeply");
  EXPECT_EQ(inserted(times(31, "[") + "1" + times(31, "]")).substr(0, 6), R"({"L":[)");
  for (const size_t deep : {32UL, 4000UL})
    EXPECT_EQ(inserted(times(deep, "[") + "1" + times(deep, "]")),
              "Nesting Levels have exceeded supported limits");
  EXPECT_THAT(inserted(times(4000, "<<")), testing::StartsWith("Unsupported data type in Bag"));
  EXPECT_EQ(where_fault("NOT a = 1" + times(149, " OR a = 1")), "");
  EXPECT_EQ(where_fault("a = 1" + times(150, " OR a = 1")),
            "The expression contains too many operators; operator count: 301");
  EXPECT_EQ(where_fault("a IN [1" + times(99, ", 1") + "]"), "");
  EXPECT_EQ(where_fault("a IN [1" + times(100, ", 1") + "]"),
            "The IN operator is provided with too many operands; number of operands: 101");
  EXPECT_EQ(where_fault("a" + times(31, ".b") + " = 1"), "");
  EXPECT_THAT(where_fault("a" + times(32, ".b") + " = 1"),
              testing::HasSubstr("nesting levels: 33"));
}

TEST(Partiql, ReadsPartitionsThatAllAlternativesName) {
  EXPECT_EQ(planned(""), "scan");
  EXPECT_EQ(planned("WHERE p = 'a'"), R"(1 {"S":"a"})");
  EXPECT_EQ(planned("WHERE 'a' = p AND x = 1"), R"(1 {"S":"a"})");
  EXPECT_EQ(planned("WHERE p = 'a' OR p = 'b'"), R"(2 {"S":"a"} {"S":"b"})");
  EXPECT_EQ(planned("WHERE p IN ['c', 'a'] AND s > 1"), R"(2 {"S":"c"} {"S":"a"})");
  EXPECT_EQ(planned("WHERE p = 'a' AND (s = 1 OR s = 2)"), R"(2 {"S":"a"})");
  EXPECT_EQ(planned("WHERE p = 'a' AND s > 1 AND s < 0"), R"(0 {"S":"a"})");
  EXPECT_EQ(planned("WHERE p = 'a' AND (x = 1 OR y = 2)"), R"(1 {"S":"a"})");
  for (const char* scan :
       {"WHERE p > 'a'", "WHERE s = 1", "WHERE p = 'a' OR x = 1", "WHERE NOT p = 'a'",
        "WHERE p = x", "WHERE p.q = 'a'", "WHERE p = 'a' AND p = 'b'", "WHERE p <> 'a'"})
    EXPECT_EQ(planned(scan), "scan") << scan;
}

TEST(Partiql, RefusesPartsThatOverlap) {
  const char* overlapping =
      "Overlapping conditions with range keys are not supported in where clause";
  for (const char* both :
       {"p IN ['a', 'a']", "p = 'a' OR p = 'a' AND s = 1", "p = 'a' AND (s > 0 OR s < 5)",
        "p = 'a' AND (s = 1 OR x = 2)", "p = 'a' AND x = 1 OR p = 'a' AND s = 2"})
    EXPECT_EQ(planned(std::string("WHERE ") + both), overlapping) << both;
  EXPECT_EQ(planned("WHERE p = 'a' AND (s < 1 OR s > 1 OR s = 1)"), R"(3 {"S":"a"})");
  for (const char* negated : {"NOT s = 1", "s <> 1", "NOT s IN [1, 3]", "NOT (s = 1)"})
    EXPECT_EQ(planned(std::string("WHERE p = 'a' AND ") + negated + " OR p = 'a' AND s = 2"),
              R"(1 {"S":"a"})")
        << negated;
}

TEST(Partiql, ReadsSoManyPartsAndNoMore) {
  const auto list = [](const std::string& before, size_t count, const std::string& after) {
    std::string out = before;
    for (size_t i = 0; i < count; ++i) out += (i ? ", " : "") + after + std::to_string(i) + after;
    return out + "]";
  };
  const char* too_many = "Too many decomposed read operations for a given query.";
  EXPECT_EQ(planned(list("WHERE p IN [", 50, "'")).substr(0, 2), "50");
  EXPECT_EQ(planned(list("WHERE p IN [", 51, "'")), too_many);
  EXPECT_EQ(planned(list("WHERE p = 'a' AND s IN [", 51, "")), too_many);
  EXPECT_EQ(planned(list("WHERE p IN [", 26, "'") + " AND s IN [1, 2]"), too_many);
  EXPECT_EQ(planned(list("WHERE p IN [", 51, "'") + " OR x = 1"), "scan");
}

TEST(Partiql, OrdersByItsKey) {
  EXPECT_EQ(planned("WHERE p = 'a' ORDER BY s"), R"(1 {"S":"a"})");
  EXPECT_EQ(planned("WHERE p = 'a' ORDER BY s DESC"), R"(1 backwards {"S":"a"})");
  EXPECT_EQ(planned("WHERE p = 'a' ORDER BY p ASC"), R"(1 backwards {"S":"a"})");
  EXPECT_EQ(planned("ORDER BY s"),
            "Must have WHERE clause in the statement when using ORDER BY clause.");
  EXPECT_EQ(planned("WHERE p = 'a' ORDER BY x"),
            "Attribute x in ORDER BY clause must be part of the primary key");
  EXPECT_THAT(planned("WHERE s = 1 ORDER BY s"), testing::StartsWith("Must have at least one"));
  EXPECT_THAT(planned("WHERE p IN ['a', 'b'] ORDER BY s"),
              testing::StartsWith("Must have hash key in ORDER BY"));
}

TEST(Partiql, RefusesValuesThatNoKeyHas) {
  const char* mismatch =
      "Key attribute's data type should match its data type in table's schema: Key ";
  EXPECT_EQ(planned("WHERE p = 1 OR p = 'a'"), std::string(mismatch) + "p");
  EXPECT_EQ(planned("WHERE p = 'a' AND s IN [1, '2']"), std::string(mismatch) + "s");
  EXPECT_EQ(planned("WHERE p = true"),
            "Key value must be of type S, N, or B. Key name: p, Key type: BOOL");
}

TEST(Partiql, ShowsNoValuesButThoseOfTheKey) {
  const auto shown = [](const char* text, const char* parameters = "[]") {
    const auto one = parsed(text, parameters);
    return one ? redacted(text, *one, "p", "s") : one.error().message;
  };
  EXPECT_EQ(shown("SELECT * FROM Music WHERE p = 'No One' AND s=1 AND x = 'hidden'"),
            "SELECT * FROM Music WHERE p = 'No One' AND s=1 AND x = ***(Redacted)");
  EXPECT_EQ(shown("UPDATE t SET a = 'hidden', b = ['hidden'] -- hidden\nWHERE p IN ['a', 'b']"),
            "UPDATE t SET a = ***(Redacted), b = ***(Redacted) WHERE p IN ['a', 'b']");
  EXPECT_EQ(shown("INSERT INTO t VALUE {'p' : 'hidden', 'm': {'hidden': 1}}"),
            "INSERT INTO t VALUE {'p' : ***(Redacted), 'm': ***(Redacted)}");
  EXPECT_EQ(shown("DELETE FROM t WHERE p = ? AND x.p = 'hidden' AND begins_with(x, 'hidden')",
                  R"([{"S":"hidden"}])"),
            "DELETE FROM t WHERE p = ? AND x.p = ***(Redacted) AND begins_with(x, "
            "***(Redacted))");
}

}  // namespace
}  // namespace sluice::dynamodb
