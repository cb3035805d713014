// SPDX-License-Identifier: Apache-2.0
#include "crypto/crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <stdexcept>

#include "base/random.h"

namespace sluice {
namespace {
[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string("OpenSSL: ") + what);
}
unsigned char* bytes(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }
const unsigned char* bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

// Fetched once: EVP_sha256() and its like look the implementation up at every use.
const EVP_MD* fetched(const char* name) {
  const EVP_MD* md = EVP_MD_fetch(nullptr, name, nullptr);
  return md ? md : (fail(name), nullptr);
}
const EVP_MD* md_sha256() {
  static const EVP_MD* md = fetched("SHA256");
  return md;
}
const EVP_MD* md_sha1() {
  static const EVP_MD* md = fetched("SHA1");
  return md;
}
const EVP_MD* md_md5() {
  static const EVP_MD* md = fetched("MD5");
  return md;
}
const EVP_CIPHER* cipher(const char* name) {
  const EVP_CIPHER* c = EVP_CIPHER_fetch(nullptr, name, nullptr);
  return c ? c : (fail(name), nullptr);
}
const EVP_CIPHER* gcm() {
  static const EVP_CIPHER* c = cipher("AES-256-GCM");
  return c;
}
const EVP_CIPHER* ctr() {
  static const EVP_CIPHER* c = cipher("AES-256-CTR");
  return c;
}

struct CipherContext {
  EVP_CIPHER_CTX* raw = EVP_CIPHER_CTX_new();
  ~CipherContext() { EVP_CIPHER_CTX_free(raw); }
};
EVP_CIPHER_CTX* gcm_context() {
  static thread_local CipherContext c;
  return c.raw;
}
EVP_CIPHER_CTX* ctr_context() {
  static thread_local CipherContext c;
  return c.raw;
}

struct DigestContext {
  EVP_MD_CTX* raw = EVP_MD_CTX_new();
  ~DigestContext() { EVP_MD_CTX_free(raw); }
};
std::string digest(const EVP_MD* md, std::string_view data, std::string_view before = {}) {
  static thread_local DigestContext c;
  std::string out(static_cast<size_t>(EVP_MD_get_size(md)), '\0');
  unsigned size = 0;
  if (EVP_DigestInit_ex2(c.raw, md, nullptr) != 1 ||
      EVP_DigestUpdate(c.raw, before.data(), before.size()) != 1 ||
      EVP_DigestUpdate(c.raw, data.data(), data.size()) != 1 ||
      EVP_DigestFinal_ex(c.raw, bytes(out), &size) != 1)
    fail("digest");
  return out;
}
}  // namespace

std::string sha256(std::string_view data) { return digest(md_sha256(), data); }
std::string sha1(std::string_view data) { return digest(md_sha1(), data); }
std::string md5(std::string_view data) { return digest(md_md5(), data); }

// By its definition: OpenSSL's HMAC() looks its algorithm up at every call, which costs more than
// two short hashes.
std::string hmac_sha256(std::string_view key, std::string_view data) {
  constexpr size_t kBlockBytes = 64;
  std::array<char, kBlockBytes> inner{}, outer{};
  std::string hashed;
  if (key.size() > kBlockBytes) key = hashed = sha256(key);
  key.copy(inner.data(), key.size());
  outer = inner;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    inner[i] ^= 0x36;
    outer[i] ^= 0x5c;
  }
  std::string out = digest(md_sha256(), digest(md_sha256(), data, {inner.data(), kBlockBytes}),
                           {outer.data(), kBlockBytes});
  OPENSSL_cleanse(inner.data(), kBlockBytes);
  OPENSSL_cleanse(outer.data(), kBlockBytes);
  OPENSSL_cleanse(hashed.data(), hashed.size());
  return out;
}

Secret hkdf_sha256(const Secret& key, std::string_view info) {
  const Secret pseudo_random(
      hmac_sha256(std::string(32, '\0'), key.expose()));  // extract, RFC 5869 2.2
  return Secret(
      hmac_sha256(pseudo_random.expose(), std::string(info) + '\x01'));  // expand, one block
}

