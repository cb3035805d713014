// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "services/cloudwatch/operations.h"

namespace sluice::cloudwatch {
namespace {
Result<Done> check_number(const Members& members, std::string_view member, double value) {
  if (!in_range(value))
    return invalid(
        "The value " +
        json::serialize(json::value(std::isfinite(value)
                                        ? json::value(value)
                                        : json::value(std::isnan(value) ? "NaN" : "Infinity"))) +
        " for parameter " + members.where(member) + " is invalid.");
  return Done{};
}

Result<Aggregate> statistics_of(const Members& set) {
  double numbers[4] = {};
  constexpr std::string_view kNames[] = {"SampleCount", "Sum", "Minimum", "Maximum"};
  for (size_t i = 0; i < 4; ++i) {
    TRY(const auto number, set.number(kNames[i]));
    if (!number)
      return fault("MissingParameter", "The parameter " + set.where(kNames[i]) + " is required.");
    CHECK(check_number(set, kNames[i], *number));
    numbers[i] = *number;
  }
  if (numbers[0] <= 0)
    return invalid("The parameter " + set.where("SampleCount") + " must be greater than 0.");
  if (numbers[2] > numbers[3])
    return invalid("The parameter " + set.where("Maximum") + " must be greater than " +
                   set.where("Minimum") + ".");
  return Aggregate::of_statistics(numbers[0], numbers[1], numbers[2], numbers[3]);
}

// Exactly one of Value, Values (with Counts) and StatisticValues.
Result<Aggregate> aggregate_of(const Members& datum) {
  const int given = datum.has("Value") + datum.has("Values") + datum.has("StatisticValues");
  if (given == 0)
    return fault("MissingParameter", "At least one of the parameters " + datum.where("Value") +
                                         ", " + datum.where("Values") + " or " +
                                         datum.where("StatisticValues") + " must be specified.");
  if (given > 1)
    return fault("InvalidParameterCombination",
                 "The parameters " + datum.where("Value") + ", " + datum.where("Values") + " and " +
                     datum.where("StatisticValues") +
                     " are mutually exclusive and you have specified more than one.");
  TRY(const auto set, datum.structure("StatisticValues"));
  if (set) return statistics_of(*set);
  Aggregate aggregate;
  TRY(const auto value, datum.has("Values") ? Result<std::optional<double>>(std::optional<double>{})
                                            : datum.number("Value"));
  TRY(const std::vector<double> values, datum.numbers("Values", kValuesMax));
  TRY(const std::vector<double> counts, datum.numbers("Counts", kValuesMax));
  if (value) {
    CHECK(check_number(datum, "Value", *value));
    if (!counts.empty())
      return fault("InvalidParameterCombination", "The parameter " + datum.where("Counts") +
                                                      " goes with " + datum.where("Values") + ".");
    aggregate.add(*value, 1);
    return aggregate;
  }
  if (values.empty())
    return invalid("The parameter " + datum.where("Values") + " must not be empty.");
  if (!counts.empty() && counts.size() != values.size())
    return invalid("The parameters " + datum.where("Values") + " and " + datum.where("Counts") +
                   " must have the same size.");
  for (size_t i = 0; i < values.size(); ++i) {
    CHECK(check_number(datum, "Values.member." + std::to_string(i + 1), values[i]));
    if (!counts.empty())
      CHECK(check_number(datum, "Counts.member." + std::to_string(i + 1), counts[i]));
    if (!counts.empty() && counts[i] <= 0)
      return invalid("The parameter " + datum.where("Counts.member." + std::to_string(i + 1)) +
                     " must be greater than 0.");
    aggregate.add(values[i], counts.empty() ? 1 : counts[i]);
  }
  return aggregate;
}

Result<PutMetricData::Datum> datum_of(const Members& members, const std::string& space, Time at) {
  PutMetricData::Datum datum;
  datum.metric.space = space;
  TRY(datum.metric.name, members.required_text("MetricName"));
  CHECK(check_name(members, "MetricName", datum.metric.name));
  TRY(datum.metric.dimensions, dimensions_of(members));
  TRY(const auto unit, members.text("Unit"));
  datum.unit = unit.value_or("None");
  if (!is_unit(datum.unit))
    return invalid("The parameter " + members.where("Unit") +
                   " must be a value in the set [ Seconds, Microseconds, Milliseconds, Bytes, ..., "
                   "Count/Second, None ].");
  TRY(const auto resolution, members.integer("StorageResolution"));
  datum.resolution_s = resolution.value_or(60);
  if (datum.resolution_s != 1 && datum.resolution_s != 60)
    return invalid("The parameter " + members.where("StorageResolution") + " must be 1 or 60.");
  TRY(const auto time, members.time("Timestamp"));
  datum.time = time.value_or(at);
  if (datum.time < at - kPastMaxMs)
    return invalid("The parameter " + members.where("Timestamp") +
                   " must specify a time no more than two weeks in the past.");
  if (datum.time > at + kFutureMaxMs)
    return invalid("The parameter " + members.where("Timestamp") +
                   " must specify a time no more than two hours in the future.");
  TRY(datum.aggregate, aggregate_of(members));
  // Sums of hugely weighted values may leave what a double holds.
  if (!std::isfinite(datum.aggregate.sum()) || !std::isfinite(datum.aggregate.count()))
    return invalid("The values of " + members.where("Values") + " are too large.");
  return datum;
}
}  // namespace

Need namespace_need(std::string_view action, const std::string& space) {
  Need need{std::string(action), "*", {}, {}, ""};
  if (!space.empty()) need.context["cloudwatch:namespace"] = {space};
  return need;
}
Result<Done> check_namespace(const Members& members, const std::string& space) {
  if (!is_ascii_text(space, kNameBytesMax) || space.front() == ':')
    return invalid("The parameter " + members.where("Namespace") +
                   " must be 1 to 255 ASCII characters and not start with a colon.");
  return Done{};
}
Result<Done> check_name(const Members& members, std::string_view member, const std::string& name) {
  if (!is_ascii_text(name, kNameBytesMax))
    return invalid("The parameter " + members.where(member) +
                   " must be 1 to 255 ASCII characters.");
  return Done{};
}
Result<Dimensions> dimensions_of(const Members& members) {
  TRY(const auto list, members.structures("Dimensions", kDimensionsMax));
  Dimensions dimensions;
  std::set<std::string> names;
  for (const Members& one : list) {
    TRY(std::string name, one.required_text("Name"));
    TRY(std::string value, one.required_text("Value"));
    CHECK(check_name(one, "Name", name));
    if (name.front() == ':')
      return invalid("The parameter " + one.where("Name") + " must not start with a colon.");
    if (!is_ascii_text(value, kDimensionValueBytesMax))
      return invalid("The parameter " + one.where("Value") +
                     " must be 1 to 1024 ASCII characters, not only blanks.");
    if (!names.insert(name).second)
      return invalid("The parameter " + members.where("Dimensions") + " names " + name + " twice.");
    dimensions.emplace_back(std::move(name), std::move(value));
  }
  return dimensions;
}

Result<PutMetricData::In> PutMetricData::parse(const Request& request) {
  TRY(const Members members, Members::of(request));
  In in{members.form(), {}, {}};
  TRY(in.space, members.required_text("Namespace"));
  CHECK(check_namespace(members, in.space));
  if (in.space.starts_with("AWS/"))
    return invalid("The value AWS/ for parameter Namespace is invalid.");
  if (members.has("EntityMetricData"))
    return invalid("The parameter EntityMetricData is not implemented by Sluice: send MetricData.");
  TRY(const auto list, members.structures("MetricData", kMetricDataMax));
  if (list.empty()) return fault("MissingParameter", "The parameter MetricData is required.");
  for (const Members& one : list) {
    TRY(Datum datum, datum_of(one, in.space, request.time));
    in.data.push_back(std::move(datum));
  }
  return in;
}

Result<Out> PutMetricData::run(const Authorized<In>& in, Staged& staged) {
  for (const Datum& datum : in->data)
    append(staged, datum.metric, datum.unit, datum.time, datum.resolution_s, datum.aggregate,
           in.time());
  return Out{in->form, {}};
}

}  // namespace sluice::cloudwatch
