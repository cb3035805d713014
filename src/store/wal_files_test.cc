// SPDX-License-Identifier: Apache-2.0
#include "store/wal_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/files.h"
#include "base/random.h"
#include "store/forgetting_disk.h"

namespace sluice {
namespace {
namespace fs = std::filesystem;
constexpr size_t kHeadBytes = 32;  // of a frame

class WalFilesTest : public testing::Test {
 protected:
  WalFilesTest() { fs::create_directories(path_.parent_path()); }
  ~WalFilesTest() override { fs::remove_all(dir_); }
  std::unique_ptr<rocksdb::FSWritableFile> begin() {
    std::unique_ptr<rocksdb::FSWritableFile> out;
    EXPECT_TRUE(files_->NewWritableFile(path_, {}, &out, nullptr).ok());
    return out;
  }
  static void append(rocksdb::FSWritableFile& log, const std::string& bytes) {
    EXPECT_TRUE(log.Append(bytes, {}, nullptr).ok());
  }
  static void sync(rocksdb::FSWritableFile& log) { EXPECT_TRUE(log.Sync({}, nullptr).ok()); }
  // Read in pieces that are no frames; "damaged" when reading fails so.
  std::string content(size_t piece = 1000) const {
    std::unique_ptr<rocksdb::FSSequentialFile> log;
    EXPECT_TRUE(files_->NewSequentialFile(path_, {}, &log, nullptr).ok());
    std::string out, scratch(piece, '\0');
    for (;;) {
      rocksdb::Slice got;
      const auto status = log->Read(piece, {}, &got, scratch.data(), nullptr);
      if (status.IsCorruption()) return "damaged";
      EXPECT_TRUE(status.ok()) << status.ToString();
      if (got.empty()) return out;
      out += got.ToStringView();
    }
  }
  uint64_t content_size() const {
    uint64_t size = 0;
    EXPECT_TRUE(files_->GetFileSize(path_, {}, &size, nullptr).ok());
    return size;
  }
  void turn_a_bit(uint64_t at) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
  }

