// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon CloudWatch metrics: PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics.
// Source: CloudWatch API Reference 2010-08-01; CloudWatch User Guide, "CloudWatch concepts" and
// "Using metric math". The same operations speak awsJson 1.0 (boto3, AWS CLI v1, SDK for JavaScript
// v3) and awsQuery (older SDKs, Debian's AWS CLI). A metric is its namespace, its name and its
// exact set of dimensions. Times are rounded to the second (StorageResolution 1) or the minute.
// Kept: by second 3 hours, by minute 15 days, by 5 minutes 63 days, by hour 455 days; older is
// coarser, then gone. Percentiles come from a histogram whose buckets are 1.1 % wide (wider when
// one minute needs more than 500 of them): within 0.6 % of an exact answer; exact for a single
// value. AWS estimates them, too. Statistic sets have no percentiles, unless they hold one value.
// Not built yet, and answered with a clear error: alarms, dashboards, metric streams, insight
// rules, rpc-v2-cbor, entities, SEARCH.
#include "request/ports.h"
#include "store/jobs.h"

namespace sluice::cloudwatch {

constexpr size_t kMetricDataMax = 1000, kDimensionsMax = 30, kValuesMax = 150, kNameBytesMax = 255,
                 kDimensionValueBytesMax = 1024;
constexpr size_t kQueriesMax = 500, kListMax = 500, kStatisticsMax = 5, kExtendedStatisticsMax = 10,
                 kExpressionBytesMax = 2048;
constexpr int64_t kStatisticsPointsMax = 1440, kDataPointsMax = 100'800;
constexpr int64_t kPastMaxMs = 14 * 86'400'000LL, kFutureMaxMs = 2 * 3'600'000LL,
                  kActiveMs = 14 * 86'400'000LL, kRecentlyActiveMs = 3 * 3'600'000LL;
constexpr size_t kStoredReadMax = 2'000'000;  // stored data points that one call reads
constexpr size_t kListScannedMax =
    20'000;  // metrics that one page of ListMetrics looks at; it goes on with NextToken

extern const Service service, query_service;  // one table of operations, two protocols

// What services and embedded metrics record. What is outside CloudWatch's limits is left out.
std::unique_ptr<Meter> meter();

// In the background: every few seconds folds what writers appended into one record a metric and
// minute; every hour rolls up and expires.
void start_keeper(Store& store);
void fold_once(Store& store, const Stopping& stopping);
void roll_up_once(Store& store, Time at, const Stopping& stopping);

}  // namespace sluice::cloudwatch
