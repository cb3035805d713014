// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/history.h"

#include <atomic>
#include <random>

#include "services/dynamodb/write_item.h"
#include "services/dynamodb/one_key.h"
#include "store/store_fixture.h"

namespace sluice::dynamodb {
namespace {

using Items = std::map<std::string, std::string>;  // the value of each key

class HistoryTest : public StoreTest {
 protected:
  HistoryTest() {
    ports_.data_keys = &key_;
    ports_.store = &open();
    Staged staged = store_->stage();
    TableRecord table{.name = "table", .id = "id", .hash = "h", .hash_type = "S"};
    table.recovery.since = 1;
    staged.put(table_key("table"), table);
    EXPECT_TRUE(store_->commit(std::move(staged), {}));
  }
  StoreOptions options() const override {
    return {
        dir_ / "data", dir_ / "root.key", {}, false, {}, {}, Clock([this] { return now_.load(); })};
  }
  static json::object item(const std::string& name, const std::string& value) {
    return {{"h", {{"S", name}}}, {"v", {{"S", value}}}};
  }
  // "" in place of a value deletes the item.
  void write(const std::string& name, const std::string& value) {
    Staged staged = store_->stage();
    const Table table = *Table::open("table", staged, ports_);
    const json::object put = item(name, value);
    OldItem old(table, *table.key_of(put, false), staged);
    ASSERT_TRUE(write_item(old, value.empty() ? nullptr : &put));
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  }
  static void add(Items& items, const json::object& one) {
    const auto text = [&](const char* name) {
      return std::string(one.at(name).at("S").as_string());
    };
    EXPECT_TRUE(items.emplace(text("h"), text("v")).second) << "twice: " << text("h");
  }
  Items at(Time time, size_t key_bytes_at_once, const std::string& start = "") {
    const Snapshot snapshot = store_->snapshot();
    const Table table = *Table::open("table", snapshot, ports_);
    Items items;
    std::string last;
    const History history(table, snapshot, time, key_bytes_at_once);
    EXPECT_TRUE(history.each(start, [&](std::string_view key, const json::object& one) {
      EXPECT_LT(last, key);
      last = key;
      add(items, one);
      return true;
    }));
    return items;
  }
  // What has changed in (from, to], as the value before and the value after.
  std::map<std::string, std::pair<std::string, std::string>> between(Time from, Time to,
                                                                     size_t key_bytes_at_once) {
    const Snapshot snapshot = store_->snapshot();
    const Table table = *Table::open("table", snapshot, ports_);
    std::map<std::string, std::pair<std::string, std::string>> changed;
    const auto value = [](const std::optional<json::object>& one) {
      return one ? std::string(one->at("v").at("S").as_string()) : "";
    };
    const History history(table, snapshot, from, key_bytes_at_once);
    EXPECT_TRUE(history.each_change(to, "", [&](std::string_view, const NetChange& net) {
      const std::string name(net.keys.at("h").at("S").as_string());
      EXPECT_TRUE(changed.emplace(name, std::pair(value(net.before), value(net.after))).second);
      return true;
    }));
    return changed;
  }
  std::atomic<Time> now_ = 1000;  // which work in the background reads
  OneKey key_;
  Ports ports_;
};

// Whatever happened since, and however few keys are kept in memory at once.
TEST_F(HistoryTest, AnyMomentIsAsItWas) {
  std::mt19937 random(7);
  Items items;
  std::vector<Items> was(1);
  for (int step = 1; step <= 60; ++step) {
    now_ = 1000 + step;
    const std::string name = "k" + std::to_string(random() % 9);
    const std::string value = random() % 3 ? "v" + std::to_string(step) : "";
    write(name, value);
    if (value.empty())
      items.erase(name);
    else
      items[name] = value;
    was.push_back(items);
  }
  for (size_t key_bytes_at_once : {1u, 200u, 500u, 100'000u})
    for (size_t step = 1; step < was.size(); step += 3)
      EXPECT_EQ(at(1000 + static_cast<Time>(step), key_bytes_at_once), was[step])
          << step << " with " << key_bytes_at_once;
  for (size_t key_bytes_at_once : {1u, 300u, 100'000u})
    for (size_t from = 1; from < was.size(); from += 7)
      for (size_t to = from; to < was.size(); to += 11) {
        Items replayed = was[from];
        for (const auto& [name, change] : between(
                 1000 + static_cast<Time>(from), 1000 + static_cast<Time>(to), key_bytes_at_once)) {
          EXPECT_EQ(change.first, replayed.contains(name) ? replayed[name] : "");
          if (change.second.empty())
            replayed.erase(name);
          else
            replayed[name] = change.second;
        }
        EXPECT_EQ(replayed, was[to]);
      }
}

// A restore that was cut off goes on at a key.
TEST_F(HistoryTest, GoesOnAtAKey) {
  for (const char* name : {"a", "b", "c", "d"}) write(name, "1");
  now_ = 2000;
  const Items then = at(now_, 100'000);
  now_ = 3000;
  write("b", "");
  write("c", "2");
  write("bb", "new");
  const std::string start = item_key("id", "b").bytes;
  for (size_t key_bytes_at_once : {1u, 100'000u})
    EXPECT_EQ(at(2000, key_bytes_at_once, start), (Items{{"b", "1"}, {"c", "1"}, {"d", "1"}}));
  EXPECT_EQ(then.size(), 4u);
}
}  // namespace
}  // namespace sluice::dynamodb
