// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "services/cloudwatch/operations.h"

namespace sluice::cloudwatch {
namespace {
constexpr size_t kFiltersMax = 10;
bool matches(const ListMetrics::In& in, const Metric& metric) {
  if (!in.metric.empty() && metric.name != in.metric) return false;
  for (const auto& [name, value] : in.dimensions) {
    bool found = false;
    for (const auto& [there, text] : metric.dimensions)
      found = found || (there == name && (!value || *value == text));
    if (!found) return false;
  }
  return true;
}
Metric metric_of(std::string_view key, const KnownMetric& known) {
  auto parts = schema::parts(key);
  Metric metric{std::move(parts.at(0)), std::move(parts.at(1)), {}};
  for (const auto& [name, value] : known.dimensions)
    metric.dimensions.emplace_back(name, value.as_string());
  return metric;
}
}  // namespace

json::array dimensions_json(const Dimensions& dimensions) {
  json::array list;
  for (const auto& [name, value] : dimensions)
    list.push_back(json::object{{"Name", name}, {"Value", value}});
  return list;
}

json::value ListMetrics::audit(const In& in) {
  json::object shown;
  if (!in.space.empty()) shown["namespace"] = in.space;
  if (!in.metric.empty()) shown["metricName"] = in.metric;
  if (in.recent) shown["recentlyActive"] = "PT3H";
  for (const auto& [dimension, value] : in.dimensions) {
    if (!shown.contains("dimensions")) shown["dimensions"] = json::array{};
    json::object& one =
        shown["dimensions"].as_array().emplace_back(json::object{{"name", dimension}}).as_object();
    if (value) one["value"] = *value;
  }
  return shown.empty() ? json::value() : json::value(std::move(shown));
}

Result<ListMetrics::In> ListMetrics::parse(const Request& request) {
  TRY(const Members members, Members::of(request));
  In in;
  in.form = members.form();
  TRY(const auto space, members.text("Namespace"));
  if (space) CHECK(check_namespace(members, *space));
  TRY(const auto metric, members.text("MetricName"));
  if (metric) CHECK(check_name(members, "MetricName", *metric));
  in.space = space.value_or("");
  in.metric = metric.value_or("");
  TRY(const auto filters, members.structures("Dimensions", kFiltersMax));
  for (const Members& filter : filters) {
    TRY(std::string dimension, filter.required_text("Name"));
    TRY(auto value, filter.text("Value"));
    in.dimensions.emplace_back(std::move(dimension), std::move(value));
  }
  TRY(const auto recent, members.text("RecentlyActive"));
  if (recent && *recent != "PT3H") return invalid("The parameter RecentlyActive must be PT3H.");
  in.recent = recent.has_value();
  TRY(const auto linked, members.boolean("IncludeLinkedAccounts"));
  if (linked.value_or(false) || members.has("OwningAccount"))
    return invalid(
        "Sluice has one account: IncludeLinkedAccounts and OwningAccount are not implemented.");
  TRY(const auto token, members.text("NextToken"));
  if (token) {
    const auto text = unbase64url(*token);
    if (!text || text->empty())
      return fault("InvalidNextToken", "The parameter NextToken is invalid.");
    in.token = *text;
  }
  return in;
}

Result<Out> ListMetrics::run(const Authorized<In>& in, const Snapshot& s) {
  const auto prefix = in->space.empty()    ? RecordPrefix<KnownMetric>{}
                      : in->metric.empty() ? RecordPrefix<KnownMetric>{in->space}
                                           : RecordPrefix<KnownMetric>{in->space, in->metric};
  if (!in->token.empty() && !in->token.starts_with(prefix.bytes))
    return fault("InvalidNextToken", "The parameter NextToken is not one that this request got.");
  const Time since = in.time() - (in->recent ? kRecentlyActiveMs : kActiveMs);
  json::array metrics;
  size_t scanned = 0;
  std::string next;
  s.scan(prefix, in->token, false, [&](std::string_view key, const KnownMetric& known) {
    if (metrics.size() == kListMax || scanned == kListScannedMax) {
      next = key;
      return false;
    }
    ++scanned;
    if (known.seen < since) return true;
    const Metric metric = metric_of(key, known);
    if (!matches(*in, metric)) return true;
    metrics.push_back(json::object{{"Namespace", metric.space},
                                   {"MetricName", metric.name},
                                   {"Dimensions", dimensions_json(metric.dimensions)}});
    return true;
  });
  Out out{in->form, {{"Metrics", std::move(metrics)}}};
  if (!next.empty()) out.body["NextToken"] = base64url(next);
  return out;
}

}  // namespace sluice::cloudwatch
