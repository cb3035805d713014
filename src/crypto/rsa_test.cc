// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace sluice {
namespace {
TEST(Rsa, VerifiesItsOwnSignatureAndNothingElse) {
  const RsaKey key = rsa_generate(), other = rsa_generate();
  const std::string signature = rsa_sign_sha256(key.private_der, "text");
  EXPECT_EQ(signature.size(), 256u);
  EXPECT_TRUE(rsa_verify_sha256(key.public_der, "text", signature));
  EXPECT_FALSE(rsa_verify_sha256(key.public_der, "texT", signature));
  EXPECT_FALSE(rsa_verify_sha256(other.public_der, "text", signature));
  std::string bent = signature;
  bent[100] = static_cast<char>(bent[100] ^ 1);
  EXPECT_FALSE(rsa_verify_sha256(key.public_der, "text", bent));
  EXPECT_FALSE(rsa_verify_sha256("not a key", "text", signature));
}
TEST(Rsa, GivesThePublicHalfAsPkcs1) {
  // SEQUENCE { INTEGER n (257 bytes), INTEGER 65537 }: no algorithm identifier in front.
  const std::string der = rsa_generate().public_der;
  EXPECT_EQ(hex(der.substr(0, 8)), "3082010a02820101");
  EXPECT_EQ(hex(der.substr(der.size() - 5)), "0203010001");
}
}  // namespace
}  // namespace sluice
