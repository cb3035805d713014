// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/bytes.h"
#include "services/cloudwatch/expression.h"
#include "services/cloudwatch/operations.h"

namespace sluice::cloudwatch {
namespace {
constexpr size_t kComputedMax = 20'000'000;  // points all expressions of a call may compute with
constexpr int64_t kWindowBuckets =
    1000;  // aggregates with their histograms that are in memory at once
constexpr int kReferenceDepthMax = 20;

Error wrong(std::string text) { return fault("ValidationError", std::move(text)); }

bool is_id(std::string_view id) {
  constexpr std::string_view kRest =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return !id.empty() && id.size() <= kNameBytesMax && id[0] >= 'a' && id[0] <= 'z' &&
         id.find_first_not_of(kRest) == id.npos;
}

Result<Done> parse_metric_stat(const Members& stat, GetMetricData::Query& query) {
  TRY(const auto metric, stat.structure("Metric"));
  if (!metric)
    return fault("MissingParameter", "The parameter " + stat.where("Metric") + " is required.");
  TRY(query.metric.space, metric->required_text("Namespace"));
  CHECK(check_namespace(*metric, query.metric.space));
  TRY(query.metric.name, metric->required_text("MetricName"));
  CHECK(check_name(*metric, "MetricName", query.metric.name));
  TRY(query.metric.dimensions, dimensions_of(*metric));
  TRY(const auto period, stat.integer("Period"));
  if (!period)
    return fault("MissingParameter", "The parameter " + stat.where("Period") + " is required.");
  CHECK(check_period(*period, stat.where("Period")));
  query.period_s = *period;
  TRY(query.statistic, stat.required_text("Stat"));
  if (!is_statistic(query.statistic) && !percentile_of(query.statistic))
    return wrong("The value " + query.statistic.substr(0, 64) + " for parameter " +
                 stat.where("Stat") +
                 " is not a statistic of Sluice: SampleCount, Average, Sum, Minimum, Maximum or a "
                 "percentile p0 to p100.");
  TRY(const auto unit, stat.text("Unit"));
  query.unit = unit.value_or("");
  if (unit && !is_unit(*unit))
    return invalid("The parameter " + stat.where("Unit") + " is not a unit of CloudWatch.");
  return Done{};
}

Result<GetMetricData::Query> parse_query(const Members& members) {
  GetMetricData::Query query;
  TRY(query.id, members.required_text("Id"));
  if (!is_id(query.id))
    return wrong("The value " + query.id.substr(0, 64) + " for parameter " + members.where("Id") +
                 " is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.");
  TRY(const auto expression, members.text("Expression"));
  TRY(const auto stat, members.structure("MetricStat"));
  if (expression.has_value() == stat.has_value())
    return wrong("Exactly one of the parameters " + members.where("MetricStat") + " and " +
                 members.where("Expression") + " must be specified.");
  if (members.has("AccountId"))
    return wrong("The parameter " + members.where("AccountId") +
                 " is not implemented by Sluice: it has one account.");
  if (stat) CHECK(parse_metric_stat(*stat, query));
  if (expression && (expression->empty() || expression->size() > kExpressionBytesMax))
    return wrong("The parameter " + members.where("Expression") + " must be 1 to 2048 characters.");
  query.expression = expression.value_or("");
  TRY(const auto label, members.text("Label"));
  query.label = label ? *label : expression ? query.id : query.metric.name;
  TRY(const auto returned, members.boolean("ReturnData"));
  query.returned = returned.value_or(true);
  return query;
}

// The series of a request's queries, each read or computed once.
class Answers {
 public:
  Answers(const GetMetricData::In& in, const Snapshot& snapshot, Time at)
      : in_(in), snapshot_(snapshot), at_(at) {
    lookup_.series = [this](const std::string& id) { return of(id); };
    lookup_.metrics = [this]() -> Result<std::vector<Series>> {
      std::vector<Series> all;
      for (const auto& query : in_.queries) {
        if (!query.expression.empty()) continue;
        TRY(Series one, of(query.id));
        all.push_back(std::move(one));
      }
      return all;
    };
  }
  Result<Series> of(const std::string& id) {
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    const auto query = std::find_if(in_.queries.begin(), in_.queries.end(),
                                    [&](const auto& one) { return one.id == id; });
    if (query == in_.queries.end())
      return wrong("The expression refers to the id " + id +
                   ", which no query of this request has.");
    if (depth_ == kReferenceDepthMax)
      return wrong("The expressions refer to each other in a circle, or too deeply.");
    ++depth_;
    auto series = query->expression.empty() ? stored(*query)
                                            : evaluate(query->expression, lookup_, computable_);
    --depth_;
    if (series) known_.emplace(id, *series);
    return series;
  }

