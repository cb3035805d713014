// SPDX-License-Identifier: Apache-2.0
// What services write into Logs: the Journal, and metrics embedded in log lines.
#include "services/logs/model.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "services/logs/sealing.h"

namespace sluice::logs {
namespace {
constexpr size_t kMetricsMax = 100, kDimensionsMax = 30, kValuesMax = 100, kDirectivesMax = 10,
                 kSetsMax = 30, kSamplesMax = 1000;

std::optional<double> number_of(const json::value& v) {
  if (v.is_double()) return v.get_double();
  if (v.is_int64()) return static_cast<double>(v.get_int64());
  if (v.is_uint64()) return static_cast<double>(v.get_uint64());
  return std::nullopt;
}
const json::array* array_of(const json::object& o, const char* name) {
  const json::value* v = o.if_contains(name);
  return v && v->is_array() ? &v->get_array() : nullptr;
}
using Dimensions = std::vector<std::pair<std::string, std::string>>;

// The dimension sets of a directive, with their values from the line; a set with a missing value is
// left out.
std::vector<Dimensions> dimension_sets(const json::object& directive, const json::object& line) {
  std::vector<Dimensions> sets;
  const json::array* lists = array_of(directive, "Dimensions");
  if (!lists || lists->empty()) return {{}};
  for (const json::value& list : *lists) {
    if (!list.is_array() || list.get_array().size() > kDimensionsMax || sets.size() == kSetsMax)
      continue;
    Dimensions set;
    for (const json::value& name : list.get_array()) {
      const json::value* value = name.is_string() ? line.if_contains(name.get_string()) : nullptr;
      if (!value || !(value->is_string() || number_of(*value))) continue;
      set.emplace_back(std::string(name.get_string()), value->is_string()
                                                           ? std::string(value->get_string())
                                                           : json::serialize(*value));
    }
    std::sort(set.begin(), set.end());
    if (set.size() == list.get_array().size() &&
        std::find(sets.begin(), sets.end(), set) == sets.end())
      sets.push_back(std::move(set));
  }
  return sets;
}
void record_directive(Meter& meter, Staged& staged, const json::object& directive,
                      const json::object& line, Time time, size_t& samples) {
  const std::string space = text_of(directive, "Namespace");
  const json::array* metrics = array_of(directive, "Metrics");
  if (space.empty() || space.size() > 255 || space.starts_with("AWS/") || space.starts_with(':') ||
      !metrics)
    return;
  const auto sets = dimension_sets(directive, line);
  size_t count = 0;
  for (const json::value& metric : *metrics) {
    if (++count > kMetricsMax) return;
    const std::string name = metric.is_object() ? text_of(metric.get_object(), "Name") : "";
    const json::value* value =
        name.empty() || name.size() > 1024 ? nullptr : line.if_contains(name);
    if (!value) continue;
    const std::string unit = text_of(metric.get_object(), "Unit");
    std::vector<double> numbers;
    if (const auto one = number_of(*value)) numbers.push_back(*one);
    if (value->is_array())
      for (const json::value& v : value->get_array())
        if (const auto one = number_of(v); one && numbers.size() < kValuesMax)
          numbers.push_back(*one);
    for (const Dimensions& set : sets) {
      if (samples++ == kSamplesMax) return;
      meter.record(staged, {space, name, set, numbers, unit.empty() ? "None" : unit, time,
                            int_of(metric.get_object(), "StorageResolution", 60)});
    }
  }
}

class StoreJournal : public Journal {
 public:
  explicit StoreJournal(const Ports& ports) : ports_(ports) {}
  void append(Staged& staged, std::string_view group_name, std::string_view stream_name,
              const std::vector<Line>& lines) override {
    if (!check_group_name(group_name) || !check_stream_name(stream_name)) return;
    const Time at = now();
    const Group group =
        open(staged, group_key(group_name), [&] { return new_group(group_name, at); });
    const Stream stream = open(staged, stream_key(group.id, stream_name),
                               [&] { return new_stream(stream_name, at); });
    const Sealing sealing(group, staged.snapshot(), ports_);
    Result<std::string> sealed = std::string();
    for (const Line& line : lines) {
      if (line.message.empty()) continue;
      const Key key = event_key(group.id, stream.id, std::max<Time>(line.time, 0),
                                next_sequence(at, staged.snapshot()));
      sealed = sealing.seal(key.bytes, line.message.substr(0, kBatchBytesMax));
      if (sealed) staged.put(key, *sealed);
      if (ports_.meter) record_embedded_metrics(*ports_.meter, staged, line.message, line.time);
    }
    // As on AWS, who writes goes on: it is the log that has a gap.
    if (!sealed)
      spdlog::warn("{} events for the log group {} are lost: {}", lines.size(), group_name,
                   sealed.error().message);
  }

 private:
  // Only the creation is a tracked read: appends to what exists never conflict with each other, and
  // a creation conflicts with the same creation by another. Events appended while their group is
  // deleted are swept up later.
  template <class R, class Make>
  static R open(Staged& staged, const RecordKey<R>& key, const Make& make) {
    if (const auto there = staged.snapshot().get(key)) return *there;
    if (auto own = staged.get(key)) return *std::move(own);
    R made = make();
    staged.put(key, made);
    return made;
  }
  const Ports& ports_;
};
}  // namespace

void record_embedded_metrics(Meter& meter, Staged& staged, std::string_view text, Time time) {
  if (!text.starts_with('{') || text.find("\"_aws\"") == text.npos) return;
  const auto line = parse_json(text, 8);
  if (!line || !line->is_object()) return;
  const json::value* head = line->get_object().if_contains("_aws");
  if (!head || !head->is_object()) return;
  const json::array* directives = array_of(head->get_object(), "CloudWatchMetrics");
  if (!directives) return;
  const Time at = int_of(head->get_object(), "Timestamp", time);
  size_t count = 0, samples = 0;
  for (const json::value& directive : *directives)
    if (directive.is_object() && ++count <= kDirectivesMax)
      record_directive(meter, staged, directive.get_object(), line->get_object(), at, samples);
}

std::unique_ptr<Journal> journal(const Ports& ports) {
  return std::make_unique<StoreJournal>(ports);
}

}  // namespace sluice::logs
