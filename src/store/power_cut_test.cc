// SPDX-License-Identifier: Apache-2.0
// A small history of a store on a disk that forgets: a power cut behind each of its calls, and each
// of its calls failing. Whatever is on the disk then opens, has every commit that was acknowledged,
// and of the one after it all or nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "base/files.h"
#include "base/random.h"
#include "store/forgetting_disk.h"
#include "store/jobs.h"
#include "store/log.h"

namespace sluice {
namespace {
namespace fs = std::filesystem;
using Keeps = ForgettingDisk::Keeps;

constexpr Log kChanges{Family::items, "changes"};
constexpr uint64_t kObjectBytes = 1'200'001;  // its end goes past the page cache (blob.cc)
const Key kItems = schema::prefix(Family::items, "t", {});
const Key kPointer = schema::key(Family::objects, "t", {"object"});
const Key kTag = schema::key(Family::meta, "t", {"tag"});
// Its value is long enough to stand in a blob file of RocksDB.
const Key kBody = schema::key(Family::objects, "t", {"body"});
constexpr size_t kBodyBytes = 2'000;
Key item(int step) { return schema::key(Family::items, "t", {std::to_string(step)}); }

// What a store holds, as the history writes it.
struct Contents {
  std::string items, tag, object, body, changes, jobs;
  int records = 0;
  bool operator==(const Contents&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Contents& has) {
  return out << "items " << has.items << ", tag " << has.tag << ", object " << has.object
             << ", body " << has.body << ", changes " << has.changes << ", jobs " << has.jobs
             << ", records " << has.records;
}

class PowerCut : public testing::Test {
 protected:
  PowerCut() { fs::create_directory(dir_); }
  ~PowerCut() override { fs::remove_all(dir_); }
  // The root key is in a folder that is there, the data in one that is made for it.
  static StoreOptions options(const fs::path& folder) {
    return {folder / "home" / "data", folder / "keys" / "root.key", {}, false, {}};
  }
  static void prepare(const fs::path& folder) {
    fs::remove_all(folder);
    fs::create_directories(folder / "keys");
    EXPECT_TRUE(sync_folder_of(folder / "keys"));
  }
  static Secret data_key() { return Secret(std::string(32, 'k')); }
  // What is simulated need not be on a disk.
  static fs::path in_memory() {
    std::error_code missing;
    const fs::path memory = "/dev/shm";
    const fs::space_info room = fs::space(memory, missing);
    return !missing && room.available > (1 << 30) ? memory : fs::temp_directory_path();
  }
  const fs::path dir_ = in_memory() / ("sluice-power-" + random_hex(12));

  // Blob files are opened when they are first read. When that is the call that fails, the read
  // does, and the next one does not.
  static std::optional<std::string> body_in(const Snapshot& now) {
    try {
      return now.get(kBody);
    } catch (const std::runtime_error&) {
      return now.get(kBody);
    }
  }
  static Contents contents(Store& store) {
    const Snapshot now = store.snapshot();
    Contents out;
    now.scan(kItems, "", false, [&](std::string_view, std::string_view value) {
      out.items += value;
      return true;
    });
    out.tag = now.get(kTag).value_or("");
    const auto fill_of = [](const std::string& bytes) {
      return bytes.find_first_not_of(bytes.front()) == std::string::npos ? bytes.substr(0, 1)
                                                                         : "mixed";
    };
    if (const auto id = now.get(kPointer)) {
      const auto reader = store.read_blob({*id, kObjectBytes}, data_key());
      const auto bytes = reader ? (*reader)->read(0, kObjectBytes) : reader.error();
      out.object = bytes ? fill_of(*bytes) : bytes.error().message;
    }
    if (const auto body = body_in(now)) out.body = fill_of(*body);
    now.read(kChanges, 0, false, [&](uint64_t number, std::string_view value) {
      out.changes += std::to_string(number) + ":" + std::string(value) + " ";
      return true;
    });
    now.scan(schema::prefix(Family::outbox, kJobTable, {}), "", false,
             [&](std::string_view key, std::string_view value) {
               const auto job = decode_job(key, value);
               out.jobs += job ? job->queue : "?";
               return true;
             });
    store.audit_scan(now, 0, [&](uint64_t, std::string_view) {
      ++out.records;
      return true;
    });
    return out;
  }

