// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/event_filter.h"

#include <gtest/gtest.h>

namespace sluice::lambda {
namespace {
const json::value kRecord = json::parse(R"({
  "eventName": "INSERT",
  "dynamodb": {"Keys": {"id": {"S": "pump-1"}}, "SizeBytes": 26,
               "NewImage": {"id": {"S": "pump-1"}, "on": {"BOOL": true}, "gone": {"NULL": true},
                            "tags": {"SS": ["cold", "wet"]}}}})");

bool matches(const char* pattern) {
  const auto filter = EventFilter::parse(pattern);
  EXPECT_TRUE(filter) << pattern << ": " << (filter ? "" : filter.error().message);
  return filter && filter->matches(kRecord);
}

// A record that a rule lets through or holds back by mistake is a record lost or one too many.
TEST(EventFilter, EachRuleHoldsForWhatItNamesAndForNothingElse) {
  for (const char* holds : {
           R"({"eventName": ["INSERT"]})",
           R"({"eventName": ["REMOVE", "INSERT"]})",
           R"({"dynamodb": {"SizeBytes": [26.0]}})",
           R"({"dynamodb": {"NewImage": {"on": {"BOOL": [true]}}}})",
           R"({"dynamodb": {"Keys": {"id": {"S": [{"prefix": "pump"}]}}}})",
           R"({"dynamodb": {"Keys": {"id": {"S": [{"suffix": "-1"}]}}}})",
           R"({"eventName": [{"equals-ignore-case": "insert"}]})",
           R"({"eventName": [{"anything-but": "REMOVE"}]})",
           R"({"eventName": [{"anything-but": ["REMOVE", "MODIFY"]}]})",
           R"({"eventName": [{"anything-but": {"prefix": "REM"}}]})",
           R"({"dynamodb": {"SizeBytes": [{"numeric": [">", 25, "<=", 26]}]}})",
           R"({"dynamodb": {"NewImage": {"id": {"S": [{"exists": true}]}}}})",
           R"({"dynamodb": {"OldImage": {"id": {"S": [{"exists": false}]}}}})",
           R"({"dynamodb": {"NewImage": {"tags": {"SS": ["wet"]}}}})",
           R"({"$or": [{"eventName": ["MODIFY"]}, {"dynamodb": {"SizeBytes": [26]}}]})",
           R"({})",
       })
    EXPECT_TRUE(matches(holds)) << holds;
  for (const char* fails : {
           R"({"eventName": ["insert"]})",
           R"({"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]})",
           R"({"dynamodb": {"SizeBytes": ["26"]}})",
           R"({"dynamodb": {"Keys": {"id": {"S": [{"prefix": "valve"}]}}}})",
           R"({"dynamodb": {"Keys": {"id": {"S": [{"suffix": "-2"}]}}}})",
           R"({"eventName": [{"equals-ignore-case": "inserted"}]})",
           R"({"eventName": [{"anything-but": "INSERT"}]})",
           R"({"eventName": [{"anything-but": ["REMOVE", "INSERT"]}]})",
           R"({"eventName": [{"anything-but": {"suffix": "ERT"}}]})",
           R"({"eventID": [{"anything-but": "1"}]})",
           R"({"dynamodb": {"SizeBytes": [{"numeric": [">", 26]}]}})",
           R"({"dynamodb": {"OldImage": {"id": {"S": [{"exists": true}]}}}})",
           R"({"eventName": [{"exists": false}]})",
           R"({"dynamodb": {"NewImage": {"tags": {"SS": ["dry"]}}}})",
           R"({"$or": [{"eventName": ["MODIFY"]}, {"dynamodb": {"SizeBytes": [27]}}]})",
       })
    EXPECT_FALSE(matches(fails)) << fails;
}

// What is not understood must not be taken: the function would silently get the wrong records.
TEST(EventFilter, APatternThatIsNotUnderstoodIsRefused) {
  for (const char* wrong : {
           "",
           "no JSON",
           "[]",
           "\"text\"",
           R"({"eventName": "INSERT"})",
           R"({"eventName": []})",
           R"({"dynamodb": {}})",
           R"({"eventName": [["INSERT"]]})",
           R"({"eventName": [{"prefix": 1}]})",
           R"({"eventName": [{"like": "x"}]})",
           R"({"eventName": [{"prefix": "a", "suffix": "b"}]})",
           R"({"eventName": [{"exists": "yes"}]})",
           R"({"n": [{"numeric": []}]})",
           R"({"n": [{"numeric": [">"]}]})",
           R"({"n": [{"numeric": ["!", 1]}]})",
           R"({"n": [{"numeric": [">", 1, "<", 2, "<", 3]}]})",
           R"({"n": [{"anything-but": []}]})",
           R"({"n": [{"anything-but": {"numeric": [">", 1]}}]})",
           R"({"$or": []})",
           R"({"$or": [{"a": ["b"]}]})",
           R"({"$or": [1, 2]})",
           R"({"a": ["b"], "a": ["c"]})",
       })
    EXPECT_FALSE(EventFilter::parse(wrong)) << wrong;
  std::string deep = R"(["x"])";
  for (size_t i = 0; i < kPatternDepthMax - 1; ++i) deep = R"({"a": )" + deep + "}";
  EXPECT_TRUE(EventFilter::parse(deep));
  EXPECT_FALSE(EventFilter::parse(R"({"a": )" + deep + "}"));
  const std::string longest = R"({"a": [")" + std::string(kPatternBytesMax - 11, 'x') + R"("]})";
  EXPECT_EQ(longest.size(), kPatternBytesMax);
  EXPECT_TRUE(EventFilter::parse(longest));
  EXPECT_FALSE(EventFilter::parse(longest + " "));
}
}  // namespace
}  // namespace sluice::lambda
