// SPDX-License-Identifier: Apache-2.0
// The root key in its forms, and its change. The token is tried in tests/test_root_key.py.
#include "store/root_key.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/files.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "store/keyring.h"

namespace sluice {
namespace {
namespace fs = std::filesystem;

class RootKeyTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("root-key-" + hex(random_bytes(8)));
    fs::create_directories(data());
  }
  void TearDown() override { fs::remove_all(dir_); }
  std::string data() const { return dir_ / "data"; }
  std::string file(const char* name) const { return dir_ / name; }
  std::string passphrase(const char* name, const std::string& text) const {
    EXPECT_TRUE(replace_file(file(name), text + "\n"));
    return "passphrase:" + file(name);
  }
  // The store key: the same whichever root key opens the directory.
  std::string opened(const std::string& root_key) const {
    const auto keys = open_keyring(data(), root_key);
    return keys ? hex(keys->store.expose()) + hex(keys->master.expose()) : "";
  }
  fs::path dir_;
};

// RFC 7914, section 12.
TEST(Scrypt, GivesTheKeysOfTheRfc) {
  EXPECT_EQ(hex(scrypt(Secret("password"), "NaCl", {1024, 8, 16}).expose()),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
  EXPECT_EQ(hex(scrypt(Secret("pleaseletmein"), "SodiumChloride", {16384, 8, 1}).expose()),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
}

TEST_F(RootKeyTest, OnlyTheRootKeyThatSealedTheDirectoryOpensIt) {
  const std::string right = opened(file("a.key"));
  ASSERT_FALSE(right.empty());
  EXPECT_EQ(opened(file("a.key")), right);
  ASSERT_TRUE(make_root_key(file("b.key")));
  const auto wrong = open_keyring(data(), file("b.key"));
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("does not belong to the data directory"), std::string::npos);
  EXPECT_FALSE(open_keyring(data(), file("absent.key")));
  EXPECT_FALSE(open_keyring(data(), passphrase("p", "a long passphrase")));
  fs::permissions(file("a.key"), fs::perms::group_read, fs::perm_options::add);
  EXPECT_FALSE(open_keyring(data(), file("a.key")));
}

TEST_F(RootKeyTest, APassphraseOpensWhatItSealed) {
  const std::string right = opened(passphrase("p", "a long passphrase"));
  ASSERT_FALSE(right.empty());
  EXPECT_EQ(opened("passphrase:" + file("p")), right);
  EXPECT_EQ(opened(passphrase("q", "a long passphrasf")), "");
  EXPECT_EQ(opened(passphrase("q", "too short")), "");
  EXPECT_EQ(opened("passphrase:" + file("absent")), "");
  // What it costs stands beside it, and cannot be made to cost the machine.
  auto keyring = *parse_json_object(*read_file(data() + "/keyring.json"));
  keyring["master_key"].as_array()[0].as_object()["scrypt"].as_object()["n"] = 1LL << 40;
  ASSERT_TRUE(replace_file(data() + "/keyring.json", json::serialize(keyring)));
  EXPECT_EQ(opened("passphrase:" + file("p")), "");
}

TEST_F(RootKeyTest, ADirectoryOfAnEarlierVersionOpensAndTakesAnotherRootKey) {
  ASSERT_TRUE(make_root_key(file("old.key")));
  const Secret root = *read_root_key(file("old.key")), store(random_bytes(32));
  const std::string wrapped =
      aead_seal_random(hkdf_sha256(root, "store"), store.expose(), "sluice-store-key-1");
  ASSERT_TRUE(
      replace_file(data() + "/keyring.json",
                   json::serialize(json::object{{"format", 3}, {"store_key", base64(wrapped)}})));
  const std::string before = opened(file("old.key"));
  EXPECT_EQ(before, hex(store.expose()) + hex(root.expose()));
  const std::string words = passphrase("p", "a long passphrase");
  EXPECT_FALSE(open_keyring(data(), words));
  ASSERT_TRUE(rotate_root_key(data(), file("old.key"), words));
  EXPECT_EQ(opened(words), before);
  EXPECT_EQ(opened(file("old.key")), "");
}

TEST_F(RootKeyTest, RotatingLeavesTheNewRootKeyAlone) {
  const std::string before = opened(file("a.key"));
  EXPECT_FALSE(rotate_root_key(data(), file("absent.key"), file("b.key")));
  ASSERT_TRUE(make_root_key(file("taken.key")));
  EXPECT_FALSE(rotate_root_key(data(), file("a.key"), file("taken.key")));
  ASSERT_TRUE(rotate_root_key(data(), file("a.key"), file("b.key")));
  EXPECT_EQ(opened(file("b.key")), before);
  EXPECT_EQ(opened(file("a.key")), "");
  const auto bytes = *read_file(file("b.key"));
  ASSERT_TRUE(rotate_root_key(data(), file("b.key"), file("b.key")));  // in its place
  EXPECT_NE(*read_file(file("b.key")), bytes);
  EXPECT_EQ(opened(file("b.key")), before);
  EXPECT_FALSE(fs::exists(file("b.key.next")));
}

// Killed at any place of the change, the directory opens with the root key that is in its place,
// and the change can be done again.
class RotationDies : public RootKeyTest,
                     public testing::WithParamInterface<std::tuple<const char*, bool>> {};
TEST_P(RotationDies, AndTheDirectoryStillOpens) {
  const auto [place, in_place] = GetParam();
  const std::string from = file("a.key"), to = in_place ? from : file("b.key");
  const std::string before = opened(from);
  const pid_t child = fork();
  if (child == 0) {
    (void)rotate_root_key(data(), from, to, [&, where = std::string(place)](std::string_view at) {
      if (at == where) _exit(9);
    }).has_value();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  EXPECT_EQ(opened(from), before);
  const bool both = std::string_view(place) != "made";
  if (!in_place) {
    EXPECT_EQ(opened(to), both ? before : "");
  }
  // Opened by the new one, the directory forgets the old one.
  if (!in_place && both) {
    EXPECT_EQ(opened(from), "");
  }
  const std::string now = !in_place && both ? to : from;
  ASSERT_TRUE(rotate_root_key(data(), now, in_place ? now : file("c.key")));
  EXPECT_EQ(opened(in_place ? now : file("c.key")), before);
}
INSTANTIATE_TEST_SUITE_P(Places, RotationDies,
                         testing::Combine(testing::Values("made", "both open it", "in its place"),
                                          testing::Bool()));

}  // namespace
}  // namespace sluice