  // One commit of the history. False: it was not acknowledged.
  static bool step(Store& store, int number) {
    std::optional<BlobRef> object;
    const char fill = static_cast<char>('a' + number);
    if (number == 1 || number == 3) {
      const auto writer = store.write_blob(data_key());
      if (!writer->write(std::string(kObjectBytes, fill))) return false;
      auto finished = writer->finish();
      if (!finished) return false;
      object = *std::move(finished);
    }
    Staged staged = store.stage();
    staged.put(item(number), std::string(1, fill));
    staged.put(kTag, std::to_string(number));
    staged.put(kBody, std::string(kBodyBytes, fill));
    staged.append(kChanges, std::string(1, fill));
    if (object) {
      if (const auto old = staged.get(kPointer)) staged.release({*old, kObjectBytes});
      staged.adopt(*object);
      staged.put(kPointer, object->id);
    }
    if (number == 2) {
      staged.enqueue({.queue = "first"});
      staged.enqueue({.queue = "second"});
    }
    if (number == 4) {
      staged.erase(item(0));
      staged.erase(kChanges.entry(1));
      std::optional<Job> first;
      staged.snapshot().scan(schema::prefix(Family::outbox, kJobTable, {"first"}), "", false,
                             [&](std::string_view key, std::string_view value) {
                               first = decode_job(key, value);
                               return false;
                             });
      staged.finish(*first);
    }
    return store.commit(std::move(staged), {R"({"eventName":")" + std::to_string(number) + R"("})"})
        .has_value();
  }
  static constexpr int kSteps = 6;
  // All of it. The store is opened twice, and once more whenever a call failed it: as the server
  // is. `acknowledged`(steps, store): they are done, 0 when the store was opened. `closed`: it was.
  template <class Acknowledged>
  static void run_history(
      const fs::path& folder, const Acknowledged& acknowledged,
      const std::function<void()>& closed = [] {}) {
    int done = 0;
    for (int starts = 0; done < kSteps && starts < 5; ++starts) {
      if (const auto store = Store::open(options(folder))) {
        done = contents(**store).records;
        acknowledged(static_cast<size_t>(done), **store);
        for (const int until = starts ? kSteps : 4; done < until && step(**store, done);) {
          acknowledged(static_cast<size_t>(++done), **store);
          if (done == 3) (*store)->scrub(Family::items);    // files of tables, and a new log
          if (done == 5) (*store)->scrub(Family::objects);  // and blob files written anew
        }
      }
      closed();
    }
    EXPECT_EQ(done, kSteps);
  }

  // What a store holds after each number of steps.
  std::vector<Contents> whole_history() {
    std::vector<Contents> out(size_t{kSteps} + 1);
    prepare(dir_ / "undisturbed");
    run_history(dir_ / "undisturbed",
                [&](size_t steps, Store& store) { out.at(steps) = contents(store); });
    return out;
  }
  // By which call each number of steps was acknowledged.
  using Calls = std::map<size_t, size_t>;
  // What is on the disk after the call `cut`: every commit that was acknowledged, and of the one
  // after it all or nothing.
  void expect_whole(const ForgettingDisk& disk, size_t cut, Keeps keeps,
                    const std::vector<Contents>& history, const Calls& acknowledged) {
    size_t least = 0;
    for (const auto& [steps, calls] : acknowledged)
      if (calls <= cut) least = steps;
    std::pair seen(disk.after(cut, keeps), least);
    if (seen == seen_last_) return;
    seen_last_ = std::move(seen);
    SCOPED_TRACE(std::to_string(cut) + " calls, the last: " + (cut ? disk.call(cut - 1) : "") +
                 "; keeps " + std::to_string(static_cast<int>(keeps)));
    const fs::path after = dir_ / "after";
    lay_out(seen_last_.first, after);
    const auto store = Store::open(options(after));
    ASSERT_TRUE(store) << store.error().message;
    const Contents found = contents(**store);
    const auto steps = static_cast<size_t>(found.records);
    EXPECT_GE(steps, least);
    EXPECT_LE(steps, least + 1);
    ASSERT_LT(steps, history.size());
    EXPECT_EQ(found, history[steps]);
    const auto findings = (*store)->verify();
    EXPECT_TRUE(findings.empty()) << findings[0].what;
    // And it goes on.
    Staged more = (*store)->stage();
    more.put(item(99), "1");
    EXPECT_TRUE((*store)->commit(std::move(more), {R"({"eventName":"more"})"}));
  }

