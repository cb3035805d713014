// SPDX-License-Identifier: Apache-2.0
// The erasing of what can no longer be read, in the background.
#include <map>
#include <set>

#include "services/logs/model.h"

namespace sluice::logs {
void sweep_once(Store& store, Time at, const Stopping& stopping) {
  std::vector<Span> work;
  {
    const Snapshot s = store.snapshot();
    std::map<std::string, Group> groups;
    // A record that cannot be read ends the sweep with an exception: what belongs to it would seem
    // to belong to nobody.
    const Key all_groups = RecordPrefix<Group>{}, all_streams = RecordPrefix<Stream>{};
    s.scan(all_groups, "", false, [&](std::string_view, std::string_view value) {
      Group group = decode<Group>(value);
      groups.emplace(group.id, std::move(group));
      return true;
    });
    std::set<std::pair<std::string, std::string>> streams;
    s.scan(all_streams, "", false, [&](std::string_view key, std::string_view value) {
      const std::string group = schema::parts(key).at(0);
      if (!groups.contains(group))
        work.push_back(schema::span({Family::logs, std::string(key)}));
      else
        streams.emplace(group, decode<Stream>(value).id);
      return true;
    });
    // From stream to stream: the first key at or after the end of the one before.
    std::string start;
    for (bool found = true; found && !stopping();) {
      found = false;
      s.scan(schema::prefix(Family::logs, "e", {}), start, false,
             [&](std::string_view key, std::string_view) {
               const auto parts = schema::parts(key);
               Span events = schema::span(events_of(parts.at(0), parts.at(1)));
               start = events.high;
               // Of a stream that is there, what is past its retention: nothing, without one.
               if (streams.contains({parts[0], parts[1]}))
                 events.high =
                     event_key(parts[0], parts[1], oldest_shown(groups.at(parts[0]), at), 0).bytes;
               work.push_back(std::move(events));
               found = true;
               return false;
             });
    }
  }
  for (const Span& span : work)
    if (!erase_span(store, span, stopping)) return;
}

void start_purge(Store& store) {
  serve_erasing(store, "logs.purge", [](const json::object& event) {
    const auto [group, stream] = members_from<PurgeEvent>(event);
    if (!stream.empty()) return std::vector{schema::span(events_of(group, stream))};
    return std::vector{schema::span(streams_of(group)), schema::span(events_of(group))};
  });
}

void start_sweep(Store& store) {
  store.jobs().every("the sweep of expired log events", std::chrono::hours(1),
                     [&store](const Stopping& stopping) {
                       sweep_once(store, store.jobs().clock().calendar(), stopping);
                     });
}

}  // namespace sluice::logs
