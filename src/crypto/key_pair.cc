// SPDX-License-Identifier: Apache-2.0
#include "crypto/key_pair.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>

namespace sluice {
namespace {
struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
  void operator()(EVP_MD* p) const { EVP_MD_free(p); }
  void operator()(PKCS8_PRIV_KEY_INFO* p) const { PKCS8_PRIV_KEY_INFO_free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free>;
using Hash = std::unique_ptr<EVP_MD, Free>;

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL: ") + what);
}
const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

KeyPair encoded(const Key& key, const char* what) {
  must(key != nullptr, what);
  KeyPair out;
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free> info(EVP_PKEY2PKCS8(key.get()));
  must(info != nullptr, what);
  unsigned char* der = nullptr;
  const int private_bytes = i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der);
  must(private_bytes > 0, what);
  out.private_der =
      Secret(std::string(reinterpret_cast<char*>(der), static_cast<size_t>(private_bytes)));
  OPENSSL_clear_free(der, static_cast<size_t>(private_bytes));
  der = nullptr;
  const int public_bytes = i2d_PUBKEY(key.get(), &der);
  must(public_bytes > 0, what);
  out.public_der.assign(reinterpret_cast<char*>(der), static_cast<size_t>(public_bytes));
  OPENSSL_free(der);
  return out;
}
Key private_key(const Secret& der) {
  const unsigned char* at = bytes(der.expose());
  Key key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  must(key != nullptr, "a private key does not parse");
  return key;
}
Key public_key(std::string_view der) {
  const unsigned char* at = bytes(der);
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  must(key != nullptr, "a public key does not parse");
  return key;
}
Hash fetched(const char* name) {
  Hash hash(EVP_MD_fetch(nullptr, name, nullptr));
  must(hash != nullptr, name);
  return hash;
}

void set_scheme(EVP_PKEY_CTX* context, Scheme scheme, const EVP_MD* hash) {
  bool ok = EVP_PKEY_CTX_set_signature_md(context, hash) == 1;
  if (scheme == Scheme::pkcs1)
    ok = ok && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  if (scheme == Scheme::pss)
    ok = ok && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
  must(ok, "the scheme of a signature");
}
void set_oaep(EVP_PKEY_CTX* context, const EVP_MD* hash) {
  must(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, hash) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1,
       "OAEP");
}
}  // namespace

KeyPair make_rsa_pair(int bits) {
  return encoded(Key(EVP_RSA_gen(static_cast<unsigned>(bits))), "RSA key generation");
}
KeyPair make_curve_pair(std::string_view curve) {
  return encoded(Key(EVP_EC_gen(std::string(curve).c_str())), "EC key generation");
}

std::string sign_digest(const Secret& private_der, Scheme scheme, const char* hash,
                        std::string_view digest) {
  const Key key = private_key(private_der);
  const Hash md = fetched(hash);
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  must(context && EVP_PKEY_sign_init(context.get()) == 1, "signing");
  set_scheme(context.get(), scheme, md.get());
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key.get()));
  std::string signature(size, '\0');
  must(EVP_PKEY_sign(context.get(), bytes(signature), &size, bytes(digest), digest.size()) == 1,
       "signing");
  signature.resize(size);
  return signature;
}
bool verify_digest(std::string_view public_der, Scheme scheme, const char* hash,
                   std::string_view digest, std::string_view signature) {
  const Key key = public_key(public_der);
  const Hash md = fetched(hash);
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  must(context && EVP_PKEY_verify_init(context.get()) == 1, "verification");
  set_scheme(context.get(), scheme, md.get());
  return EVP_PKEY_verify(context.get(), bytes(signature), signature.size(), bytes(digest),
                         digest.size()) == 1;
}

std::optional<std::string> oaep_encrypt(std::string_view public_der, const char* hash,
                                        std::string_view plain) {
  const Key key = public_key(public_der);
  const Hash md = fetched(hash);
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  must(context && EVP_PKEY_encrypt_init(context.get()) == 1, "OAEP");
  set_oaep(context.get(), md.get());
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key.get()));
  std::string sealed(size, '\0');
  if (EVP_PKEY_encrypt(context.get(), bytes(sealed), &size, bytes(plain), plain.size()) != 1)
    return std::nullopt;
  sealed.resize(size);
  return sealed;
}
std::optional<Secret> oaep_decrypt(const Secret& private_der, const char* hash,
                                   std::string_view sealed) {
  const Key key = private_key(private_der);
  const Hash md = fetched(hash);
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  must(context && EVP_PKEY_decrypt_init(context.get()) == 1, "OAEP");
  set_oaep(context.get(), md.get());
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key.get()));
  std::string plain(size, '\0');
  const bool ok =
      EVP_PKEY_decrypt(context.get(), bytes(plain), &size, bytes(sealed), sealed.size()) == 1;
  std::optional<Secret> out;
  if (ok) out = Secret(plain.substr(0, size));
  OPENSSL_cleanse(plain.data(), plain.size());
  return out;
}

size_t rsa_bytes(const Secret& private_der) {
  return static_cast<size_t>(EVP_PKEY_get_size(private_key(private_der).get()));
}

std::string digest_of(const char* hash, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  size_t size = 0;
  must(EVP_Q_digest(nullptr, hash, nullptr, text.data(), text.size(), bytes(out), &size) == 1,
       "digest");
  out.resize(size);
  return out;
}
std::string hmac_of(const char* hash, const Secret& key, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  size_t size = 0;
  must(EVP_Q_mac(nullptr, "HMAC", nullptr, hash, nullptr, key.expose().data(), key.size(),
                 bytes(text), text.size(), bytes(out), out.size(), &size) != nullptr,
       "HMAC");
  out.resize(size);
  return out;
}

std::optional<Secret> unwrap_padded(const Secret& key, std::string_view wrapped) {
  constexpr size_t kKeyBytes = 32, kBlockBytes = 8;
  if (key.size() != kKeyBytes || wrapped.size() < 2 * kBlockBytes || wrapped.size() % kBlockBytes)
    return std::nullopt;
  const std::unique_ptr<EVP_CIPHER_CTX, Free> context(EVP_CIPHER_CTX_new());
  must(context != nullptr, "AES key wrap");
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  std::string plain(wrapped.size(), '\0');
  int size = 0, more = 0;
  const bool ok = EVP_DecryptInit_ex(context.get(), EVP_aes_256_wrap_pad(), nullptr,
                                     bytes(key.expose()), nullptr) == 1 &&
                  EVP_DecryptUpdate(context.get(), bytes(plain), &size, bytes(wrapped),
                                    static_cast<int>(wrapped.size())) == 1 &&
                  EVP_DecryptFinal_ex(context.get(), bytes(plain) + size, &more) == 1;
  std::optional<Secret> out;
  if (ok) out = Secret(plain.substr(0, static_cast<size_t>(size + more)));
  OPENSSL_cleanse(plain.data(), plain.size());
  return out;
}

}  // namespace sluice
