// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the values of metrics are stored (docs/on-disk.md).
//
//   append(staged, metric, unit, time, resolution_s, aggregate, now);
//   TRY(const Points points, read(snapshot, metric_id(metric), range, unit, false, now, budget));
//
// The keys, and what stands there:
//   f (metric id, resolution, start, unit, sequence)   the aggregate of one write
//   d (metric id, resolution, start, unit)             the aggregate of all that was folded
// The id of a metric is a digest of its identity. A writer appends under a key of its own and reads
// nothing that another one writes, so writers never conflict. Only the thread of the keeper writes
// `d` and erases `f`, both in one commit, so that a reader finds each value once.
#include <set>

#include "services/cloudwatch/aggregate.h"
#include "services/cloudwatch/cloudwatch.h"
#include "services/cloudwatch/records.h"

namespace sluice::cloudwatch {

using Dimensions = std::vector<std::pair<std::string, std::string>>;
struct Metric {
  std::string space, name;
  Dimensions dimensions;
};
// 16 bytes. The order of the dimensions does not matter.
std::string metric_id(const Metric& metric);

// Data that is older than `kept_s` is moved to the next tier.
struct Tier {
  int64_t seconds;
  std::string_view name;
  int64_t kept_s;
};
constexpr Tier kTiers[] = {{1, "1", 3 * 3600},
                           {60, "60", 15 * 86400},
                           {300, "300", 63 * 86400},
                           {3600, "3600", 455 * 86400}};
// The resolution that data of this age still has; 0 when it has expired.
int64_t resolution_at(int64_t age_s);

Key folded_key(std::string_view id, std::string_view tier, int64_t start_s, std::string_view unit);

// Appends the aggregate of one write, and notes that the metric is active.
void append(Staged& staged, const Metric& metric, std::string_view unit, Time time,
            int64_t resolution_s, const Aggregate& aggregate, Time at);

// Buckets begin at start_s + n * period_s. The end is not included.
struct Range {
  int64_t start_s = 0, end_s = 0, period_s = 60;
};
struct Bucket {
  int64_t start_s;
  std::string unit;
  auto operator<=>(const Bucket&) const = default;
};
using Points = std::map<Bucket, Aggregate>;
// All values of a metric in the range; only those of one unit when `unit` is not "". `budget` is
// how many stored points may still be read. Errors: ValidationError when it is used up.
Result<Points> read(const Snapshot& snapshot, const std::string& id, const Range& range,
                    std::string_view unit, bool percentiles, Time at, size_t& budget);

bool is_unit(std::string_view unit);
// 1 to `bytes_max` characters of printable ASCII, which are not all blanks.
bool is_ascii_text(std::string_view text, size_t bytes_max);
inline bool in_range(double value) { return value >= -0x1p360 && value <= 0x1p360; }

}  // namespace sluice::cloudwatch
