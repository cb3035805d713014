// SPDX-License-Identifier: Apache-2.0
#include "store/erase.h"

#include "base/bytes.h"

namespace sluice {

bool erase_span(Store& store, Span span, const Stopping& stopping,
                const std::function<void(Staged&, const std::string&)>& note) {
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
    if (note && !next.empty()) note(staged, next);
    if (count && !store.commit(std::move(staged), {})) return false;
    span.low = std::move(next);
  } while (!span.low.empty());
  return true;
}

bool truncate(Store& store, const Log& log, uint64_t first, const Stopping& stopping) {
  return erase_span(store, {log.family, log.entries().bytes, log.entry(first).bytes}, stopping);
}

namespace {
JobResult erase_all(Store& store, Job job, std::vector<Span> spans, const Stopping& stopping) {
  auto progress = members_from<ErasingProgress>(job.event);
  for (; static_cast<size_t>(progress.span) < spans.size(); ++progress.span) {
    Span& span = spans[static_cast<size_t>(progress.span)];
    if (const auto next = unbase64(progress.next_base64); next && !next->empty()) span.low = *next;
    const auto note = [&](Staged& staged, const std::string& next) {
      progress.next_base64 = base64(next);
      job.event = members_of(progress);
      staged.update(job);
    };
    if (!erase_span(store, span, stopping, note)) return JobResult::finished();
    progress.next_base64.clear();
  }
  Staged staged = store.stage();
  staged.finish(job);
  (void)store.commit(std::move(staged), {}).has_value();  // when it fails, the job is done again
  return JobResult::finished();
}
}  // namespace

void serve_erasing(Store& store, std::string queue,
                   std::function<std::vector<Span>(const json::object& event)> spans) {
  store.jobs().serve(
      {.name = std::move(queue),
       .work = [&store, spans = std::move(spans)](const Job& job, const Stopping& stopping) {
         return erase_all(store, job, spans(job.event), stopping);
       }});
}

}  // namespace sluice
