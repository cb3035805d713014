// SPDX-License-Identifier: Apache-2.0
#include "store/jobs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "base/files.h"
#include "store/log.h"
#include "store/keyring.h"
#include "store/migration.h"
#include "store/store_fixture.h"

namespace sluice {
namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

// A store whose jobs go by a clock that the test turns, and what their work did.
class JobsTest : public StoreTest {
 protected:
  ~JobsTest() override { store_.reset(); }  // before what the works write into
  StoreOptions options() const override {
    StoreOptions made = StoreTest::options();
    made.clock = Clock([this] {
      if (std::exchange(fails_here_, false)) throw std::runtime_error("the clock is broken");
      return time_.load();
    });
    return made;
  }
  void turn(int64_t ms) {
    time_ += ms;
    store_->jobs().clock_turned();
  }
  std::string enqueue(const std::string& name, const std::string& lane = "", Time due = 0) {
    Staged staged = store_->stage();
    std::string id =
        staged.enqueue({.queue = "q", .lane = lane, .event = {{"name", name}}, .due = due});
    EXPECT_TRUE(store_->commit(std::move(staged), {}));
    return id;
  }
  void finish(const Job& job) {
    Staged staged = store_->stage();
    staged.finish(job);
    EXPECT_TRUE(store_->commit(std::move(staged), {}));
  }
  void did(const Job& job) {
    const std::lock_guard lock(mutex_);
    done_.push_back(text_of(job.event, "name"));
    changed_.notify_all();
  }
  void serve(size_t concurrency, Jobs::Work work) {
    store_->jobs().serve({.name = "q", .concurrency = concurrency, .work = std::move(work)});
  }
  // Does and finishes every job.
  void serve_all() {
    serve(1, [this](const Job& job, const Stopping&) {
      finish(job);
      did(job);
      return JobResult::finished();
    });
  }
  std::vector<std::string> await(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(20), [&] { return done_.size() >= count; }));
    return done_;
  }
  Jobs::Status status() { return store_->jobs().status().at(0); }
  void await_status(const std::function<bool(const Jobs::Status&)>& wanted) {
    for (int n = 0; n < 20'000 && !wanted(status()); ++n)
      std::this_thread::sleep_for(milliseconds(1));
    EXPECT_TRUE(wanted(status()));
  }
  int in_store() { return count(schema::prefix(Family::outbox, kJobTable, {"q"})); }

  std::atomic<Time> time_{1'000'000};
  static inline thread_local bool fails_here_ = false;  // the next look at the clock on this thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> done_;
};

// Also when all came in one millisecond, and the program was started anew in between.
TEST_F(JobsTest, AreDoneInCommitOrder) {
  open();
  std::vector<std::string> wanted;
  for (int n = 0; n < 300; ++n) enqueue(wanted.emplace_back(digits(n)));
  open();
  for (int n = 300; n < 600; ++n) enqueue(wanted.emplace_back(digits(n)));
  serve_all();
  for (int n = 600; n < 900; ++n) enqueue(wanted.emplace_back(digits(n)));
  EXPECT_EQ(await(900), wanted);
  await_status([](const Jobs::Status& s) { return s.waiting == 0 && s.running == 0; });
  EXPECT_EQ(in_store(), 0);
}

