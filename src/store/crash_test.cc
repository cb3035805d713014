// SPDX-License-Identifier: Apache-2.0
// Where a crash can fall around object files and inside the log's last write. The places inside a
// commit itself: store_test.cc, CrashAt.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/files.h"
#include "base/random.h"
#include "store/jobs.h"

namespace sluice {
namespace {
namespace fs = std::filesystem;

class CrashTest : public testing::Test {
 protected:
  CrashTest() : dir_(fs::temp_directory_path() / ("sluice-crash-" + random_hex(12))) {
    fs::create_directory(dir_);
  }
  ~CrashTest() override { fs::remove_all(dir_); }
  StoreOptions options(const std::string& data = "data") const {
    return {dir_ / data, dir_ / "root.key", {}, false, {}};
  }
  static Key key(std::string_view name) { return schema::key(Family::items, "t", {name}); }
  static std::vector<std::string> record(std::string_view name) {
    return std::vector<std::string>{R"({"eventName":")" + std::string(name) + R"("})"};
  }
  static BlobRef spooled(Store& store, const Secret& data_key, char fill) {
    auto writer = store.write_blob(data_key);
    EXPECT_TRUE(writer->write(std::string(100'000, fill)));
    return *writer->finish();
  }
  size_t files() const {
    size_t count = 0;
    for (const auto& file : fs::recursive_directory_iterator(dir_ / "data" / "blobs"))
      count += file.is_regular_file();
    return count;
  }
  // The janitor frees them beside everything else.
  bool await_files(size_t wanted) const {
    for (int tries = 0; tries < 10'000 && files() != wanted; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return files() == wanted;
  }
  const fs::path dir_;
  const Secret data_key_ = Secret(std::string(32, 'k'));
};

// An object is replaced: the new file is finished, one commit names it and frees the old one, the
// old file is unlinked. Wherever the process dies, the object is whole, old or new, and the next
// start leaves exactly the file that is named.
class ReplaceCrash : public CrashTest,
                     public testing::WithParamInterface<std::pair<const char*, bool>> {};
TEST_P(ReplaceCrash, KeepsTheOldObjectOrTheNewAndNoOtherFile) {
  const auto [place, replaced] = GetParam();
  const pid_t child = fork();
  if (child == 0) {
    StoreOptions dying = options();
    bool armed = false;
    const auto at_place = [&, where = std::string(place)](std::string_view at) {
      if (armed && at == where) _exit(9);
    };
    dying.crash_point = at_place;
    auto store = Store::open(dying);
    if (!store) _exit(1);
    const BlobRef old = spooled(**store, data_key_, 'o');
    Staged first = (*store)->stage();
    first.adopt(old);
    first.put(key("object"), old.id);
    if (!(*store)->commit(std::move(first), record("Put"))) _exit(1);
    armed = true;
    const BlobRef fresh = spooled(**store, data_key_, 'n');
    at_place("after spool");
    Staged second = (*store)->stage();
    second.adopt(fresh);
    second.release(old);
    second.put(key("object"), fresh.id);
    (void)(*store)->commit(std::move(second), record("Put"));
    _exit(2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  auto store = Store::open(options());
  ASSERT_TRUE(store);
  const auto id = (*store)->snapshot().get(key("object"));
  ASSERT_TRUE(id);
  const auto reader = (*store)->read_blob({*id, 100'000}, data_key_);
  ASSERT_TRUE(reader);
  EXPECT_EQ(*(*reader)->read(65'000, 1000), std::string(1000, replaced ? 'n' : 'o'));
  EXPECT_TRUE(await_files(1));
  EXPECT_TRUE((*store)->verify().empty());
}
INSTANTIATE_TEST_SUITE_P(EveryPlace, ReplaceCrash,
                         testing::Values(std::pair{"after spool", false},
                                         std::pair{"before write", false},
                                         std::pair{"after write", true},
                                         std::pair{"after finish", true}));

// Unlinking a large file takes long, and every other commit would wait for it.
TEST_F(CrashTest, NoCommitWaitsForTheFilesThatItFrees) {
  auto store = Store::open(options());
  ASSERT_TRUE(store);
  const auto replace = [&](Store& in, const std::optional<BlobRef>& old) {
    const BlobRef fresh = spooled(in, data_key_, 'f');
    Staged staged = in.stage();
    staged.adopt(fresh);
    if (old) staged.release(*old);
    EXPECT_TRUE(in.commit(std::move(staged), record("Put")));
    return BlobRef{fresh.id, fresh.bytes};
  };
  const BlobRef first = replace(**store, std::nullopt);
  const BlobRef second = replace(**store, first);
  EXPECT_TRUE(await_files(1));
  (*store)->jobs().stop();  // nobody is there to free files
  replace(**store, second);
  EXPECT_EQ(files(), 2u);
  store = Error{};
  store = Store::open(options());
  ASSERT_TRUE(store);
  EXPECT_TRUE(await_files(1));
  EXPECT_TRUE((*store)->verify().empty());
}

// A snapshot keeps what was erased since on the disk: one must be able to see whose it is.
TEST_F(CrashTest, SnapshotsHaveAnOwner) {
  auto store = Store::open(options());
  ASSERT_TRUE(store);
  const auto owners = [&] {
    std::vector<std::string_view> out;
    for (const ActiveReader& one : (*store)->readers()) out.push_back(one.owner);
    return out;
  };
  (*store)->jobs().stop();
  EXPECT_TRUE(owners().empty());
  const Snapshot mine = (*store)->snapshot();
  {
    const ReaderName name("GetObject");
    const Staged theirs = (*store)->stage();
    EXPECT_EQ(owners(), (std::vector<std::string_view>{"the server", "GetObject"}));
  }
  EXPECT_EQ(owners(), (std::vector<std::string_view>{"the server"}));
}

// A write that the disk kept only in part: cut the log at every length. What is left is a prefix of
// the commits, each with its audit record.
TEST_F(CrashTest, ATornLogLosesWholeCommitsFromTheEnd) {
  constexpr int kCommits = 8;
  const pid_t child = fork();
  if (child == 0) {
    auto store = Store::open(options());
    if (!store) _exit(1);
    for (int i = 0; i < kCommits; ++i) {
      Staged staged = (*store)->stage();
      staged.put(key("a" + std::to_string(i)), std::string(50, 'a'));
      staged.put(schema::key(Family::meta, "t", {"b" + std::to_string(i)}), std::string(50, 'b'));
      if (!(*store)->commit(std::move(staged), record("Put"))) _exit(1);
    }
    _exit(9);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  fs::path log;
  for (const auto& file : fs::directory_iterator(dir_ / "data" / "db"))
    if (file.path().extension() == ".log") log = std::max(log, file.path());
  const uint64_t whole = read_file(log)->find_last_not_of('\0') + 1;  // zeros stand behind it
  int before = kCommits;
  for (uint64_t cut = 1; cut < whole; cut += 97) {
    fs::remove_all(dir_ / "cut");
    fs::copy(dir_ / "data", dir_ / "cut", fs::copy_options::recursive);
    fs::resize_file(dir_ / "cut" / "db" / log.filename(), whole - cut);
    auto store = Store::open(options("cut"));
    ASSERT_TRUE(store) << store.error().message;
    const Snapshot now = (*store)->snapshot();
    int kept = 0, records = 0;
    while (kept < kCommits && now.get(key("a" + std::to_string(kept)))) ++kept;
    for (int i = 0; i < kCommits; ++i) {
      EXPECT_EQ(now.get(key("a" + std::to_string(i))).has_value(), i < kept);
      EXPECT_EQ(now.get(schema::key(Family::meta, "t", {"b" + std::to_string(i)})).has_value(),
                i < kept);
    }
    (*store)->audit_scan(now, 0, [&](uint64_t, std::string_view) {
      ++records;
      return true;
    });
    EXPECT_EQ(records, kept);
    EXPECT_LE(kept, before);
    EXPECT_TRUE((*store)->verify().empty());
    before = kept;
  }
  EXPECT_LT(before, kCommits);
}
}  // namespace
}  // namespace sluice
