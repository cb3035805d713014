// SPDX-License-Identifier: Apache-2.0
// The work on stacks, one change at a time.
#include <spdlog/spdlog.h>

#include "request/on_behalf.h"
#include "services/cloudformation/change.h"

namespace sluice::cloudformation {
namespace {
JobResult work(const Ports& ports, const Job& job, const Stopping& stopping) {
  const auto asked = members_from<Work>(job.event);
  const auto stack = ports.store->snapshot().get(stack_key(asked.stack));
  if (stack && stack->work == job.id) {
    Change(ports, *stack, job, stopping)
        .run(asked.kind, on_behalf(ports, asked.token, "cloudformation.amazonaws.com"));
    return JobResult::finished();
  }
  Staged staged = ports.store->stage();  // finished already: a job is done at least once
  staged.finish(job);
  if (auto kept = ports.store->commit(std::move(staged), {}); !kept)
    spdlog::error("a finished change of a stack could not be removed: {}", kept.error().message);
  return JobResult::finished();
}
}  // namespace

void serve_changes(const Ports& ports) {
  ports.store->jobs().serve(
      {.name = std::string(kQueue), .work = [&ports](const Job& job, const Stopping& stopping) {
         return work(ports, job, stopping);
       }});
}

}  // namespace sluice::cloudformation
