// SPDX-License-Identifier: Apache-2.0
#include "crypto/md5.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {
std::string digest(std::string_view text, size_t piece_bytes) {
  Md5 md5;
  for (; !text.empty(); text.remove_prefix(std::min(piece_bytes, text.size())))
    md5.update(text.substr(0, piece_bytes));
  return md5.finish();
}

// RFC 1321, A.5.
TEST(Md5, GivesThePublishedValues) {
  EXPECT_EQ(hex(digest("", 1)), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex(digest("message digest", 20)), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(
      hex(digest("12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                 7)),
      "57edf4a22be3c955ac49da2e2107b67a");
}

// OpenSSL's is the other implementation. Lengths about a block and about where the length still
// fits behind the text.
TEST(Md5, IsThatOfOpenSslAtEveryLengthAndInAnyPieces) {
  const std::string data = random_bytes(300);
  for (size_t size = 0; size <= data.size(); ++size)
    for (const size_t piece : {1u, 63u, 64u, 65u, 300u})
      ASSERT_EQ(digest({data.data(), size}, piece), md5({data.data(), size})) << size;
}

TEST(Md5, OfTextsTogetherIsThatOfEachAlone) {
  const std::string data = random_bytes(64 * 1024);
  for (size_t texts = 1; texts <= kMd5Lanes; ++texts) {
    std::vector<Md5State> states(texts), alone(texts);
    std::vector<Md5Blocks> blocks;
    for (size_t i = 0; i < texts; ++i) {
      states[i] = alone[i] = {1, 2, 3, static_cast<uint32_t>(i)};
      blocks.push_back({&states[i], data.data() + 64 * i, (texts * i * 7 + 3) % 100});
      md5_hash({&alone[i], blocks[i].at, blocks[i].count});
    }
    md5_hash_together(blocks);
    EXPECT_EQ(states, alone) << texts;
  }
}

// More threads than a group has lanes, with texts that end at different times.
TEST(Md5, OfManyThreadsIsThatOfEach) {
  const std::string data = random_bytes(1 << 20);
  std::vector<std::string> digests(3 * kMd5Lanes);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < digests.size(); ++i)
    threads.emplace_back([&, i] {
      digests[i] = digest(std::string_view(data).substr(i * 1000), 64 * 1024 + i % 3);
    });
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < digests.size(); ++i)
    EXPECT_EQ(hex(digests[i]), hex(md5(std::string_view(data).substr(i * 1000)))) << i;
}
}  // namespace
}  // namespace sluice
