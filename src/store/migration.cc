// SPDX-License-Identifier: Apache-2.0
#include "store/migration.h"

#include <spdlog/spdlog.h>

#include "store/jobs.h"

namespace sluice {
namespace {
// The events of format 1 in their order. One that cannot be read stays where it is, and `sluice
// verify` names it.
Result<Done> turn_events_into_jobs(Store& store) {
  constexpr size_t kBatchMax = 1000;
  Span rest = schema::span(schema::prefix(Family::outbox, kOutboxTable, {}));
  while (!rest.low.empty()) {
    Staged staged = store.stage();
    std::string next;
    staged.snapshot().scan(rest, false, [&](std::string_view key, std::string_view value) {
      if (staged.jobs() == kBatchMax) {
        next = key;
        return false;
      }
      const auto parts = schema::parts(key);
      auto event = parse_json_object(value);
      if (!event) {
        spdlog::error(
            "the event {} of {} cannot be read; it is kept and not delivered, see "
            "`sluice verify`",
            parts.at(1), parts.at(0));
        return true;
      }
      // Events of functions are queued by function, and a retry had its time inside the event.
      const Time due = int_of(*event, "due");
      std::string lane = text_of(*event, "function");
      staged.put_off({parts.at(0),
                      std::move(lane),
                      parts.at(1),
                      *std::move(event),
                      0,
                      {Family::outbox, std::string(key)}},
                     due);
      return true;
    });
    if (staged.jobs()) CHECK(store.commit(std::move(staged), {}));
    rest.low = std::move(next);
  }
  return Done{};
}
}  // namespace

Result<Done> migrate(Store& store, int64_t from_format) {
  if (from_format < 2) CHECK(turn_events_into_jobs(store));
  return Done{};
}

}  // namespace sluice
