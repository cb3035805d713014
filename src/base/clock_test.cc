// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

// The last second of a leap year's February, a moment before 1970, and one with an hour after noon.
constexpr Time kLeap = 1709251199999, kBefore = -1, kAfternoon = 1796047445007;

TEST(Clock, WritesTheFormsThatAwsHas) {
  EXPECT_EQ(iso_seconds(kLeap), "2024-02-29T23:59:59Z");
  EXPECT_EQ(iso_millis(kLeap), "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(basic_date(kLeap), "20240229T235959Z");
  EXPECT_EQ(http_date(kLeap), "Thu, 29 Feb 2024 23:59:59 GMT");
  EXPECT_EQ(http_date(kAfternoon), "Mon, 30 Nov 2026 14:04:05 GMT");
  EXPECT_EQ(iso_millis(kAfternoon), "2026-11-30T14:04:05.007Z");
}
TEST(Clock, RoundsDownBefore1970Too) {
  EXPECT_EQ(iso_millis(kBefore), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(http_date(kBefore), "Wed, 31 Dec 1969 23:59:59 GMT");
}
// A date with another year in it would be compared as that year.
TEST(Clock, NoDigitOfAYearIsLost) {
  EXPECT_EQ(iso_seconds(253402300800000), "10000-01-01T00:00:00Z");
  EXPECT_EQ(iso_seconds(-90'000'000'000'000), "-882-01-06T08:00:00Z");
  EXPECT_EQ(iso_seconds(253402300799999), "9999-12-31T23:59:59Z");
  EXPECT_EQ(parse_iso("9999-12-31T23:59:59Z"), 253402300799000);
  for (const char* beyond :
       {"9999-12-31T23:59:60Z", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01"})
    EXPECT_EQ(parse_iso(beyond), std::nullopt) << beyond;
}
TEST(Clock, TellsTheHourInHalvesOfADay) {
  EXPECT_EQ(long_date(kAfternoon), "Nov 30, 2026 2:04:05 PM");
  EXPECT_EQ(long_date(Time{1796047445007} - 14 * 3600'000), "Nov 30, 2026 12:04:05 AM");
}
TEST(Clock, ReadsWhatItHasWritten) {
  for (const Time at : {kLeap, kBefore, kAfternoon, Time{0}}) {
    const Time second = at >= 0 ? at / 1000 * 1000 : -1000;
    EXPECT_EQ(parse_iso(iso_millis(at)), at);
    EXPECT_EQ(parse_http_date(http_date(at)), second);
    EXPECT_EQ(parse_basic_date(basic_date(at)), second);
  }
}

}  // namespace
}  // namespace sluice