// A job can be seen in the store, and taken, before its commit has told of it: it is not done
// twice.
TEST_F(JobsTest, AreDoneOnceAlsoWhenTheyAreTakenBeforeTheyAreTold) {
  std::set<std::string> released;
  std::map<std::string, int> runs;
  bool held = false;
  const auto await_that = [&](const std::function<bool()>& what) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(20), what));
  };
  const auto release = [&](const std::string& name) {
    const std::lock_guard lock(mutex_);
    released.insert(name);
    changed_.notify_all();
  };
  StoreOptions holding = options();
  holding.crash_point = [&](std::string_view place) {
    if (place == "after publish") await_that([&] { return !held; });
  };
  store_ = *Store::open(holding);
  serve(2, [&](const Job& job, const Stopping&) {
    const std::string name = text_of(job.event, "name");
    {
      const std::lock_guard lock(mutex_);
      ++runs[name];
      changed_.notify_all();
    }
    await_that([&] { return released.contains(name); });
    if (job.lane != "lane") return JobResult::park("it is held");  // ends without a commit
    finish(job);
    return JobResult::finished();
  });
  enqueue("a", "other");
  enqueue("b", "another");
  await_that([&] { return runs["a"] && runs["b"]; });
  enqueue("c", "lane");  // waits for a place
  held = true;
  std::thread committing([&] { enqueue("d", "lane"); });
  while (in_store() < 4) std::this_thread::yield();
  release("a");
  await_that([&] { return runs["c"] == 1; });
  release("b");
  await_that([&] { return runs["d"] == 1; });
  {
    const std::lock_guard lock(mutex_);
    held = false;
    changed_.notify_all();
  }
  committing.join();
  enqueue("e", "lane");
  release("c");
  await_that([&] { return runs["e"] == 1 || runs["d"] == 2; });
  EXPECT_EQ(runs["d"], 1);
  release("d");
  release("e");
  await_status([](const Jobs::Status& s) { return s.waiting == 2 && s.running == 0; });
  store_.reset();
}

// Law 6: neither an exception nor work that ends without finishing its job waits for a restart.
TEST_F(JobsTest, WhatWasNotFinishedIsDoneAgainWithGrowingDelays) {
  open();
  const std::string id = enqueue("a");
  std::vector<int64_t> failures;
  serve(1, [&](const Job& job, const Stopping&) {
    EXPECT_EQ(job.id, id);
    failures.push_back(job.failures);
    if (failures.size() == 3) finish(job);
    did(job);
    if (failures.size() == 1) throw std::runtime_error("a bug");
    return JobResult::finished();
  });
  await(1);
  await_status([](const Jobs::Status& s) { return s.running == 0; });
  turn(999);
  EXPECT_EQ(await(1).size(), 1u);
  turn(1);
  await(2);
  await_status([](const Jobs::Status& s) { return s.running == 0; });
  turn(1999);
  EXPECT_EQ(await(2).size(), 2u);
  turn(1);
  await(3);
  await_status([](const Jobs::Status& s) { return s.waiting == 0 && s.running == 0; });
  EXPECT_EQ(failures, (std::vector<int64_t>{0, 1, 2}));
}

