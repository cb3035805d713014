// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>

namespace sluice {
namespace {
struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};
using PrivateOrPublic = std::unique_ptr<EVP_PKEY, Free>;
void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}
const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
}  // namespace

RsaKey rsa_generate() {
  const PrivateOrPublic key(EVP_RSA_gen(2048));
  must(key != nullptr, "RSA key generation failed");
  unsigned char* der = nullptr;
  const int private_bytes = i2d_PrivateKey(key.get(), &der);
  must(private_bytes > 0, "RSA private key encoding failed");
  RsaKey out{Secret(std::string(reinterpret_cast<char*>(der), static_cast<size_t>(private_bytes))),
             {}};
  OPENSSL_clear_free(der, static_cast<size_t>(private_bytes));
  der = nullptr;
  const int public_bytes = i2d_PublicKey(key.get(), &der);
  must(public_bytes > 0, "RSA public key encoding failed");
  out.public_der.assign(reinterpret_cast<char*>(der), static_cast<size_t>(public_bytes));
  OPENSSL_free(der);
  return out;
}

std::string rsa_sign_sha256(const Secret& private_der, std::string_view text) {
  const unsigned char* at = bytes(private_der.expose());
  const PrivateOrPublic key(
      d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(private_der.size())));
  must(key != nullptr, "RSA private key does not parse");
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  must(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1,
       "RSA signing failed");
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key.get()));
  std::string signature(size, '\0');
  must(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                      bytes(text), text.size()) == 1,
       "RSA signing failed");
  signature.resize(size);
  return signature;
}

bool rsa_verify_sha256(std::string_view public_der, std::string_view text,
                       std::string_view signature) {
  const unsigned char* at = bytes(public_der);
  const PrivateOrPublic key(
      d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(public_der.size())));
  if (!key) return false;
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  must(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1,
       "RSA verification failed");
  return EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text),
                          text.size()) == 1;
}

}  // namespace sluice
