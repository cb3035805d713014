// SPDX-License-Identifier: Apache-2.0
#pragma once
// Metric math. Source: CloudWatch User Guide, "Using metric math".
//
//   TRY(const Series rate, evaluate("100 * errors / SUM([errors, good])", lookup, budget));
//
// It knows + - * / ( ) over numbers, ids of queries and lists [m1, m2]; unary minus; ABS, CEIL and
// FLOOR; SUM, AVG, MIN and MAX, which make one number of a series and one series of a list;
// METRICS(). Any other function is an error that names it. An operation on two series keeps the
// times that both have, and x / 0 has no point.
#include <functional>

#include "services/cloudwatch/cloudwatch.h"

namespace sluice::cloudwatch {

// Pairs of epoch second and value, ascending.
using Series = std::vector<std::pair<int64_t, double>>;
struct Lookup {
  std::function<Result<Series>(const std::string& id)> series;
  // The series of all queries that are not expressions.
  std::function<Result<std::vector<Series>>()> metrics;
};
// `budget` is how many points may still be used; it gets less. Errors: ValidationError.
Result<Series> evaluate(std::string_view expression, const Lookup& lookup, size_t& budget);

}  // namespace sluice::cloudwatch
