// SPDX-License-Identifier: Apache-2.0
// Bodies stand in blob files, and what deleted ones leave there comes back to the disk.
#include "store/garbage.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "store/disk_space.h"
#include "store/jobs.h"
#include "store/store_fixture.h"

namespace sluice {
namespace {
constexpr uint64_t kKiB = 1 << 10, kMiB = 1 << 20;

// Says how much room the process has: a disk on which there is nothing but one folder. It takes the
// place of the C library's statvfs below. One at a time.
class SmallDisk {
 public:
  explicit SmallDisk(const std::filesystem::path& folder) : folder_(folder) { the_disk = this; }
  ~SmallDisk() { the_disk = nullptr; }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  // From now on so much is free beside the files that are there.
  void leave(uint64_t bytes) {
    bytes_ = used() + bytes;
    least_free_ = bytes;
  }
  uint64_t free() {
    const uint64_t used_bytes = used(), all = bytes_,
                   left = all > used_bytes ? all - used_bytes : 0;
    uint64_t least = least_free_;
    while (left < least && !least_free_.compare_exchange_weak(least, left)) {
    }
    return left;
  }
  // Since there was said how much is free.
  uint64_t least_free() const { return least_free_; }

  static inline std::atomic<SmallDisk*> the_disk = nullptr;

