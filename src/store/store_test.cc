// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <gtest/gtest.h>
#include <rocksdb/perf_context.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/bytes.h"
#include "store/blob.h"
#include "store/erase.h"
#include "store/log.h"
#include "store/store_fixture.h"

namespace sluice {
namespace {
namespace fs = std::filesystem;

// The keys that this thread has walked over in RocksDB since the counting began, erased ones too.
uint64_t walked() {
  const rocksdb::PerfContext& seen = *rocksdb::get_perf_context();
  return seen.internal_key_skipped_count + seen.internal_delete_skipped_count;
}
void count_from_here() {
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
  rocksdb::get_perf_context()->Reset();
}

TEST_F(StoreTest, KeepsWhatWasCommittedAcrossAReopen) {
  Staged staged = open().stage();
  staged.put(key("a"), "1");
  EXPECT_EQ(staged.get(key("a")), "1");            // its own writes
  EXPECT_FALSE(store_->snapshot().get(key("a")));  // nobody else's before the commit
  ASSERT_TRUE(store_->commit(std::move(staged), record("Put")));
  EXPECT_EQ(open().snapshot().get(key("a")), "1");
  EXPECT_TRUE(store_->verify().empty());
}

TEST_F(StoreTest, RunsRacingIncrementsToTheExactTotal) {
  open();
  constexpr int kThreads = 8, kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int done = 0; done < kEach;) {
        Staged staged = store_->stage();
        const auto old = staged.get(key("counter"));
        staged.put(key("counter"), std::to_string((old ? std::stoi(*old) : 0) + 1));
        const auto committed = store_->commit(std::move(staged), {});
        if (committed)
          ++done;
        else
          ASSERT_EQ(committed.error().code, "Conflict");
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(store_->snapshot().get(key("counter")), std::to_string(kThreads * kEach));
}

// A slow upload reads its bucket and commits when thousands of others have: that alone is no
// conflict; a change of what it read is.
TEST_F(StoreTest, AnOldSnapshotConflictsOnlyWithWhatItRead) {
  open();
  Staged first = store_->stage();
  first.put(key("bucket"), "1");
  ASSERT_TRUE(store_->commit(std::move(first), {}));
  Staged slow = store_->stage(), slower = store_->stage();
  EXPECT_EQ(slow.get(key("bucket")), "1");
  EXPECT_EQ(slower.get(key("bucket")), "1");
  slow.put(key("slow"), "1");
  slower.put(key("slower"), "1");
  for (int commit = 0; commit < 20; ++commit) {
    Staged other = store_->stage();
    for (int n = 0; n < 20000; ++n)
      other.put(key("other" + std::to_string(commit * 20000 + n)), "1");
    ASSERT_TRUE(store_->commit(std::move(other), {}));
  }
  EXPECT_TRUE(store_->commit(std::move(slow), {}));
  Staged change = store_->stage();
  change.put(key("bucket"), "2");
  ASSERT_TRUE(store_->commit(std::move(change), {}));
  const auto refused = store_->commit(std::move(slower), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "Conflict");
}

// DeleteBucket looks for objects, PutObject reads the bucket: whichever commits second must see the
// first.
TEST_F(StoreTest, RefusesACommitWhosePrefixIsNoLongerEmpty) {
  open();
  const Key prefix = schema::prefix(Family::objects, "o", {"bucket"});
  Staged erase = store_->stage();
  erase.expect_empty(prefix);
  Staged put = store_->stage();
  put.put(schema::key(Family::objects, "o", {"bucket", "k"}), "x");
  ASSERT_TRUE(store_->commit(std::move(put), {}));
  const auto refused = store_->commit(std::move(erase), record("DeleteBucket"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "Conflict");
  int records = 0;
  store_->audit_scan(store_->snapshot(), 0, [&](uint64_t, std::string_view) {
    ++records;
    return true;
  });
  EXPECT_EQ(records, 0);  // a conflict leaves nothing behind
}

TEST_F(StoreTest, RefusesAWrongRootKeyANewerFormatAndASecondServer) {
  open();
  EXPECT_NE(try_open().error().message.find("another server"), std::string::npos);
  store_.reset();
  const fs::path root = dir_ / "root.key", kept = dir_ / "kept.key";
  fs::rename(root, kept);
  EXPECT_NE(try_open().error().message.find("cannot read the root key"), std::string::npos);
  std::ofstream(root) << std::string(64, 'a');
  fs::permissions(root, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_NE(try_open().error().message.find("does not belong"), std::string::npos);
  fs::rename(kept, root);
  const fs::path keyring = dir_ / "data" / "keyring.json";
  std::ofstream(keyring) << R"({"format":999,"store_key":""})";
  EXPECT_NE(try_open().error().message.find("newer Sluice"), std::string::npos);
}

TEST_F(StoreTest, ReadsSealedFilesAtAnyOffsetAndNoticesAnEdit) {
  open();
  const Secret data_key(random_bytes(32));
  const std::string plain = random_bytes(200'000);
  auto writer = store_->write_blob(data_key);
  for (size_t at = 0; at < plain.size(); at += 7001)
    ASSERT_TRUE(writer->write(std::string_view(plain).substr(at, 7001)));
  const auto blob = writer->finish();
  ASSERT_TRUE(blob);
  Staged staged = store_->stage();
  staged.adopt(*blob);
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  for (const uint64_t from : {0u, 65535u, 65536u, 131071u, 199'990u})
    EXPECT_EQ(*(*store_->read_blob(*blob, data_key))->read(from, 100), plain.substr(from, 100))
        << from;
  EXPECT_FALSE((*store_->read_blob(*blob, Secret(random_bytes(32))))->read(0, 1));
  for (const auto& file : fs::recursive_directory_iterator(dir_ / "data" / "blobs"))
    if (file.is_regular_file()) {
      std::fstream edit(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      edit.seekg(70'000);
      const char turned = static_cast<char>(~edit.get());  // what is sealed may be any byte
      edit.seekp(70'000);
      edit.put(turned);
    }
  EXPECT_TRUE((*store_->read_blob(*blob, data_key))->read(0, 10));
  EXPECT_FALSE((*store_->read_blob(*blob, data_key))->read(70'000, 10));
}

// From a MiB on a file is written in whole blocks, past the page cache. Its end is no whole block.
TEST_F(StoreTest, AFileHasTheBytesThatWereWrittenAndNoMore) {
  open();
  constexpr uint64_t kChunk = 65536, kTag = 16;
  const Secret data_key(random_bytes(32));
  const std::string all = random_bytes(3 * (1 << 20) + 1);
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kChunk, 2 * kChunk + 1, 16 * kChunk - 1,
                               16 * kChunk, 17 * kChunk, 18 * kChunk + 4096, all.size()}) {
    SCOPED_TRACE(bytes);
    auto writer = store_->write_blob(data_key);
    for (size_t at = 0; at < bytes; at += 100'001)
      ASSERT_TRUE(
          writer->write(std::string_view(all).substr(at, std::min<size_t>(100'001, bytes - at))));
    const auto blob = writer->finish();
    ASSERT_TRUE(blob);
    EXPECT_EQ(blob->bytes, bytes);
    EXPECT_EQ(fs::file_size(blob->file->path),
              bytes + kTag * std::max<uint64_t>(1, (bytes + kChunk - 1) / kChunk));
    EXPECT_TRUE(*(*store_->read_blob(*blob, data_key))->read(0, bytes) == all.substr(0, bytes));
  }
}

TEST_F(StoreTest, LeavesNoFileOfARequestThatFailed) {
  open();
  {
    auto writer = store_->write_blob(Secret(random_bytes(32)));
    ASSERT_TRUE(writer->write("half"));
  }
  {
    auto writer = store_->write_blob(Secret(random_bytes(32)));
    const auto blob = writer->finish();
    Staged staged = store_->stage();
    staged.adopt(*blob);  // and dropped
  }
  {
    auto writer = store_->write_blob(Secret(random_bytes(32)));
    const auto blob = writer->finish();  // never adopted
  }
  int files = 0;
  for (const auto& file : fs::recursive_directory_iterator(dir_ / "data" / "blobs"))
    files += file.is_regular_file();
  EXPECT_EQ(files, 0);
}

// Many writers of one key queue up in the commit: each builds on the one before it.
TEST_F(StoreTest, WritersOfOneKeyQueueUpWithoutAConflict) {
  open();
  constexpr int kWriters = 16, kEach = 200;
  const auto raise = [](Staged& staged) {
    staged.put(key("n"), std::to_string(std::stoi(staged.get(key("n")).value_or("0")) + 1));
    return record("Raise");
  };
  std::atomic<int> refused = 0;
  std::vector<std::thread> writers;
  for (int n = 0; n < kWriters; ++n)
    writers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        Staged staged = store_->stage();
        auto records = raise(staged);
        if (!store_->commit(std::move(staged), std::move(records), raise)) ++refused;
      }
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(open().snapshot().get(key("n")), std::to_string(kWriters * kEach));
  EXPECT_EQ(store_->snapshot().newest(kAuditLog), static_cast<uint64_t>(kWriters * kEach));
  EXPECT_TRUE(store_->verify().empty());
}

// What a request was allowed by is seen in its snapshot. It is not run again behind a change of
// metadata that the snapshot does not show: a policy that forbids it would stand before it.
TEST_F(StoreTest, NothingIsRunAgainBehindMetadataThatItsSnapshotDoesNotShow) {
  open();
  const Key policy = schema::key(Family::meta, "t", {"policy"});
  std::atomic<int> unseen = 0, lost = 0;
  std::vector<std::thread> callers;
  for (int n = 0; n < 8; ++n)
    callers.emplace_back([&, n] {
      for (int i = 0; i < 200; ++i) {
        Staged staged = store_->stage();
        (void)staged.get(policy);
        (void)staged.get(key("a"));
        staged.put(n % 2 ? key("a") : policy, std::to_string(n * 1000 + i));
        const auto committed = store_->commit(std::move(staged), {}, [&](Staged& fresh) {
          unseen += fresh.get(policy) != fresh.snapshot().get(policy);
          fresh.put(n % 2 ? key("a") : policy, std::to_string(n * 1000 + i));
          return std::vector<std::string>();
        });
        lost += !committed && committed.error().code == "Conflict";
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(unseen, 0);
  EXPECT_GT(lost, 0);
}

TEST_F(StoreTest, AnExceptionInTheCommitFailsTheRequestAlone) {
  open();
  Staged late = store_->stage();
  (void)late.get(key("a"));
  late.put(key("a"), "late");
  Staged early = store_->stage();
  early.put(key("a"), "early");
  ASSERT_TRUE(store_->commit(std::move(early), {}));
  const auto failed = store_->commit(std::move(late), {}, [](Staged&) -> std::vector<std::string> {
    throw std::runtime_error("a bug");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, "InternalFailure");
  EXPECT_EQ(store_->snapshot().get(key("a")), "early");
  EXPECT_FALSE(store_->failed());
}

// The newest records are missed too, at once and when others have come behind them.
// A read is answered while the writers' group is synced, and sees nothing that is not on the disk.
TEST_F(StoreTest, AReadWaitsForNoSyncAndSeesNoWriteThatIsNotSynced) {
  std::promise<void> written, go_on;
  std::atomic<bool> armed{false};
  StoreOptions held = options();
  held.crash_point = [&](std::string_view place) {
    if (place != "after sync" || !armed.exchange(false)) return;
    written.set_value();
    go_on.get_future().wait();
  };
  store_ = *Store::open(held);
  armed = true;
  std::thread writer([&] {
    Staged staged = store_->stage();
    staged.put(key("a"), "1");
    EXPECT_TRUE(store_->commit(std::move(staged), record("Write")));
  });
  written.get_future().wait();
  EXPECT_TRUE(store_->commit(store_->stage(), record("Read"), {}, Wait::until_written));
  EXPECT_EQ(store_->snapshot().get(key("a")), std::nullopt);
  go_on.set_value();
  writer.join();
  EXPECT_EQ(store_->snapshot().get(key("a")), "1");
  EXPECT_TRUE(store_->verify().empty());
}
// What changes something waits for the disk, whatever it asks for: here it is not acknowledged,
// since nothing is synced.
TEST_F(StoreTest, AWriteThatAsksNotToWaitWaitsAllTheSame) {
  std::vector<std::string> places;
  StoreOptions watched = options();
  watched.crash_point = [&](std::string_view place) { places.emplace_back(place); };
  store_ = *Store::open(watched);
  const auto synced = [&](Staged&& staged) {
    places.clear();
    EXPECT_TRUE(store_->commit(std::move(staged), record("Call"), {}, Wait::until_written));
    return std::find(places.begin(), places.end(), "after sync") != places.end();
  };
  EXPECT_FALSE(synced(store_->stage()));
  Staged write = store_->stage();
  write.put(key("a"), "1");
  EXPECT_TRUE(synced(std::move(write)));
  Staged looked = store_->stage();
  EXPECT_EQ(looked.get(key("a")), "1");
  EXPECT_TRUE(synced(std::move(looked)));
  Staged job = store_->stage();
  job.enqueue({.queue = "q"});
  EXPECT_TRUE(synced(std::move(job)));
}
// More than a group holds: whoever leads one need not be in it, and is told to lead the next.
TEST_F(StoreTest, NobodyIsForgottenInACrowdOfReadersAndWriters) {
  open();
  std::vector<std::thread> crowd;
  for (int n = 0; n < 400; ++n)
    crowd.emplace_back([&, n] {
      for (int round = 0; round < 5; ++round) {
        Staged staged = store_->stage();
        if (n % 2) staged.put(key(digits(n)), "1");
        EXPECT_TRUE(store_->commit(std::move(staged), record("Call"), {}, Wait::until_written));
      }
    });
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(keys_left(), 200);
  EXPECT_EQ(store_->snapshot().newest(kAuditLog), 2000u);
  EXPECT_TRUE(store_->verify().empty());
}

TEST_F(StoreTest, MissesAuditRecordsThatWereCutOff) {
  open();
  const auto call = [&](const char* name) {
    ASSERT_TRUE(store_->commit(store_->stage(), record(name)));
  };
  for (const char* name : {"A", "B", "C"}) call(name);
  Staged cutting = store_->stage();
  cutting.erase(kAuditLog.entry(2));
  cutting.erase(kAuditLog.entry(3));
  ASSERT_TRUE(store_->commit(std::move(cutting), {}));
  open();
  ASSERT_EQ(store_->verify().size(), 1u);
  EXPECT_EQ(store_->verify()[0].what, "audit records 2 to 3, the newest, are missing");
  call("D");
  ASSERT_EQ(store_->verify().size(), 1u);
  EXPECT_EQ(store_->verify()[0].what, "audit record 4: 2 records before it are missing");
}

// Whoever waits behind it must not wait for ever, and nobody knows what of it is on disk.
TEST_F(StoreTest, AnExceptionWhileWritingFailsTheStoreAndHangsNobody) {
  StoreOptions failing = options();
  bool armed = false;
  std::atomic<int> told = 0;
  failing.crash_point = [&](std::string_view place) {
    if (armed && place == "before write") throw std::runtime_error("a bug");
  };
  failing.on_failure = [&] { ++told; };
  store_ = *Store::open(failing);
  armed = true;
  std::vector<std::thread> writers;
  std::atomic<int> refused = 0;
  for (int n = 0; n < 8; ++n)
    writers.emplace_back([&, n] {
      Staged staged = store_->stage();
      staged.put(key(digits(n)), "1");
      const auto committed = store_->commit(std::move(staged), {});
      if (!committed && committed.error().code == "ServiceUnavailable") ++refused;
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(refused, 8);
  EXPECT_TRUE(store_->failed());
  EXPECT_GE(told, 1);
}

TEST_F(StoreTest, ALogNumbersItsEntriesInCommitOrderAlsoWhenAllWereErased) {
  constexpr Log kLog{Family::items, "changes"};
  const auto append = [&](const char* value) {
    Staged staged = store_->stage();
    staged.append(kLog, value);
    staged.append(kLog, value + std::string("'"));
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  };
  const auto entries = [&](uint64_t from, bool backwards) {
    std::string all;
    store_->snapshot().read(kLog, from, backwards, [&](uint64_t number, std::string_view value) {
      all += std::to_string(number) + std::string(value) + " ";
      return true;
    });
    return all;
  };
  open();
  EXPECT_EQ(store_->snapshot().newest(kLog), 0u);
  append("a");
  append("b");
  open();
  append("c");
  EXPECT_EQ(entries(0, false), "1a 2a' 3b 4b' 5c 6c' ");
  EXPECT_EQ(entries(5, false), "5c 6c' ");
  EXPECT_EQ(entries(2, true), "2a' 1a ");
  Staged erasing = store_->stage();
  for (uint64_t number = 1; number <= 6; ++number) erasing.erase(kLog.entry(number));
  ASSERT_TRUE(store_->commit(std::move(erasing), {}));
  open();
  append("d");
  EXPECT_EQ(entries(0, false), "7d 8d' ");
  append("e");
  EXPECT_TRUE(truncate(*store_, kLog, 9, [] { return false; }));
  EXPECT_EQ(entries(0, false), "9e 10e' ");
  open();
  append("f");
  EXPECT_EQ(entries(0, false), "9e 10e' 11f 12f' ");
}

// The logs of one table: none sees, numbers or erases the entries of another.
TEST_F(StoreTest, LogsThatShareATableHaveNothingInCommon) {
  constexpr Log kOne{Family::items, "changes", "one"}, kTwo{Family::items, "changes", "two"};
  const auto append = [&](const Log& log, const char* value) {
    Staged staged = store_->stage();
    staged.append(log, value);
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  };
  const auto entries = [&](const Log& log) {
    std::string all;
    store_->snapshot().read(log, 0, false, [&](uint64_t number, std::string_view value) {
      all += std::to_string(number) + std::string(value) + " ";
      return true;
    });
    return all;
  };
  open();
  append(kOne, "a");
  append(kTwo, "b");
  append(kOne, "c");
  EXPECT_EQ(entries(kOne), "1a 2c ");
  EXPECT_EQ(entries(kTwo), "1b ");
  EXPECT_TRUE(truncate(*store_, kOne, 3, [] { return false; }));
  open();
  EXPECT_EQ(entries(kOne), "");
  EXPECT_EQ(store_->snapshot().newest(kOne), 0u);
  EXPECT_EQ(store_->snapshot().last_number(kOne), 2u);
  EXPECT_EQ(entries(kTwo), "1b ");
  append(kOne, "d");
  EXPECT_EQ(entries(kOne), "3d ");
}

// A follower that reads on from its position sees each entry once and in order, whether it came
// before the wait, during it, or with many others.
TEST_F(StoreTest, AFollowerOfALogIsToldOfEachEntry) {
  constexpr Log kLog{Family::items, "changes"}, kOther{Family::items, "others"};
  constexpr uint64_t kEntries = 500;
  const auto in_a_minute = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  const auto never = [] { return false; };
  open();
  std::thread writer([&] {
    for (uint64_t n = 1; n <= kEntries; ++n) {
      Staged staged = store_->stage();
      staged.append(n % 3 ? kOther : kLog, "not read");
      staged.append(kLog, std::to_string(n));
      EXPECT_TRUE(store_->commit(std::move(staged), {}));
    }
  });
  std::vector<std::string> seen;
  uint64_t position = 0;
  while (seen.size() < kEntries && store_->wait_past(kLog, position, in_a_minute, never))
    store_->snapshot().read(kLog, position + 1, false,
                            [&](uint64_t number, std::string_view value) {
                              EXPECT_EQ(number, ++position);
                              if (value != "not read") seen.emplace_back(value);
                              return true;
                            });
  writer.join();
  ASSERT_EQ(seen.size(), kEntries);
  for (uint64_t n = 1; n <= kEntries; ++n) EXPECT_EQ(seen[n - 1], std::to_string(n));
}

TEST_F(StoreTest, AFollowerEndsAtItsTimeAndAtAStop) {
  constexpr Log kLog{Family::items, "changes"};
  open();
  const auto now = std::chrono::steady_clock::now();
  EXPECT_FALSE(store_->wait_past(kLog, 0, now, [] { return false; }));
  EXPECT_FALSE(store_->wait_past(kLog, 0, now + std::chrono::hours(1), [] { return true; }));
}

TEST_F(StoreTest, AScanOfASpanReadsNoKeyOutsideIt) {
  open();
  fill(9000);
  ASSERT_TRUE(erase_span(*store_, {Family::items, key("3000").bytes, key("4000").bytes},
                         [] { return false; }));
  // Beside what was erased, too: its tombstones are not walked over.
  for (const auto& [low, high] : {std::pair{"2998", "3000"}, {"4000", "4002"}, {"7000", "7002"}})
    for (const bool backwards : {false, true}) {
      count_from_here();
      std::vector<std::string> found;
      store_->snapshot().scan(Span{Family::items, key(low).bytes, key(high).bytes}, backwards,
                              [&](std::string_view bytes, std::string_view) {
                                found.push_back(schema::parts(bytes).at(0));
                                return true;
                              });
      if (backwards) std::reverse(found.begin(), found.end());
      EXPECT_EQ(found, (std::vector<std::string>{low, digits(std::stoi(low) + 1)}));
      EXPECT_LT(walked(), 20u) << low;
    }
  EXPECT_EQ(keys_left(), 8000);
}

TEST_F(StoreTest, ErasingWalksOverEachKeyOnce) {
  open();
  constexpr int kKeys = 9999;
  fill(kKeys);
  count_from_here();
  EXPECT_TRUE(erase_span(*store_, schema::span(schema::prefix(Family::items, "t", {})),
                         [] { return false; }));
  EXPECT_LT(walked(), 2u * kKeys);
  EXPECT_EQ(keys_left(), 0);
}

TEST_F(StoreTest, ErasingThatWasStoppedGoesOnWhereItWasAtTheNextStart) {
  open();
  fill(9000);
  Staged staged = store_->stage();
  staged.enqueue({.queue = "erase", .event = {{"Of", "all"}}});
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  const auto spans = [](const json::object&) {
    return std::vector{schema::span(schema::prefix(Family::items, "t", {}))};
  };
  std::promise<void> begun;
  serve_erasing(*store_, "erase", [&](const json::object& event) {
    begun.set_value();
    return spans(event);
  });
  begun.get_future().wait();
  store_->jobs().stop();
  const int left = keys_left();
  if (left > 0) {  // what was erased is never looked at again
    open();
    std::string goes_on_at;
    store_->snapshot().scan(schema::prefix(Family::outbox, kJobTable, {"erase"}), "", false,
                            [&](std::string_view key, std::string_view value) {
                              const json::object event = decode_job(key, value)->event;
                              goes_on_at =
                                  *unbase64(members_from<ErasingProgress>(event).next_base64);
                              EXPECT_EQ(event.at("Of"), "all");  // what the queue put there stays
                              return true;
                            });
    EXPECT_EQ(goes_on_at, left == 9000 ? "" : key(digits(9000 - left)).bytes);
  }
  open();
  serve_erasing(*store_, "erase", spans);
  while (count(schema::prefix(Family::outbox, kJobTable, {"erase"})) > 0) std::this_thread::yield();
  EXPECT_EQ(keys_left(), 0);
}

// A commit is all or nothing wherever the process dies: the child is killed at each place, the
// parent opens what is left.
class CrashAt : public StoreTest,
                public testing::WithParamInterface<std::pair<const char*, bool>> {};
TEST_P(CrashAt, SeesAllOrNothing) {
  const auto [place, durable] = GetParam();
  const pid_t child = fork();
  if (child == 0) {
    StoreOptions dying = options();
    bool armed = false;
    dying.crash_point = [&, where = std::string(place)](std::string_view at) {
      if (armed && at == where) _exit(9);
    };
    auto store = Store::open(dying);
    if (!store) _exit(1);
    Staged first = (*store)->stage();
    first.put(key("before"), "1");
    if (!(*store)->commit(std::move(first), record("First"))) _exit(1);
    armed = true;
    Staged second = (*store)->stage();
    second.put(key("a"), "1");
    second.put(schema::key(Family::meta, "t", {"b"}), "2");
    second.enqueue({.queue = "queue", .event = {{"n", 1}}});
    (void)(*store)->commit(std::move(second), record("Second"));
    _exit(2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  Store& store = open();
  Snapshot now = store.snapshot();
  int records = 0, events = 0;
  store.audit_scan(now, 0, [&](uint64_t, std::string_view) {
    ++records;
    return true;
  });
  now.scan(schema::prefix(Family::outbox, kJobTable, {"queue"}), "", false,
           [&](std::string_view, std::string_view) {
             ++events;
             return true;
           });
  EXPECT_EQ(now.get(key("before")), "1");
  EXPECT_EQ(now.get(key("a")).has_value(), durable);
  EXPECT_EQ(now.get(schema::key(Family::meta, "t", {"b"})).has_value(), durable);
  EXPECT_EQ(events, durable ? 1 : 0);
  EXPECT_EQ(records, durable ? 2 : 1);
  EXPECT_TRUE(store.verify().empty());
  now = {};  // before the store it looks at
}
INSTANTIATE_TEST_SUITE_P(EveryPlace, CrashAt,
                         testing::Values(std::pair{"before write", false},
                                         std::pair{"after write", true},
                                         std::pair{"after sync", true},
                                         std::pair{"after publish", true},
                                         std::pair{"after finish", true}));

TEST(Schema, SortsByPartsAndGivesThemBack) {
  const std::string zero("a\0b", 3);
  EXPECT_EQ(schema::parts(schema::key(Family::meta, "t", {zero, "", "c"}).bytes),
            (std::vector<std::string>{zero, "", "c"}));
  const auto bytes = [](std::string_view a, std::string_view b) {
    return schema::key(Family::meta, "t", {a, b}).bytes;
  };
  EXPECT_LT(bytes("a", "z"), bytes("ab", "a"));
  EXPECT_LT(bytes("a", "\xff"), bytes(zero, "a"));
  for (const std::string& begin : {std::string("a"), zero, std::string("a\0", 2)}) {
    const std::string low = schema::prefix(Family::meta, "t", {}).bytes + schema::begun(begin),
                      high = schema::after(low);
    for (const std::string& part :
         {std::string("a"), zero, zero + "\xff", std::string("a\0\xff", 3), std::string("a\0", 2),
          std::string("a\x01"), std::string("b"), std::string("a\xff\xff"), std::string()}) {
      const std::string key = schema::key(Family::meta, "t", {part}).bytes;
      EXPECT_EQ(low <= key && key < high, part.starts_with(begin)) << part << " " << begin;
    }
  }
  EXPECT_FALSE(bytes("ab", "c").starts_with(schema::prefix(Family::meta, "t", {"a"}).bytes));
}
// Two servers in one process share no cache and no sequence.
TEST_F(StoreTest, WhatIsAttachedBelongsToOneStore) {
  struct Count {
    int value = 0;
  };
  open().snapshot().attached<Count>().value = 7;
  const auto other_dir = dir_ / "other";
  const auto other = Store::open({other_dir / "data", other_dir / "root.key", {}, false});
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(store_->snapshot().attached<Count>().value, 7);
  EXPECT_EQ((*other)->snapshot().attached<Count>().value, 0);
  EXPECT_EQ(open().snapshot().attached<Count>().value, 0);  // it ended with its store
}
}  // namespace
}  // namespace sluice
