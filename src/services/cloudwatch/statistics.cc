// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/bytes.h"
#include "services/cloudwatch/operations.h"

namespace sluice::cloudwatch {
namespace {
constexpr std::string_view kStatistics[] = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"};
}  // namespace

Result<Done> check_period(int64_t period_s, const std::string& where) {
  constexpr int64_t kShort[] = {1, 5, 10, 20, 30};
  if ((period_s >= 60 && period_s % 60 == 0) ||
      std::find(std::begin(kShort), std::end(kShort), period_s) != std::end(kShort))
    return Done{};
  return invalid("The parameter " + where + " must be 1, 5, 10, 20, 30 or a multiple of 60.");
}
bool is_statistic(std::string_view name) {
  return std::find(std::begin(kStatistics), std::end(kStatistics), name) != std::end(kStatistics);
}
std::optional<double> percentile_of(std::string_view statistic) {
  if (statistic.size() < 2 || statistic.size() > 12 || statistic[0] != 'p') return std::nullopt;
  const auto digits = statistic.substr(1);
  const size_t point = digits.find('.');
  const auto whole = parse_int(digits.substr(0, point));
  if (!whole || digits[0] < '0' || digits[0] > '9' || *whole > 100) return std::nullopt;
  double value = static_cast<double>(*whole), weight = 1;
  if (point != digits.npos)
    for (const char c : digits.substr(point + 1)) {
      if (c < '0' || c > '9') return std::nullopt;
      value += (c - '0') * (weight /= 10);
    }
  if (value > 100) return std::nullopt;
  return value;
}
std::optional<double> value_of(const Aggregate& a, std::string_view statistic) {
  if (statistic == "SampleCount") return a.count();
  if (statistic == "Average") return a.average();
  if (statistic == "Sum") return a.sum();
  if (statistic == "Minimum") return a.minimum();
  if (statistic == "Maximum") return a.maximum();
  return a.percentile(percentile_of(statistic).value_or(50));
}
Range range_of(Time start, Time end, int64_t period_s, Time at) {
  const int64_t from = std::max<Time>(start, 0) / 1000, age = at / 1000 - from;
  const int64_t step = period_s < 60            ? period_s
                       : age < kTiers[1].kept_s ? 60
                       : age < kTiers[2].kept_s ? 300
                                                : 3600;
  return {from - from % step, std::max<Time>(end, 0) / 1000 + (end % 1000 > 0), period_s};
}

Result<GetMetricStatistics::In> GetMetricStatistics::parse(const Request& request) {
  TRY(const Members members, Members::of(request));
  In in;
  in.form = members.form();
  TRY(in.metric.space, members.required_text("Namespace"));
  CHECK(check_namespace(members, in.metric.space));
  TRY(in.metric.name, members.required_text("MetricName"));
  CHECK(check_name(members, "MetricName", in.metric.name));
  TRY(in.metric.dimensions, dimensions_of(members));
  TRY(const auto start, members.time("StartTime"));
  TRY(const auto end, members.time("EndTime"));
  TRY(const auto period, members.integer("Period"));
  for (const auto& [given, parameter] :
       {std::pair(start.has_value(), "StartTime"), std::pair(end.has_value(), "EndTime"),
        std::pair(period.has_value(), "Period")})
    if (!given)
      return fault("MissingParameter", "The parameter " + std::string(parameter) + " is required.");
  CHECK(check_period(*period, "Period"));
  if (*start >= *end)
    return invalid("The parameter StartTime must be less than the parameter EndTime.");
  if (const int64_t points = (*end - *start) / 1000 / *period; points > kStatisticsPointsMax)
    return fault("InvalidParameterCombination",
                 "You have requested up to " + std::to_string(points) +
                     " datapoints, which exceeds the limit of 1,440. You may reduce the datapoints "
                     "requested by increasing Period, or decreasing the time range.");
  in.range = range_of(*start, *end, *period, request.time);
  TRY(const auto unit, members.text("Unit"));
  in.unit = unit.value_or("");
  if (unit && !is_unit(*unit)) return invalid("The parameter Unit is not a unit of CloudWatch.");
  TRY(in.statistics, members.texts("Statistics"));
  TRY(in.extended, members.texts("ExtendedStatistics"));
  if (in.statistics.empty() && in.extended.empty())
    return fault(
        "MissingParameter",
        "At least one of the parameters Statistics and ExtendedStatistics must be specified.");
  if (in.statistics.size() > kStatisticsMax)
    return invalid("The collection Statistics must not have a size greater than 5.");
  if (in.extended.size() > kExtendedStatisticsMax)
    return invalid("The collection ExtendedStatistics must not have a size greater than 10.");
  for (const std::string& one : in.statistics)
    if (!is_statistic(one))
      return invalid(
          "The parameter Statistics must be a value in the set [ Maximum, SampleCount, Sum, "
          "Minimum, Average ].");
  for (const std::string& one : in.extended)
    if (!percentile_of(one))
      return invalid("The value " + one.substr(0, 64) +
                     " for parameter ExtendedStatistics is not a percentile p0 to p100; Sluice "
                     "implements no other extended statistics.");
  return in;
}
json::value GetMetricStatistics::audit(const In& in) {
  json::object shown{{"namespace", in.metric.space},
                     {"metricName", in.metric.name},
                     {"startTime", iso_seconds(in.range.start_s * 1000)},
                     {"endTime", iso_seconds(in.range.end_s * 1000)},
                     {"period", in.range.period_s}};
  if (!in.metric.dimensions.empty())
    shown["dimensions"] = camel_case(dimensions_json(in.metric.dimensions));
  if (!in.unit.empty()) shown["unit"] = in.unit;
  for (const auto& [member, list] :
       {std::pair("statistics", &in.statistics), std::pair("extendedStatistics", &in.extended)})
    if (!list->empty()) shown[member] = json::array(list->begin(), list->end());
  return shown;
}

Result<Out> GetMetricStatistics::run(const Authorized<In>& in, const Snapshot& s) {
  size_t budget = kStoredReadMax;
  TRY(const Points points, read(s, metric_id(in->metric), in->range, in->unit,
                                !in->extended.empty(), in.time(), budget));
  json::array list;
  for (const auto& [bucket, aggregate] : points) {
    json::object point{{"Timestamp", bucket.start_s}};
    for (const std::string& statistic : in->statistics)
      point[statistic] = *value_of(aggregate, statistic);
    json::object extended;
    for (const std::string& statistic : in->extended)
      if (const auto value = value_of(aggregate, statistic)) extended[statistic] = *value;
    if (!extended.empty()) point["ExtendedStatistics"] = std::move(extended);
    point["Unit"] = bucket.unit;
    list.push_back(std::move(point));
  }
  return Out{in->form, {{"Label", in->metric.name}, {"Datapoints", std::move(list)}}};
}

}  // namespace sluice::cloudwatch