 private:
  std::pair<ForgettingDisk::Files, size_t> seen_last_;
};

TEST_F(PowerCut, LosesNothingThatWasAcknowledgedBehindWhicheverCallItComes) {
  const std::vector<Contents> history = whole_history();
  const ForgettingDisk disk(dir_ / "live");
  prepare(dir_ / "live");
  const size_t prepared = disk.calls();
  Calls acknowledged;
  run_history(dir_ / "live",
              [&](size_t steps, Store&) { acknowledged.try_emplace(steps, disk.calls()); });
  for (const Keeps keeps :
       {Keeps::nothing, Keeps::names, Keeps::half, Keeps::holes, Keeps::everything})
    for (size_t cut = prepared; cut <= disk.calls() && !HasFailure(); ++cut)
      expect_whole(disk, cut, keeps, history, acknowledged);
}

// Behind whichever call of a start that has a log to recover, until it has written what was in it.
TEST_F(PowerCut, LosesNothingThatWasAcknowledgedWhileALogIsRecovered) {
  const std::vector<Contents> history = whole_history();
  ForgettingDisk disk(dir_ / "live");
  prepare(dir_ / "live");
  Calls acknowledged;
  size_t failed = 0;
  run_history(dir_ / "live", [&](size_t steps, Store&) {
    acknowledged.try_emplace(steps, disk.calls());
    if (steps != 2 || failed) return;
    failed = disk.calls();
    disk.fail_at(failed, EIO);  // the log: what is in memory is not written when the store closes
  });
  for (const Keeps keeps : {Keeps::nothing, Keeps::half, Keeps::holes, Keeps::everything})
    for (size_t cut = failed; cut <= disk.calls() && !HasFailure(); ++cut)
      expect_whole(disk, cut, keeps, history, acknowledged);
}

// The power is cut when the store that failed was closed, and when the one after it was.
TEST_F(PowerCut, LosesNothingThatWasAcknowledgedWhicheverCallFails) {
  const std::vector<Contents> history = whole_history();
  for (size_t call = 0, calls = 1; call < calls && !HasFailure(); ++call) {
    ForgettingDisk disk(dir_ / "live");
    prepare(dir_ / "live");
    call = std::max(call, disk.calls());
    const int error = call % 2 ? EIO : ENOSPC;
    disk.fail_at(call, error);
    Calls acknowledged;
    std::vector<size_t> cuts;
    run_history(
        dir_ / "live", [&](size_t steps, Store&) { acknowledged.try_emplace(steps, disk.calls()); },
        [&] { cuts.push_back(disk.calls()); });
    calls = disk.calls();
    if (call >= calls) break;
    SCOPED_TRACE(std::string(strerror(error)) + " at call " + std::to_string(call) + ", " +
                 disk.call(call));
    for (const size_t cut : cuts)
      if (cut > call) expect_whole(disk, cut, Keeps::nothing, history, acknowledged);
  }
}

// Past the page cache a large body goes in whole blocks, and through it where the file system
// refuses such blocks. After any other error nothing of it is there.
TEST_F(PowerCut, ALargeBodyGoesPastThePageCacheWhereItCan) {
  ForgettingDisk disk(dir_ / "live");
  prepare(dir_ / "live");
  const auto opened = Store::open(options(dir_ / "live"));
  ASSERT_TRUE(opened);
  const std::string plain = random_bytes(kObjectBytes);
  const auto write = [&] {
    const auto writer = (*opened)->write_blob(data_key());
    const auto written = writer->write(plain);
    return written ? writer->finish() : Result<BlobRef>(written.error());
  };
  const auto is_whole = [&](const Result<BlobRef>& body) {
    return body && *(*(*opened)->read_blob(*body, data_key()))->read(0, kObjectBytes) == plain;
  };
  EXPECT_TRUE(is_whole(write()));
  if (disk.direct_writes() == 0) GTEST_SKIP() << "this file system has no such way";
  const size_t before = disk.direct_writes();
  disk.fail_next_direct_write(EINVAL);
  EXPECT_TRUE(is_whole(write()));
  EXPECT_EQ(disk.direct_writes(), before + 1);  // and no second
  disk.fail_next_direct_write(ENOSPC);
  const auto failed = write();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, "ServiceUnavailable");
}

// A read's record is in the log when the read is answered, and on the disk within 20 ms, or with
// the next write. A process that dies loses none; a power cut no more than those that came since.
TEST_F(PowerCut, LosesRecordsOfReadsAloneAndOnlyUntilTheNextSync) {
  const ForgettingDisk disk(dir_ / "live");
  prepare(dir_ / "live");
  const auto read = [](Store& store) {
    return store.commit(store.stage(), {R"({"eventName":"Read"})"}, {}, Wait::until_written)
        .has_value();
  };
  struct Mark {
    size_t calls;
    int records, synced;  // that were acknowledged, and those among them that must be there
  };
  std::vector<Mark> marks;
  {
    const auto opened = Store::open(options(dir_ / "live"));
    ASSERT_TRUE(opened);
    Store& store = **opened;
    int records = 0, synced = 0;
    const auto mark = [&](bool all) {
      ++records;
      if (all) synced = records;
      marks.push_back({disk.calls(), records, synced});
    };
    for (int round = 0; round < 3; ++round) {
      for (int n = 0; n < 4; ++n) {
        ASSERT_TRUE(read(store));
        mark(false);
      }
      ASSERT_TRUE(step(store, round));
      mark(true);
    }
    ASSERT_TRUE(read(store));
    mark(false);
    const auto is_synced = [&] {  // by nobody's call: the store's own within its time
      const size_t seen = disk.calls();
      for (size_t n = marks.back().calls; n < seen; ++n)
        if (disk.call(n).starts_with("sync")) return true;
      return false;
    };
    for (int ms = 0; ms < 5'000 && !is_synced(); ++ms)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(is_synced()) << disk.call(disk.calls() - 1);
    marks.push_back({disk.calls(), records, records});
  }
  for (const Keeps keeps : {Keeps::nothing, Keeps::half, Keeps::holes, Keeps::everything})
    for (const Mark& mark : marks) {
      lay_out(disk.after(mark.calls, keeps), dir_ / "after");
      const auto store = Store::open(options(dir_ / "after"));
      ASSERT_TRUE(store) << store.error().message;
      const int found = contents(**store).records;
      EXPECT_GE(found, keeps == Keeps::everything ? mark.records : mark.synced);
      EXPECT_LE(found, mark.records);
      EXPECT_TRUE((*store)->verify().empty());
    }
}

// A log is begun while records of reads stand at the end of the one before it, which nobody has
// synced. What is in the new one must not be on the disk without them: the chain would have a hole.
TEST_F(PowerCut, LeavesNoHoleInTheChainBetweenTwoLogs) {
  const ForgettingDisk disk(dir_ / "live");
  prepare(dir_ / "live");
  {
    const auto opened = Store::open(options(dir_ / "live"));
    ASSERT_TRUE(opened);
    std::atomic<bool> done = false;
    std::thread reader([&] {
      while (!done)
        EXPECT_TRUE((*opened)->commit((*opened)->stage(), {R"({"eventName":"Read"})"}, {},
                                      Wait::until_written));
    });
    for (int round = 0; round < 10; ++round) {
      EXPECT_TRUE(step(**opened, 5));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      (*opened)->scrub(Family::metrics);  // which begins a new log
    }
    done = true;
    reader.join();
  }
  // When a log is synced and a later one was begun, the power is cut just before that.
  std::set<std::string> logs;
  for (size_t n = 0; n < disk.calls() && !HasFailure(); ++n) {
    const std::string call = disk.call(n);
    if (call.starts_with("make ") && call.ends_with(".log")) logs.insert(call.substr(5));
    if (!call.starts_with("sync ") || !call.ends_with(".log") || call.substr(5) >= *logs.rbegin())
      continue;
    SCOPED_TRACE(std::to_string(n) + ": " + call);
    lay_out(disk.after(n, Keeps::latest), dir_ / "after");
    const auto store = Store::open(options(dir_ / "after"));
    ASSERT_TRUE(store) << store.error().message;
    const auto findings = (*store)->verify();
    EXPECT_TRUE(findings.empty()) << findings[0].what;
  }
  EXPECT_GE(logs.size(), 10u);
}

// What it would write behind the first beginning reads, by chance, as a broken log.
TEST_F(PowerCut, AnEmptyLogIsNotBegunASecondTime) {
  const ForgettingDisk disk(dir_ / "live");
  prepare(dir_ / "live");
  for (int starts = 0; starts < 2; ++starts) ASSERT_TRUE(Store::open(options(dir_ / "live")));
  for (size_t n = 0; n < disk.calls(); ++n)
    EXPECT_FALSE(disk.call(n).ends_with(".log, 4096 bytes at 4096")) << n;
}

// Where a process died after it had made a folder, the next one finds it, and its name may not be
// on disk.
TEST_F(PowerCut, KeepsAnObjectInAFolderThatAnotherProcessMade) {
  const fs::path live = dir_ / "live";
  const ForgettingDisk disk(live);
  prepare(live);
  const auto store = Store::open(options(live));
  ASSERT_TRUE(store);
  for (int n = 0; n < 256; ++n)
    fs::create_directory(live / "home" / "data" / "blobs" / hex(std::string(1, char(n))));
  ASSERT_TRUE(step(**store, 1));
  lay_out(disk.after(disk.calls(), Keeps::nothing), dir_ / "after");
  const auto again = Store::open(options(dir_ / "after"));
  ASSERT_TRUE(again);
  EXPECT_EQ(contents(**again).object, "b");
  EXPECT_TRUE((*again)->verify().empty());
}
}  // namespace
}  // namespace sluice
