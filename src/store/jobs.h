// SPDX-License-Identifier: Apache-2.0
#pragma once
// Jobs: work that a commit asks for and that is done after it, at least once, whatever crashes. A
// job stays in the store until a commit finishes it (docs/decisions/0008-organs-of-the-store.md).
//
//   staged.enqueue({.queue = "logs.purge", .event = {{"Group", id}}});   // with the commit
//   store.jobs().serve({.name = "logs.purge", .work = erase_the_group}); // who does such jobs
//   store.jobs().every("the sweep", std::chrono::hours(1), sweep);       // work that comes again
//
// The jobs of a queue begin in commit order; a job that was put off begins when it is due. Each job
// belongs to a lane, for example the name of a function. When a job cannot be done now, and no
// other of its lane could be done either, the lane is parked; the other lanes go on. Only the jobs
// that run are in memory.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "store/record.h"

namespace sluice {

// Long work asks this between its steps. When it answers true, the work must end within a second.
using Stopping = std::function<bool()>;

struct Job {
  std::string queue, lane, id;
  json::object event;    // what to do, in the form of the queue
  int64_t failures = 0;  // how many runs threw an exception or did not finish the job
  Key key;               // where it stands in the store
};

struct JobResult {
  bool parked = false;
  std::string cause;
  // A commit of the work has finished the job (Staged::finish).
  static JobResult finished() { return {}; }
  // Nothing of this lane can be done now, for example because there is no free sandbox. When jobs
  // of the lane are running, it waits until one of them ends. Otherwise it waits for one second,
  // and each time longer, up to five minutes. Then one of its jobs is tried.
  static JobResult park(std::string cause) { return {true, std::move(cause)}; }
};

class Jobs {
 public:
  // A job whose work throws, or returns without having finished the job, is tried again after one
  // second, and each time later, up to five minutes. When it is due stands on disk.
  using Work = std::function<JobResult(const Job& job, const Stopping& stopping)>;
  struct Queue {
    std::string name;
    size_t concurrency = 1;  // how many of its jobs run at once
    Work work;
  };
  // Returns after how long it is to run again.
  using Recurring = std::function<std::chrono::milliseconds(const Stopping& stopping)>;

  struct Status {
    std::string queue;
    size_t waiting = 0;  // jobs in the store; those that run are counted too
    size_t running = 0, parked_lanes = 0;
    std::string cause;  // why one of its lanes is parked; "" when none is
  };
  struct RecurringStatus {
    std::string work;
    bool running = false;
    Time due = 0;  // by the clock of the jobs
  };

  // `clock` must outlive this object.
  Jobs(Store& store, const Clock& clock);
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // Says who does the jobs of a queue. Called once for each queue.
  void serve(Queue queue);
  // Runs `work` again and again, for the first time after one interval. An exception is logged, and
  // the work runs again after the next interval.
  void every(std::string name, std::chrono::milliseconds interval,
             std::function<void(const Stopping&)> work);
  // The same for work that says itself when it is to run again.
  void recur(std::string name, std::chrono::milliseconds first, Recurring work);
  // Recurring work runs at once. When it is running now, it runs once more afterwards.
  void wake(std::string_view name);
  const Clock& clock() const { return clock_; }
  // Called by tests that have moved their clock.
  void clock_turned();

  // From now on nothing begins, and Stopping answers true.
  void begin_stop();
  // Waits until nothing runs any more.
  void stop();

  std::vector<Status> status() const;
  std::vector<RecurringStatus> recurring() const;

  // Called by the committer after its write: the job with this key is now in the store, or gone.
  void added(const Key& key);
  void removed(const Key& key);

 private:
  class Runner;
  const Clock& clock_;
  const std::unique_ptr<Runner> runner_;
};

// The key of a job: queue, lane, when it is due (0: at once), and its number in commit order.
constexpr std::string_view kJobTable = "job";
Key job_key(std::string_view queue, std::string_view lane, Time due, uint64_t number);
// The value of a job. Its queue and its lane stand in its key.
struct StoredJob {
  static constexpr RecordType record{Family::outbox, kJobTable, 1};
  std::string id;
  json::object event;
  int64_t failures = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &StoredJob::id), member("Event", &StoredJob::event),
                      member("Failures", &StoredJob::failures)};
  }
  bool operator==(const StoredJob&) const = default;
};
std::string encode_job(const Job& job);
// nullopt when the job cannot be read.
std::optional<Job> decode_job(std::string_view key, std::string_view value);

}  // namespace sluice
