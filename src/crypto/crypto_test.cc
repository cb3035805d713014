// SPDX-License-Identifier: Apache-2.0
#include "crypto/crypto.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice {
namespace {
std::string digest(Digest::Algorithm algorithm, std::string_view text) {
  Digest d(algorithm);
  d.update(text.substr(0, text.size() / 2));
  d.update(text.substr(text.size() / 2));
  return d.finish();
}

// S3 API, "Checking object integrity": every client computes these.
TEST(Digest, GivesThePublishedValuesFor123456789) {
  constexpr std::string_view kText = "123456789";
  EXPECT_EQ(base64(digest(Digest::Algorithm::crc32, kText)), "y/Q5Jg==");
  EXPECT_EQ(base64(digest(Digest::Algorithm::crc32c, kText)), "4waSgw==");
  EXPECT_EQ(base64(digest(Digest::Algorithm::crc64nvme, kText)), "rosUhgp5mIg=");
  EXPECT_EQ(hex(digest(Digest::Algorithm::md5, kText)), "25f9e794323b453885f5181f1b624d0b");
  EXPECT_EQ(hex(digest(Digest::Algorithm::sha1, kText)),
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
  EXPECT_EQ(hex(digest(Digest::Algorithm::sha256, kText)), hex(sha256(kText)));
}

// FULL_OBJECT checksums of multipart uploads are combined from the parts'.
TEST(Digest, CombinesTheCrcOfTwoHalves) {
  const std::string a = random_bytes(1000), b = random_bytes(77);
  for (const auto algorithm :
       {Digest::Algorithm::crc32, Digest::Algorithm::crc32c, Digest::Algorithm::crc64nvme})
    EXPECT_EQ(crc_combine(algorithm, digest(algorithm, a), digest(algorithm, b), b.size()),
              digest(algorithm, a + b));
}

// RFC 4231, test case 2.
TEST(Hmac, GivesTheValueOfRfc4231) {
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// RFC 4231, test case 6: a key longer than a block.
TEST(Hmac, HashesAKeyLongerThanABlock) {
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Aead, OneKeyForManyMessagesIsTheSameAsOneForEach) {
  const Secret key(random_bytes(32));
  Aead aead(key);
  for (const char* text : {"", "one", "another"}) {
    const std::string sealed = aead.seal_random(text, "context");
    EXPECT_EQ(aead_open_random(key, sealed, "context"), text);
    EXPECT_EQ(aead.open_random(aead_seal_random(key, text, "context"), "context"), text);
    EXPECT_FALSE(aead.open_random(sealed, "other"));
    std::string changed = sealed;
    changed.back() ^= 1;
    EXPECT_FALSE(aead.open_random(changed, "context"));
    EXPECT_EQ(aead.open_random(sealed, "context"), text);  // a refusal leaves no trace
  }
  EXPECT_FALSE(aead.open_random("short", ""));
}

TEST(Aead, SealsInPlaceWhatItSealsElsewhere) {
  Aead aead(Secret(random_bytes(32)));
  const std::string nonce(12, 'n'), plain = random_bytes(1000);
  std::string place = plain + std::string(kAeadTagBytes, '\0');
  aead.seal(nonce, {place.data(), plain.size()}, "context", place.data());
  EXPECT_EQ(place, aead.seal(nonce, plain, "context"));
}

TEST(Aead, OpensWhatItSealedAndNothingElse) {
  const Secret key(random_bytes(32));
  const std::string sealed = aead_seal_random(key, "plain", "context");
  EXPECT_EQ(aead_open_random(key, sealed, "context"), "plain");
  EXPECT_FALSE(aead_open_random(key, sealed, "other context"));
  EXPECT_FALSE(aead_open_random(Secret(random_bytes(32)), sealed, "context"));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(aead_open_random(key, changed, "context")) << "byte " << i;
  }
  EXPECT_FALSE(aead_open_random(key, sealed.substr(0, 10), "context"));
}

// NIST GCM specification, test case 14 (256-bit key, zero plaintext block).
TEST(Aead, GivesThePublishedCiphertext) {
  const Secret key(std::string(32, '\0'));
  EXPECT_EQ(hex(aead_seal(key, std::string(12, '\0'), std::string(16, '\0'), "")),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

// RocksDB reads files at any offset.
TEST(Ctr, IsTheSameStreamWhateverTheOffset) {
  const Secret key(random_bytes(32));
  const std::string iv(16, '\xff'), plain = random_bytes(5000);
  std::string whole = plain;
  ctr_xor(key, iv, 0, whole.data(), whole.size());
  EXPECT_NE(whole, plain);
  for (const size_t from : {1u, 15u, 16u, 17u, 4095u}) {
    std::string part = plain.substr(from);
    ctr_xor(key, iv, from, part.data(), part.size());
    EXPECT_EQ(part, whole.substr(from)) << from;
  }
}

TEST(ConstantTime, ComparesContentAndLength) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "abcd"));
}
}  // namespace
}  // namespace sluice
