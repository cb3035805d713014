// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon CloudWatch Logs: groups, streams, events, retention, filter patterns, embedded metrics.
// Source: CloudWatch Logs API Reference 2014-03-28; CloudWatch Logs User Guide, "Quotas" and
// "Filter and pattern syntax". Not built yet, and answered with a clear error: tags, KMS keys of
// groups (the store encrypts all events), space-delimited patterns, metric and subscription
// filters, Insights, live tail. Limits: group and stream names 512 characters; a batch of 1,048,576
// bytes (26 counted for each event), 10,000 events, 24 hours.
#include "request/ports.h"
#include "store/erase.h"

namespace sluice::logs {

constexpr int64_t kBatchBytesMax = 1048576, kEventOverheadBytes = 26, kEventsMax = 10000,
                  kDescribeMax = 50, kStreamNamesMax = 100;
constexpr size_t kNameMax = 512, kPageBytesMax = 1 << 20, kPatternBytesMax = 1024;
constexpr size_t kScannedPerCallMax =
    20000;  // events FilterLogEvents reads for one page; it continues with nextToken
constexpr int64_t kFutureMaxMs = 2 * 3600 * 1000LL, kPastMaxMs = 14 * 86400 * 1000LL,
                  kSpanMaxMs = 86400 * 1000LL, kDayMs = 86400 * 1000LL;

extern const Service service;

// What other services write. `ports.meter` is looked up at each call; null: embedded metrics are
// skipped.
std::unique_ptr<Journal> journal(const Ports& ports);

// Erases the events of deleted groups and streams, across restarts.
void start_purge(Store& store);

// Erases, every hour, events older than their group's retention, and events whose group or stream
// is gone.
void start_sweep(Store& store);
void sweep_once(Store& store, Time at, const Stopping& stopping);

}  // namespace sluice::logs