 private:
  Result<Series> stored(const GetMetricData::Query& query) {
    const bool percentiles = !is_statistic(query.statistic);
    Range range = range_of(in_.start, in_.end, query.period_s, at_);
    // Before this there is nothing that a period this short could show.
    int64_t shown_s = 0;
    for (const Tier& tier : kTiers)
      if (query.period_s % tier.seconds == 0) shown_s = tier.kept_s;
    if (const int64_t early = at_ / 1000 - shown_s - range.start_s; early > 0)
      range.start_s += early - early % range.period_s;
    range.end_s = std::min(range.end_s, (at_ + kFutureMaxMs) / 1000 + 60);
    const std::string id = metric_id(query.metric);
    Series series;
    for (; range.start_s < range.end_s; range.start_s += kWindowBuckets * range.period_s) {
      Range window = range;
      window.end_s = std::min(range.end_s, range.start_s + kWindowBuckets * range.period_s);
      TRY(const Points points,
          read(snapshot_, id, window, query.unit, percentiles, at_, readable_));
      for (auto it = points.begin(); it != points.end();) {
        const int64_t start = it->first.start_s;
        Aggregate all;
        for (; it != points.end() && it->first.start_s == start; ++it) all.merge(it->second);
        if (const auto value = value_of(all, query.statistic)) series.emplace_back(start, *value);
      }
    }
    return series;
  }

