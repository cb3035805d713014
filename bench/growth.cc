// SPDX-License-Identifier: Apache-2.0
// Whether a call takes longer when the store is larger: the median of a few calls at a thousand
// objects and items, and at many more.
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/random.h"
#include "bench.h"
#include "crypto/crypto.h"

namespace sluice::bench {
namespace {
constexpr size_t kObjects[] = {1'000, 100'000, 1'000'000}, kItems[] = {1'000, 100'000, 10'000'000};
// A number below `count`, and in no order.
size_t scattered(size_t n, size_t count) { return n * 2654435761 % count; }

// So many calls, however long they take.
void fill(const Target& target, size_t calls, const Next& next) {
  constexpr double kSecondsMax = 3600;
  if (calls) run_load(target, kWriters, kSecondsMax, next, calls);
}
void add_median(Report& report, const std::string& call, size_t count, size_t least, Load load) {
  const auto row = [&](size_t n) { return fmt::format("{} at {}", call, n); };
  const double median = percentile(load.latency_ms, 0.5);
  const double limit = count == least ? 0 : report.value(row(least));
  report.add({row(count), median, "ms p50", load.split(), limit, 1.5, true, row(least)});
}

void measure_objects(const Options& options, Report& report, const Target& target,
                     const Signer& signer) {
  const std::string body = random_bytes(kKiB), hash = hex(sha256(body)), nothing = hex(sha256(""));
  size_t stored = 0;
  const auto put = [&](size_t) {
    return Message{
        signer.head("PUT", "/bench/g/" + std::to_string(stored++), {}, hash, body.size()), &body};
  };
  for (const size_t count : kObjects) {
    fill(target, count - std::min(count, stored), put);
    add_median(report, "PUT 1 KiB", count, kObjects[0],
               run_load(target, kConnections, options.seconds, put));
    const auto get = [&](size_t n) {
      return Message{
          signer.head("GET", "/bench/g/" + std::to_string(scattered(n, count)), {}, nothing, 0)};
    };
    add_median(report, "GET 1 KiB", count, kObjects[0],
               run_load(target, kConnections, options.seconds, get));
  }
}

void measure_items(const Options& options, Report& report, const Target& target,
                   const Signer& signer) {
  size_t batches = 0;
  const auto write = [&](size_t) {
    return dynamodb_call(signer, "BatchWriteItem", batch_body(batches++));
  };
  for (const size_t count : kItems) {
    fill(target, (count - std::min(count, batches * kBatch)) / kBatch, write);
    add_median(report, "BatchWriteItem", count, kItems[0],
               run_load(target, kConnections, options.seconds, write));
    const auto get = [&](size_t n) {
      const size_t item = scattered(n, count);
      return dynamodb_call(
          signer, "GetItem",
          fmt::format(R"({{"TableName":"Bench","Key":{{"device_id":{{"S":"device-{}"}},)"
                      R"("timestamp":{{"S":"2026-01-02T03:04:05.{}Z"}}}}}})",
                      item % kBatch, 1'000'000'000 + item / kBatch));
    };
    add_median(report, "GetItem", count, kItems[0],
               run_load(target, kConnections, options.seconds, get));
  }
}
}  // namespace

void measure_growth(const Options& options, Report& report, const Target& target, const Signer& s3,
                    const Signer& dynamodb) {
  measure_objects(options, report, target, s3);
  measure_items(options, report, target, dynamodb);
}

}  // namespace sluice::bench
