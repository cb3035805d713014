// SPDX-License-Identifier: Apache-2.0
#pragma once
// How measured values are spread. It counts without a lock, and tells a value to within a quarter.
//
//   Histogram latency_us;
//   latency_us.add(elapsed);
//   const Histogram::Shown shown = latency_us.shown();   // shown.p99 ...
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace sluice {

class Histogram {
 public:
  void add(uint64_t value) {
    buckets_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  struct Shown {
    uint64_t count = 0, sum = 0;
    uint64_t p50 = 0, p99 = 0, max = 0;  // each is the upper end of its bucket
  };
  Shown shown() const {
    std::array<uint64_t, kBuckets> counts{};
    Shown out;
    for (size_t i = 0; i < kBuckets; ++i) {
      counts[i] = buckets_[i].load(std::memory_order_relaxed);
      out.count += counts[i];
    }
    out.sum = sum_.load(std::memory_order_relaxed);
    uint64_t below = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      if (!counts[i]) continue;
      const uint64_t before = below;
      below += counts[i];
      const auto holds = [&](uint64_t percent) {
        const uint64_t rank = (out.count * percent + 99) / 100;  // counted from 1
        return before < rank && rank <= below;
      };
      if (holds(50)) out.p50 = end_of(i);
      if (holds(99)) out.p99 = end_of(i);
      out.max = end_of(i);
    }
    return out;
  }

 private:
  // There are four buckets for each power of two; the values below four have a bucket each.
  static constexpr size_t kBuckets = 4 * 40;
  static size_t bucket_of(uint64_t value) {
    if (value < 4) return static_cast<size_t>(value);
    const auto power = static_cast<size_t>(std::bit_width(value)) - 1;
    const size_t bucket = 4 * (power - 1) + (static_cast<size_t>(value >> (power - 2)) & 3);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static uint64_t end_of(size_t bucket) {
    if (bucket < 4) return bucket;
    const size_t power = bucket / 4 + 1;
    return ((uint64_t{4} + bucket % 4 + 1) << (power - 2)) - 1;
  }
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> sum_{0};
};

}  // namespace sluice
