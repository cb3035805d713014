// SPDX-License-Identifier: Apache-2.0
#pragma once
// Key pairs of RSA and of elliptic curves: signatures (PKCS #1, PSS, ECDSA) and RSAES-OAEP, and
// what KMS needs beside them, MACs of any hash and RFC 5649 key wrapping. Over OpenSSL 3.
//
//   const KeyPair pair = make_curve_pair("P-256");
//   const std::string digest = digest_of("SHA256", message);
//   const std::string signature = sign_digest(pair.private_der, Scheme::ecdsa, "SHA256", digest);
//   if (!verify_digest(pair.public_der, Scheme::ecdsa, "SHA256", digest, signature)) refuse();
//
// `hash` is OpenSSL's name of one: "SHA1", "SHA224", "SHA256", "SHA384", "SHA512".
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace sluice {

struct KeyPair {
  Secret private_der;      // PKCS #8
  std::string public_der;  // SubjectPublicKeyInfo
};
// Takes up to some seconds at 4096 bits.
KeyPair make_rsa_pair(int bits);
// `curve` is "P-256", "P-384", "P-521" or "secp256k1".
KeyPair make_curve_pair(std::string_view curve);

enum class Scheme { pkcs1, pss, ecdsa };  // the salt of PSS is as long as the digest
// A signature of ECDSA is DER.
std::string sign_digest(const Secret& private_der, Scheme scheme, const char* hash,
                        std::string_view digest);
// False: it is not the signature of this digest, or no signature at all.
bool verify_digest(std::string_view public_der, Scheme scheme, const char* hash,
                   std::string_view digest, std::string_view signature);

// RSAES-OAEP, with MGF1 of the same hash. nullopt: the plaintext is too long.
std::optional<std::string> oaep_encrypt(std::string_view public_der, const char* hash,
                                        std::string_view plain);
// nullopt: it was not made for this key, or is damaged.
std::optional<Secret> oaep_decrypt(const Secret& private_der, const char* hash,
                                   std::string_view sealed);

// As many bytes as one of its ciphertexts has.
size_t rsa_bytes(const Secret& private_der);

std::string digest_of(const char* hash, std::string_view text);
std::string hmac_of(const char* hash, const Secret& key, std::string_view text);
// Opens AES-256 key wrap with padding (RFC 5649). nullopt: it is not authentic.
std::optional<Secret> unwrap_padded(const Secret& key, std::string_view wrapped);

}  // namespace sluice
