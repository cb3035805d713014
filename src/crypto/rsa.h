// SPDX-License-Identifier: Apache-2.0
#pragma once
// RSA-2048 signatures, RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017). CloudTrail's digest files have
// them.
//
//   const RsaKey key = rsa_generate();
//   const std::string signature = rsa_sign_sha256(key.private_der, text);
//   if (!rsa_verify_sha256(key.public_der, text, signature)) damaged.push_back(name);
#include <string>
#include <string_view>

#include "base/secret.h"

namespace sluice {

struct RsaKey {
  Secret private_der;      // PKCS#8
  std::string public_der;  // RSAPublicKey of PKCS#1
};
// Takes about 100 ms.
RsaKey rsa_generate();
// The signature has 256 bytes.
std::string rsa_sign_sha256(const Secret& private_der, std::string_view text);
// False: the text is not authentic, or `public_der` is no key.
bool rsa_verify_sha256(std::string_view public_der, std::string_view text,
                       std::string_view signature);

}  // namespace sluice
