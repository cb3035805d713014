// SPDX-License-Identifier: Apache-2.0
#pragma once
// Public keys that others made, and their signatures with SHA-256: RSASSA-PKCS1-v1_5 (RFC 8017) and
// ECDSA over P-256 (FIPS 186-5). A signature of one kind never passes for the other.
//
//   const auto key = PublicKey::rsa(modulus, exponent);   // nullopt: too small, or no key
//   if (!key->verify_rs256(text, signature)) return refused;
#include <memory>
#include <optional>
#include <string_view>

struct evp_pkey_st;

namespace sluice {

class PublicKey {
 public:
  static constexpr int kRsaBitsMin = 2048, kRsaBitsMax = 8192;
  // Unsigned big-endian numbers. The exponent is odd and from 3 to 2^32.
  static std::optional<PublicKey> rsa(std::string_view modulus, std::string_view exponent);
  // The coordinates of a point on P-256, 32 bytes each.
  static std::optional<PublicKey> p256(std::string_view x, std::string_view y);
  // Takes a reference of its own. nullopt: of a kind or a size that this does not verify with.
  static std::optional<PublicKey> of(evp_pkey_st* key);

  bool is_rsa() const { return rsa_; }
  bool verify_rs256(std::string_view text, std::string_view signature) const;
  // The signature of JWS: r and s, 32 bytes each (RFC 7518, 3.4).
  bool verify_es256(std::string_view text, std::string_view signature) const;
  // The same in DER, as X.509 has it; of any curve.
  bool verify_ecdsa(std::string_view text, std::string_view der) const;

 private:
  PublicKey(std::shared_ptr<evp_pkey_st> key, bool rsa) : key_(std::move(key)), rsa_(rsa) {}
  bool verify(std::string_view text, std::string_view signature) const;
  std::shared_ptr<evp_pkey_st> key_;
  bool rsa_;
};

}  // namespace sluice
