// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon CloudWatch metrics: PutMetricData, GetMetricStatistics, GetMetricData and ListMetrics. The
// same operations speak awsJson 1.0 (boto3, AWS CLI v1, SDK for JavaScript v3) and awsQuery (older
// SDKs, Debian's AWS CLI). Sources: CloudWatch API Reference 2010-08-01; CloudWatch User Guide,
// "CloudWatch concepts", "Using metric math".
//
//   Ports ports{.services = {&cloudwatch::query_service, &cloudwatch::service}};
//   ports.meter = meter.get();              // meter = cloudwatch::meter()
//   cloudwatch::start_keeper(*ports.store);
//
// A metric is its namespace, its name and its exact set of dimensions. Times are rounded to the
// second (StorageResolution 1) or to the minute. Values are kept by the second for 3 hours, by the
// minute for 15 days, by 5 minutes for 63 days and by the hour for 455 days. Percentiles come from
// a histogram whose buckets are 1.1 % wide, or wider when one minute needs more than 500 of them.
// So they are within 0.6 % of the exact answer, and exact for a single value. AWS estimates them
// too. A statistic set has no percentiles, unless it holds one value.
//
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
// How many stored data points one call reads.
constexpr size_t kStoredReadMax = 2'000'000;
// How many metrics one page of ListMetrics looks at. NextToken goes on from there.
constexpr size_t kListScannedMax = 20'000;

// One table of operations in two protocols.
extern const Service service, query_service;

// Records what services and embedded metrics tell. What is outside of CloudWatch's limits is left
// out.
std::unique_ptr<Meter> meter();

// Starts the work in the background. Every few seconds it folds what writers have appended into one
// record for each metric and minute. Every hour it moves old data to coarser steps and erases what
// has expired.
void start_keeper(Store& store);
void fold_once(Store& store, const Stopping& stopping);
void roll_up_once(Store& store, Time at, const Stopping& stopping);

}  // namespace sluice::cloudwatch
