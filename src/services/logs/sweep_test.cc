// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "base/random.h"
#include "services/logs/model.h"

namespace sluice::logs {
namespace {
namespace fs = std::filesystem;
constexpr Time kNow = 1'800'000'000'000;

class SweepTest : public testing::Test {
 protected:
  SweepTest()
      : dir_(fs::temp_directory_path() / ("sluice-sweep-" + random_hex(12))),
        store_(*Store::open({dir_ / "data", dir_ / "root.key", {}, false, {}})) {}
  ~SweepTest() override {
    store_.reset();
    fs::remove_all(dir_);
  }
  void commit(const std::function<void(Staged&)>& write) {
    Staged staged = store_->stage();
    write(staged);
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  }
  // A group with one stream of its name, and events of these days ago.
  void make(const std::string& name, int64_t retention_days, std::initializer_list<int> days_ago) {
    commit([&](Staged& staged) {
      staged.put(group_key(name),
                 Group{.id = name, .name = name, .retention_days = retention_days});
      staged.put(stream_key(name, name), Stream{.id = name, .name = name});
      for (const int days : days_ago)
        staged.put(
            event_key(name, name, kNow - days * kDayMs, next_sequence(kNow, staged.snapshot())),
            "message");
    });
  }
  std::vector<int64_t> days_left(const std::string& name) {
    std::vector<int64_t> days;
    store_->snapshot().scan(schema::span(events_of(name, name)), false,
                            [&](std::string_view key, std::string_view) {
                              days.push_back((kNow - position_of(key)->time) / kDayMs);
                              return true;
                            });
    return days;
  }
  const fs::path dir_;
  std::unique_ptr<Store> store_;
};
constexpr auto kNever = [] { return false; };
using Days = std::vector<int64_t>;

TEST_F(SweepTest, ErasesWhatIsPastItsRetentionAndNothingElse) {
  make("expiring", 7, {9, 8, 7, 1});
  make("keeping", 0, {4000, 1});
  make("quiet", 7, {});
  sweep_once(*store_, kNow, kNever);
  EXPECT_EQ(days_left("expiring"), (Days{7, 1}));
  EXPECT_EQ(days_left("keeping"), (Days{4000, 1}));
}

TEST_F(SweepTest, ErasesWhatIsLeftOfAGroupOrAStreamThatIsGone) {
  for (const char* name : {"group gone", "stream gone", "there"}) make(name, 0, {1});
  commit([](Staged& staged) {
    staged.erase(group_key("group gone"));
    staged.erase(stream_key("stream gone", "stream gone"));
  });
  sweep_once(*store_, kNow, kNever);
  EXPECT_EQ(days_left("group gone"), Days{});
  EXPECT_FALSE(store_->snapshot().get(stream_key("group gone", "group gone")));
  EXPECT_EQ(days_left("stream gone"), Days{});
  EXPECT_EQ(days_left("there"), Days{1});
}

// A group whose record is lost to us is not taken for one that is gone.
TEST_F(SweepTest, ErasesNothingWhileARecordCannotBeRead) {
  make("unreadable", 0, {1});
  make("expiring", 7, {9});
  commit([](Staged& staged) {
    const Key key = group_key("unreadable");
    staged.put(key, R"({"Id": 7})");
  });
  EXPECT_THROW(sweep_once(*store_, kNow, kNever), UnreadableRecord);
  EXPECT_EQ(days_left("unreadable"), Days{1});
  EXPECT_EQ(days_left("expiring"), Days{9});
}

// A clock that runs before the first day that a retention could reach back to expires nothing.
TEST_F(SweepTest, AClockThatIsFarBehindErasesNothing) {
  make("expiring", 3653, {1});
  sweep_once(*store_, kDayMs, kNever);
  EXPECT_EQ(days_left("expiring"), Days{1});
}
}  // namespace
}  // namespace sluice::logs
