// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include "policy/policy_set.h"
#include "store/store_fixture.h"

namespace sluice {
namespace {

struct Part {
  std::string id;
  uint64_t bytes = 0;
  static constexpr auto members() {
    return std::tuple{member("Id", &Part::id), member("Bytes", &Part::bytes)};
  }
  bool operator==(const Part&) const = default;
};
struct Thing {
  static constexpr RecordType record{Family::meta, "test.thing", 2};
  std::string name;
  int64_t limit = 7;
  bool open = false;
  double share = 0;
  std::optional<std::string> note;
  std::vector<Part> parts;
  std::map<std::string, std::string> tags;
  json::object policy;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &Thing::name), member("Limit", &Thing::limit),
                      member("Open", &Thing::open), member("Share", &Thing::share),
                      member("Note", &Thing::note), member("Parts", &Thing::parts),
                      member("Tags", &Thing::tags), member("Policy", &Thing::policy)};
  }
  static void upgrade(json::object& members, uint8_t from) {
    if (from == 1 && members.contains("Title")) {
      members["Name"] = members["Title"];
      members.erase("Title");
    }
  }
  bool operator==(const Thing&) const = default;
};
struct Guarded {
  static constexpr RecordType record{Family::meta, "test.guarded", 1};
  policy::Stored<policy::Kind::resource> policy;
  std::vector<std::string> names;
  static constexpr auto members() {
    return std::tuple{member("Policy", &Guarded::policy), member("Names", &Guarded::names)};
  }
  size_t count = 0;
  void complete() { count = names.size(); }
};
RecordKey<Thing> thing_key(std::string_view name) { return {name}; }

Thing full() {
  return {.name = "a",
          .limit = -1,
          .open = true,
          .share = 0.5,
          .note = "",
          .parts = {{"p", UINT64_MAX}, {"", 0}},
          .tags = {{"k", "v"}},
          .policy = {{"Any", json::array{1, nullptr}}}};
}
}  // namespace

TEST(RecordTest, ComesBackAsItWasWritten) {
  EXPECT_EQ(decode<Thing>(encode(full())), full());
  EXPECT_EQ(encode(Thing{}), "\x02{}");  // what has its default is left out
  EXPECT_EQ(decode<Thing>("\x02{}"), Thing{});
}

// A directory of format 1 or 2, and one that an earlier program of format 3 wrote.
TEST(RecordTest, ReadsWhatEarlierVersionsWrote) {
  for (const char* old : {R"({"Title":"a"})", "\x01{\"Title\":\"a\"}"}) {
    EXPECT_EQ(decode<Thing>(old).name, "a");
    EXPECT_TRUE(decode<Thing>(old).unknown.empty());
    EXPECT_EQ(decode<Thing>(old).limit, 7);  // which it did not have yet
  }
}

// Of a newer program in the same directory: what it added is not lost when this one writes.
TEST(RecordTest, KeepsMembersThatItDoesNotKnow) {
  Thing read = decode<Thing>("\x03{\"Name\":\"a\",\"Later\":{\"x\":[1]}}");
  EXPECT_EQ(json::serialize(read.unknown), R"({"Later":{"x":[1]}})");
  read.name = "b";
  EXPECT_EQ(encode(read), "\x02{\"Name\":\"b\",\"Later\":{\"x\":[1]}}");
}

TEST(RecordTest, RefusesWhatItIsNot) {
  for (const char* bad :
       {"", "\x02", "\x02[]", "\x02{", "\x02{\"Name\":1}", "\x02{\"Limit\":\"7\"}",
        "\x02{\"Limit\":7.5}", "\x02{\"Open\":\"true\"}", "\x02{\"Parts\":{}}",
        "\x02{\"Parts\":[1]}", "\x02{\"Parts\":[{\"Bytes\":-1}]}", "\x02{\"Tags\":{\"k\":1}}",
        "\x02{\"Policy\":[]}"})
    EXPECT_THROW((void)decode<Thing>(bad), UnreadableRecord) << bad;
  EXPECT_EQ(decode<Thing>("\x02{\"Name\":null,\"Limit\":null}"), Thing{});  // null: not there
}

TEST(RecordTest, StoresAPolicyAsItsTextAndWorksOutWhatStandsBesideTheMembers) {
  EXPECT_EQ(encode(Guarded{.policy = {"{}"}, .names = {"a", "b"}}),
            R"({"Policy":"{}","Names":["a","b"]})");
  EXPECT_EQ(encode(Guarded{.policy = {""}}), "\x01{}");
  const Guarded read = decode<Guarded>(R"({"Policy":"{}","Names":["a","b"]})");
  EXPECT_EQ(read.policy.text(), "{}");
  EXPECT_EQ(read.count, 2u);
  EXPECT_EQ(facts_of<Guarded>().layout, "{Policy: string, Names: list of string}");
  EXPECT_THROW((void)decode<Guarded>(R"({"Policy":{}})"), UnreadableRecord);
}

using RecordStoreTest = StoreTest;

