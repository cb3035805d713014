// SPDX-License-Identifier: Apache-2.0
#include "cli/server_status.h"

#include "store/jobs.h"

namespace sluice::cli {
namespace {
constexpr size_t kReadersShown = 10;

json::array queues_of(Store& store) {
  json::array out;
  for (const Jobs::Status& one : store.jobs().status())
    out.push_back(json::object{{"queue", one.queue},
                               {"waiting", one.waiting},
                               {"running", one.running},
                               {"parked", one.parked_lanes},
                               {"why", one.cause}});
  return out;
}
json::array recurring_of(Store& store) {
  json::array out;
  const Time now = store.jobs().clock().now();
  for (const Jobs::RecurringStatus& one : store.jobs().recurring())
    out.push_back(
        json::object{{"work", one.work}, {"running", one.running}, {"due_in_ms", one.due - now}});
  return out;
}
json::array readers_of(Store& store) {
  json::array out;
  const Time now = store.jobs().clock().now();
  for (const ActiveReader& one : store.readers()) {
    if (out.size() == kReadersShown) break;
    out.push_back(json::object{{"reader", one.owner}, {"seconds", (now - one.since) / 1000}});
  }
  return out;
}
json::array runtimes_of(const FunctionRuntimes& runtimes) {
  json::array out;
  for (const FunctionRuntimes::Runtime& one : runtimes.all())
    out.push_back(json::object{{"runtime", one.name},
                               {"interpreter", one.interpreter},
                               {"version", one.version},
                               {"in_place", one.substituted ? "of another version" : "-"}});
  return out;
}
json::object shown(const Histogram::Shown& spread) {
  const auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
  return {{"p50", number(spread.p50)}, {"p99", number(spread.p99)}, {"max", number(spread.max)}};
}
}  // namespace

json::object status_of(Store& store, const Counters& counters, const FunctionRuntimes& runtimes) {
  const StoreCounts counts = store.counts();
  json::object bytes;
  for (const auto& [family, size] : counts.bytes) bytes[family] = static_cast<int64_t>(size);
  return {{"queues", queues_of(store)},
          {"recurring", recurring_of(store)},
          {"readers", readers_of(store)},
          {"runtimes", runtimes_of(runtimes)},
          {"commits", json::object{{"count", counts.group.count},
                                   {"requests", counts.group.sum},
                                   {"group", shown(counts.group)},
                                   {"sync_us", shown(counts.sync_us)}}},
          {"bytes", std::move(bytes)},
          {"files_to_free", counts.files_to_free},
          {"calls", counters.shown()}};
}

}  // namespace sluice::cli