  const GetMetricData::In& in_;
  const Snapshot& snapshot_;
  const Time at_;
  Lookup lookup_;
  std::map<std::string, Series> known_;
  size_t readable_ = kStoredReadMax, computable_ = kComputedMax;
  int depth_ = 0;
};

// Where the next page begins: in the results of this query, after this time.
struct Place {
  size_t query = 0;
  std::optional<int64_t> after;
};
Result<Place> place_of(const std::string& token, size_t queries) {
  const Error bad =
      fault("InvalidNextToken", "The parameter NextToken is not one that this request got.");
  if (token.empty()) return Place{};
  const auto text = unbase64url(token);
  if (!text) return bad;
  const auto parts = split(*text, ':');
  const auto query = parse_int(parts[0]),
             after = parts.size() == 2 ? parse_int(parts[1]) : std::nullopt;
  if (!query || !after || *query < 0 || static_cast<size_t>(*query) >= queries) return bad;
  return Place{static_cast<size_t>(*query), after};
}
}  // namespace

Result<GetMetricData::In> GetMetricData::parse(const Request& request) {
  TRY(const Members members, Members::of(request));
  In in;
  in.form = members.form();
  TRY(const auto queries, members.structures("MetricDataQueries", 10 * kQueriesMax));
  if (queries.empty())
    return fault("MissingParameter", "The parameter MetricDataQueries is required.");
  if (queries.size() > kQueriesMax)
    return wrong("The collection MetricDataQueries must not have a size greater than 500.");
  std::set<std::string> ids;
  bool returned = false;
  for (const Members& one : queries) {
    TRY(Query query, parse_query(one));
    if (!ids.insert(query.id).second)
      return wrong("The values for parameter Id in MetricDataQueries are not unique.");
    returned = returned || query.returned;
    in.queries.push_back(std::move(query));
  }
  if (!returned)
    return wrong("At least one of the MetricDataQueries must have ReturnData set to true.");
  TRY(const auto start, members.time("StartTime"));
  TRY(const auto end, members.time("EndTime"));
  if (!start || !end)
    return fault("MissingParameter",
                 "The parameter " + std::string(start ? "EndTime" : "StartTime") + " is required.");
  if (*start >= *end) return wrong("The parameter EndTime must be greater than StartTime.");
  in.start = *start;
  in.end = *end;
  TRY(const auto order, members.text("ScanBy"));
  if (order && *order != "TimestampAscending" && *order != "TimestampDescending")
    return wrong(
        "The parameter ScanBy must be a value in the set [ TimestampDescending, TimestampAscending "
        "].");
  in.ascending = order == "TimestampAscending";
  TRY(const auto points, members.integer("MaxDatapoints"));
  in.points_max = points.value_or(kDataPointsMax);
  if (in.points_max < 1 || in.points_max > kDataPointsMax)
    return wrong("The parameter MaxDatapoints must be 1 to 100,800.");
  TRY(const auto token, members.text("NextToken"));
  in.token = token.value_or("");
  return in;
}
Result<std::vector<Need>> GetMetricData::needs(const In& in, const Snapshot&) {
  std::set<std::string>
      spaces;  // each of them must be allowed; a request of expressions only names none
  for (const Query& query : in.queries)
    if (query.expression.empty()) spaces.insert(query.metric.space);
  if (spaces.empty()) spaces.insert("");
  std::vector<Need> needs;
  for (const std::string& space : spaces) needs.push_back(namespace_need(action, space));
  return needs;
}
json::value GetMetricData::audit(const In& in) {
  json::array queries;
  for (const Query& query : in.queries) {
    json::object one{{"id", query.id}};
    if (query.label != (query.expression.empty() ? query.metric.name : query.id))
      one["label"] = query.label;
    if (!query.returned) one["returnData"] = false;
    if (!query.expression.empty()) {
      one["expression"] = query.expression;
    } else {
      json::object metric{{"namespace", query.metric.space}, {"metricName", query.metric.name}};
      if (!query.metric.dimensions.empty())
        metric["dimensions"] = camel_case(dimensions_json(query.metric.dimensions));
      json::object stat{
          {"metric", std::move(metric)}, {"period", query.period_s}, {"stat", query.statistic}};
      if (!query.unit.empty()) stat["unit"] = query.unit;
      one["metricStat"] = std::move(stat);
    }
    queries.push_back(std::move(one));
  }
  return json::object{{"startTime", iso_seconds(in.start)},
                      {"endTime", iso_seconds(in.end)},
                      {"metricDataQueries", std::move(queries)}};
}

Result<Out> GetMetricData::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(Place place, place_of(in->token, in->queries.size()));
  Answers answers(*in, s, in.time());
  json::array results;
  int64_t left = in->points_max;
  Out out{in->form, {}};
  for (; place.query < in->queries.size(); ++place.query, place.after.reset()) {
    const Query& query = in->queries[place.query];
    if (!query.returned) continue;
    TRY(Series series, answers.of(query.id));
    if (!in->ascending) std::reverse(series.begin(), series.end());
    json::array times, values;
    bool whole = true;
    for (const auto& [time, value] : series) {
      if (place.after && (in->ascending ? time <= *place.after : time >= *place.after)) continue;
      if (left == 0) {
        whole = false;
        break;
      }
      --left;
      times.emplace_back(time);
      values.emplace_back(value);
    }
    if (!whole)
      out.body["NextToken"] = base64url(std::to_string(place.query) + ":" +
                                        std::to_string(times.empty() ? (place.after ? *place.after
                                                                        : in->ascending ? -1
                                                                                        : INT64_MAX)
                                                                     : times.back().get_int64()));
    results.push_back(json::object{{"Id", query.id},
                                   {"Label", query.label},
                                   {"Timestamps", std::move(times)},
                                   {"Values", std::move(values)},
                                   {"StatusCode", whole ? "Complete" : "PartialData"}});
    if (!whole) break;
  }
  out.body["MetricDataResults"] = std::move(results);
  out.body["Messages"] = json::array();
  return out;
}

}  // namespace sluice::cloudwatch
