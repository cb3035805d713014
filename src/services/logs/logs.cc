// SPDX-License-Identifier: Apache-2.0
#include "services/logs/logs.h"

#include "services/logs/events.h"

namespace sluice::logs {
namespace {
constexpr auto rows = table<CreateLogGroup, DescribeLogGroups, DeleteLogGroup, PutRetentionPolicy,
                            DeleteRetentionPolicy, AssociateKmsKey, DisassociateKmsKey,
                            ListTagsForResource, CreateLogStream, DescribeLogStreams,
                            DeleteLogStream, PutLogEvents, GetLogEvents, FilterLogEvents>();
}
const Service service{"logs", "logs.amazonaws.com", Protocol::json11, "Logs_20140328", "", rows,
                      ""};
}  // namespace sluice::logs
