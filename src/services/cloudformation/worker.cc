// The thread that works on stacks, one at a time.
#include <spdlog/spdlog.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "services/cloudformation/change.h"

namespace sluice::cloudformation {
namespace {
// What waits. Shared with the store's outbox thread, which may still deliver when the worker is
// gone.
struct Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<OutboxEvent> queue;
  std::atomic<bool> stopping{false};
};

class Worker : public StackWorker {
 public:
  explicit Worker(const Ports& ports)
      : ports_(ports),
        waiting_(std::make_shared<Waiting>()),
        stopping_([waiting = waiting_] { return waiting->stopping.load(); }),
        thread_([this] { run(); }) {
    ports_.store->on_event(kQueue, [waiting = waiting_](OutboxEvent event) {
      const std::lock_guard lock(waiting->mutex);
      waiting->queue.push_back(std::move(event));
      waiting->changed.notify_one();
    });
  }
  ~Worker() override {
    {
      const std::lock_guard lock(waiting_->mutex);
      waiting_->stopping = true;
      waiting_->changed.notify_one();
    }
    thread_.join();
  }

 private:
  void run() {
    std::unique_lock lock(waiting_->mutex);
    for (;;) {
      waiting_->changed.wait(lock,
                             [this] { return waiting_->stopping || !waiting_->queue.empty(); });
      if (waiting_->stopping) return;
      const OutboxEvent event = std::move(waiting_->queue.front());
      waiting_->queue.pop_front();
      lock.unlock();
      try {
        work(event);
      } catch (const std::exception& bug) {
        spdlog::error("a change of a stack failed: {}; it is taken up at the next start",
                      bug.what());
      }
      lock.lock();
    }
  }
  void work(const OutboxEvent& event) {
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
    Change(ports_, *stack, event.id, stopping_)
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
  const std::shared_ptr<Waiting> waiting_;
  const std::function<bool()> stopping_;
  std::thread thread_;  // last: it uses the rest
};
}  // namespace

std::unique_ptr<StackWorker> start_worker(const Ports& ports) {
  return std::make_unique<Worker>(ports);
}

}  // namespace sluice::cloudformation
