// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/keys.h"
#include "services/cloudtrail/lookup.h"
#include "services/cloudtrail/selectors.h"
#include "services/cloudtrail/trails.h"

namespace sluice::cloudtrail {
namespace {
constexpr auto rows =
    table<CreateTrail, UpdateTrail, DeleteTrail, GetTrail, DescribeTrails, ListTrails,
          GetTrailStatus, StartLogging, StopLogging, PutEventSelectors, GetEventSelectors,
          PutInsightSelectors, GetInsightSelectors, AddTags, RemoveTags, ListTags, ListPublicKeys,
          LookupEvents>();
}  // namespace

const Service service{"cloudtrail",
                      "cloudtrail.amazonaws.com",
                      Protocol::json11,
                      "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
                      "",
                      rows,
                      ""};

}  // namespace sluice::cloudtrail
