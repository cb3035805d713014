// SPDX-License-Identifier: Apache-2.0
#pragma once
// Time, and how AWS writes it. All times are in UTC; a Time counts milliseconds since 1970.
//
//   response.headers.add("last-modified", http_date(version.time));
//   const auto since = parse_iso(text);   // nullopt: not a date
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using Time = int64_t;  // Unix milliseconds

Time now();              // the wall clock
int64_t monotonic_us();  // for durations and deadlines

std::string iso_seconds(Time t);  // 2026-01-02T03:04:05Z
std::string iso_millis(Time t);   // 2026-01-02T03:04:05.678Z
std::string basic_date(Time t);   // 20260102T030405Z (SigV4)
std::string long_date(Time t);    // Jan 2, 2026 12:04:05 AM (STS in CloudTrail's records)
std::string http_date(Time t);    // Fri, 02 Jan 2026 03:04:05 GMT (RFC 9110)
std::optional<Time> parse_iso(std::string_view text);  // YYYY-MM-DD[Thh:mm[:ss[.f]](Z|+hh:mm)]
std::optional<Time> parse_basic_date(std::string_view text);
std::optional<Time> parse_http_date(std::string_view text);

}  // namespace sluice
