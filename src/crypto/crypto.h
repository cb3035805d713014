// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hashes, MACs and authenticated encryption, over OpenSSL 3. When the library fails, that is an
// exception: it is a bug, or the machine has no memory left. Besides this, only net/tls and the TLS
// client of the ingest function use OpenSSL.
//
//   const std::string sealed = aead_seal_random(key, plain, context);
//   const std::optional<std::string> opened = aead_open_random(key, sealed, context);
//   if (!opened) return Error{400, "InvalidCiphertextException", "", {}};   // not authentic
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace sluice {

std::string sha256(std::string_view data);                             // 32 bytes
std::string sha1(std::string_view data);                               // 20 bytes
std::string md5(std::string_view data);                                // 16 bytes
std::string hmac_sha256(std::string_view key, std::string_view data);  // 32 bytes (RFC 2104)
Secret hkdf_sha256(const Secret& key, std::string_view info);  // 32 bytes (RFC 5869, no salt)
// A key of 32 bytes from a passphrase, that is dear to guess: RFC 7914. It takes 128 * n * r bytes
// of memory; n is a power of two.
struct ScryptCost {
  uint64_t n, r, p;
};
Secret scrypt(const Secret& passphrase, std::string_view salt, const ScryptCost& cost);
bool equal_constant_time(std::string_view a, std::string_view b);  // false when lengths differ

// A digest of bytes that come piece by piece. CRC32 is that of IEEE. A CRC comes out as big-endian
// bytes.
class Digest {
 public:
  enum class Algorithm { sha256, sha1, md5, crc32, crc32c, crc64nvme };
  explicit Digest(Algorithm algorithm);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();
  void update(std::string_view data);
  std::string finish();  // may be called once

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// The CRC of a followed by b, from the CRCs of both and the length of b. It is for the FULL_OBJECT
// checksums of multipart uploads, and knows only the three CRC algorithms.
std::string crc_combine(Digest::Algorithm algorithm, std::string_view crc_a, std::string_view crc_b,
                        uint64_t b_bytes);

// AES-256-GCM (NIST SP 800-38D). `key` has 32 bytes. `nonce` has 12 bytes and must never be used
// twice with one key. Sealing appends a tag of 16 bytes. Opening gives nullopt when the bytes are
// not authentic.
constexpr size_t kAeadTagBytes = 16, kAeadNonceBytes = 12, kAeadKeyBytes = 32;
std::string aead_seal(const Secret& key, std::string_view nonce, std::string_view plain,
                      std::string_view aad);
std::optional<std::string> aead_open(const Secret& key, std::string_view nonce,
                                     std::string_view sealed, std::string_view aad);
// The same for many messages under one key, whose key schedule is then made only once. Two threads
// must not use one at the same time.
class Aead {
 public:
  explicit Aead(const Secret& key);
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;
  ~Aead();
  std::string seal(std::string_view nonce, std::string_view plain, std::string_view aad);
  // Writes plain.size() + 16 bytes to `sealed`, which may be where `plain` is.
  void seal(std::string_view nonce, std::string_view plain, std::string_view aad, char* sealed);
  std::string seal_random(std::string_view plain, std::string_view aad);  // as aead_seal_random
  // Writes sealed.size() - 16 bytes to `plain`. False: the bytes are not authentic, and what was
  // written is wiped.
  bool open(std::string_view nonce, std::string_view sealed, std::string_view aad, char* plain);
  std::optional<std::string> open_random(std::string_view sealed, std::string_view aad);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// With a random nonce before the sealed bytes: 12 + plain + 16 bytes. One key may be used for fewer
// than 2^32 messages.
std::string aead_seal_random(const Secret& key, std::string_view plain, std::string_view aad);
std::optional<std::string> aead_open_random(const Secret& key, std::string_view sealed,
                                            std::string_view aad);

// AES-256-CTR at any offset of a stream, in place. Encrypting and decrypting are the same. `iv` has
// 16 bytes.
void ctr_xor(const Secret& key, std::string_view iv, uint64_t offset, char* data, size_t size);

}  // namespace sluice
