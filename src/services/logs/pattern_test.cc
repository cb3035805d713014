// SPDX-License-Identifier: Apache-2.0
#include "services/logs/pattern.h"

#include <gtest/gtest.h>

namespace sluice::logs {
namespace {
bool matches(std::string_view pattern, std::string_view message) {
  const auto parsed = Pattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern << ": " << (parsed ? "" : parsed.error().message);
  return parsed && parsed->matches(message);
}

TEST(Pattern, AnEmptyOneMatchesEverything) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("\" \"", "any"));
}
TEST(Pattern, TermsAreAllRequiredAndCaseSensitive) {
  EXPECT_TRUE(matches("ERROR disk", "an ERROR on the disk"));
  EXPECT_FALSE(matches("ERROR disk", "an error on the disk"));
  EXPECT_TRUE(matches("\"the disk\"", "on the disk"));
  EXPECT_FALSE(matches("\"disk the\"", "on the disk"));
  EXPECT_FALSE(matches("ERROR -disk", "an ERROR on the disk"));
  EXPECT_TRUE(matches("?WARN ?ERROR", "an ERROR"));
  EXPECT_FALSE(matches("?WARN ?ERROR", "fine"));
}
TEST(Pattern, JsonConditionsCombine) {
  constexpr std::string_view event =
      R"({"a":{"b":"x1"},"n":2,"list":[{"k":"v"}],"t":true,"z":null,"odd.name":"q",)"
      R"("userIdentity":{"type":"Root"}})";
  EXPECT_TRUE(matches(R"({ $.a.b = "x1" && $.n > 1 })", event));
  EXPECT_FALSE(matches(R"({ $.a.b = "x1" && $.n > 2 })", event));
  EXPECT_TRUE(matches(R"({ $.a.b = "nope" || ($.n >= 2e0 && $.n != 3) })", event));
  EXPECT_TRUE(matches(R"({ $.a.b = "x*" })", event));
  EXPECT_TRUE(matches(R"({ $.list[0].k = v })", event));
  EXPECT_TRUE(matches(R"({ $.list[*].k = "v" })", event));
  EXPECT_TRUE(
      matches(R"({ $.t IS TRUE && $.z IS NULL && $.missing NOT EXISTS && $.n EXISTS })", event));
  EXPECT_FALSE(matches(R"({ $.t IS FALSE })", event));
  EXPECT_TRUE(matches(R"({ $["odd.name"] = "q" })", event));
  EXPECT_TRUE(matches(R"({ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && )"
                      R"($.eventType NOT EXISTS })",
                      event));
  EXPECT_FALSE(matches(R"({ $.n = 2 })", "not JSON"));
}
TEST(Pattern, WhatIsNotUnderstoodIsRefused) {
  for (const char* text :
       {"[ip, user]", "%a.b%", "a.b", "{ $.a }", "{ $.a = }", "{ a = 1 }", "{ ($.a = 1 }",
        "{ $.a > \"x\" }", "\"open", "{ $.a[x] = 1 }", "{}", "-"})
    EXPECT_FALSE(Pattern::parse(text)) << text;
  std::string deep = "{ ";
  for (int i = 0; i < 17; ++i) deep += "(";
  EXPECT_FALSE(Pattern::parse(deep + "$.a = 1 }"));
}
}  // namespace
}  // namespace sluice::logs
