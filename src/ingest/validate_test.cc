// SPDX-License-Identifier: Apache-2.0
#include "ingest/validate.h"

#include <gtest/gtest.h>

namespace sluice::ingest {
namespace {
// The item's DynamoDB notation, or "!code".
std::string judged(std::string_view text) {
  const auto outcome = validate(text);
  if (const auto* rejection = std::get_if<Rejection>(&outcome)) return "!" + rejection->code;
  return std::get<Item>(outcome).json;
}
std::string with_value(const std::string& number) {
  return R"({"device_id":"d","timestamp":"2026-02-01T10:00:00Z","value":)" + number + "}";
}
}  // namespace

TEST(Validate, KeepsEveryTypeAndTheDigitsOfNumbers) {
  EXPECT_EQ(
      judged(R"({"device_id":"d","timestamp":"2026-02-01T12:00:00.50+02:00","value":1.50,"b":true,)"
             R"("n":null,"l":[1,"x",{"k":[]}],"s":""})"),
      R"({"device_id":{"S":"d"},"timestamp":{"S":"2026-02-01T10:00:00.50Z"},)"
      R"("value":{"N":"1.50"},"b":{"BOOL":true},"n":{"NULL":true},"l":{"L":[{"N":"1"},{"S":"x"},)"
      R"({"M":{"k":{"L":[]}}}]},"s":{"S":""}})");
}

TEST(Validate, NamesTheRuleThatWasBroken) {
  EXPECT_EQ(judged(R"([1])"), "!NotAnObject");
  EXPECT_EQ(judged(R"(7)"), "!NotAnObject");
  EXPECT_EQ(judged(R"({"timestamp":"2026-02-01T10:00:00Z","value":1})"), "!MissingDeviceId");
  EXPECT_EQ(judged(R"({"device_id":"d","value":1})"), "!MissingTimestamp");
  EXPECT_EQ(judged(R"({"device_id":"d","timestamp":"2026-02-01T10:00:00Z"})"), "!MissingValue");
  EXPECT_EQ(judged(R"({"device_id":7})"), "!InvalidDeviceId");
  EXPECT_EQ(judged(R"({"device_id":""})"), "!InvalidDeviceId");
  EXPECT_EQ(judged(R"({"device_id":"d","timestamp":"yesterday","value":1})"), "!InvalidTimestamp");
  EXPECT_EQ(judged(with_value("\"1\"")), "!InvalidValue");
  EXPECT_EQ(judged(with_value("null")), "!InvalidValue");
  EXPECT_EQ(judged(with_value("1,\"value\":2")), "!DuplicateAttribute");
  EXPECT_EQ(judged(with_value("1") + "{}"), "!MalformedJson");
  EXPECT_EQ(judged(with_value("01")), "!MalformedJson");
  EXPECT_EQ(judged(with_value("NaN")), "!MalformedJson");
  EXPECT_EQ(judged("{\"device_id\":\"\xff\"}"), "!InvalidUtf8");
}

TEST(Validate, HoldsTheLimitsAtAndPastThem) {
  const auto device = [](size_t bytes) {
    return R"({"device_id":")" + std::string(bytes, 'x') +
           R"(","timestamp":"2026-02-01T10:00:00Z","value":1})";
  };
  EXPECT_NE(judged(device(kDeviceIdBytesMax)), "!InvalidDeviceId");
  EXPECT_EQ(judged(device(kDeviceIdBytesMax + 1)), "!InvalidDeviceId");
  const auto nested = [](size_t levels) {
    return R"({"device_id":"d","timestamp":"2026-02-01T10:00:00Z","value":1,"deep":)" +
           std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  EXPECT_NE(judged(nested(kDepthMax - 1)), "!TooDeep");  // the item itself is the first level
  EXPECT_EQ(judged(nested(kDepthMax)), "!TooDeep");
  EXPECT_EQ(judged(nested(100000)), "!TooDeep");
}

