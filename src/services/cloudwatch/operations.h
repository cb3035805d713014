// SPDX-License-Identifier: Apache-2.0
#pragma once
// The operations of CloudWatch. All speak both protocols (wire.h).
#include "services/cloudwatch/model.h"
#include "services/cloudwatch/wire.h"

namespace sluice::cloudwatch {

// cloudwatch:* on "*", with the condition key cloudwatch:namespace when the request names one.
Need namespace_need(std::string_view action, const std::string& space);
Result<Dimensions> dimensions_of(const Members& members);  // exact ones: Name and Value
Result<Done> check_namespace(const Members& members, const std::string& space);
Result<Done> check_name(const Members& members, std::string_view member, const std::string& name);

// PutMetricData.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html In:
// Namespace, not "AWS/..."; MetricData, 1 to 1000: a value, up to 150 values with counts, or a
// statistic set; 30 dimensions; -2^360 to 2^360; two weeks in the past to two hours in the future;
// StorageResolution 1 or 60. A request of 1 MB, before and after gzip. Errors:
// InvalidParameterValue, InvalidParameterCombination, MissingParameter. Differs: entities are
// refused.
struct PutMetricData {
  static constexpr std::string_view name = "PutMetricData", action = "cloudwatch:PutMetricData";
  static constexpr bool data_event = true;
  struct Datum {
    Metric metric;
    std::string unit;
    Time time = 0;
    int64_t resolution_s = 60;
    Aggregate aggregate;
  };
  struct In {
    bool form = false;
    std::string space;
    std::vector<Datum> data;
  };
  using Out = cloudwatch::Out;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot&) {
    return std::vector<Need>{namespace_need(action, in.space)};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_out(out); }
  static json::value audit(const In& in) { return json::object{{"namespace", in.space}}; }
};

// GetMetricStatistics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html In:
// one metric; Period 1, 5, 10, 20, 30 or a multiple of 60; at most 1440 points; Statistics,
// ExtendedStatistics p0 to p100; Unit. Errors: InvalidParameterValue, InvalidParameterCombination,
// MissingParameter. Differs: of the extended statistics only percentiles.
struct GetMetricStatistics {
  static constexpr std::string_view name = "GetMetricStatistics",
                                    action = "cloudwatch:GetMetricStatistics";
  struct In {
    bool form = false;
    Metric metric;
    Range range;
    std::string unit;
    std::vector<std::string> statistics, extended;
  };
  using Out = cloudwatch::Out;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot&) {
    return std::vector<Need>{namespace_need(action, in.metric.space)};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_out(out); }
  static json::value audit(const In& in);
};

// GetMetricData.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html In: up to
// 500 queries, each a MetricStat or an expression (expression.h); MaxDatapoints up to 100,800 a
// page; ScanBy; NextToken. Errors: ValidationError, InvalidNextToken. Differs: labels are taken as
// they are; a metric recorded in several units and asked for without one is answered in one series;
// a page lists the results it begins or ends, not the ones before and after it.
struct GetMetricData {
  static constexpr std::string_view name = "GetMetricData", action = "cloudwatch:GetMetricData";
  static constexpr bool data_event = true;
  struct Query {
    std::string id, label, expression, unit, statistic;
    Metric metric;
    int64_t period_s = 0;
    bool returned = true;
  };
  struct In {
    bool form = false, ascending = false;
    std::vector<Query> queries;
    Time start = 0, end = 0;
    int64_t points_max = 0;
    std::string token;
  };
  using Out = cloudwatch::Out;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot&);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_out(out); }
  static json::value audit(const In& in);
};

// ListMetrics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html In:
// Namespace, MetricName, up to 10 dimensions by name or name and value, RecentlyActive PT3H,
// NextToken. Metrics that got a value in the last two weeks, 500 a page. Errors:
// InvalidParameterValue, InvalidNextToken. Differs: one account; a page may hold fewer and yet go
// on.
struct ListMetrics {
  static constexpr std::string_view name = "ListMetrics", action = "cloudwatch:ListMetrics";
  struct In {
    bool form = false, recent = false;
    std::string space, metric, token;
    std::vector<std::pair<std::string, std::optional<std::string>>> dimensions;
  };
  using Out = cloudwatch::Out;
  static json::value audit(const In& in);
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot&) {
    return std::vector<Need>{namespace_need(action, in.space)};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_out(out); }
};

// An answer's or a record's members: the dimensions, {"Name", "Value"} each.
json::array dimensions_json(const Dimensions& dimensions);
Result<Done> check_period(int64_t period_s, const std::string& where);
// "p99.9" as 99.9; nullopt: not a percentile.
std::optional<double> percentile_of(std::string_view statistic);
bool is_statistic(std::string_view name);  // SampleCount, Average, Sum, Minimum, Maximum
// nullopt: no percentile is known. Statistics other than these are refused before.
std::optional<double> value_of(const Aggregate& aggregate, std::string_view statistic);
// The buckets of a request: its start rounded down as AWS does, by its age.
Range range_of(Time start, Time end, int64_t period_s, Time at);

}  // namespace sluice::cloudwatch