  const fs::path dir_ = fs::temp_directory_path() / ("sluice-wal-" + random_hex(12));
  fs::path path_ = dir_ / "live" / "000004.log";
  const std::shared_ptr<rocksdb::FileSystem> files_ =
      with_wal_files(rocksdb::FileSystem::Default());
};

TEST_F(WalFilesTest, HoldWhatWasAppended) {
  const auto log = begin();
  std::string all;
  EXPECT_EQ(content(), "");
  // Around a page, a page of frames, and past all that was written ahead.
  for (const size_t size :
       std::initializer_list<size_t>{1, 4096, 4094, 64, 4064, 70'000, 3'000'000, 5}) {
    const std::string bytes = random_bytes(size);
    append(*log, bytes);
    all += bytes;
    if (size % 2) sync(*log);
    EXPECT_EQ(content(), all) << size;
    EXPECT_EQ(content_size(), all.size());
    EXPECT_EQ(log->GetFileSize({}, nullptr), all.size());
  }
  std::unique_ptr<rocksdb::FSSequentialFile> again;
  ASSERT_TRUE(files_->NewSequentialFile(path_, {}, &again, nullptr).ok());
  ASSERT_TRUE(again->Skip(5'000).ok());
  std::string scratch(10, '\0');
  rocksdb::Slice got;
  ASSERT_TRUE(again->Read(10, {}, &got, scratch.data(), nullptr).ok());
  EXPECT_EQ(got.ToStringView(), all.substr(5'000, 10));
  EXPECT_TRUE(again->Skip(all.size()).ok());  // past the end
}

// This is what they are for: a sync of a file that grew waits for the file system's journal.
TEST_F(WalFilesTest, SeldomGrow) {
  const ForgettingDisk disk(dir_ / "live");  // where syncs take no time
  const auto log = begin();
  std::set<uintmax_t> sizes;
  constexpr size_t kGroups = 3'000, kGroupBytes = 1'000;
  for (size_t n = 0; n < kGroups; ++n) {
    append(*log, std::string(kGroupBytes, 'x'));
    sync(*log);
    sizes.insert(fs::file_size(path_));
  }
  EXPECT_LT(sizes.size(), 10u);
  EXPECT_LT(*sizes.begin(), 100'000u);  // a small store stays small
  EXPECT_LT(*sizes.rbegin(), kGroups * (kGroupBytes + 2 * kHeadBytes) + (1u << 20) + 4096);
}

// Zeros are bytes, too.
TEST_F(WalFilesTest, HaveNoZerosAheadOfLargeGroups) {
  const auto log = begin();
  append(*log, std::string(1'000'000, 'x'));
  EXPECT_LT(fs::file_size(path_), 1'010'000u);
}

// What has a name that is no log's is as it was.
TEST_F(WalFilesTest, AreLogsOnly) {
  std::unique_ptr<rocksdb::FSWritableFile> table;
  const std::string path = path_.parent_path() / "000004.sst";
  ASSERT_TRUE(files_->NewWritableFile(path, {}, &table, nullptr).ok());
  append(*table, "table");
  ASSERT_TRUE(table->Close({}, nullptr).ok());
  EXPECT_EQ(read_file(path), "table");
  ASSERT_TRUE(files_->DeleteFile(path, {}, nullptr).ok());
  EXPECT_FALSE(fs::exists(path));
}

// A log that is made anew has nothing of one that had its name.
TEST_F(WalFilesTest, BeginEmpty) {
  append(*begin(), "old and long");
  append(*begin(), "new");
  EXPECT_EQ(content(), "new");
}

// Nothing was noted in it: what was stopped cleanly can be opened by an older version too.
TEST_F(WalFilesTest, StayEmptyWhenNothingWasNoted) {
  const auto log = begin();
  append(*log, std::string(4096, 'p'));  // the prefix of the encryption
  sync(*log);
  ASSERT_TRUE(log->Close({}, nullptr).ok());
  EXPECT_EQ(fs::file_size(path_), 0u);
}

// Every byte of what was synced counts, whatever comes behind it: it is damage, and not the end.
TEST_F(WalFilesTest, DamageToWhatWasSyncedIsNoEnd) {
  {
    const auto log = begin();
    append(*log, "first");
    append(*log, "second");
    sync(*log);
  }
  constexpr uint64_t kSynced = 2 * kHeadBytes + 11;
  for (uint64_t at = 0; at < kSynced; ++at) {
    turn_a_bit(at);
    EXPECT_EQ(content(), "damaged") << at;
    turn_a_bit(at);
  }
  EXPECT_EQ(content(), "firstsecond");
  turn_a_bit(kSynced);  // what says so is not needed where all else is whole
  EXPECT_EQ(content(), "firstsecond");
}

// A power cut leaves any part of them.
TEST_F(WalFilesTest, BytesThatWereNotSyncedAreNoDamage) {
  {
    const auto log = begin();
    append(*log, "first");
    sync(*log);
    for (const char* more : {"second", "third", "fourth"}) append(*log, more);
  }
  constexpr uint64_t kSecond = kHeadBytes + 5 + kHeadBytes, kThird = kSecond + kHeadBytes + 6;
  turn_a_bit(kThird + 3);
  EXPECT_EQ(content(), "firstsecond");
  turn_a_bit(kSecond + kHeadBytes + 3);
  EXPECT_EQ(content(), "first");
  EXPECT_EQ(content_size(), 5u);
  turn_a_bit(kThird + 3);  // whole again, but behind a hole
  EXPECT_EQ(content(), "first");
}

// Nor are those of which a sync failed, whatever came later.
TEST_F(WalFilesTest, WhatASyncFailedForIsNotSynced) {
  ForgettingDisk disk(dir_ / "live");
  const auto log = begin();
  append(*log, "first");
  disk.fail_at(disk.calls(), EIO);
  EXPECT_TRUE(log->Sync({}, nullptr).IsIOError());
  append(*log, "second");
  EXPECT_EQ(content(), "firstsecond");
  turn_a_bit(kHeadBytes);
  EXPECT_EQ(content(), "");
}

// What is in a log must not be on the disk without what is in the one before it.
TEST_F(WalFilesTest, ALogIsSyncedBeforeTheNextOneHasContent) {
  ForgettingDisk disk(dir_ / "live");
  const std::string prefix(4096, 'p');  // of the encryption
  std::vector<std::unique_ptr<rocksdb::FSWritableFile>> logs;
  std::vector<std::string> names;
  for (const char* name : {"000004.log", "000005.log", "000006.log"}) {
    names.emplace_back(name);
    path_ = dir_ / "live" / name;
    logs.push_back(begin());
    append(*logs.back(), prefix);
    if (names.size() != 2) append(*logs.back(), name);  // one never has any
  }
  const auto syncs = [&] {
    std::vector<std::string> synced;
    for (size_t n = 0; n < disk.calls(); ++n)
      if (disk.call(n).starts_with("sync")) synced.push_back(disk.call(n));
    return synced;
  };
  const std::vector<std::string> before{"sync 000004.log", "sync 000005.log"};
  EXPECT_EQ(syncs(), before);
  ForgettingDisk::Files files = disk.after(disk.calls(), ForgettingDisk::Keeps::names);
  path_ = dir_ / "000004.log";
  std::ofstream(path_, std::ios::binary) << *files.at("000004.log");
  EXPECT_EQ(content_size(), prefix.size() + names[0].size());
  append(*logs.back(), "more");
  EXPECT_EQ(syncs(), before);  // once
}

TEST_F(WalFilesTest, ALogHasNoContentWhenTheOneBeforeItIsLost) {
  ForgettingDisk disk(dir_ / "live");
  const std::string prefix(4096, 'p');
  const auto first = begin();
  append(*first, prefix + "first");
  path_ = dir_ / "live" / "000005.log";
  const auto second = begin();
  append(*second, prefix);
  disk.fail_at(disk.calls(), EIO);
  EXPECT_TRUE(second->Append("second", {}, nullptr).IsIOError());
  EXPECT_TRUE(second->Append("second", {}, nullptr).IsIOError());  // a later sync brings nothing
  EXPECT_EQ(content().size(), prefix.size());
  path_ = dir_ / "live" / "000006.log";
  const auto third = begin();
  append(*third, prefix);
  EXPECT_TRUE(third->Append("third", {}, nullptr).IsIOError());
}

// One that RocksDB has closed is synced, or nothing in it is needed.
TEST_F(WalFilesTest, ALogThatIsGoneKeepsNoneFromBeingWritten) {
  const ForgettingDisk disk(dir_ / "live");
  append(*begin(), std::string(5'000, 'x'));
  path_ = dir_ / "live" / "000005.log";
  const auto second = begin();
  append(*second, std::string(5'000, 'y'));
  for (size_t n = 0; n < disk.calls(); ++n) EXPECT_FALSE(disk.call(n).starts_with("sync")) << n;
}

// What says that a page was synced stands behind it, so of the last page nothing does.
TEST_F(WalFilesTest, APageThatIsLostIsDamageWhenAnotherOneFollows) {
  const std::string group = random_bytes(4096 - 2 * kHeadBytes);
  {
    const auto log = begin();
    for (int n = 0; n < 3; ++n) {
      append(*log, group);
      sync(*log);
    }
  }
  const std::string bytes = *read_file(path_);
  const auto lose = [&](size_t page) {
    std::string some = bytes;
    some.replace(page * 4096, 4096, 4096, '\0');
    std::ofstream(path_, std::ios::binary) << some;
  };
  lose(0);
  EXPECT_EQ(content(), "damaged");
  lose(1);
  EXPECT_EQ(content(), "damaged");
  lose(2);
  EXPECT_EQ(content(), group + group);
}

// An error of the disk is no end. What is a folder cannot be read.
TEST_F(WalFilesTest, WhatCannotBeReadIsNoEnd) {
  fs::create_directory(path_);
  std::unique_ptr<rocksdb::FSSequentialFile> log;
  EXPECT_TRUE(files_->NewSequentialFile(path_, {}, &log, nullptr).IsIOError());
  uint64_t size = 0;
  EXPECT_TRUE(files_->GetFileSize(path_, {}, &size, nullptr).IsIOError());
}

// Else it would be opened once more, and be read as an older version's.
TEST_F(WalFilesTest, WhatCannotBeOpenedIsNotReadAsItIs) {
  append(*begin(), "content");
  ForgettingDisk disk(dir_ / "live");
  std::unique_ptr<rocksdb::FSSequentialFile> log;
  disk.fail_at(disk.calls(), ENFILE);
  EXPECT_TRUE(files_->NewSequentialFile(path_, {}, &log, nullptr).IsIOError());
  EXPECT_EQ(content(), "content");
}

// RocksDB opens the log that it has recovered, to cut off what was set aside behind its content.
TEST_F(WalFilesTest, AreNotCutOff) {
  append(*begin(), "content");
  std::unique_ptr<rocksdb::FSWritableFile> log;
  EXPECT_TRUE(files_->ReopenWritableFile(path_, {}, &log, nullptr).IsNotSupported());
}

// A frame stands at one place: what was copied from elsewhere is not read as one.
TEST_F(WalFilesTest, AFrameIsReadInItsPlaceOnly) {
  {
    const auto log = begin();
    append(*log, "first");
    append(*log, "later");
  }
  std::string bytes = *read_file(path_);
  bytes.replace(kHeadBytes + 5, kHeadBytes + 5, bytes, 0, kHeadBytes + 5);
  std::ofstream(path_, std::ios::binary) << bytes;
  EXPECT_EQ(content(), "first");
}

// As an older version has left them.
TEST_F(WalFilesTest, LogsWithoutFramesAreReadAsTheyAre) {
  const std::string bytes = random_bytes(10'000);
  std::ofstream(path_, std::ios::binary) << bytes;
  EXPECT_EQ(content(), bytes);
  EXPECT_EQ(content_size(), bytes.size());
}

// Where there is room for what is appended and for no more, that is room enough.
TEST_F(WalFilesTest, NeedNoRoomAhead) {
  ForgettingDisk disk(dir_ / "live");
  const auto log = begin();
  disk.fail_at(disk.calls() + 1, ENOSPC);  // behind the bytes themselves
  append(*log, "first");
  EXPECT_EQ(fs::file_size(path_), 4096u);
  append(*log, "second");
  EXPECT_EQ(content(), "firstsecond");
  disk.fail_at(disk.calls(), ENOSPC);
  EXPECT_TRUE(log->Append("no room", {}, nullptr).IsNoSpace());
  append(*log, "third");
  EXPECT_EQ(content(), "firstsecondthird");
  disk.fail_at(disk.calls() + 1, ENOSPC);  // the frame that says that all was synced
  sync(*log);
  disk.fail_at(disk.calls(), EIO);
  EXPECT_TRUE(log->Sync({}, nullptr).IsIOError());
}
}  // namespace
}  // namespace sluice
