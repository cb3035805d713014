// SPDX-License-Identifier: Apache-2.0
// Folding, rolling up and expiring, on one thread: it alone writes folded records, so nothing it
// reads is changed by another.
#include <iterator>

#include "base/bytes.h"
#include "services/cloudwatch/model.h"

namespace sluice::cloudwatch {
namespace {
constexpr size_t kBatchMax = 2000;  // stored points a commit takes up
constexpr auto kFoldEvery = std::chrono::seconds(10);
constexpr Time kRollUpEveryMs = 3'600'000, kListedMs = 456 * 86'400'000LL;

// Merges `moved` into what is folded under their keys.
void merge_into(Staged& staged, std::map<std::string, Aggregate>& moved) {
  for (auto& [bytes, aggregate] : moved) {
    const Key key{Family::metrics, bytes};
    if (const auto there = staged.snapshot().get(key))
      if (const auto old = Aggregate::decode(*there)) aggregate.merge(*old);
    staged.put(key, aggregate.encode());
  }
}

// Moves a batch of a metric's points that begin before `cutoff_s` from one tier to the next; false:
// none are left, or the store is read-only.
bool move_some(Store& store, std::string_view id, const Tier& from, const Tier* to,
               int64_t cutoff_s) {
  Staged staged = store.stage();
  std::map<std::string, Aggregate> moved;
  size_t count = 0;
  staged.snapshot().scan(
      schema::prefix(Family::metrics, "d", {id, from.name}), "", false,
      [&](std::string_view key, std::string_view value) {
        const auto parts = schema::parts(key);
        const auto start = static_cast<int64_t>(from_big_endian64(parts.at(2)));
        if (start >= cutoff_s) return false;
        if (const auto aggregate = Aggregate::decode(value); to && aggregate)
          moved[folded_key(id, to->name, start - start % to->seconds, parts.at(3)).bytes].merge(
              *aggregate);
        staged.erase({Family::metrics, std::string(key)});
        return ++count < kBatchMax;
      });
  if (count == 0) return false;
  merge_into(staged, moved);
  return store.commit(std::move(staged), {}) && count == kBatchMax;
}
}  // namespace

void fold_once(Store& store, const Stopping& stopping) {
  for (bool more = true; more && !stopping();) {
    Staged staged = store.stage();
    std::map<std::string, Aggregate> moved;
    size_t count = 0;
    staged.snapshot().scan(
        schema::prefix(Family::metrics, "f", {}), "", false,
        [&](std::string_view key, std::string_view value) {
          const auto parts = schema::parts(key);
          if (const auto aggregate = Aggregate::decode(value))
            moved[folded_key(parts.at(0), parts.at(1),
                             static_cast<int64_t>(from_big_endian64(parts.at(2))), parts.at(3))
                      .bytes]
                .merge(*aggregate);
          staged.erase({Family::metrics, std::string(key)});
          return ++count < kBatchMax;
        });
    if (count == 0) return;
    merge_into(staged, moved);
    more = store.commit(std::move(staged), {}) && count == kBatchMax;
  }
}

void roll_up_once(Store& store, Time at, const Stopping& stopping) {
  std::vector<std::pair<RecordKey<KnownMetric>, Time>> metrics;  // and when each was seen
  store.snapshot().scan(RecordPrefix<KnownMetric>{}, "", false,
                        [&](std::string_view key, const KnownMetric& metric) {
                          metrics.emplace_back(key, metric.seen);
                          return true;
                        });
  for (const auto& [key, seen] : metrics) {
    const std::string id = schema::parts(key.bytes).at(2);
    for (size_t i = 0; i < std::size(kTiers) && !stopping(); ++i) {
      const Tier* next = i + 1 < std::size(kTiers) ? &kTiers[i + 1] : nullptr;
      while (move_some(store, id, kTiers[i], next, at / 1000 - kTiers[i].kept_s) && !stopping()) {
      }
    }
    if (seen >= at - kListedMs || stopping()) continue;
    Staged staged = store.stage();
    const auto metric = staged.get(key);  // tracked: a writer who brings it back wins
    if (!metric || metric->seen >= at - kListedMs) continue;
    staged.erase(key);
    (void)store.commit(std::move(staged), {}).has_value();
  }
}

void start_keeper(Store& store) {
  store.jobs().every("the folding of metrics", kFoldEvery,
                     [&store, rolled_up = Time(0)](const Stopping& stopping) mutable {
                       fold_once(store, stopping);
                       const Clock& clock = store.jobs().clock();
                       if (clock.now() - rolled_up < kRollUpEveryMs) return;
                       roll_up_once(store, clock.calendar(), stopping);
                       rolled_up = clock.now();
                     });
}

}  // namespace sluice::cloudwatch