 private:
  uint64_t used() const {
    uint64_t sum = 0;
    std::error_code gone;  // a file may go while it is looked at
    for (std::filesystem::recursive_directory_iterator file(folder_, gone), end; file != end;
         file.increment(gone))
      if (file->is_regular_file(gone))
        if (const uint64_t bytes = file->file_size(gone); !gone) sum += bytes;
    return sum;
  }
  const std::filesystem::path folder_;
  std::atomic<uint64_t> bytes_ = 0, least_free_ = 0;
};

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
  // Keys that nothing makes shorter, so that the tables are large.
  static std::vector<Key> write_long_keys(Store& store, int count) {
    std::vector<Key> keys;
    constexpr int kInACommit = 500;
    while (std::ssize(keys) < count) {
      Staged staged = store.stage();
      for (int i = 0; i < kInACommit; ++i) {
        keys.push_back(schema::key(Family::objects, "t", {random_hex(1000)}));
        staged.put(keys.back(), std::string(1024, 'b'));
      }
      EXPECT_TRUE(store.commit(std::move(staged), {}));
    }
    return keys;
  }
  static void erase(Store& store, const std::vector<Key>& keys, size_t one_in) {
    Staged staged = store.stage();
    for (size_t n = 0; n < keys.size(); n += one_in) staged.erase(keys[n]);
    ASSERT_TRUE(store.commit(std::move(staged), {}));
  }
  template <class Condition>
  static bool comes_true(const Condition& condition) {
    const auto given_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > given_up) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  uint64_t table_bytes() const { return bytes_of(".sst"); }
  std::map<std::string, uint64_t> files(std::string_view extension) const {
    std::map<std::string, uint64_t> sizes;
    std::error_code gone;  // a file may go while it is looked at
    for (const auto& file : std::filesystem::directory_iterator(dir_ / "data" / "db"))
      if (file.path().extension() == extension)
        if (const uint64_t bytes = file.file_size(gone); !gone)
          sizes[file.path().filename()] = bytes;
    return sizes;
  }
  std::map<std::string, uint64_t> blob_files() const { return files(".blob"); }
  uint64_t bytes_of(std::string_view extension) const {
    uint64_t sum = 0;
    for (const auto& [name, bytes] : files(extension)) sum += bytes;
    return sum;
  }
  uint64_t blob_file_bytes() const { return bytes_of(".blob"); }
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
  EXPECT_TRUE(comes_true([&] { return blob_file_bytes() <= full / 4; }));
  expect_one_in(kKeptOneIn, kBodies);
  open();
  expect_one_in(kKeptOneIn, kBodies);
  EXPECT_TRUE(store_->verify().empty());
}

// The more is deleted the less of the tables is written anew, so what they take now is no measure.
TEST_F(GarbageTest, ComesBackWhereTheTablesTakeMoreThanIsFree) {
  constexpr int kKeys = 20'000;
  constexpr uint64_t kFree = 32 * kMiB;
  open();
  const std::vector<Key> keys = write_long_keys(*store_, kKeys);
  open();  // what was in memory is in files now
  SmallDisk disk(dir_);
  disk.leave(0);  // nothing can be collected before all is erased
  erase(*store_, keys, 1);
  ASSERT_GT(table_bytes(), kFree / 2);
  ASSERT_GT(blob_file_bytes(), kKeys * kKiB);
  disk.leave(kFree);
  store_->jobs().wake(kGarbageCollection);
  EXPECT_TRUE(comes_true([&] { return blob_file_bytes() == 0; })) << blob_file_bytes() / kMiB;
  EXPECT_TRUE(comes_true([&] { return table_bytes() < kMiB; })) << table_bytes() / kMiB;
  EXPECT_TRUE(store_->verify().empty());
}

// What is live in the tables has to be written before they go, and it must not take the last of the
// disk: the log needs that, or the store fails.
class CrowdedDisk : public GarbageTest {
 protected:
  static constexpr uint64_t kTooLittle = 24 * kMiB;
  // A store in which a quarter is erased, on a disk with too little room for what is left.
  void prepare(uint64_t free_bytes) {
    disk_.leave(free_bytes);
    open();
    const std::vector<Key> keys = write_long_keys(*store_, 40'000);
    store_->scrub(Family::objects);  // or RocksDB might write the tables anew by itself
    erase(*store_, keys, 4);
    full_ = blob_file_bytes();
    ASSERT_GT(table_bytes(), 36 * kMiB);
    disk_.leave(kTooLittle);
    store_->jobs().wake(kGarbageCollection);
  }
  bool comes_back() {
    return comes_true([&] { return blob_file_bytes() < full_ * 7 / 8; });
  }
  bool has_reserve() const { return std::filesystem::exists(dir_ / "data" / "reserve"); }
  SmallDisk disk_{dir_};
  uint64_t full_ = 0;
};

TEST_F(CrowdedDisk, IsNotTakenToTheLastByACollection) {
  prepare(2 * kReserveBytes);
  ASSERT_FALSE(has_reserve());
  const auto waits = [&] {  // and for longer than it usually does
    for (const auto& one : store_->jobs().recurring())
      if (one.work == kGarbageCollection) return !one.running && one.due > now() + 15'000;
    return false;
  };
  EXPECT_TRUE(comes_true([&] { return disk_.least_free() < kGiveUpBytes && waits(); }));
  EXPECT_GT(disk_.least_free(), 0u);  // how much it is depends on how busy the machine is
  EXPECT_TRUE(comes_true([&] { return disk_.free() > kGiveUpBytes; })) << disk_.free();
  EXPECT_EQ(blob_file_bytes(), full_);
  EXPECT_TRUE(store_->verify().empty());
  disk_.leave(kTooLittle + kReserveBytes);
  store_->jobs().wake(kGarbageCollection);
  EXPECT_TRUE(comes_back()) << blob_file_bytes();
}

TEST_F(CrowdedDisk, HasAReserveForACollection) {
  prepare(4 * kReserveBytes);
  ASSERT_TRUE(has_reserve());
  EXPECT_TRUE(comes_back()) << blob_file_bytes();
  EXPECT_FALSE(has_reserve());
  EXPECT_GT(disk_.least_free(), 0u);
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

// It takes the place of the C library's, for this program and the libraries that it uses.
extern "C" {
int statvfs_of_a_test(const char* path, struct statvfs* facts) __asm__("statvfs");
int statvfs_of_a_test(const char* path, struct statvfs* facts) {
  struct statfs found{};
  if (syscall(SYS_statfs, path, &found) != 0) return -1;
  *facts = {};
  facts->f_frsize = facts->f_bsize = static_cast<unsigned long>(found.f_bsize);
  facts->f_blocks = found.f_blocks;
  facts->f_bfree = found.f_bfree;
  facts->f_bavail = found.f_bavail;
  if (sluice::SmallDisk* disk = sluice::SmallDisk::the_disk)
    facts->f_bfree = facts->f_bavail = disk->free() / facts->f_frsize;
  return 0;
}
}
