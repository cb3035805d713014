// SPDX-License-Identifier: Apache-2.0
// The thread that works on stacks, one at a time.
#include <spdlog/spdlog.h>

#include "services/cloudformation/change.h"
#include "store/event_worker.h"

namespace sluice::cloudformation {
namespace {
class Worker : public StackWorker {
 public:
  explicit Worker(const Ports& ports) : ports_(ports) {
    worker_.take(*ports_.store, kQueue, [this](const OutboxEvent& event, const Stopping& stopping) {
      work(event, stopping);
    });
  }

 private:
  void work(const OutboxEvent& event, const Stopping& stopping) {
    const auto stack = ports_.store->snapshot().get_json(stack_key(text_of(event.event, "Stack")));
    if (!stack ||
        text_of(*stack, "Work") != event.id) {  // finished already: delivery is at least once
      Staged staged = ports_.store->stage();
      ports_.store->erase_event(staged, kQueue, event.id);
      if (auto kept = ports_.store->commit(std::move(staged), {}); !kept)
        spdlog::error("a finished change of a stack could not be removed: {}",
                      kept.error().message);
      return;
    }
    Change(ports_, *stack, event.id, stopping)
        .run(text_of(event.event, "Kind"), owner(text_of(event.event, "Token")));
  }
  // The caller who asked for the change, by the session token that the work item keeps.
  Result<Caller> owner(const std::string& token) const {
    TRY(const Session session, ports_.sessions->open(token));
    const auto role = ports_.identities->role(session.role_name, ports_.store->snapshot());
    if (!role || role->id != session.role_id)
      return validation("The role " + session.role_arn +
                        ", in whose name the stack was changed, does not exist any more.");
    return Gate::through(Gate::role_caller(session, ports_.store->scope()),
                         "cloudformation.amazonaws.com");
  }

  const Ports& ports_;
  EventWorker worker_{"a change of a stack"};  // last: it uses the rest
};
}  // namespace

std::unique_ptr<StackWorker> start_worker(const Ports& ports) {
  return std::make_unique<Worker>(ports);
}

}  // namespace sluice::cloudformation