TEST(Validate, TellsWhichNumbersDynamoDbKeepsExactly) {
  for (const char* fits :
       {"0", "-0", "0.0e100000", "1", "-1.5", "99999999999999999999999999999999999999", "1E125",
        "9.99E+125", "1e-130", "0.1e-129", "100000000000000000000000000000000000000000",
        "12345678901234567890123456789012345678000"})
    EXPECT_TRUE(is_exact_number(fits)) << fits;
  for (const char* does_not :
       {"999999999999999999999999999999999999999", "1.00000000000000000000000000000000000001",
        "1E126", "1e-131", "0.01e-129", "1e99999999999999999999", "0e100001", "0e-705570"})
    EXPECT_FALSE(is_exact_number(does_not)) << does_not;
  EXPECT_EQ(judged(with_value("1E126")), "!InvalidValue");
}

// RFC 3339: an offset is required, dates exist, UTC may fall on another day, month or year.
TEST(Validate, BringsTimestampsToUtc) {
  EXPECT_EQ(utc_timestamp("2026-02-01T10:00:00Z"), "2026-02-01T10:00:00Z");
  EXPECT_EQ(utc_timestamp("2026-02-01t10:00:00.123456789z"), "2026-02-01T10:00:00.123456789Z");
  EXPECT_EQ(utc_timestamp("2026-01-01T00:30:00+01:00"), "2025-12-31T23:30:00Z");
  EXPECT_EQ(utc_timestamp("2024-02-28T23:30:00-01:00"), "2024-02-29T00:30:00Z");
  EXPECT_EQ(utc_timestamp("2026-12-31T23:59:59-00:01"), "2027-01-01T00:00:59Z");
  for (const char* wrong :
       {"", "2026-02-01", "2026-02-01T10:00:00", "2026-02-01 10:00:00Z", "2026-02-30T10:00:00Z",
        "2025-02-29T10:00:00Z", "2026-13-01T10:00:00Z", "2026-00-01T10:00:00Z",
        "2026-02-01T24:00:00Z", "2026-02-01T10:60:00Z", "2026-02-01T10:00:60Z",
        "2026-02-01T10:00:00.Z", "2026-02-01T10:00:00+24:00", "2026-02-01T10:00:00+0100",
        "2026-02-01T10:00:00Zx", "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"})
    EXPECT_EQ(utc_timestamp(wrong), "") << wrong;
}

// What is read part by part is what the parser of all of JSON makes of it, and what is not plain is
// left to that.
TEST(Validate, JudgesPlainRecordsAsAllOthers) {
  const std::string start = R"({"device_id":"d","timestamp":"2026-02-01T10:00:00+00:00",)";
  for (const char* rest : {R"("value":1})",
                           R"( "value" : -0.50 , "b":true,"n":null,"f":false})",
                           R"("value":1e-130})",
                           "\"value\":1,\"unit\":\"\xC2\xB0"
                           "C\"}",
                           "\"value\":1,\"unit\":\"\xC2\"}",
                           "\"value\":1,\"unit\":\"\x01\"}",
                           R"("value":1,"u":"\u00e9\n"})",
                           R"("value":1,"l":[1]})",
                           R"("value":1,"value":2})",
                           R"("value":1,"device_id":"e"})",
                           R"("value":01})",
                           R"("value":-})",
                           R"("value":1.})",
                           R"("value":1e})",
                           R"("value":.5})",
                           R"("value":+1})",
                           R"("value":1E126})",
                           R"("value":true})",
                           R"("value":"1"})",
                           R"("value":1,"b":tru})",
                           R"("value":1,"b":truely})",
                           R"("value":1,})",
                           R"("value":1} )",
                           R"("value":1}})",
                           R"("value":1)",
                           R"("value":)",
                           R"("value")",
                           R"("value":1 "b":2})",
                           R"(})",
                           ""}) {
    const auto plain = validate(start + rest), full = validate_in_full(start + rest);
    ASSERT_EQ(plain.index(), full.index()) << rest;
    if (const auto* item = std::get_if<Item>(&plain)) {
      EXPECT_EQ(item->json, std::get<Item>(full).json);
      EXPECT_EQ(item->device_id, std::get<Item>(full).device_id);
      EXPECT_EQ(item->timestamp, std::get<Item>(full).timestamp);
    }
  }
  for (size_t members : {13UL, 14UL, 40UL}) {  // at and past what is read part by part
    std::string text = start + "\"value\":1";
    for (size_t i = 0; i < members; ++i) text += ",\"m" + std::to_string(i) + "\":true";
    text += "}";
    EXPECT_EQ(judged(text), std::get<Item>(validate_in_full(text)).json);
  }
}

}  // namespace sluice::ingest
