// SPDX-License-Identifier: Apache-2.0
#pragma once
// Time, and how AWS writes it. All times are in UTC; a Time counts milliseconds since 1970.
//
//   response.headers.add("last-modified", http_date(version.time));
//   const auto since = parse_iso(text);   // nullopt: not a date
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using Time = int64_t;  // Unix milliseconds

Time now();              // the wall clock
int64_t monotonic_us();  // for durations and deadlines

// What work in the background goes by. Nothing of it reads the two above by itself, so that a test
// can turn its clock.
class Clock {
 public:
  Clock();                                      // the machine's
  explicit Clock(std::function<Time()> turned)  // a test's, which is both
      : now_(turned), calendar_(std::move(turned)) {}
  // For intervals and due times: begins as the wall clock and goes on monotonically, so that a step
  // of the wall clock neither hurries nor delays anything.
  Time now() const { return now_(); }
  // For dates that are told to others or stand in records, as the end of a digest or of a key: the
  // wall clock. A machine that began with a wrong date goes by the right one once it has it.
  Time calendar() const { return calendar_(); }

 private:
  std::function<Time()> now_, calendar_;
};

std::string iso_seconds(Time t);  // 2026-01-02T03:04:05Z
std::string iso_millis(Time t);   // 2026-01-02T03:04:05.678Z
std::string basic_date(Time t);   // 20260102T030405Z (SigV4)
std::string long_date(Time t);    // Jan 2, 2026 12:04:05 AM (STS in CloudTrail's records)
std::string http_date(Time t);    // Fri, 02 Jan 2026 03:04:05 GMT (RFC 9110)
std::optional<Time> parse_iso(std::string_view text);  // YYYY-MM-DD[Thh:mm[:ss[.f]](Z|+hh:mm)]
std::optional<Time> parse_basic_date(std::string_view text);
std::optional<Time> parse_http_date(std::string_view text);

}  // namespace sluice
