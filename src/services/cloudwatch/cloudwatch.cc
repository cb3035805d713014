// SPDX-License-Identifier: Apache-2.0
#include "services/cloudwatch/cloudwatch.h"

#include "services/cloudwatch/operations.h"

namespace sluice::cloudwatch {
namespace {
constexpr auto rows = table<PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics>();
}
const Service service{
    "monitoring", "monitoring.amazonaws.com", Protocol::json10, "GraniteServiceVersion20100801", "",
    rows,         "com.amazonaws.cloudwatch#"};
const Service query_service{"monitoring",
                            "monitoring.amazonaws.com",
                            Protocol::query,
                            "2010-08-01",
                            "http://monitoring.amazonaws.com/doc/2010-08-01/",
                            rows,
                            ""};
}  // namespace sluice::cloudwatch
