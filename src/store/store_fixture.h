// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests of the store: each test gets a store in a directory of its own, and can close it and
// open it again.
//
//   class JobsTest : public StoreTest {};
//   TEST_F(JobsTest, KeepsItsJobs) {
//     Staged staged = open().stage();
//     staged.put(key("a"), "1");
//     ASSERT_TRUE(store_->commit(std::move(staged), record("PutA")));
//   }
#include <gtest/gtest.h>

#include <filesystem>

#include "base/random.h"
#include "store/store.h"

namespace sluice {

class StoreTest : public testing::Test {
 protected:
  StoreTest() : dir_(std::filesystem::temp_directory_path() / ("sluice-store-" + random_hex(12))) {
    std::filesystem::create_directory(dir_);
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }
  virtual StoreOptions options() const { return {dir_ / "data", dir_ / "root.key", {}, false, {}}; }
  Result<std::unique_ptr<Store>> try_open() { return Store::open(options()); }
  Store& open() {
    store_.reset();
    auto opened = try_open();
    EXPECT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
    return *store_;
  }
  static Key key(std::string_view name) { return schema::key(Family::items, "t", {name}); }
  static std::vector<std::string> record(const std::string& name) {
    return {R"({"eventName":")" + name + R"("})"};
  }
  // Keys of four digits, from 0 on.
  static std::string digits(int n) { return std::to_string(10000 + n).substr(1); }
  void fill(int keys) {
    Staged staged = store_->stage();
    for (int n = 0; n < keys; ++n) staged.put(key(digits(n)), "1");
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  }
  int count(const Key& prefix) {
    int found = 0;
    store_->snapshot().scan(schema::span(prefix), false, [&](std::string_view, std::string_view) {
      ++found;
      return true;
    });
    return found;
  }
  int keys_left() { return count(schema::prefix(Family::items, "t", {})); }
  const std::filesystem::path dir_;
  std::unique_ptr<Store> store_;
};

}  // namespace sluice
