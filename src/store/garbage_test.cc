// SPDX-License-Identifier: Apache-2.0
// Bodies stand in blob files, and what deleted ones leave there comes back to the disk.
#include "store/garbage.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <map>
#include <thread>

#include "store/store_fixture.h"

namespace sluice {
namespace {
constexpr uint64_t kMiB = 1 << 20;

// The ages of files are their order.
TEST(FilesToCollect, AreTheOldestOnesUpToWhereMostIsGained) {
  constexpr CollectFrom kHalf{10, 2};
  constexpr uint64_t kRoomForAll = 1'000;
  EXPECT_EQ(files_to_collect({}, kHalf, kRoomForAll), 0);
  EXPECT_EQ(files_to_collect({{100, 0}, {100, 0}}, kHalf, kRoomForAll), 0);
  EXPECT_EQ(files_to_collect({{100, 49}}, kHalf, kRoomForAll), 0);
  EXPECT_EQ(files_to_collect({{100, 50}}, kHalf, kRoomForAll), 1);
  // Files without garbage in front of others go with them, where that is worth it.
  EXPECT_EQ(files_to_collect({{100, 0}, {100, 90}}, kHalf, kRoomForAll), 0);
  EXPECT_EQ(files_to_collect({{100, 0}, {100, 100}}, kHalf, kRoomForAll), 2);
  // What comes behind and would gain less is left.
  EXPECT_EQ(files_to_collect({{100, 90}, {100, 60}, {100, 0}}, kHalf, kRoomForAll), 1);
  EXPECT_EQ(files_to_collect({{100, 60}, {100, 90}, {100, 0}}, kHalf, kRoomForAll), 2);
}

TEST(FilesToCollect, GainEnoughToBeWorthIt) {
  EXPECT_EQ(files_to_collect({{8, 8}}, {10, 2}, 1'000), 0);
  EXPECT_EQ(files_to_collect({{8, 8}, {8, 8}}, {10, 2}, 1'000), 2);
  EXPECT_EQ(files_to_collect({{100, 20}}, {10, 2}, 1'000), 0);
  EXPECT_EQ(files_to_collect({{100, 20}}, {10, 8}, 1'000), 1);
}

TEST(FilesToCollect, HaveTheirLiveBytesWrittenWhereThereIsRoom) {
  EXPECT_EQ(files_to_collect({{100, 60}}, {10, 2}, 39), 0);
  EXPECT_EQ(files_to_collect({{100, 60}}, {10, 2}, 40), 1);
  EXPECT_EQ(files_to_collect({{100, 60}, {100, 70}}, {10, 2}, 60), 1);
  EXPECT_EQ(files_to_collect({{100, 60}, {100, 70}}, {10, 2}, 70), 2);
}

class GarbageTest : public StoreTest {
 protected:
  static constexpr size_t kBodyBytes = 8 << 10;
  static Key body_key(int n) { return schema::key(Family::objects, "t", {digits(n)}); }
  static std::string body(int n) { return std::string(kBodyBytes, static_cast<char>('a' + n % 7)); }
  void write_bodies(int count) {
    constexpr int kInACommit = 500;
    for (int n = 0; n < count;) {
      Staged staged = store_->stage();
      for (int i = 0; i < kInACommit && n < count; ++i, ++n) staged.put(body_key(n), body(n));
      ASSERT_TRUE(store_->commit(std::move(staged), {}));
    }
  }
  std::map<std::string, uint64_t> blob_files() const {
    std::map<std::string, uint64_t> sizes;
    std::error_code gone;  // a file may go while it is looked at
    for (const auto& file : std::filesystem::directory_iterator(dir_ / "data" / "db"))
      if (file.path().extension() == ".blob")
        if (const uint64_t bytes = file.file_size(gone); !gone)
          sizes[file.path().filename()] = bytes;
    return sizes;
  }
  uint64_t blob_file_bytes() const {
    uint64_t sum = 0;
    for (const auto& [name, bytes] : blob_files()) sum += bytes;
    return sum;
  }
  void expect_one_in(int kept_one_in, int bodies) {
    const Snapshot now = store_->snapshot();
    for (int n = 0; n < bodies; ++n)
      ASSERT_EQ(now.get(body_key(n)), n % kept_one_in ? std::nullopt : std::optional(body(n)));
  }
};

TEST_F(GarbageTest, WhatDeletedBodiesLeaveComesBackToTheDisk) {
  constexpr int kBodies = 9'999, kMore = 3, kKeptOneIn = 10;
  open();
  for (int wave = 0; wave < kMore; ++wave) write_bodies(kBodies);  // the last one counts
  open();  // what was in memory is in files now
  const uint64_t full = blob_file_bytes();
  ASSERT_GT(full, kBodies * kBodyBytes);
  Staged staged = store_->stage();
  for (int n = 0; n < kBodies; ++n)
    if (n % kKeptOneIn) staged.erase(body_key(n));
  // As many keys again, so that there are enough of them to be looked for.
  for (int n = 0; n < kBodies; ++n) staged.erase(schema::key(Family::objects, "u", {digits(n)}));
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  store_->jobs().wake(kGarbageCollection);
  open();  // which breaks it off, at the latest
  expect_one_in(kKeptOneIn, kBodies);
  store_->jobs().wake(kGarbageCollection);
  const auto given_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (blob_file_bytes() > full / 4 && std::chrono::steady_clock::now() < given_up)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_LE(blob_file_bytes(), full / 4);
  expect_one_in(kKeptOneIn, kBodies);
  open();
  expect_one_in(kKeptOneIn, kBodies);
  EXPECT_TRUE(store_->verify().empty());
}

TEST_F(GarbageTest, ASnapshotStillShowsWhatWasWrittenAnew) {
  constexpr int kBodies = 2'000;
  open();
  write_bodies(kBodies);
  open();
  const auto files = blob_files();
  const Snapshot before = store_->snapshot();
  Staged staged = store_->stage();
  for (int n = 0; n < kBodies; ++n) staged.erase(body_key(n));
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  store_->scrub(Family::objects);
  for (const auto& [name, bytes] : blob_files()) EXPECT_FALSE(files.contains(name)) << name;
  for (int n = 0; n < kBodies; n += 100) EXPECT_EQ(before.get(body_key(n)), body(n));
  EXPECT_FALSE(store_->snapshot().get(body_key(0)));
}

// As many as a large store has: a file may be closed again while others are read.
TEST_F(GarbageTest, MoreFilesAreReadThanTheProcessMayHaveOpen) {
  constexpr int kFiles = 420;
  open();
  for (int n = 0; n < kFiles; ++n) {
    Staged staged = store_->stage();
    staged.put(body_key(n), body(n));
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
    store_->scrub(Family::meta);  // which writes what is in memory into files
  }
  store_.reset();
  ASSERT_GE(blob_files().size(), static_cast<size_t>(kFiles));
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  rlimit few = usual;
  few.rlim_cur = kFiles - 20;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  open();
  for (int n = 0; n < kFiles; ++n) EXPECT_EQ(store_->snapshot().get(body_key(n)), body(n)) << n;
  store_.reset();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

TEST_F(GarbageTest, TheSizeOfAFamilyCountsItsBlobFiles) {
  constexpr int kBodies = 500;
  open();
  write_bodies(kBodies);
  open();
  uint64_t objects = 0;
  for (const auto& [family, bytes] : store_->counts().bytes)
    if (family == "objects") objects = bytes;
  EXPECT_GT(objects, kBodies * kBodyBytes);
  EXPECT_LT(objects, kBodies * kBodyBytes + kMiB);
}

}  // namespace
}  // namespace sluice
