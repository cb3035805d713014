// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/write_item.h"

#include "services/dynamodb/one_key.h"
#include "store/store_fixture.h"

namespace sluice::dynamodb {
namespace {

class WriteItemTest : public StoreTest {
 protected:
  WriteItemTest() {
    ports_.data_keys = &key_;
    ports_.store = &open();
    Staged staged = store_->stage();
    staged.put(table_key("table"),
               TableRecord{.name = "table", .id = "id", .hash = "h", .hash_type = "S"});
    EXPECT_TRUE(store_->commit(std::move(staged), {}));
  }
  static json::object item(int64_t n) {
    return {{"h", {{"S", "a"}}}, {"n", {{"N", std::to_string(n)}}}};
  }
  Table table(Staged& staged) { return *Table::open("table", staged, ports_); }
  OldItem old_item(const Table& table, Staged& staged) {
    return {table, *table.key_of(item(0), false), staged};
  }
  // Puts item(n) without a look at what is there.
  void put(Staged& staged, int64_t n) {
    const Table open = table(staged);
    OldItem old = old_item(open, staged);
    const json::object put = item(n);
    ASSERT_TRUE(write_item(old, &put));
  }
  bool commit(Staged&& staged) { return store_->commit(std::move(staged), {}).has_value(); }
  OneKey key_;
  Ports ports_;
};

TEST_F(WriteItemTest, TheOldItemStaysAsItWasReadWhateverIsWritten) {
  Staged first = store_->stage();
  put(first, 1);
  ASSERT_TRUE(commit(std::move(first)));

  Staged second = store_->stage();
  const Table open = table(second);
  OldItem old = old_item(open, second);
  const json::object* before = *old.read();
  ASSERT_TRUE(before);
  ASSERT_TRUE(write_item(old, nullptr));
  EXPECT_EQ(*before, item(1));
  EXPECT_EQ(*old.read(), before);
  ASSERT_TRUE(commit(std::move(second)));

  Staged third = store_->stage();
  OldItem gone = old_item(open, third);
  EXPECT_EQ(*gone.read(), nullptr);
}

// A BatchWriteItem reads no items, and so it neither waits for the store nor for other writers.
TEST_F(WriteItemTest, AWriteForWhichNobodyAsksReadsNothing) {
  Staged first = store_->stage(), second = store_->stage();
  put(first, 1);
  put(second, 2);
  EXPECT_TRUE(commit(std::move(first)));
  EXPECT_TRUE(commit(std::move(second)));
}

TEST_F(WriteItemTest, WhoeverAskedIsAskedAgainWhenTheItemChanges) {
  Staged first = store_->stage(), second = store_->stage();
  const Table open = table(second);
  OldItem old = old_item(open, second);
  ASSERT_EQ(*old.read(), nullptr);
  put(first, 1);
  ASSERT_TRUE(commit(std::move(first)));
  ASSERT_TRUE(write_item(old, nullptr));
  EXPECT_FALSE(commit(std::move(second)));
}

// A table whose items have an entry by their number, which holds nothing else but the keys.
class IndexTest : public WriteItemTest {
 protected:
  IndexTest() {
    Staged staged = store_->stage();
    auto record = *staged.get(table_key("table"));
    record.indexes.push_back({.name = "by-n",
                              .id = "index",
                              .global = true,
                              .hash = "n",
                              .hash_type = "N",
                              .projection = "KEYS_ONLY"});
    staged.put(table_key("table"), record);
    EXPECT_TRUE(commit(std::move(staged)));
  }
  void write(const json::object* item) {
    Staged staged = store_->stage();
    const Table open = table(staged);
    OldItem old = old_item(open, staged);
    ASSERT_TRUE(write_item(old, item));
    ASSERT_TRUE(commit(std::move(staged)));
  }
  // What the index holds.
  std::vector<std::string> entries() {
    Staged staged = store_->stage();
    const Table open = table(staged);
    std::vector<std::string> found;
    staged.snapshot().scan(entries_of("index"), "", false,
                           [&](std::string_view key, std::string_view sealed) {
                             found.push_back(json::serialize(*open.open_item(key, sealed)));
                             return true;
                           });
    return found;
  }
};

TEST_F(IndexTest, AnEntryComesMovesAndGoesWithItsItem) {
  json::object one = item(1);
  one["other"] = {{"S", "x"}};
  write(&one);
  EXPECT_EQ(entries(), std::vector{json::serialize(item(1))});
  const json::object two = item(2);
  write(&two);
  EXPECT_EQ(entries(), std::vector{json::serialize(item(2))});
  const json::object without{{"h", {{"S", "a"}}}};
  write(&without);
  EXPECT_TRUE(entries().empty());
  write(&two);
  write(nullptr);
  EXPECT_TRUE(entries().empty());
}

// Whoever writes must know which entry is to go.
TEST_F(IndexTest, TwoWritersOfOneItemMeet) {
  Staged first = store_->stage(), second = store_->stage();
  put(first, 1);
  put(second, 2);
  EXPECT_TRUE(commit(std::move(first)));
  EXPECT_FALSE(commit(std::move(second)));
  EXPECT_EQ(entries(), std::vector{json::serialize(item(1))});
}

// As CreateTable of 0.9 wrote it.
TEST(TableRecord, ReadsWhatOlderProgramsWrote) {
  const TableRecord ranged{.name = "t",
                           .id = "u",
                           .created = 1795894201000,
                           .hash = "h",
                           .hash_type = "S",
                           .range = "r",
                           .range_type = "N",
                           .kms_key_arn = "arn",
                           .wrapped_data_key = "d3JhcHBlZA=="};
  EXPECT_EQ(
      decode<TableRecord>(
          R"({"Name":"t","Id":"u","Created":1795894201000,"Range":"r","RangeType":"N","Hash":"h",)"
          R"("HashType":"S","Wrapped":"d3JhcHBlZA==","KmsArn":"arn"})"),
      ranged);
  EXPECT_EQ(decode<TableRecord>(encode(ranged)), ranged);
  EXPECT_EQ(
      decode<TableRecord>(R"({"Name":"t","Id":"u","Created":1,"Range":"","RangeType":"",)"
                          R"("Hash":"h","HashType":"S","Wrapped":"d3JhcHBlZA==","KmsArn":""})"),
      (TableRecord{.name = "t",
                   .id = "u",
                   .created = 1,
                   .hash = "h",
                   .hash_type = "S",
                   .wrapped_data_key = "d3JhcHBlZA=="}));
}

}  // namespace
}  // namespace sluice::dynamodb
