// SPDX-License-Identifier: Apache-2.0
#pragma once
// Erasing more than fits in one commit: what can no longer be read, as the items of a deleted
// table.
#include "store/event_worker.h"

namespace sluice {

// In small commits, each behind the last key of the one before: what is erased stays in the way of
// whoever scans from the beginning, until the store has compacted it. False: stopped, or the store
// writes no more; the rest stays.
bool erase_span(Store& store, Span span, const Stopping& stopping);

// Erases the spans that each event of the queue names, then the event.
void erase_on_event(EventWorker& worker, Store& store, std::string_view queue,
                    std::function<std::vector<Span>(const json::object& event)> spans);

}  // namespace sluice
