// The erasing of what can no longer be read: in the background, in bounded batches.
#include <limits>
#include <map>
#include <set>

#include "services/logs/model.h"

namespace sluice::logs {
namespace {
constexpr size_t kBatchMax = 1000;

// Erases up to kBatchMax keys of the prefix, events before `cutoff` only. False: nothing was left,
// or the store is read-only.
bool erase_some(Store& store, const Key& prefix, Time cutoff,
                const std::function<void(Staged&)>& at_end) {
  Staged staged = store.stage();
  size_t count = 0;
  bool more = false;
  staged.snapshot().scan(prefix, "", false, [&](std::string_view key, std::string_view) {
    if (const auto at = position_of(key);
        cutoff != std::numeric_limits<Time>::max() && at && at->time >= cutoff)
      return false;
    staged.erase({Family::logs, std::string(key)});
    return !(more = ++count == kBatchMax);
  });
  if (!more && at_end) at_end(staged);
  if (!count && !at_end) return false;
  return store.commit(std::move(staged), {}) && more;
}
}  // namespace

void sweep_once(Store& store, Time at, const Stopping& stopping) {
  std::vector<std::pair<Key, Time>> work;
  {
    const Snapshot s = store.snapshot();
    std::map<std::string, Group> groups;
    s.scan(schema::prefix(Family::logs, "logs.group", {}), "", false,
           [&](std::string_view, std::string_view value) {
             if (const auto record = parse_json_object(value)) {
               Group group = group_of(*record);
               groups.emplace(group.id, std::move(group));
             }
             return true;
           });
    std::set<std::pair<std::string, std::string>> streams;
    std::vector<Key> orphans;
    s.scan(schema::prefix(Family::logs, "logs.stream", {}), "", false,
           [&](std::string_view key, std::string_view value) {
             const std::string group = schema::parts(key).at(0);
             if (!groups.contains(group))
               orphans.push_back({Family::logs, std::string(key)});
             else if (const auto record = parse_json_object(value))
               streams.emplace(group, stream_of(*record).id);
             return true;
           });
    for (Key& key : orphans) work.emplace_back(std::move(key), std::numeric_limits<Time>::max());
    // From stream to stream: the first key at or after the end of the one before.
    std::string start;
    for (bool found = true; found && !stopping();) {
      found = false;
      s.scan(schema::prefix(Family::logs, "e", {}), start, false,
             [&](std::string_view key, std::string_view) {
               const auto parts = schema::parts(key);
               const Key events = events_of(parts.at(0), parts.at(1));
               if (!streams.contains({parts[0], parts[1]}))
                 work.emplace_back(events, std::numeric_limits<Time>::max());
               else if (const Group& group = groups.at(parts[0]); group.retention_days)
                 work.emplace_back(events, oldest_shown(group, at));
               start = events.bytes;
               start.back() = '\x02';
               found = true;
               return false;
             });
    }
  }
  for (const auto& [prefix, cutoff] : work)
    while (!stopping() && erase_some(store, prefix, cutoff, nullptr)) {
    }
}

void start_purge(Store& store) {
  store.on_event("logs.purge", [&store](OutboxEvent event) {
    const std::string group = text_of(event.event, "Group"),
                      stream = text_of(event.event, "Stream");
    constexpr Time kAll = std::numeric_limits<Time>::max();
    if (stream.empty())
      while (
          erase_some(store, schema::prefix(Family::logs, "logs.stream", {group}), kAll, nullptr)) {
      }
    const Key events =
        stream.empty() ? schema::prefix(Family::logs, "e", {group}) : events_of(group, stream);
    while (erase_some(store, events, kAll,
                      [&](Staged& staged) { store.erase_event(staged, "logs.purge", event.id); })) {
    }
  });
}
std::unique_ptr<Periodic> start_sweep(Store& store) {
  return std::make_unique<Periodic>(
      "the sweep of expired log events", std::chrono::hours(1),
      [&store](const Stopping& stopping) { sweep_once(store, now(), stopping); });
}

}  // namespace sluice::logs
