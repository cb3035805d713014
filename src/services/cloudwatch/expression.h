// SPDX-License-Identifier: Apache-2.0
#pragma once
// Metric math: + - * / ( ) over numbers, ids of queries and lists [m1, m2]; unary minus; ABS CEIL
// FLOOR; SUM AVG MIN MAX, which make one number of a series and one series of a list; METRICS().
// Other functions answer with an error that names them. Source: CloudWatch User Guide, "Using
// metric math". An operation on two series keeps the times that both have; x / 0 has no point.
#include <functional>

#include "services/cloudwatch/cloudwatch.h"

namespace sluice::cloudwatch {

using Series = std::vector<std::pair<int64_t, double>>;  // (epoch second, value), ascending
struct Lookup {
  std::function<Result<Series>(const std::string& id)> series;
  std::function<Result<std::vector<Series>>()> metrics;  // of all queries that are no expressions
};
// `budget`: points that may still be computed with. Errors: ValidationError.
Result<Series> evaluate(std::string_view expression, const Lookup& lookup, size_t& budget);

}  // namespace sluice::cloudwatch
