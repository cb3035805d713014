// SPDX-License-Identifier: Apache-2.0
#include "services/cloudwatch/aggregate.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sluice::cloudwatch {
namespace {
constexpr size_t kBucketsMax = 500;
constexpr int64_t kOffset = 1 << 20;  // larger than any index: 2^6 * 1075
constexpr char kShaped = 1, kHasBuckets = 2;

int64_t bucket_of(double value, int scale) {
  if (value == 0) return 0;
  const auto index =
      static_cast<int64_t>(std::floor(std::ldexp(std::log2(std::abs(value)), scale)));
  return value < 0 ? -(index + kOffset) : index + kOffset;
}
double middle_of(int64_t bucket, int scale) {
  if (bucket == 0) return 0;
  const double magnitude =
      std::exp2(std::ldexp(static_cast<double>(std::abs(bucket) - kOffset) + 0.5, -scale));
  return bucket < 0 ? -magnitude : magnitude;
}
int64_t halved(int64_t bucket) {
  if (bucket == 0) return 0;
  const int64_t index = ((std::abs(bucket) - kOffset) >> 1) + kOffset;
  return bucket < 0 ? -index : index;
}
void put_double(std::string& out, double value) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out.append(bytes, 8);
}
void put_number(std::string& out, int64_t value) {  // zigzag, seven bits a byte
  uint64_t rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (; rest >= 0x80; rest >>= 7) out += static_cast<char>(rest | 0x80);
  out += static_cast<char>(rest);
}
struct Reader {
  std::string_view rest;
  bool good = true;
  double number() {
    double value = 0;
    if (rest.size() < 8) {
      good = false;
      return 0;
    }
    std::memcpy(&value, rest.data(), 8);
    rest.remove_prefix(8);
    return value;
  }
  char byte() {
    if (rest.empty()) {
      good = false;
      return 0;
    }
    const char c = rest.front();
    rest.remove_prefix(1);
    return c;
  }
  int64_t integer() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto c = static_cast<unsigned char>(byte());
      value |= static_cast<uint64_t>(c & 0x7f) << shift;
      if (c < 0x80) return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
    good = false;
    return 0;
  }
};
}  // namespace

Aggregate Aggregate::of_statistics(double count, double sum, double minimum, double maximum) {
  Aggregate a;
  if (minimum == maximum || count == 1) a.add(minimum, count);
  a.count_ = count;
  a.sum_ = sum;
  a.minimum_ = minimum;
  a.maximum_ = maximum;
  a.shaped_ = !a.buckets_.empty();
  return a;
}

void Aggregate::add(double value, double count) {
  minimum_ = count_ > 0 ? std::min(minimum_, value) : value;
  maximum_ = count_ > 0 ? std::max(maximum_, value) : value;
  count_ += count;
  sum_ += value * count;
  if (!shaped_) return;
  buckets_[bucket_of(value, scale_)] += count;
  shrink();
}

void Aggregate::merge(const Aggregate& other) {
  if (other.count_ <= 0) return;
  minimum_ = count_ > 0 ? std::min(minimum_, other.minimum_) : other.minimum_;
  maximum_ = count_ > 0 ? std::max(maximum_, other.maximum_) : other.maximum_;
  count_ += other.count_;
  sum_ += other.sum_;
  shaped_ = shaped_ && other.shaped_;
  if (!shaped_) {
    buckets_.clear();
    return;
  }
  const auto coarsen = [](std::map<int64_t, double> buckets, int steps) {
    for (; steps > 0; --steps) {
      std::map<int64_t, double> wider;
      for (const auto& [bucket, count] : buckets) wider[halved(bucket)] += count;
      buckets = std::move(wider);
    }
    return buckets;
  };
  if (other.scale_ < scale_) {
    buckets_ = coarsen(std::move(buckets_), scale_ - other.scale_);
    scale_ = other.scale_;
  }
  if (other.scale_ == scale_)
    for (const auto& [bucket, count] : other.buckets_) buckets_[bucket] += count;
  else
    for (const auto& [bucket, count] : coarsen(other.buckets_, other.scale_ - scale_))
      buckets_[bucket] += count;
  shrink();
}

void Aggregate::shrink() {
  while (buckets_.size() > kBucketsMax) {
    std::map<int64_t, double> wider;
    for (const auto& [bucket, count] : buckets_) wider[halved(bucket)] += count;
    buckets_ = std::move(wider);
    --scale_;
  }
}

std::optional<double> Aggregate::percentile(double percent) const {
  if (!shaped_ || buckets_.empty()) return std::nullopt;
  if (percent <= 0) return minimum_;
  if (percent >= 100) return maximum_;
  const double rank = count_ * percent / 100 *
                      (1 - 1e-12);  // p50 of 100 values is the 50th, whatever rounding says
  double seen = 0;
  for (const auto& [bucket, count] : buckets_)
    if ((seen += count) >= rank) return std::clamp(middle_of(bucket, scale_), minimum_, maximum_);
  return maximum_;
}

std::string Aggregate::encode() const {
  const bool implied = minimum_ == maximum_;  // one value: its bucket follows from it
  std::string out;
  out += static_cast<char>((shaped_ ? kShaped : 0) | (shaped_ && !implied ? kHasBuckets : 0));
  for (const double value : {count_, sum_, minimum_, maximum_}) put_double(out, value);
  if (!shaped_ || implied) return out;
  out += static_cast<char>(scale_);
  put_number(out, static_cast<int64_t>(buckets_.size()));
  int64_t last = 0;
  for (const auto& [bucket, count] : buckets_) {
    put_number(out, bucket - last);
    put_double(out, count);
    last = bucket;
  }
  return out;
}

std::optional<Aggregate> Aggregate::decode(std::string_view bytes, bool with_buckets) {
  Reader in{bytes};
  Aggregate a;
  const char flags = in.byte();
  a.count_ = in.number();
  a.sum_ = in.number();
  a.minimum_ = in.number();
  a.maximum_ = in.number();
  a.shaped_ = flags & kShaped;
  if (!in.good) return std::nullopt;
  if (!with_buckets) {
    a.shaped_ = false;
    return a;
  }
  if (a.shaped_ && !(flags & kHasBuckets)) a.buckets_[bucket_of(a.minimum_, a.scale_)] = a.count_;
  if (!(flags & kHasBuckets)) return a;
  // The scale of large values is below zero.
  a.scale_ = static_cast<int8_t>(in.byte());  // NOLINT(bugprone-signed-char-misuse)
  const int64_t size = in.integer();
  int64_t bucket = 0;
  for (int64_t i = 0; i < size && in.good; ++i) {
    bucket += in.integer();
    a.buckets_[bucket] = in.number();
  }
  if (!in.good) return std::nullopt;
  return a;
}

}  // namespace sluice::cloudwatch
