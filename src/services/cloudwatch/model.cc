// SPDX-License-Identifier: Apache-2.0
#include "services/cloudwatch/model.h"

#include <algorithm>
#include <atomic>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "services/cloudwatch/wire.h"

namespace sluice::cloudwatch {
namespace {
constexpr Time kSeenAccuracyMs = 600'000;  // how old "Seen" may be before it is written anew

// No other point has it, whatever server wrote it.
struct PointNames {
  const std::string run = random_bytes(8);
  std::atomic<uint64_t> count{0};
  std::string next() { return run + big_endian64(++count); }
};
// Never the same twice.
Key fresh_key(std::string_view id, std::string_view tier, int64_t start_s, std::string_view unit,
              const Snapshot& snapshot) {
  return schema::key(Family::metrics, "f",
                     {id, tier, big_endian64(static_cast<uint64_t>(start_s)), unit,
                      snapshot.attached<PointNames>().next()});
}
}  // namespace

std::string metric_id(const Metric& metric) {
  Dimensions sorted = metric.dimensions;
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  const auto part = [&](std::string_view one) {
    text += big_endian64(one.size());
    text += one;
  };
  part(metric.space);
  part(metric.name);
  for (const auto& [name, value] : sorted) {
    part(name);
    part(value);
  }
  return sha256(text).substr(0, 16);
}
int64_t resolution_at(int64_t age_s) {
  for (const Tier& tier : kTiers)
    if (age_s < tier.kept_s) return tier.seconds;
  return 0;
}

Key folded_key(std::string_view id, std::string_view tier, int64_t start_s, std::string_view unit) {
  return schema::key(Family::metrics, "d",
                     {id, tier, big_endian64(static_cast<uint64_t>(start_s)), unit});
}

void append(Staged& staged, const Metric& metric, std::string_view unit, Time time,
            int64_t resolution_s, const Aggregate& aggregate, Time at) {
  const std::string id = metric_id(metric);
  const auto listed = metric_key(metric.space, metric.name, id);
  // Not a tracked read: two writers may both note the activity, and the later one wins.
  const auto there = staged.snapshot().get(listed);
  if (!there || there->seen < at - kSeenAccuracyMs) {
    KnownMetric known{.seen = at};
    for (const auto& [name, value] : metric.dimensions) known.dimensions[name] = value;
    staged.put(listed, known);
  }
  const Tier& tier = resolution_s == 1 ? kTiers[0] : kTiers[1];
  const int64_t second = std::max<Time>(time, 0) / 1000;
  staged.put(fresh_key(id, tier.name, second - second % tier.seconds, unit, staged.snapshot()),
             aggregate.encode());
}

Result<Points> read(const Snapshot& snapshot, const std::string& id, const Range& range,
                    std::string_view unit, bool percentiles, Time at, size_t& budget) {
  Points points;
  bool spent = false;
  for (const Tier& tier : kTiers)
    for (const std::string_view table : {"d", "f"}) {
      const Key prefix = schema::prefix(Family::metrics, table, {id, tier.name});
      const std::string from =
          schema::key(Family::metrics, table,
                      {id, tier.name, big_endian64(static_cast<uint64_t>(range.start_s))})
              .bytes;
      snapshot.scan(prefix, from, false, [&](std::string_view key, std::string_view value) {
        const auto parts = schema::parts(key);
        const auto start = static_cast<int64_t>(from_big_endian64(parts.at(2)));
        if (start >= range.end_s) return false;
        if (budget == 0) {
          spent = true;
          return false;
        }
        --budget;
        const int64_t now_has = resolution_at(at / 1000 - start),
                      resolution = std::max(tier.seconds, now_has);
        if (now_has == 0 || range.period_s % resolution != 0 ||
            (!unit.empty() && parts.at(3) != unit))
          return true;
        if (const auto aggregate = Aggregate::decode(value, percentiles))
          points[{start - (start - range.start_s) % range.period_s, parts.at(3)}].merge(*aggregate);
        return true;
      });
      if (spent)
        return fault("ValidationError",
                     "This request reads more than " + std::to_string(kStoredReadMax) +
                         " stored data points; ask for a shorter time range or fewer metrics.");
    }
  return points;
}

bool is_unit(std::string_view unit) {
  static const std::set<std::string_view> kUnits = {"Seconds",
                                                    "Microseconds",
                                                    "Milliseconds",
                                                    "Bytes",
                                                    "Kilobytes",
                                                    "Megabytes",
                                                    "Gigabytes",
                                                    "Terabytes",
                                                    "Bits",
                                                    "Kilobits",
                                                    "Megabits",
                                                    "Gigabits",
                                                    "Terabits",
                                                    "Percent",
                                                    "Count",
                                                    "Bytes/Second",
                                                    "Kilobytes/Second",
                                                    "Megabytes/Second",
                                                    "Gigabytes/Second",
                                                    "Terabytes/Second",
                                                    "Bits/Second",
                                                    "Kilobits/Second",
                                                    "Megabits/Second",
                                                    "Gigabits/Second",
                                                    "Terabits/Second",
                                                    "Count/Second",
                                                    "None"};
  return kUnits.contains(unit);
}
bool is_ascii_text(std::string_view text, size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && text.find_first_not_of(' ') != text.npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

namespace {
class StoreMeter : public Meter {
 public:
  void record(Staged& staged, const Sample& sample) override {
    const Time at = now();
    Metric metric{std::string(sample.space), std::string(sample.metric), sample.dimensions};
    std::set<std::string_view> names;
    for (const auto& [name, value] : metric.dimensions)
      if (!is_ascii_text(name, kNameBytesMax) || name.front() == ':' ||
          !is_ascii_text(value, kDimensionValueBytesMax) || !names.insert(name).second)
        return;
    if (!is_ascii_text(metric.space, kNameBytesMax) || metric.space.front() == ':' ||
        !is_ascii_text(metric.name, kNameBytesMax) || metric.dimensions.size() > kDimensionsMax)
      return;
    if (!is_unit(sample.unit) || sample.time < at - kPastMaxMs || sample.time > at + kFutureMaxMs)
      return;
    Aggregate aggregate;
    for (const double value : sample.values)
      if (in_range(value)) aggregate.add(value, 1);
    if (aggregate.count() > 0)
      append(staged, metric, sample.unit, sample.time, sample.resolution_s, aggregate, at);
  }
};
}  // namespace
std::unique_ptr<Meter> meter() { return std::make_unique<StoreMeter>(); }

}  // namespace sluice::cloudwatch
