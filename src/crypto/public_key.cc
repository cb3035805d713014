// SPDX-License-Identifier: Apache-2.0
#include "crypto/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <stdexcept>
#include <string>

namespace sluice {
namespace {
struct Free {
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(OSSL_PARAM_BLD* p) const { OSSL_PARAM_BLD_free(p); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(ECDSA_SIG* p) const { ECDSA_SIG_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;
constexpr size_t kCoordinateBytes = 32;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
Owned<BIGNUM> number(std::string_view big_endian) {
  return Owned<BIGNUM>(BN_bin2bn(bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}
// nullptr: OpenSSL takes it for no key. It checks that a point is on its curve.
std::shared_ptr<EVP_PKEY> made(const char* type, OSSL_PARAM_BLD* parts) {
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(parts));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  std::shared_ptr<EVP_PKEY> owned(key, EVP_PKEY_free);
  const Owned<EVP_PKEY_CTX> check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return check && EVP_PKEY_public_check_quick(check.get()) == 1 ? owned : nullptr;
}
}  // namespace

std::optional<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > kRsaBitsMax / 8 + 1 || exponent.empty() || exponent.size() > 5)
    return std::nullopt;
  const auto n = number(modulus), e = number(exponent);
  if (!n || !e || BN_num_bits(n.get()) < kRsaBitsMin || BN_num_bits(n.get()) > kRsaBitsMax ||
      !BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get()))
    return std::nullopt;
  const Owned<OSSL_PARAM_BLD> parts(OSSL_PARAM_BLD_new());
  if (!parts || OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    throw std::runtime_error("a public key could not be built");
  auto key = made("RSA", parts.get());
  if (!key) return std::nullopt;
  return PublicKey(std::move(key), true);
}

std::optional<PublicKey> PublicKey::p256(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return std::nullopt;
  const std::string point = "\x04" + std::string(x) + std::string(y);
  const Owned<OSSL_PARAM_BLD> parts(OSSL_PARAM_BLD_new());
  if (!parts ||
      OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    throw std::runtime_error("a public key could not be built");
  auto key = made("EC", parts.get());
  if (!key) return std::nullopt;
  return PublicKey(std::move(key), false);
}

std::optional<PublicKey> PublicKey::of(EVP_PKEY* key) {
  const int bits = key ? EVP_PKEY_get_bits(key) : 0;
  const bool rsa = key && EVP_PKEY_is_a(key, "RSA") == 1, ec = key && EVP_PKEY_is_a(key, "EC") == 1;
  if (rsa ? bits < kRsaBitsMin || bits > kRsaBitsMax : !ec || bits < 256) return std::nullopt;
  if (EVP_PKEY_up_ref(key) != 1) throw std::runtime_error("a public key could not be kept");
  return PublicKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free), rsa);
}

bool PublicKey::verify(std::string_view text, std::string_view signature) const {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  if (!context ||
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1)
    throw std::runtime_error("a signature could not be verified");
  return EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text),
                          text.size()) == 1;
}

bool PublicKey::verify_rs256(std::string_view text, std::string_view signature) const {
  return rsa_ && verify(text, signature);
}

bool PublicKey::verify_es256(std::string_view text, std::string_view signature) const {
  if (rsa_ || EVP_PKEY_get_bits(key_.get()) != 256 || signature.size() != 2 * kCoordinateBytes)
    return false;
  const Owned<ECDSA_SIG> pair(ECDSA_SIG_new());
  auto r = number(signature.substr(0, kCoordinateBytes)),
       s = number(signature.substr(kCoordinateBytes));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return false;
  (void)r.release();  // the pair has them now
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return false;
  const bool good = verify(text, {reinterpret_cast<char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return good;
}

bool PublicKey::verify_ecdsa(std::string_view text, std::string_view der) const {
  return !rsa_ && verify(text, der);
}

}  // namespace sluice
