// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon CloudWatch Logs: groups, streams, events, retention, filter patterns and embedded metrics.
// Sources: CloudWatch Logs API Reference 2014-03-28; CloudWatch Logs User Guide, "Quotas", "Filter
// and pattern syntax".
//
//   const std::unique_ptr<Journal> journal = logs::journal(ports);
//   ports.journal = journal.get();
//   logs::start_purge(*ports.store);
//   logs::start_sweep(*ports.store);
//
// Limits: names of groups and streams have 512 characters; a batch has 1,048,576 bytes (26 are
// counted besides for each event), 10,000 events and 24 hours. Not built yet, and answered with a
// clear error: tags, space-delimited patterns, metric and subscription filters, Insights, live
// tail.
#include "request/ports.h"
#include "store/erase.h"

namespace sluice::logs {

constexpr int64_t kBatchBytesMax = 1048576, kEventOverheadBytes = 26, kEventsMax = 10000,
                  kDescribeMax = 50, kStreamNamesMax = 100;
constexpr size_t kNameMax = 512, kPageBytesMax = 1 << 20, kPatternBytesMax = 1024;
// How many events FilterLogEvents reads for one page. nextToken goes on from there.
constexpr size_t kScannedPerCallMax = 20000;
constexpr int64_t kFutureMaxMs = 2 * 3600 * 1000LL, kPastMaxMs = 14 * 86400 * 1000LL,
                  kSpanMaxMs = 86400 * 1000LL, kDayMs = 86400 * 1000LL;

extern const Service service;

// Writes what other services log. `ports.meter` is looked up at each call; when it is null,
// embedded metrics are left out.
std::unique_ptr<Journal> journal(const Ports& ports);

// From now on the events of deleted groups and streams are erased. A restart goes on where the
// erasing was.
void start_purge(Store& store);

// Every hour erases events that are older than the retention of their group, and events whose group
// or stream no longer exists.
void start_sweep(Store& store);
void sweep_once(Store& store, Time at, const Stopping& stopping);

}  // namespace sluice::logs
