// SPDX-License-Identifier: Apache-2.0
// Directories of earlier formats, brought up to date, whatever interrupts it.
#include "store/migration.h"

#include <rocksdb/write_batch.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "store/keyring.h"
#include "store/log.h"
#include "store/record.h"
#include "store/store_fixture.h"

namespace sluice {
namespace {

class MigrationTest : public StoreTest {
 protected:
  // Keys of several tables, and audit records, in the store of today.
  void fill_every_family(int items) {
    open();
    for (int from = 0; from < items; from += 5000) {
      Staged staged = store_->stage();
      for (int n = from; n < from + 5000; ++n)
        staged.put(schema::key(Family::items, "i", {"table", std::to_string(n)}), "an item");
      ASSERT_TRUE(store_->commit(std::move(staged), record("BatchWriteItem")));
    }
    Staged staged = store_->stage();
    staged.put(schema::key(Family::meta, "iam.role", {"reader"}), R"({"RoleName":"reader"})");
    staged.put(schema::key(Family::meta, "kms.key", {"id"}), R"({"Id":"id"})");
    staged.put(schema::key(Family::objects, "s3.version", {"bucket", std::string("k\0y", 3)}), "v");
    staged.put(schema::key(Family::logs, "e", {"group"}), "line");
    staged.put(schema::key(Family::metrics, "d", {"metric"}), "1");
    staged.enqueue({.queue = "q", .event = {{"name", "waits"}}});
    ASSERT_TRUE(store_->commit(std::move(staged), record("PutObject")));
  }
  // The same as format 2 had it: no account and no Region before the keys.
  void turn_into_format_2() {
    store_.reset();
    const std::string data = dir_ / "data";
    const auto keys = open_keyring(data, dir_ / "root.key");
    ASSERT_TRUE(keys);
    {
      const auto rocks = open_rocks(data + "/db", keys->store, options().scope);
      ASSERT_TRUE(rocks);
      for (rocksdb::ColumnFamilyHandle* family : (*rocks)->families) {
        rocksdb::WriteBatch batch;
        const std::unique_ptr<rocksdb::Iterator> it((*rocks)->db->NewIterator({}, family));
        for (it->SeekToFirst(); it->Valid(); it->Next()) {
          std::string_view key = it->key().ToStringView();
          const bool regional = key.starts_with((*rocks)->region);
          key.remove_prefix(regional ? (*rocks)->region.size() : (*rocks)->account.size());
          batch.Put(family, rocksdb::Slice(key.data(), key.size()), it->value());
          batch.Delete(family, it->key());
        }
        ASSERT_TRUE((*rocks)->db->Write({}, &batch).ok());
      }
    }
    json::object keyring = *parse_json_object(read_file(data + "/keyring.json").value());
    keyring["format"] = 2;
    ASSERT_TRUE(replace_file(data + "/keyring.json", json::serialize(keyring)));
  }
  std::map<std::string, std::string> contents() {
    std::map<std::string, std::string> out;
    const Snapshot now = store_->snapshot();
    for (const auto& [family, table] : {std::pair{Family::items, "i"},
                                        {Family::meta, "iam.role"},
                                        {Family::meta, "kms.key"},
                                        {Family::objects, "s3.version"},
                                        {Family::logs, "e"},
                                        {Family::metrics, "d"},
                                        {Family::outbox, "job"},
                                        {Family::outbox, "log.end"},
                                        {Family::audit, "audit"}})
      now.scan(schema::span(schema::prefix(family, table, {})), false,
               [&](std::string_view key, std::string_view value) {
                 out.emplace(key, value);
                 return true;
               });
    return out;
  }
};

// Killed after each of its commits, begun again each time: nothing is lost, nothing is there twice.
TEST_F(MigrationTest, KeysGetAccountAndRegionWhereverItIsInterrupted) {
  constexpr int kItems = 150'000;
  fill_every_family(kItems);
  const auto before = contents();
  ASSERT_GT(before.size(), static_cast<size_t>(kItems));
  turn_into_format_2();
  int kills = 0, status = 0;
  do {
    const pid_t child = fork();
    if (child == 0) {
      StoreOptions dying = options();
      dying.crash_point = [](std::string_view at) {
        if (at == "migrating") _exit(9);
      };
      _exit(Store::open(dying) ? 0 : 1);
    }
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    kills += WEXITSTATUS(status) == 9;
    // An older program, which would take what is moved for lost, refuses it already.
    const auto keyring = parse_json_object(read_file(dir_ / "data" / "keyring.json").value());
    ASSERT_EQ(int_of(*keyring, "format"), kFormatVersion);
  } while (WEXITSTATUS(status) != 0);
  EXPECT_GE(kills, 20);
  open();
  EXPECT_EQ(contents(), before);
  EXPECT_TRUE(store_->verify().empty());
  store_.reset();
  EXPECT_EQ(open_keyring(dir_ / "data", dir_ / "root.key")->format, kFormatVersion);
}

// What an auditor looks at is not changed by looking.
TEST_F(MigrationTest, ADirectoryOfAnEarlierFormatIsNotChangedByReadingIt) {
  fill_every_family(5000);
  turn_into_format_2();
  StoreOptions reading = options();
  reading.read_only = true;
  const auto refused = Store::open(reading);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("start `sluice serve` on it once"), std::string::npos);
}

}  // namespace
}  // namespace sluice
