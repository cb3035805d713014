// SPDX-License-Identifier: Apache-2.0
#pragma once
// Erases more than one commit can hold, such as all items of a deleted table. Nobody may read these
// keys any more when it begins.
//
//   serve_erasing(store, "dynamodb.purge", [](const json::object& event) {
//     return std::vector{schema::span(items_of(members_from<PurgeEvent>(event).table_id))};
//   });
#include "store/jobs.h"
#include "store/log.h"

namespace sluice {

// Erases a span in small commits. Each begins after the last key of the one before, because a scan
// from the beginning is slow until RocksDB has compacted away what was erased. `note` can add to
// each commit where the next one begins. False: it was stopped, or the store writes no more; the
// rest of the span is still there.
bool erase_span(Store& store, Span span, const Stopping& stopping,
                const std::function<void(Staged&, const std::string& next)>& note = {});

// Erases the entries of a log whose numbers are below `first`, as erase_span does. The numbers go
// on.
bool truncate(Store& store, const Log& log, uint64_t first, const Stopping& stopping);

// Serves a queue whose jobs erase the spans that `spans` makes of their event, one after the other.
// The job notes how far it is, and goes on there after a restart.
void serve_erasing(Store& store, std::string queue,
                   std::function<std::vector<Span>(const json::object& event)> spans);

// The event of such a job: what the queue put there, and how far the erasing is.
struct ErasingProgress {
  int64_t span = 0;         // which of the spans is being erased
  std::string next_base64;  // the key where it goes on; "": at the beginning of the span
  json::object unknown;     // what the queue put there
  static constexpr auto members() {
    return std::tuple{member("AtSpan", &ErasingProgress::span),
                      member("AtKey", &ErasingProgress::next_base64)};
  }
};

}  // namespace sluice
