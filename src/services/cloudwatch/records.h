// SPDX-License-Identifier: Apache-2.0
#pragma once
// What CloudWatch stores: which metrics there are. Their values stand beside them in a binary form
// of their own (model.h).
//
//   snapshot.scan(RecordPrefix<KnownMetric>{space}, "", false, [&](std::string_view key,
//                                                                  KnownMetric metric) { ... });
#include "store/record.h"

namespace sluice::cloudwatch {

struct KnownMetric {
  static constexpr RecordType record{Family::metrics, "cloudwatch.metric", 1};
  json::object dimensions;  // by name, in the order in which they were given first
  Time seen = 0;            // when it got its last value, to within 10 minutes
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Dimensions", &KnownMetric::dimensions),
                      member("Seen", &KnownMetric::seen)};
  }
  bool operator==(const KnownMetric&) const = default;
};
// `id` comes from metric_id().
inline RecordKey<KnownMetric> metric_key(std::string_view space, std::string_view name,
                                         std::string_view id) {
  return {space, name, id};
}

}  // namespace sluice::cloudwatch
