// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is known of a set of values: count, sum, minimum, maximum and, for percentiles, a histogram
// with exponential buckets.
//
//   Aggregate latency;
//   latency.add(12.5, 1);
//   const std::optional<double> p99 = latency.percentile(99);
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cloudwatch {

class Aggregate {
 public:
  static Aggregate of_statistics(double count, double sum, double minimum, double maximum);
  // `value` must be finite, and `count` above 0.
  void add(double value, double count);
  void merge(const Aggregate& other);
  double count() const { return count_; }
  double sum() const { return sum_; }
  double minimum() const { return minimum_; }
  double maximum() const { return maximum_; }
  double average() const { return count_ > 0 ? sum_ / count_ : 0; }
  // The value below which `percent` of the values are. nullopt: nobody knows, because a statistic
  // set was merged into it.
  std::optional<double> percentile(double percent) const;

  std::string encode() const;
  static std::optional<Aggregate> decode(std::string_view bytes, bool with_buckets = true);

 private:
  void shrink();
  double count_ = 0, sum_ = 0, minimum_ = 0, maximum_ = 0;
  bool shaped_ = true;  // the buckets tell where all of the values are
  int scale_ = 6;       // a bucket spans a factor of 2^(2^-scale)
  // By sign * (index + 2^20), and 0 for zero: so they are in the order of the values.
  std::map<int64_t, double> buckets_;
};

}  // namespace sluice::cloudwatch
