// SPDX-License-Identifier: Apache-2.0
#pragma once
// Jobs: work that a commit asks for and that is done after it, at least once, whatever crashes. A
// job stays in the store until a commit finishes it. docs/decisions/0008-organs-of-the-store.md
//
//   staged.enqueue({.queue = "logs.purge", .event = {{"Group", id}}});   // with the commit
//   store.jobs().serve({.name = "logs.purge", .work = erase_the_group}); // from now on
//   store.jobs().every("the sweep", std::chrono::hours(1), sweep);       // work that comes again
//
// A queue's jobs are taken in commit order, those that were put off when they are due. Each belongs
// to a lane (the function's name, say); when a job cannot be done for a reason that holds for its
// whole lane, the lane is parked and no other is held up. In memory are only the jobs that run.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "store/record.h"

namespace sluice {

// Long work asks it between its steps, and ends within a second when it says true.
using Stopping = std::function<bool()>;

struct Job {
  std::string queue, lane, id;
  json::object event;    // what to do; the queue's own
  int64_t failures = 0;  // runs that threw, or left it where it was
  Key key;               // where it stands
};

struct JobResult {
  bool parked = false;
  std::string cause;
  // A commit of the work has finished the job (Staged::finish).
  static JobResult finished() { return {}; }
  // Nothing of this lane can be done now: for "no sandbox", "too many requests". The lane waits for
  // those of its own that run, or, when none does, from one second to five minutes, growing; then
  // one job of it tries.
  static JobResult park(std::string cause) { return {true, std::move(cause)}; }
};

class Jobs {
 public:
  // A job whose work throws, or returns and leaves the job where it is, is put off on disk by one
  // second to five minutes, growing.
  using Work = std::function<JobResult(const Job& job, const Stopping& stopping)>;
  struct Queue {
    std::string name;
    size_t concurrency = 1;  // how many of its jobs run at once
    Work work;
  };
  // Returns after how long to run again.
  using Recurring = std::function<std::chrono::milliseconds(const Stopping& stopping)>;

  struct Status {
    std::string queue;
    size_t waiting = 0;  // jobs in the store, those that run included
    size_t running = 0, parked_lanes = 0;
    std::string cause;  // why a lane is parked; "" when none is
  };

  // `clock`: milliseconds; null: the wall clock as it was at the start, and monotonic from there.
  Jobs(Store& store, std::function<Time()> clock);
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  void serve(Queue queue);  // once a queue
  // First after one interval. An exception is logged, and the work runs again.
  void every(std::string name, std::chrono::milliseconds interval,
             std::function<void(const Stopping&)> work);
  void recur(std::string name, std::chrono::milliseconds first, Recurring work);
  void wake(std::string_view name);  // recurring work runs at once, or again when it is under way
  Time now() const;                  // the clock of due times
  void clock_turned();               // a clock of a test went on

  void begin_stop();  // nothing more begins; Stopping says true
  void stop();        // waits for what runs

  std::vector<Status> status() const;

  // The committer's word, after the write: the job with this key is in the store, or gone.
  void added(const Key& key);
  void removed(const Key& key);

 private:
  class Runner;
  const std::unique_ptr<Runner> runner_;
};

// Where a job stands: by queue, lane, when it is due (0: at once), and its number in commit order.
constexpr std::string_view kJobTable = "job";
Key job_key(std::string_view queue, std::string_view lane, Time due, uint64_t number);
// Its value; queue and lane stand in its key.
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
// nullopt: it cannot be read.
std::optional<Job> decode_job(std::string_view key, std::string_view value);

}  // namespace sluice
