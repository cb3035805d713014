// SPDX-License-Identifier: Apache-2.0
#include "ingest/keys.h"

#include <gtest/gtest.h>

namespace sluice::ingest {

// Vectors of the authors' reference implementation (github.com/veorq/SipHash, vectors.h): the key
// is the bytes 0 to 15, the text the first bytes of 0, 1, 2 and so on.
TEST(KeyHash, IsSipHash) {
  constexpr std::array<uint64_t, 2> kKey = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string text;
  for (char c = 0; c < 15; ++c) text += c;
  EXPECT_EQ(siphash(kKey, ""), 0x726fdb47dd0e0e31);
  EXPECT_EQ(siphash(kKey, text.substr(0, 1)), 0x74f839c593dc67fd);
  EXPECT_EQ(siphash(kKey, text.substr(0, 8)), 0x93f5f5799a932462);
  EXPECT_EQ(siphash(kKey, text), 0xa129ca6149be45e5);
}

// read = stored + duplicate + rejected depends on it.
TEST(SeenKeys, TellsNewKeysFromRepeatedOnes) {
  SeenKeys seen;
  const auto insert = [&](const char* device, const std::string& time) {
    return seen.insert(key_hash({device, time, ""}));
  };
  for (int i = 0; i < 50000; ++i) ASSERT_TRUE(insert("device", std::to_string(i)));
  for (int i = 0; i < 50000; ++i) ASSERT_FALSE(insert("device", std::to_string(i)));
  EXPECT_TRUE(insert("device1", ""));  // not the same as {"device", "1"}
  EXPECT_TRUE(seen.exact());
}

}  // namespace sluice::ingest
