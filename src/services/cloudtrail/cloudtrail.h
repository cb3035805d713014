// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS CloudTrail: trails over the chained audit log, lookup of management events, and the public
// keys of the digests. Every call is recorded, whether there is a trail or not. Sources: CloudTrail
// API Reference 2013-11-01; CloudTrail User Guide, "Quotas", "Trail naming requirements".
//
//   Ports ports{.services = {&cloudtrail::service}};
//
// These are answered with a clear error: SNS topics, organization trails, Insights, event data
// stores, channels and network activity events.
#include "request/ports.h"

namespace sluice::cloudtrail {

constexpr int64_t kLookupMax = 50;
// How many records are read for one page. When an attribute is rare, NextToken goes on from there.
constexpr size_t kScannedPerCallMax = 100000;
constexpr size_t kTrailsMax = 5, kNameMin = 3, kNameMax = 128, kPrefixMax = 200, kTagsMax = 50,
                 kTagResourcesMax = 20;
constexpr size_t kSelectorsMax = 5, kDataResourcesMax = 250, kConditionsMax = 500,
                 kConditionBytesMax = 2048, kSelectorNameMax = 1000;
constexpr int64_t kLookupDays = 90;
extern const Service service;

}  // namespace sluice::cloudtrail
