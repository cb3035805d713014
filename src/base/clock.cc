// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#define FMT_HEADER_ONLY  // the function is linked statically, and Debian has no static libfmt
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/bytes.h"

namespace sluice {
namespace {
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

constexpr Time kYear0 = -62'167'219'200'000, kYear10000 = 253'402'300'800'000;  // their beginnings

// Not by gmtime_r, which takes a lock of the whole process.
struct Utc {
  int year, month, day, weekday, hour, minute, second;  // month from 1, weekday from Sunday, 0
};
Utc utc(Time t) {
  const std::chrono::sys_time<std::chrono::milliseconds> point{std::chrono::milliseconds(t)};
  const auto midnight = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{midnight};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(point - midnight)};
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(std::chrono::weekday{midnight}.c_encoding()),
          static_cast<int>(time.hours().count()),
          static_cast<int>(time.minutes().count()),
          static_cast<int>(time.seconds().count())};
}
// Writes numbers over the runs of '0' in a form such as "0000-00-00T00:00:00Z", in their order. A
// request has half a dozen dates, and a formatting library takes ten times as long.
std::string dated(std::string form, std::initializer_list<int> numbers) {
  size_t end = 0;
  for (int number : numbers) {
    const size_t begin = form.find('0', end);
    end = std::min(form.find_first_not_of('0', begin), form.size());
    for (size_t at = end; at > begin; number /= 10)
      form[--at] = static_cast<char>('0' + number % 10);
  }
  return form;
}

// `count` digits at `at`, or -1.
int digits(std::string_view s, size_t at, size_t count) {
  if (at + count > s.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (s[i] < '0' || s[i] > '9') return -1;
    value = value * 10 + (s[i] - '0');
  }
  return value;
}

std::optional<Time> make(int year, int month, int day, int hour, int minute, int second) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 0 || month < 1 || day < 1 || !date.ok() || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60000 + second * 1000;
}

// "Z" or "+hh:mm" at `at`, to the end: milliseconds east of UTC.
std::optional<Time> zone(std::string_view s, size_t at) {
  if (at < s.size() && (s[at] == 'Z' || s[at] == 'z') && at + 1 == s.size()) return 0;
  if (at + 6 != s.size() || (s[at] != '+' && s[at] != '-') || s[at + 3] != ':') return std::nullopt;
  const int hours = digits(s, at + 1, 2), minutes = digits(s, at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return (s[at] == '+' ? 1 : -1) * (hours * 60 + minutes) * 60000;
}
}  // namespace

Time now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}
int64_t monotonic_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
Clock::Clock()
    : now_([wall = sluice::now(), begun_us = monotonic_us()] {
        return wall + (monotonic_us() - begun_us) / 1000;
      }),
      calendar_(sluice::now) {}

std::string iso_seconds(Time t) {
  const Utc u = utc(t);
  if (t < kYear0 || t >= kYear10000)  // somebody may have asked for it, and it is told
    return fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", u.year, u.month, u.day, u.hour,
                       u.minute, u.second);
  return dated("0000-00-00T00:00:00Z", {u.year, u.month, u.day, u.hour, u.minute, u.second});
}
std::string long_date(Time t) {
  const Utc u = utc(t);
  const int hour = u.hour % 12;
  return fmt::format("{} {}, {} {}:{:02}:{:02} {}", kMonths.at(static_cast<size_t>(u.month - 1)),
                     u.day, u.year, hour ? hour : 12, u.minute, u.second,
                     u.hour < 12 ? "AM" : "PM");
}
std::string iso_millis(Time t) {
  std::string text = iso_seconds(t);
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, (t % 1000 + 1000) % 1000);
}
std::string basic_date(Time t) {
  std::string text = iso_seconds(t);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}
std::string http_date(Time t) {
  const Utc u = utc(t);
  std::string form = "Day, 00 Mon 0000 00:00:00 GMT";
  form.replace(0, 3, kDays.at(static_cast<size_t>(u.weekday)));
  form.replace(8, 3, kMonths.at(static_cast<size_t>(u.month - 1)));
  return dated(std::move(form), {u.day, u.year, u.hour, u.minute, u.second});
}

std::optional<Time> parse_basic_date(std::string_view s) {
  if (s.size() != 16 || s[8] != 'T' || s[15] != 'Z') return std::nullopt;
  return make(digits(s, 0, 4), digits(s, 4, 2), digits(s, 6, 2), digits(s, 9, 2), digits(s, 11, 2),
              digits(s, 13, 2));
}

std::optional<Time> parse_iso(std::string_view s) {
  if (s.size() < 10 || s[4] != '-' || s[7] != '-') return std::nullopt;
  const int year = digits(s, 0, 4), month = digits(s, 5, 2), day = digits(s, 8, 2);
  if (s.size() == 10) return make(year, month, day, 0, 0, 0);
  if (s.size() < 17 || (s[10] != 'T' && s[10] != 't') || s[13] != ':') return std::nullopt;
  size_t at = 16;
  int second = 0;
  Time millis = 0;
  if (s[at] == ':') {
    second = digits(s, 17, 2);
    at = 19;
    if (at < s.size() && s[at] == '.') {
      size_t end = at + 1;
      for (Time unit = 100; end < s.size() && s[end] >= '0' && s[end] <= '9'; ++end, unit /= 10)
        millis += (s[end] - '0') * unit;
      if (end == at + 1) return std::nullopt;
      at = end;
    }
  }
  const auto east = zone(s, at);
  const auto local = make(year, month, day, digits(s, 11, 2), digits(s, 14, 2), second);
  if (!east || !local) return std::nullopt;
  // A zone or a leap second must not lead out of the years that can be written again.
  const Time t = *local + millis - *east;
  return t >= kYear0 && t < kYear10000 ? std::optional(t) : std::nullopt;
}

std::optional<Time> parse_http_date(std::string_view s) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (s.size() != 29 || s.substr(25) != " GMT") return std::nullopt;
  for (size_t month = 0; month < kMonths.size(); ++month)
    if (s.substr(8, 3) == kMonths[month])
      return make(digits(s, 12, 4), static_cast<int>(month) + 1, digits(s, 5, 2), digits(s, 17, 2),
                  digits(s, 20, 2), digits(s, 23, 2));
  return std::nullopt;
}

}  // namespace sluice
