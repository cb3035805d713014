// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the values of metrics are stored. docs/on-disk.md
//   metrics f (metric id, resolution, start, unit, sequence)    one write's aggregate
//   metrics d (metric id, resolution, start, unit)              the aggregate of all that was
//   folded
// A metric's id is a digest of its identity, and a writer appends under a key of its own: writers
// read nothing that another one writes, so they never conflict. Only the keeper's thread writes `d`
// and erases `f`, both in one commit: a reader finds each value once.
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
std::string metric_id(
    const Metric& metric);  // 16 bytes; the order of the dimensions does not matter

struct Tier {
  int64_t seconds;
  std::string_view name;
  int64_t kept_s;
};  // data is moved to the next tier when it is older
constexpr Tier kTiers[] = {{1, "1", 3 * 3600},
                           {60, "60", 15 * 86400},
                           {300, "300", 63 * 86400},
                           {3600, "3600", 455 * 86400}};
// The resolution data of this age still has; 0: expired.
int64_t resolution_at(int64_t age_s);

Key folded_key(std::string_view id, std::string_view tier, int64_t start_s, std::string_view unit);

// One write: appends the aggregate, and notes that the metric is active.
void append(Staged& staged, const Metric& metric, std::string_view unit, Time time,
            int64_t resolution_s, const Aggregate& aggregate, Time at);

struct Range {
  int64_t start_s = 0, end_s = 0, period_s = 60;
};  // buckets begin at start_s + n * period_s; end is exclusive
struct Bucket {
  int64_t start_s;
  std::string unit;
  auto operator<=>(const Bucket&) const = default;
};
using Points = std::map<Bucket, Aggregate>;
// All of a metric in the range; of one unit when `unit` is not "". `budget`: stored points that may
// still be read. Error: ValidationError, when it is used up.
Result<Points> read(const Snapshot& snapshot, const std::string& id, const Range& range,
                    std::string_view unit, bool percentiles, Time at, size_t& budget);

bool is_unit(std::string_view unit);
bool is_ascii_text(std::string_view text,
                   size_t bytes_max);  // 1 to bytes_max of printable ASCII, not blank only
inline bool in_range(double value) { return value >= -0x1p360 && value <= 0x1p360; }

}  // namespace sluice::cloudwatch