Secret scrypt(const Secret& passphrase, std::string_view salt, const ScryptCost& cost) {
  const uint64_t memory = 128 * cost.n * cost.r + (1 << 20);
  std::string key(kAeadKeyBytes, '\0');
  if (EVP_PBE_scrypt(passphrase.expose().data(), passphrase.size(), bytes(salt), salt.size(),
                     cost.n, cost.r, cost.p, memory, bytes(key), key.size()) != 1)
    fail("EVP_PBE_scrypt");
  return Secret(std::move(key));
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string aead_seal(const Secret& key, std::string_view nonce, std::string_view plain,
                      std::string_view aad) {
  EVP_CIPHER_CTX* c = gcm_context();
  std::string out(plain.size() + kAeadTagBytes, '\0');
  int size = 0;
  const bool ok =
      key.size() == kAeadKeyBytes && nonce.size() == kAeadNonceBytes &&
      EVP_EncryptInit_ex2(c, gcm(), bytes(key.expose()), bytes(nonce), nullptr) == 1 &&
      (aad.empty() ||
       EVP_EncryptUpdate(c, nullptr, &size, bytes(aad), static_cast<int>(aad.size())) == 1) &&
      EVP_EncryptUpdate(c, bytes(out), &size, bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(c, bytes(out) + plain.size(), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, bytes(out) + plain.size()) == 1;
  EVP_CIPHER_CTX_reset(c);
  if (!ok) fail("AES-256-GCM");
  return out;
}

std::optional<std::string> aead_open(const Secret& key, std::string_view nonce,
                                     std::string_view sealed, std::string_view aad) {
  if (sealed.size() < kAeadTagBytes || nonce.size() != kAeadNonceBytes ||
      key.size() != kAeadKeyBytes)
    return std::nullopt;
  const size_t plain_bytes = sealed.size() - kAeadTagBytes;
  EVP_CIPHER_CTX* c = gcm_context();
  std::string out(plain_bytes, '\0'), tag(sealed.substr(plain_bytes));
  int size = 0;
  const bool ok =
      EVP_DecryptInit_ex2(c, gcm(), bytes(key.expose()), bytes(nonce), nullptr) == 1 &&
      (aad.empty() ||
       EVP_DecryptUpdate(c, nullptr, &size, bytes(aad), static_cast<int>(aad.size())) == 1) &&
      EVP_DecryptUpdate(c, bytes(out), &size, bytes(sealed), static_cast<int>(plain_bytes)) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(c, bytes(out) + plain_bytes, &size) == 1;
  EVP_CIPHER_CTX_reset(c);
  if (ok) return out;
  OPENSSL_cleanse(out.data(), out.size());
  return std::nullopt;
}

struct Aead::State {
  CipherContext seal, open;
  explicit State(const Secret& key) {
    if (key.size() != kAeadKeyBytes ||
        EVP_EncryptInit_ex2(seal.raw, gcm(), bytes(key.expose()), nullptr, nullptr) != 1 ||
        EVP_DecryptInit_ex2(open.raw, gcm(), bytes(key.expose()), nullptr, nullptr) != 1)
      fail("AES-256-GCM");
  }
};
Aead::Aead(const Secret& key) : state_(std::make_unique<State>(key)) {}
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

void Aead::seal(std::string_view nonce, std::string_view plain, std::string_view aad,
                char* sealed) {
  EVP_CIPHER_CTX* c = state_->seal.raw;
  auto *out = reinterpret_cast<unsigned char*>(sealed), *tag = out + plain.size();
  int size = 0;
  const bool ok =
      nonce.size() == kAeadNonceBytes &&
      EVP_EncryptInit_ex2(c, nullptr, nullptr, bytes(nonce), nullptr) == 1 &&
      (aad.empty() ||
       EVP_EncryptUpdate(c, nullptr, &size, bytes(aad), static_cast<int>(aad.size())) == 1) &&
      EVP_EncryptUpdate(c, out, &size, bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(c, tag, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag) == 1;
  if (!ok) fail("AES-256-GCM");
}
std::string Aead::seal(std::string_view nonce, std::string_view plain, std::string_view aad) {
  std::string out(plain.size() + kAeadTagBytes, '\0');
  seal(nonce, plain, aad, out.data());
  return out;
}
std::string Aead::seal_random(std::string_view plain, std::string_view aad) {
  const std::string nonce = random_bytes(kAeadNonceBytes);
  std::string out(kAeadNonceBytes + plain.size() + kAeadTagBytes, '\0');
  nonce.copy(out.data(), kAeadNonceBytes);
  seal(nonce, plain, aad, out.data() + kAeadNonceBytes);
  return out;
}
bool Aead::open(std::string_view nonce, std::string_view sealed, std::string_view aad,
                char* plain) {
  if (sealed.size() < kAeadTagBytes || nonce.size() != kAeadNonceBytes) return false;
  const size_t plain_bytes = sealed.size() - kAeadTagBytes;
  EVP_CIPHER_CTX* c = state_->open.raw;
  std::array<char, kAeadTagBytes> tag;
  sealed.copy(tag.data(), tag.size(), plain_bytes);
  auto* out = reinterpret_cast<unsigned char*>(plain);
  int size = 0;
  const bool ok =
      EVP_DecryptInit_ex2(c, nullptr, nullptr, bytes(nonce), nullptr) == 1 &&
      (aad.empty() ||
       EVP_DecryptUpdate(c, nullptr, &size, bytes(aad), static_cast<int>(aad.size())) == 1) &&
      EVP_DecryptUpdate(c, out, &size, bytes(sealed), static_cast<int>(plain_bytes)) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(c, out + plain_bytes, &size) == 1;
  if (!ok) OPENSSL_cleanse(plain, plain_bytes);
  return ok;
}
std::optional<std::string> Aead::open_random(std::string_view sealed, std::string_view aad) {
  if (sealed.size() < kAeadNonceBytes + kAeadTagBytes) return std::nullopt;
  std::string out(sealed.size() - kAeadNonceBytes - kAeadTagBytes, '\0');
  if (!open(sealed.substr(0, kAeadNonceBytes), sealed.substr(kAeadNonceBytes), aad, out.data()))
    return std::nullopt;
  return out;
}

std::string aead_seal_random(const Secret& key, std::string_view plain, std::string_view aad) {
  const std::string nonce = random_bytes(kAeadNonceBytes);
  return nonce + aead_seal(key, nonce, plain, aad);
}
std::optional<std::string> aead_open_random(const Secret& key, std::string_view sealed,
                                            std::string_view aad) {
  if (sealed.size() < kAeadNonceBytes) return std::nullopt;
  return aead_open(key, sealed.substr(0, kAeadNonceBytes), sealed.substr(kAeadNonceBytes), aad);
}

void ctr_xor(const Secret& key, std::string_view iv, uint64_t offset, char* data, size_t size) {
  std::array<unsigned char, 16> counter;
  for (size_t i = 0; i < 16; ++i) counter[i] = static_cast<unsigned char>(iv[i]);
  uint64_t blocks = offset / 16;
  unsigned carry = 0;
  for (size_t i = 16; i-- > 0; blocks >>= 8) {  // the counter is big-endian, 128 bits
    const unsigned sum = counter[i] + static_cast<unsigned>(blocks & 0xff) + carry;
    counter[i] = static_cast<unsigned char>(sum);
    carry = sum >> 8;
  }
  EVP_CIPHER_CTX* c = ctr_context();
  if (EVP_EncryptInit_ex2(c, ctr(), bytes(key.expose()), counter.data(), nullptr) != 1)
    fail("AES-256-CTR");
  int done = 0;
  std::array<unsigned char, 16> skipped{};
  if (offset % 16)
    EVP_EncryptUpdate(c, skipped.data(), &done, skipped.data(), static_cast<int>(offset % 16));
  for (size_t at = 0; at < size;) {
    const int step = static_cast<int>(std::min<size_t>(size - at, 1 << 30));
    auto* place = reinterpret_cast<unsigned char*>(data + at);
    if (EVP_EncryptUpdate(c, place, &done, place, step) != 1) fail("AES-256-CTR");
    at += static_cast<size_t>(step);
  }
  EVP_CIPHER_CTX_reset(c);
}

}  // namespace sluice
