// SPDX-License-Identifier: Apache-2.0
#include "store/jobs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "base/thread_safety.h"

namespace sluice {
namespace {
constexpr int64_t kBackoffMinMs = 1000, kBackoffMaxMs = 300'000;
constexpr Time kPutOffMaxMs = kBackoffMaxMs;  // no queue puts a job off for longer
constexpr Time kTellEveryMs = 60'000;         // most jobs are kept by the same cause: say it once
constexpr auto kIdleThreadEnds = std::chrono::seconds(10);

int64_t backoff_ms(int64_t times) {
  return std::min(kBackoffMaxMs, kBackoffMinMs << std::min<int64_t>(times, 9));
}
std::string due_part(Time due) { return big_endian64(static_cast<uint64_t>(due)); }
// The first key that a job of the lane can have when it is due at `due` or later.
std::string jobs_from(std::string_view queue, std::string_view lane, Time due) {
  return schema::key(Family::outbox, kJobTable, {queue, lane, due_part(due)}).bytes;
}
std::string end_of_lane(std::string_view queue, std::string_view lane) {
  return schema::span(schema::prefix(Family::outbox, kJobTable, {queue, lane})).high;
}
}  // namespace

Key job_key(std::string_view queue, std::string_view lane, Time due, uint64_t number) {
  return schema::key(Family::outbox, kJobTable, {queue, lane, due_part(due), big_endian64(number)});
}
std::string encode_job(const Job& job) {
  return encode(StoredJob{.id = job.id, .event = job.event, .failures = job.failures});
}
std::optional<Job> decode_job(std::string_view key, std::string_view value) {
  const auto parts = schema::parts(key);
  if (parts.size() != 4) return std::nullopt;
  try {
    StoredJob stored = decode<StoredJob>(value);
    return Job{parts[0],
               parts[1],
               std::move(stored.id),
               std::move(stored.event),
               stored.failures,
               {Family::outbox, std::string(key)}};
  } catch (const UnreadableRecord&) {
    return std::nullopt;
  }
}

class Jobs::Runner {
 public:
  Runner(Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  ~Runner() { stop(); }

  void serve(Queue queue) {
    auto state = std::make_unique<QueueState>();
    state->queue = std::move(queue);
    const Telling telling{changed_};
    const MutexLock lock(mutex_);
    queues_.push_back(std::move(state));
    note_change();
  }
  void recur(std::string name, std::chrono::milliseconds first, Recurring work) {
    auto state = std::make_unique<RecurringState>();
    state->name = std::move(name);
    state->work = std::move(work);
    const Telling telling{changed_};
    const MutexLock lock(mutex_);
    shared(*state).due = now() + first.count();
    recurring_.push_back(std::move(state));
    note_change();
  }
  void wake(std::string_view name) {
    const Telling telling{changed_};
    const MutexLock lock(mutex_);
    for (const auto& one : recurring_)
      if (one->name == name) shared(*one).woken = true;
    note_change();
  }
  void clock_turned() {
    const Telling telling{changed_};
    const MutexLock lock(mutex_);
    note_change();
  }
  Time now() const { return clock_.now(); }

  void added(const Key& key) {
    const auto parts = schema::parts(key.bytes);
    const Telling telling{changed_};
    const MutexLock lock(mutex_);
    QueueState* queue = find(parts.at(0));
    if (!queue) return;
    ++shared(*queue).waiting;
    shared(*queue).added.push_back(key.bytes);
    note_change();
  }
  void removed(const Key& key) {
    const auto parts = schema::parts(key.bytes);
    const MutexLock lock(mutex_);
    QueueState* queue = find(parts.at(0));
    if (queue && shared(*queue).waiting) --shared(*queue).waiting;
  }

  void begin_stop() {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    ready_came_.notify_all();
  }
  void stop() {
    begin_stop();
    std::thread dispatcher;
    {
      const MutexLock lock(mutex_);
      dispatcher = std::move(dispatcher_);
    }
    if (dispatcher.joinable()) dispatcher.join();
    std::list<std::thread> threads;  // nobody is left who would hire another
    {
      const MutexLock lock(mutex_);
      threads.splice(threads.end(), workers_);
      threads.splice(threads.end(), retired_);
    }
    for (std::thread& t : threads) t.join();
  }

  std::vector<Status> status() const {
    const MutexLock lock(mutex_);
    std::vector<Status> out;
    for (const auto& queue : queues_) {
      const QueueState::Shared& state = shared(*queue);
      out.push_back({queue->queue.name, state.waiting, state.running, state.parked_lanes,
                     state.parked_lanes ? state.cause : ""});
    }
    return out;
  }
  std::vector<RecurringStatus> recurring() const {
    const MutexLock lock(mutex_);
    std::vector<RecurringStatus> out;
    for (const auto& one : recurring_) {
      const auto& state = shared(*one);
      out.push_back({one->name, state.running, state.woken ? now() : state.due});
    }
    return out;
  }

 private:
  // Tells the dispatcher at its end. It stands before the lock, for which he would only wait.
  struct Telling {
    ConditionVariable& dispatcher;
    ~Telling() { dispatcher.notify_one(); }
  };
  // Only the dispatcher uses this.
  struct Lane {
    // The smallest keys that were not looked at yet, of the jobs to be done at once and of those
    // that were put off; nullopt when there are none. Jobs that were taken have smaller keys.
    std::optional<std::string> at_once, put_off;
    Time put_off_due = 0;  // when the first of those is due; 0: not known yet
    std::deque<Job> returned;
    // The jobs that run and those that were returned. A job can be seen in the store before its
    // commit has announced it, and must not be taken a second time when it is announced.
    std::set<std::string> taken;
    size_t running = 0;
    size_t limit = 0;  // how many may run: fewer while the lane refuses jobs
    int64_t parks = 0;
    Time parked_until = 0;
    bool empty() const { return !at_once && !put_off && returned.empty() && !running; }
  };
  struct QueueState {
    Queue queue;
    bool begun = false;  // the jobs of an earlier run of the program are known
    std::map<std::string, Lane> lanes;
    std::string last_lane;  // a job was taken from it last, so the lane after it comes next
    Time told = 0;
    size_t untold = 0;
    struct Shared {
      std::deque<std::string> added;
      size_t waiting = 0, running = 0, parked_lanes = 0;
      std::string cause;
    } under_mutex;
  };
  struct RecurringState {
    std::string name;
    Recurring work;
    struct Shared {
      Time due = 0;
      bool running = false, woken = false;
    } under_mutex;
  };
  struct Task {
    QueueState* queue = nullptr;
    Job job;
    RecurringState* recurring = nullptr;
  };
  struct Ended {
    Task task;
    JobResult result;
  };

  // The only way to what all threads touch of a queue and of recurring work.
  QueueState::Shared& shared(QueueState& queue) const SLUICE_REQUIRES(mutex_) {
    return queue.under_mutex;
  }
  RecurringState::Shared& shared(RecurringState& recurring) const SLUICE_REQUIRES(mutex_) {
    return recurring.under_mutex;
  }

  QueueState* find(std::string_view name) SLUICE_REQUIRES(mutex_) {
    for (const auto& queue : queues_)
      if (queue->queue.name == name) return queue.get();
    return nullptr;
  }
  // The dispatcher has something to look at, of which he is told with `changed_`.
  void note_change() SLUICE_REQUIRES(mutex_) {
    dirty_ = true;
    if (!dispatcher_.joinable() && !stopping_) dispatcher_ = std::thread([this] { dispatch(); });
  }

  // ---- the dispatcher: what runs next
  void dispatch() {
    MutexLock lock(mutex_);
    while (!stopping_) {
      dirty_ = false;
      std::vector<QueueState*> queues;
      for (const auto& queue : queues_) queues.push_back(queue.get());
      Time next = take_recurring();
      const std::deque<Ended> ended = std::exchange(ended_, {});
      std::map<QueueState*, std::deque<std::string>> added;
      for (QueueState* queue : queues)
        if (queue->begun) added[queue] = std::exchange(shared(*queue).added, {});
      std::list<std::thread> retired = std::exchange(retired_, {});
      lock.unlock();
      for (std::thread& t : retired) t.join();
      std::vector<Task> tasks;
      try {
        for (const Ended& one : ended) take_back(one);
        for (auto& [queue, keys] : added)
          for (std::string& key : keys) note(*queue, std::move(key));
        for (QueueState* queue : queues) next = std::min(next, take_from(*queue, tasks));
      } catch (const std::exception& bug) {
        spdlog::error("jobs cannot be read: {}; looked at again in a second", bug.what());
        next = now() + 1000;
      }
      lock.lock();
      for (Task& task : tasks) {
        ++shared(*task.queue).running;
        ready_.push_back(std::move(task));
      }
      for (QueueState* queue : queues) count_parked(*queue);
      if (!hire()) next = std::min(next, now() + 1000);
      const size_t ready = ready_.size();
      lock.unlock();  // as many as there are tasks: who is woken for nothing costs two switches
      for (size_t told = 0; told < ready; ++told) ready_came_.notify_one();
      lock.lock();
      const auto ends = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(std::max<Time>(0, next - now()));
      while (!stopping_ && !dirty_ && changed_.wait_until(lock, ends)) {
      }
    }
  }
  // Returns when the next one is due.
  Time take_recurring() SLUICE_REQUIRES(mutex_) {
    Time next = now() + 3'600'000;
    for (const auto& one : recurring_) {
      RecurringState::Shared& state = shared(*one);
      if (state.running) continue;
      if (state.woken || state.due <= now()) {
        state.woken = false;
        state.running = true;
        ready_.push_back({nullptr, {}, one.get()});
      } else
        next = std::min(next, state.due);
    }
    return next;
  }
  void note(QueueState& queue, std::string key) {
    const auto parts = schema::parts(key);
    Lane& lane = lane_of(queue, parts.at(1));
    const bool waits = from_big_endian64(parts.at(2)) != 0;
    std::optional<std::string>& first = waits ? lane.put_off : lane.at_once;
    if (waits && (!first || key < *first)) lane.put_off_due = 0;
    if (!first || key < *first) first = std::move(key);
  }
  static Lane& lane_of(QueueState& queue, const std::string& name) {
    Lane& lane = queue.lanes[name];
    if (!lane.limit) lane.limit = queue.queue.concurrency;
    return lane;
  }
  // Finds the jobs that an earlier run of the program has left, and their lanes.
  void begin(QueueState& queue) {
    size_t left_over = 0;
    {
      const MutexLock lock(mutex_);
      shared(queue).added.clear();  // the snapshot shows them
      shared(queue).waiting = 0;
      queue.begun = true;
    }
    std::string lane;
    const Snapshot snapshot = store_.snapshot();
    snapshot.scan(schema::prefix(Family::outbox, kJobTable, {queue.queue.name}), "", false,
                  [&](std::string_view key, std::string_view) {
                    std::string name = schema::parts(key).at(1);
                    if (!left_over++ || name != lane) {
                      lane = std::move(name);
                      Lane& found = lane_of(queue, lane);
                      found.at_once = jobs_from(queue.queue.name, lane, 0);
                      found.put_off = jobs_from(queue.queue.name, lane, 1);
                    }
                    return true;
                  });
    // A commit that the snapshot shows may not have told of its jobs yet. It has when a later one
    // returns, also one of nothing.
    (void)store_.commit(store_.stage(), {}).has_value();
    const MutexLock lock(mutex_);
    for (const std::string& key : shared(queue).added)
      if (snapshot.get({Family::outbox, key})) --left_over;  // counted when it came
    shared(queue).waiting += left_over;
  }
  // An earlier run whose clock was ahead of ours has put jobs off until a time that is far away for
  // us: such a job is due after the longest time that it can have been put off for.
  void bring_near(const std::string& queue, const std::string& lane) {
    constexpr size_t kBatchMax = 1000;
    const Time latest = now() + kPutOffMaxMs;
    for (size_t brought = kBatchMax; brought == kBatchMax;) {
      brought = 0;
      Staged staged = store_.stage();
      staged.snapshot().scan(
          {Family::outbox, jobs_from(queue, lane, latest + 1), end_of_lane(queue, lane)}, false,
          [&](std::string_view key, std::string_view value) {
            if (const auto job = decode_job(key, value)) {
              staged.put_off(*job, latest);
              ++brought;
            }
            return brought < kBatchMax;
          });
      if (!brought) return;
      spdlog::warn("{} jobs of {} were due at a time that is far away by the clock: now in {} s",
                   brought, queue, kPutOffMaxMs / 1000);
      if (const auto kept = store_.commit(std::move(staged), {}); !kept) {
        spdlog::error("that could not be stored: {}", kept.error().message);
        return;
      }
    }
  }
  void take_back(const Ended& ended) {
    const auto found = ended.task.queue->lanes.find(ended.task.job.lane);
    QueueState& queue = *ended.task.queue;
    Lane& lane = found->second;
    --lane.running;
    if (!ended.result.parked) {
      lane.taken.erase(ended.task.job.key.bytes);
      lane.parks = 0;
      lane.limit = std::min(queue.queue.concurrency, lane.limit + 1);
      return;
    }
    lane.returned.push_back(ended.task.job);
    if (lane.running) {
      lane.limit = lane.running;
    } else {
      lane.limit = 1;
      lane.parked_until = now() + backoff_ms(lane.parks++);
    }
    ++queue.untold;
    if (queue.told && now() - queue.told < kTellEveryMs) return;
    spdlog::warn(
        "{} waits: {} of its runs could not be done since this was said last, this one of "
        "{}: {}",
        queue.queue.name, std::exchange(queue.untold, 0), ended.task.job.lane, ended.result.cause);
    queue.told = now();
    const MutexLock lock(mutex_);
    shared(queue).cause = ended.result.cause;
  }
  // Takes as many jobs as may run, one of each lane after the other. Returns when to look again.
  Time take_from(QueueState& queue, std::vector<Task>& tasks) {
    if (!queue.begun) {
      try {
        begin(queue);
        for (const auto& [name, lane] : queue.lanes) bring_near(queue.queue.name, name);
      } catch (const std::exception&) {
        const MutexLock lock(mutex_);
        queue.begun = false;
        throw;
      }
    }
    Time next = now() + 3'600'000;
    std::erase_if(queue.lanes, [](const auto& lane) { return lane.second.empty(); });
    size_t running = 0;
    for (const auto& [name, lane] : queue.lanes) running += lane.running;
    auto lane = queue.lanes.upper_bound(queue.last_lane);
    for (size_t idle = 0; running < queue.queue.concurrency && idle < queue.lanes.size(); ++lane) {
      if (lane == queue.lanes.end()) lane = queue.lanes.begin();
      ++idle;
      if (lane->second.running >= lane->second.limit) continue;
      if (lane->second.parked_until > now()) {
        next = std::min(next, lane->second.parked_until);
        continue;
      }
      auto job = take(queue.queue.name, lane->first, lane->second);
      if (!job) {
        if (lane->second.put_off_due) next = std::min(next, lane->second.put_off_due);
        continue;
      }
      lane->second.taken.insert(job->key.bytes);
      tasks.push_back({&queue, *std::move(job), nullptr});
      ++lane->second.running;
      ++running;
      queue.last_lane = lane->first;
      idle = 0;
    }
    return next;
  }
  std::optional<Job> take(const std::string& queue, const std::string& name, Lane& lane) {
    if (!lane.returned.empty()) {
      Job job = std::move(lane.returned.front());
      lane.returned.pop_front();
      return job;
    }
    if (lane.at_once)
      if (auto job = first_of(lane, *lane.at_once, jobs_from(queue, name, 1), lane.at_once))
        return job;
    if (!lane.put_off || lane.put_off_due > now()) return std::nullopt;
    const std::string end = end_of_lane(queue, name);
    lane.put_off_due = 0;
    store_.snapshot().scan(
        {Family::outbox, *lane.put_off, end}, false, [&](std::string_view key, std::string_view) {
          if (lane.taken.contains(std::string(key))) return true;
          lane.put_off_due = static_cast<Time>(from_big_endian64(schema::parts(key).at(2)));
          return false;
        });
    if (!lane.put_off_due) lane.put_off.reset();
    if (!lane.put_off_due || lane.put_off_due > now()) return std::nullopt;
    lane.put_off_due = 0;
    return first_of(lane, *lane.put_off, end, lane.put_off);
  }
  // The first job of the span that can be read. `rest` becomes the key after it, or nullopt.
  std::optional<Job> first_of(const Lane& lane, std::string low, const std::string& high,
                              std::optional<std::string>& rest) {
    std::optional<Job> found;
    std::optional<std::string> next;
    store_.snapshot().scan(
        {Family::outbox, std::move(low), high}, false,
        [&](std::string_view key, std::string_view value) {
          if (found) {
            next = key;
            return false;
          }
          if (lane.taken.contains(std::string(key))) return true;
          if (!(found = decode_job(key, value)))
            spdlog::error("the job {} cannot be read; it is kept and not done, see `sluice verify`",
                          hex(key));
          return true;
        });
    rest = std::move(next);
    return found;
  }
  void count_parked(QueueState& queue) SLUICE_REQUIRES(mutex_) {
    shared(queue).parked_lanes = static_cast<size_t>(
        std::count_if(queue.lanes.begin(), queue.lanes.end(),
                      [this](const auto& lane) { return lane.second.parked_until > now(); }));
  }

  // ---- the workers
  // A thread for each task that no idle one takes. false: none can be had.
  bool hire() SLUICE_REQUIRES(mutex_) {
    try {
      for (size_t threads = idle_; threads < ready_.size(); ++threads)
        workers_.emplace_back([this] { work(); });
      return true;
    } catch (const std::system_error& none) {
      spdlog::error("no thread for a job: {}", none.what());
      return false;
    }
  }
  void work() {
    MutexLock lock(mutex_);
    ++idle_;
    for (;;) {
      const auto ends = std::chrono::steady_clock::now() + kIdleThreadEnds;
      while (!stopping_ && ready_.empty() && ready_came_.wait_until(lock, ends)) {
      }
      if (stopping_ || ready_.empty()) break;
      --idle_;
      Task task = std::move(ready_.front());
      ready_.pop_front();
      lock.unlock();
      JobResult result;
      std::chrono::milliseconds again{};
      if (task.recurring)
        again = run(*task.recurring);
      else
        result = run(task);
      lock.lock();
      if (task.recurring) {
        shared(*task.recurring).running = false;
        shared(*task.recurring).due = now() + again.count();
      } else {
        --shared(*task.queue).running;
        ended_.push_back({std::move(task), std::move(result)});
      }
      ++idle_;
      note_change();
      lock.unlock();
      changed_.notify_one();
      lock.lock();
    }
    --idle_;
    if (stopping_) return;  // stop() joins
    const auto self = std::find_if(workers_.begin(), workers_.end(), [](const std::thread& t) {
      return t.get_id() == std::this_thread::get_id();
    });
    retired_.splice(retired_.end(), workers_, self);
    note_change();
    lock.unlock();
    changed_.notify_one();
  }
  bool stopping() const {
    const MutexLock lock(mutex_);
    return stopping_;
  }
  std::chrono::milliseconds run(RecurringState& recurring) {
    const ReaderName reader(recurring.name);
    try {
      return recurring.work([this] { return stopping(); });
    } catch (const std::exception& bug) {
      spdlog::error("{} failed: {}; it runs again in a minute", recurring.name, bug.what());
      return std::chrono::minutes(1);
    }
  }
  JobResult run(const Task& task) {
    const Job& job = task.job;
    const ReaderName reader(task.queue->queue.name);
    try {
      JobResult result = task.queue->queue.work(job, [this] { return stopping(); });
      if (!result.parked && !stopping() && store_.snapshot().get(job.key))
        return put_off(job, "it was left unfinished");
      return result;
    } catch (const std::exception& bug) {
      return put_off(job, bug.what());
    }
  }
  // Parked: it could not be put off, say because the store cannot be read for a moment. The job is
  // kept for the next look at its lane.
  JobResult put_off(const Job& job, const std::string& why) try {
    const int64_t delay_ms = backoff_ms(job.failures);
    spdlog::error("a job of {} failed: {}; it is done again in {} s", job.queue, why,
                  delay_ms / 1000);
    Staged staged = store_.stage();
    if (!staged.get(job.key)) return JobResult::finished();  // it was meanwhile
    Job next = job;
    ++next.failures;
    staged.put_off(next, now() + delay_ms);
    const auto kept = store_.commit(std::move(staged), {});
    if (kept) return JobResult::finished();
    if (!store_.snapshot().get(job.key)) return JobResult::finished();  // it was just now
    spdlog::error("that could not be stored: {}", kept.error().message);
    return JobResult::park(kept.error().message);
  } catch (const std::exception& bug) {
    spdlog::error("that could not be stored: {}", bug.what());
    return JobResult::park(bug.what());
  }

  Store& store_;
  const Clock& clock_;
  mutable Mutex mutex_;
  ConditionVariable changed_, ready_came_;
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false, dirty_ SLUICE_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<QueueState>> queues_ SLUICE_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<RecurringState>> recurring_ SLUICE_GUARDED_BY(mutex_);
  std::deque<Task> ready_ SLUICE_GUARDED_BY(mutex_);
  std::deque<Ended> ended_ SLUICE_GUARDED_BY(mutex_);
  size_t idle_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::list<std::thread> workers_ SLUICE_GUARDED_BY(mutex_), retired_ SLUICE_GUARDED_BY(mutex_);
  std::thread dispatcher_ SLUICE_GUARDED_BY(mutex_);
};

Jobs::Jobs(Store& store, const Clock& clock)
    : clock_(clock), runner_(std::make_unique<Runner>(store, clock)) {}
Jobs::~Jobs() = default;
void Jobs::serve(Queue queue) { runner_->serve(std::move(queue)); }
void Jobs::every(std::string name, std::chrono::milliseconds interval,
                 std::function<void(const Stopping&)> work) {
  recur(std::move(name), interval, [interval, work = std::move(work)](const Stopping& stopping) {
    work(stopping);
    return interval;
  });
}
void Jobs::recur(std::string name, std::chrono::milliseconds first, Recurring work) {
  runner_->recur(std::move(name), first, std::move(work));
}
void Jobs::wake(std::string_view name) { runner_->wake(name); }
void Jobs::clock_turned() { runner_->clock_turned(); }
void Jobs::begin_stop() { runner_->begin_stop(); }
void Jobs::stop() { runner_->stop(); }
std::vector<Jobs::Status> Jobs::status() const { return runner_->status(); }
std::vector<Jobs::RecurringStatus> Jobs::recurring() const { return runner_->recurring(); }
void Jobs::added(const Key& key) { runner_->added(key); }
void Jobs::removed(const Key& key) { runner_->removed(key); }

}  // namespace sluice
