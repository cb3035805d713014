#pragma once
// AWS CloudTrail: lookup of management events in the chained audit log. Source: CloudTrail API Reference 2013-11-01.
// Every call is recorded whether or not a trail exists; trails and delivery to a bucket are not built yet.
#include "request/ports.h"

namespace sluice::cloudtrail {

constexpr int64_t kLookupMax = 50;
constexpr size_t kScannedPerCallMax = 100000;      // records read for one page; a rare attribute continues with NextToken
extern const Service service;

}  // namespace sluice::cloudtrail
