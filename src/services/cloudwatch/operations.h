// SPDX-License-Identifier: Apache-2.0
#pragma once
// The operations of CloudWatch. All of them speak both protocols (wire.h).
//
//   constexpr auto rows = table<PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics>();
#include "services/cloudwatch/model.h"
#include "services/cloudwatch/wire.h"

namespace sluice::cloudwatch {

// A need on "*", with the condition key cloudwatch:namespace when the request names a namespace.
Need namespace_need(std::string_view action, const std::string& space);
// Each must have Name and Value.
Result<Dimensions> dimensions_of(const Members& members);
Result<Done> check_namespace(const Members& members, const std::string& space);
Result<Done> check_name(const Members& members, std::string_view member, const std::string& name);

// PutMetricData:
//   https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
// A request has a Namespace, which is not "AWS/...", and 1 to 1000 MetricData. Each is a value, up
// to 150 values with their counts, or a statistic set, with up to 30 dimensions. Values are between
// -2^360 and 2^360, times from two weeks in the past to two hours in the future. StorageResolution
// is 1 or 60. The request has at most 1 MB, before and after gzip. Errors: InvalidParameterValue,
// InvalidParameterCombination, MissingParameter. It differs from AWS's: entities are refused.
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

// GetMetricStatistics:
//   https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
// A request has one metric, a Period (1, 5, 10, 20, 30 or a multiple of 60), Statistics,
// ExtendedStatistics (p0 to p100) and a Unit. The answer has at most 1440 points. Errors:
// InvalidParameterValue, InvalidParameterCombination, MissingParameter. It differs from AWS's: the
// only extended statistics are percentiles.
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

// GetMetricData:
//   https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
// A request has up to 500 queries, each a MetricStat or an expression (expression.h), MaxDatapoints
// (up to 100,800 a page), ScanBy and NextToken. Errors: ValidationError, InvalidNextToken. It
// differs from AWS's: labels are taken as they are. A metric that was recorded in several units and
// is asked for without one is answered in one series. A page lists only the results of which it has
// a part.
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

// ListMetrics:
//   https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
// A request has Namespace, MetricName, up to 10 dimensions by name or by name and value,
// RecentlyActive (PT3H) and NextToken. It lists metrics that got a value in the last two weeks, 500
// a page. Errors: InvalidParameterValue, InvalidNextToken. It differs from AWS's: there is one
// account, and a page may have fewer metrics although another page follows.
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

// The dimensions as an answer and a record have them: {"Name": ..., "Value": ...} each.
json::array dimensions_json(const Dimensions& dimensions);
Result<Done> check_period(int64_t period_s, const std::string& where);
// 99.9 of "p99.9"; nullopt when it is no percentile.
std::optional<double> percentile_of(std::string_view statistic);
bool is_statistic(std::string_view name);  // SampleCount, Average, Sum, Minimum, Maximum
// The value of a statistic. nullopt when it is a percentile that nobody knows. Other statistics
// were refused before.
std::optional<double> value_of(const Aggregate& aggregate, std::string_view statistic);
// The buckets of a request. Its start is rounded down as AWS does it, by how old it is.
Range range_of(Time start, Time end, int64_t period_s, Time at);

}  // namespace sluice::cloudwatch
