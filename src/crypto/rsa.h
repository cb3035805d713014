// SPDX-License-Identifier: Apache-2.0
#pragma once
// RSA-2048 signatures, RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017), as CloudTrail's digest files
// carry them.
#include <string>
#include <string_view>

#include "base/secret.h"

namespace sluice {

struct RsaKey {
  Secret private_der;
  std::string public_der;
};  // PKCS#8; PKCS#1 RSAPublicKey
RsaKey rsa_generate();                                                          // takes some 100 ms
std::string rsa_sign_sha256(const Secret& private_der, std::string_view text);  // 256 bytes
bool rsa_verify_sha256(std::string_view public_der, std::string_view text,
                       std::string_view signature);  // false: not authentic, or no such key

}  // namespace sluice
