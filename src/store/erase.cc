// SPDX-License-Identifier: Apache-2.0
#include "store/erase.h"

#include <spdlog/spdlog.h>

namespace sluice {

bool erase_span(Store& store, Span span, const Stopping& stopping) {
  constexpr size_t kBatchMax = 1000;
  do {
    if (stopping()) return false;
    Staged staged = store.stage();
    size_t count = 0;
    std::string next;
    staged.snapshot().scan(span, false, [&](std::string_view key, std::string_view) {
      if (count == kBatchMax) {
        next = key;
        return false;
      }
      staged.erase({span.family, std::string(key)});
      ++count;
      return true;
    });
    if (count && !store.commit(std::move(staged), {})) return false;
    span.low = std::move(next);
  } while (!span.low.empty());
  return true;
}

void erase_on_event(EventWorker& worker, Store& store, std::string_view queue,
                    std::function<std::vector<Span>(const json::object& event)> spans) {
  worker.take(store, queue,
              [&store, queue = std::string(queue), spans = std::move(spans)](
                  const OutboxEvent& event, const Stopping& stopping) {
                for (const Span& span : spans(event.event))
                  if (!erase_span(store, span, stopping)) return;
                Staged staged = store.stage();
                store.erase_event(staged, queue, event.id);
                if (auto forgotten = store.commit(std::move(staged), {}); !forgotten)
                  spdlog::error("what was erased stays in {}: {}", queue,
                                forgotten.error().message);
              });
}

}  // namespace sluice
