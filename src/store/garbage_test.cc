// SPDX-License-Identifier: Apache-2.0
// Bodies stand in blob files, and what deleted ones leave there comes back to the disk.
#include "store/garbage.h"

#include <gtest/gtest.h>

#include <chrono>
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
  static constexpr size_t kBodyBytes = 64 << 10;
  static Key body_key(int n) { return schema::key(Family::objects, "t", {digits(n)}); }
  static std::string body(int n) { return std::string(kBodyBytes, static_cast<char>('a' + n % 7)); }
  void write_bodies(int count) {
    constexpr int kInACommit = 50;
    for (int n = 0; n < count;) {
      Staged staged = store_->stage();
      for (int i = 0; i < kInACommit && n < count; ++i, ++n) staged.put(body_key(n), body(n));
      ASSERT_TRUE(store_->commit(std::move(staged), {}));
    }
  }
  uint64_t blob_file_bytes() const {
    uint64_t sum = 0;
    std::error_code gone;  // a file may go while it is looked at
    for (const auto& file : std::filesystem::directory_iterator(dir_ / "data" / "db"))
      if (file.path().extension() == ".blob")
        if (const uint64_t bytes = file.file_size(gone); !gone) sum += bytes;
    return sum;
  }
};

TEST_F(GarbageTest, WhatDeletedBodiesLeaveComesBackToTheDisk) {
  constexpr int kBodies = 2'000, kKeptOneIn = 10;
  open();
  write_bodies(kBodies);
  open();  // what was in memory is in files now
  const uint64_t full = blob_file_bytes();
  ASSERT_GT(full, kBodies * kBodyBytes);
  Staged staged = store_->stage();
  for (int n = 0; n < kBodies; ++n)
    if (n % kKeptOneIn) staged.erase(body_key(n));
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  store_->jobs().wake(kGarbageCollection);
  const auto given_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (blob_file_bytes() > full / 4 && std::chrono::steady_clock::now() < given_up)
    std::this_thread::yield();
  EXPECT_LE(blob_file_bytes(), full / 4);
  open();
  for (int n = 0; n < kBodies; ++n)
    EXPECT_EQ(store_->snapshot().get(body_key(n)),
              n % kKeptOneIn ? std::nullopt : std::optional(body(n)));
  EXPECT_TRUE(store_->verify().empty());
}

TEST_F(GarbageTest, ASnapshotStillShowsWhatWasCollected) {
  constexpr int kBodies = 1'200;
  open();
  write_bodies(kBodies);
  const Snapshot before = store_->snapshot();
  Staged staged = store_->stage();
  for (int n = 0; n < kBodies; ++n) staged.erase(body_key(n));
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  store_->scrub(Family::objects);
  for (int n = 0; n < kBodies; n += 100) EXPECT_EQ(before.get(body_key(n)), body(n));
  EXPECT_FALSE(store_->snapshot().get(body_key(0)));
}

TEST_F(GarbageTest, AFamilySizeCountsItsBlobFiles) {
  open();
  write_bodies(100);
  open();
  for (const auto& [family, bytes] : store_->counts().bytes)
    if (family == "objects") {
      EXPECT_GT(bytes, 100 * kBodyBytes);
      EXPECT_LT(bytes, 100 * kBodyBytes + kMiB);
    }
}

}  // namespace
}  // namespace sluice