TEST_F(JobsTest, AJobThatWasPutOffWaitsForItsTimeAlsoOverARestart) {
  open();
  enqueue("later", "", time_ + 60'000);
  enqueue("last", "", time_ + 60'001);
  serve_all();
  enqueue("first");
  EXPECT_EQ(await(1), std::vector<std::string>{"first"});
  open();
  serve_all();
  turn(59'999);
  enqueue("second");
  EXPECT_EQ(await(2).back(), "second");
  turn(2);
  EXPECT_EQ(await(4), (std::vector<std::string>{"first", "second", "later", "last"}));
}

// A machine that knows no time yet when it starts: the clock of the jobs goes on from there, and by
// it those of the run before would be due in a year.
TEST_F(JobsTest, AJobThatWasPutOffByAClockThatWasAheadWaitsFiveMinutesAtMost) {
  constexpr Time kYear = 365LL * 86'400'000, kMinute = 60'000;
  time_ += kYear;
  open();
  enqueue("later", "", time_ + 2 * kMinute);
  enqueue("last", "another lane", time_ + 2 * kMinute);
  store_.reset();
  time_ -= kYear;
  open();
  serve_all();
  enqueue("soon", "", time_ + 1 * kMinute);
  enqueue("at once");
  EXPECT_EQ(await(1), std::vector<std::string>{"at once"});
  turn(1 * kMinute);
  EXPECT_EQ(await(2).back(), "soon");  // nothing is hurried either
  turn(5 * kMinute);
  const std::vector<std::string> all = await(4);
  EXPECT_EQ(std::set(all.begin() + 2, all.end()), (std::set<std::string>{"later", "last"}));
  await_status([](const Jobs::Status& s) { return s.waiting == 0 && s.running == 0; });
}

// As when the store cannot be read for a moment: neither the program nor the job is lost.
TEST_F(JobsTest, AFailedJobThatCannotBePutOffIsDoneAgain) {
  open();
  enqueue("a");
  serve(1, [&](const Job& job, const Stopping&) {
    did(job);
    if (await(1).size() == 1) {
      fails_here_ = true;
      throw std::runtime_error("a bug");
    }
    finish(job);
    return JobResult::finished();
  });
  await(1);
  await_status([](const Jobs::Status& s) { return s.parked_lanes == 1; });
  EXPECT_EQ(status().cause, "the clock is broken");
  turn(1000);
  await(2);
  await_status([](const Jobs::Status& s) { return s.waiting == 0 && s.running == 0; });
}

// A reason that holds for the lane is found out once, and not by each of its jobs.
TEST_F(JobsTest, AParkedLaneTriesOneJobAndHoldsUpNoOther) {
  open();
  std::atomic<bool> closed = true;
  std::atomic<int> tried = 0;
  for (int n = 0; n < 100; ++n) enqueue("stuck " + digits(n), "stuck");
  serve(4, [&](const Job& job, const Stopping&) {
    if (job.lane == "stuck" && closed) {
      ++tried;
      return JobResult::park("the door is closed");
    }
    finish(job);
    did(job);
    return JobResult::finished();
  });
  await_status([](const Jobs::Status& s) { return s.parked_lanes == 1 && !s.running; });
  EXPECT_EQ(status().cause, "the door is closed");
  EXPECT_EQ(status().waiting, 100u);
  const int first = tried;
  EXPECT_LE(first, 4);
  enqueue("free", "free");
  EXPECT_EQ(await(1).back(), "free");
  turn(1000);
  await_status([&](const Jobs::Status& s) { return tried == first + 1 && s.parked_lanes == 1; });
  closed = false;
  turn(5000);
  const std::vector<std::string> all = await(101);
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 101u);
  await_status([](const Jobs::Status& s) { return s.waiting == 0 && s.parked_lanes == 0; });
}

// A function that takes two at a time gets two at a time, and no time is lost in waiting.
TEST_F(JobsTest, ALaneThatRefusesSomeGetsFewerAtOnce) {
  open();
  for (int n = 0; n < 50; ++n) enqueue(digits(n), "narrow");
  std::atomic<int> inside = 0;
  serve(8, [&](const Job& job, const Stopping&) {
    if (++inside > 2) {
      --inside;
      return JobResult::park("too many");
    }
    std::this_thread::sleep_for(milliseconds(2));
    finish(job);
    --inside;
    did(job);
    return JobResult::finished();
  });
  // Where all of a moment's jobs were refused, the lane waits a second of the clock.
  for (int n = 0; n < 20'000 && status().waiting; ++n) {
    std::this_thread::sleep_for(milliseconds(1));
    if (status().parked_lanes) turn(1000);
  }
  EXPECT_EQ(await(50).size(), 50u);
}

TEST_F(JobsTest, LongWorkHoldsUpNeitherOtherQueuesNorTheEnd) {
  open();
  std::promise<void> begun, delivered;
  serve(1, [&](const Job&, const Stopping& stopping) {
    begun.set_value();
    while (!stopping()) std::this_thread::yield();
    return JobResult::finished();
  });
  store_->jobs().serve({.name = "other", .work = [&](const Job& job, const Stopping&) {
                          finish(job);
                          delivered.set_value();
                          return JobResult::finished();
                        }});
  enqueue("long");
  Staged staged = store_->stage();
  staged.enqueue({.queue = "other"});
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  begun.get_future().wait();
  delivered.get_future().wait();  // the long work is still under way
  store_->jobs().stop();
  EXPECT_EQ(in_store(), 1);
}

// What cannot be done is not forgotten either: it stays, and verify names it.
TEST_F(JobsTest, KeepsAJobItCannotReadAndNamesIt) {
  open();
  Staged staged = store_->stage();
  staged.put(job_key("q", "", 0, 0), "{");
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  enqueue("after it");
  serve_all();
  EXPECT_EQ(await(1), std::vector<std::string>{"after it"});
  EXPECT_EQ(in_store(), 1);
  const auto findings = store_->verify();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_TRUE(findings[0].what.starts_with("a job of q (")) << findings[0].what;
}

TEST_F(JobsTest, WorkThatComesAgainSurvivesItsExceptionsAndCanBeWoken) {
  open();
  std::atomic<int> runs = 0;
  const auto await_runs = [&](int wanted) {
    for (int n = 0; n < 20'000 && runs < wanted; ++n) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(runs, wanted);
  };
  store_->jobs().every("the work", seconds(100), [&](const Stopping&) {
    if (++runs == 1) throw std::runtime_error("a bug");
  });
  turn(99'999);
  store_->jobs().every("another", seconds(1), [](const Stopping&) {});
  EXPECT_EQ(runs, 0);
  turn(1);
  await_runs(1);
  store_->jobs().wake("the work");
  await_runs(2);
}

// A directory of format 1: events of a table of their own, keyed by time and chance.
TEST_F(JobsTest, EventsOfFormat1BecomeJobsWhereverTheirMigrationIsInterrupted) {
  constexpr int kEvents = 2500;
  open();
  Staged staged = store_->stage();
  for (int n = 0; n < kEvents; ++n) {
    const json::object event{
        {"name", digits(n)}, {"function", n % 2 ? "f" : "g"}, {"due", n == 7 ? 2'000'000 : 0}};
    staged.put(schema::key(Family::outbox, kOutboxTable, {"q", "id-" + digits(n)}),
               json::serialize(event));
  }
  staged.put(schema::key(Family::outbox, kOutboxTable, {"q", "unreadable"}), "{");
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  const auto set_format_1 = [&] {
    store_.reset();
    const std::string path = dir_ / "data" / "keyring.json";
    json::object keyring = *parse_json_object(read_file(path).value());
    EXPECT_EQ(int_of(keyring, "format"), kFormatVersion);
    keyring["format"] = 1;
    ASSERT_TRUE(replace_file(path, json::serialize(keyring)));
  };
  set_format_1();
  const pid_t child = fork();
  if (child == 0) {  // killed before its second commit
    StoreOptions dying = options();
    int commits = 0;
    dying.crash_point = [&](std::string_view at) {
      if (at == "before write" && ++commits == 2) _exit(9);
    };
    (void)Store::open(dying).has_value();
    _exit(1);
  }
  int ended = 0;
  ASSERT_EQ(waitpid(child, &ended, 0), child);
  ASSERT_EQ(WEXITSTATUS(ended), 9);
  open();
  EXPECT_EQ(in_store(), kEvents);
  EXPECT_EQ(count(schema::prefix(Family::outbox, kOutboxTable, {})), 1);
  const auto findings = store_->verify();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].what, "event unreadable of q: cannot be read");
  std::vector<std::string> ids;
  serve(1, [&](const Job& job, const Stopping&) {
    ids.push_back(job.id);
    finish(job);
    did(job);
    return JobResult::finished();
  });
  await(kEvents - 1);
  turn(1'000'000);
  EXPECT_EQ(await(kEvents).back(), "0007");
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), static_cast<size_t>(kEvents));
  EXPECT_TRUE(std::find(ids.begin(), ids.end(), "id-0007") != ids.end());
  set_format_1();  // it is of format 2 again
}
}  // namespace
}  // namespace sluice