// Read once and kept, until its own table is written; a view of before sees what was then.
TEST_F(RecordStoreTest, IsParsedOncePerVersionOfItsTable) {
  open();
  const auto write = [&](const Key& key, std::string value) {
    Staged staged = store_->stage();
    staged.put(key, std::move(value));
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  };
  const auto read = [&] { return store_->snapshot().get(thing_key("a")); };
  EXPECT_EQ(read(), nullptr);
  write(thing_key("a"), encode(Thing{.name = "1"}));
  const auto first = read();
  ASSERT_NE(first, nullptr);
  const Snapshot before = store_->snapshot();
  write(schema::key(Family::meta, "test.other", {"x"}), "");
  EXPECT_EQ(read(), first);
  write(thing_key("b"), encode(Thing{.name = "b"}));
  EXPECT_NE(read(), first);
  EXPECT_EQ(*read(), *first);
  write(thing_key("a"), encode(Thing{.name = "2"}));
  EXPECT_EQ(read()->name, "2");
  EXPECT_EQ(before.get(thing_key("a"))->name, "1");
  EXPECT_EQ(read()->name, "2");
  Staged erase = store_->stage();
  erase.erase(thing_key("a"));
  ASSERT_TRUE(store_->commit(std::move(erase), {}));
  EXPECT_EQ(read(), nullptr);
}

TEST_F(RecordStoreTest, OneThatIsOnlyLookedAtIsAReadOfTheCommit) {
  open();
  Staged fill = store_->stage();
  fill.put(thing_key("a"), Thing{.name = "1"});
  ASSERT_TRUE(store_->commit(std::move(fill), {}));
  Staged late = store_->stage();
  EXPECT_EQ(late.look(thing_key("a")), late.snapshot().get(thing_key("a")));
  EXPECT_EQ(late.look(thing_key("b")), nullptr);
  late.put(thing_key("b"), Thing{.name = "own"});
  EXPECT_EQ(late.look(thing_key("b"))->name, "own");
  Staged first = store_->stage();
  first.put(thing_key("a"), Thing{.name = "2"});
  ASSERT_TRUE(store_->commit(std::move(first), {}));
  EXPECT_EQ(store_->commit(std::move(late), {}).error().code, "Conflict");
}

// A commit that is being written is not shown before it is on the disk: nothing is kept of it, and
// a change that rests on what was kept meets the commit.
TEST_F(RecordStoreTest, IsNeverStaleBesideACommit) {
  std::vector<std::string> seen;
  StoreOptions watched = options();
  watched.crash_point = [&](std::string_view at) {
    if (!store_) return;
    const auto thing = store_->snapshot().get(thing_key("a"));
    seen.push_back(std::string(at) + ": " + (thing ? thing->name : "none"));
  };
  store_ = *Store::open(watched);
  for (const char* name : {"1", "2"}) {
    Staged staged = store_->stage();
    staged.put(thing_key("a"), Thing{.name = name});
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "before write: none", "after write: none", "after sync: none",
                      "after publish: 1", "after finish: 1", "before write: 1", "after write: 1",
                      "after sync: 1", "after publish: 2", "after finish: 2"}));
  Staged rests_on_it = store_->stage();
  auto thing = rests_on_it.get(thing_key("a"));
  Staged other = store_->stage();
  other.put(thing_key("a"), Thing{.name = "3"});
  ASSERT_TRUE(store_->commit(std::move(other), {}));
  thing->limit = 1;
  rests_on_it.put(thing_key("a"), *thing);
  EXPECT_FALSE(store_->commit(std::move(rests_on_it), {}));
}

// What is no record is kept as well, and by its own key two ways of reading do not meet.
TEST_F(RecordStoreTest, TextIsNeverStaleAndNeverTakenForARecord) {
  open();
  const Key raw = thing_key("a");
  EXPECT_FALSE(store_->snapshot().get(raw));
  Staged staged = store_->stage();
  staged.put(thing_key("a"), Thing{.name = "1"});
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(store_->snapshot().get(raw), encode(Thing{.name = "1"}));
    EXPECT_EQ(store_->snapshot().get(thing_key("a"))->name, "1");
  }
  Staged erase = store_->stage();
  erase.erase(raw);
  ASSERT_TRUE(store_->commit(std::move(erase), {}));
  EXPECT_FALSE(store_->snapshot().get(raw));
}

// What is worked out from a whole table holds until that table is written.
TEST_F(RecordStoreTest, TellsWhetherATableWasWritten) {
  open();
  const Snapshot before = store_->snapshot();
  const auto write = [&](const Key& key) {
    Staged staged = store_->stage();
    staged.put(key, "1");
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  };
  write(schema::key(Family::meta, "test.other", {"x"}));
  EXPECT_TRUE(store_->snapshot().unchanged_since(before.commit(), {"test.thing"}));
  write(thing_key("a"));
  const Snapshot after = store_->snapshot();
  EXPECT_FALSE(after.unchanged_since(before.commit(), {"test.thing"}));
  EXPECT_FALSE(after.unchanged_since(before.commit(), {"test.quiet", "test.thing"}));
  EXPECT_FALSE(before.unchanged_since(after.commit(), {"test.thing"}));
  EXPECT_TRUE(store_->snapshot().unchanged_since(after.commit(), {"test.thing"}));
}

// One damaged record does not take a list of a thousand with it.
TEST_F(RecordStoreTest, OneThatCannotBeReadIsAnErrorAndPassedOverInLists) {
  open();
  Staged staged = store_->stage();
  staged.put(thing_key("a"), Thing{.name = "a"});
  staged.put(static_cast<const Key&>(thing_key("b")), "\x02{\"Name\":1}");
  staged.put(thing_key("c"), Thing{.name = "c"});
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  EXPECT_THROW((void)store_->snapshot().get(thing_key("b")), UnreadableRecord);
  std::string names;
  store_->snapshot().scan(RecordPrefix<Thing>{}, "", false,
                          [&](std::string_view, const Thing& thing) {
                            names += thing.name;
                            return true;
                          });
  EXPECT_EQ(names, "ac");
}

}  // namespace sluice
