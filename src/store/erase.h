// SPDX-License-Identifier: Apache-2.0
#pragma once
// Erasing more than fits in one commit: what can no longer be read, as the items of a deleted
// table.
#include "store/jobs.h"

namespace sluice {

// In small commits, each behind the last key of the one before: what is erased stays in the way of
// whoever scans from the beginning, until the store has compacted it. `note` adds to each commit
// where the next one begins. False: stopped, or the store writes no more; the rest stays.
bool erase_span(Store& store, Span span, const Stopping& stopping,
                const std::function<void(Staged&, const std::string& next)>& note = {});

// Each job of the queue erases the spans that its event names, one after the other. The job keeps
// how far it is: after a restart it goes on there.
void serve_erasing(Store& store, std::string queue,
                   std::function<std::vector<Span>(const json::object& event)> spans);

}  // namespace sluice
