// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/value.h"

#include <gmock/gmock.h>

namespace sluice::dynamodb {
namespace {
std::string sum(const std::string& a, const std::string& b, bool subtract = false) {
  const auto done = add_numbers(*canonical_number(a), *canonical_number(b), subtract);
  return done ? *done : done.error().message.substr(0, 15);
}

TEST(Numbers, AreAddedExactly) {
  EXPECT_EQ(sum("0.1", "0.2"), "0.3");
  EXPECT_EQ(sum("-1", "1"), "0");
  EXPECT_EQ(sum("1", "1.5", true), "-0.5");
  EXPECT_EQ(sum("-1", "-1.5", true), "0.5");
  EXPECT_EQ(sum("0", "7", true), "-7");
  EXPECT_EQ(sum("999.99", "0.01"), "1000");
  EXPECT_EQ(sum("1e10", "-1"), "9999999999");
  EXPECT_EQ(sum("12345678901234567890", "98765432109876543210"), "111111111011111111100");
}

TEST(Numbers, HaveThirtyEightDigitsAlsoAsSums) {
  EXPECT_EQ(sum("1e37", "1"), "1" + std::string(36, '0') + "1");
  EXPECT_EQ(sum("1e38", "1"), "Number overflow");
  EXPECT_EQ(sum(std::string(38, '9'), "1"), "1" + std::string(38, '0'));
  EXPECT_EQ(sum("9e125", "9e125"), "Number overflow");
  EXPECT_EQ(sum("9e125", "9e124"), "99" + std::string(124, '0'));
  EXPECT_EQ(sum("1.1e-129", "1e-129", true), "0." + std::string(129, '0') + "1");
  EXPECT_EQ(sum("1e125", "1e-130"), "Number overflow");
}

// With a zero before them they are not yet canonical.
TEST(Numbers, ThatAreCanonicalAlreadyAreTakenAsTheOthersAre) {
  constexpr std::string_view kLetters = "-0159.e";
  for (size_t n = 0; n < 7 * 7 * 7 * 7 * 7 * 7; ++n) {
    std::string text;
    for (size_t left = n; left; left /= kLetters.size()) text += kLetters[left % kLetters.size()];
    const size_t first = text.starts_with('-') ? 1 : 0;
    if (text.find_first_of("0159") != first) continue;
    const auto one = canonical_number(text);
    const auto other = canonical_number(std::string(text).insert(first, "0"));
    ASSERT_EQ(one.has_value(), other.has_value()) << text;
    if (one) {
      ASSERT_EQ(*one, *other) << text;
    }
  }
  EXPECT_EQ(*canonical_number("-0"), "0");
  EXPECT_EQ(*canonical_number("100"), "100");
  EXPECT_TRUE(canonical_number(std::string(38, '9')));
  EXPECT_FALSE(canonical_number(std::string(39, '9')));
  EXPECT_FALSE(canonical_number("0." + std::string(39, '9')));
}

TEST(Numbers, TakeAByteForTwoDigitsOnEachSideOfThePoint) {
  for (const auto& [number, bytes] :
       {std::pair("0", 1u), std::pair("1", 2u), std::pair("-1", 3u), std::pair("100", 2u),
        std::pair("101", 3u), std::pair("0.001", 2u), std::pair("10.01", 3u),
        std::pair("100.5", 4u), std::pair("-0.1234", 4u)})
    EXPECT_EQ(number_bytes(number), bytes) << number;
}

// Against whole numbers of the machine, at every distance of their points.
TEST(Numbers, AreAddedAsTheMachineAddsThem) {
  const int64_t numbers[] = {0, 1, -1, 9, 10, 99, -100, 12345, -99999, 1000000007};
  for (const int64_t a : numbers)
    for (const int64_t b : numbers)
      for (const int shift : {0, 3, 20}) {
        const std::string scale = "e-" + std::to_string(shift);
        EXPECT_EQ(sum(std::to_string(a) + scale, std::to_string(b) + scale),
                  *canonical_number(std::to_string(a + b) + scale));
        EXPECT_EQ(sum(std::to_string(a) + scale, std::to_string(b) + scale, true),
                  *canonical_number(std::to_string(a - b) + scale));
      }
}

TEST(Sets, AreInTheirOwnOrderAndHaveNoMemberTwice) {
  const auto kept = [](const char* text) {
    json::value value = *parse_json(text);
    const auto checked = check_value(value);
    return checked ? json::serialize(value) : checked.error().message;
  };
  EXPECT_EQ(kept(R"({"NS":["10","9","-1.50"]})"), R"({"NS":["-1.5","9","10"]})");
  EXPECT_EQ(kept(R"({"SS":["b","","a"]})"), R"({"SS":["","a","b"]})");
  EXPECT_EQ(kept(R"({"BS":["gA==","AA=="]})"), R"({"BS":["AA==","gA=="]})");
  EXPECT_THAT(kept(R"({"NS":["1","1.0"]})"), testing::HasSubstr("contains duplicates"));
  EXPECT_THAT(kept(R"({"SS":["a","a"]})"),
              testing::HasSubstr("Input collection [a, a] contains duplicates"));
}

TEST(Names, HaveAnEnd) {
  const auto checked = [](size_t bytes, bool nested) {
    json::object map{{std::string(bytes, 'a'), {{"N", "1"}}}};
    json::object item = nested ? json::object{{"m", {{"M", map}}}} : map;
    return check_item(item).has_value();
  };
  for (const bool nested : {false, true}) {
    EXPECT_TRUE(checked(kNameBytesMax, nested));
    EXPECT_FALSE(checked(kNameBytesMax + 1, nested));
  }
}

}  // namespace
}  // namespace sluice::dynamodb
