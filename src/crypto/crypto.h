// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hashes, MACs and authenticated encryption over OpenSSL 3. The only user of OpenSSL besides
// net/tls and the ingest function's TLS client. Failures of the library are exceptions: they are
// bugs or an exhausted machine.
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
Secret hkdf_sha256(const Secret& key, std::string_view info);      // 32 bytes (RFC 5869, no salt)
bool equal_constant_time(std::string_view a, std::string_view b);  // false when lengths differ

// An incremental digest. `algorithm`: SHA256, SHA1, MD5, CRC32 (IEEE), CRC32C, CRC64NVME. CRCs
// finish as big-endian bytes.
class Digest {
 public:
  enum class Algorithm { sha256, sha1, md5, crc32, crc32c, crc64nvme };
  explicit Digest(Algorithm algorithm);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();
  void update(std::string_view data);
  std::string finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// The CRC of a||b from crc(a), crc(b) and the length of b; only the three CRC algorithms. For
// FULL_OBJECT multipart checksums.
std::string crc_combine(Digest::Algorithm algorithm, std::string_view crc_a, std::string_view crc_b,
                        uint64_t b_bytes);

// AES-256-GCM (NIST SP 800-38D). `key` 32 bytes, `nonce` 12 bytes and never used twice with one
// key. seal appends a 16-byte tag.
constexpr size_t kAeadTagBytes = 16, kAeadNonceBytes = 12, kAeadKeyBytes = 32;
std::string aead_seal(const Secret& key, std::string_view nonce, std::string_view plain,
                      std::string_view aad);
std::optional<std::string> aead_open(const Secret& key, std::string_view nonce,
                                     std::string_view sealed,
                                     std::string_view aad);  // nullopt: not authentic
// The same for many messages under one key: its schedule is made once. Not for two threads at once.
class Aead {
 public:
  explicit Aead(const Secret& key);
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;
  ~Aead();
  std::string seal(std::string_view nonce, std::string_view plain, std::string_view aad);
  std::string seal_random(std::string_view plain, std::string_view aad);  // as aead_seal_random
  // Writes sealed.size() - 16 bytes at `plain`; false: not authentic, and what was written is
  // wiped.
  bool open(std::string_view nonce, std::string_view sealed, std::string_view aad, char* plain);
  std::optional<std::string> open_random(std::string_view sealed, std::string_view aad);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// With a random nonce in front: 12 + plain + 16 bytes. For few messages per key (below 2^32).
std::string aead_seal_random(const Secret& key, std::string_view plain, std::string_view aad);
std::optional<std::string> aead_open_random(const Secret& key, std::string_view sealed,
                                            std::string_view aad);

// AES-256-CTR at any offset of a stream, in place: encrypting and decrypting are the same. `iv` 16
// bytes.
void ctr_xor(const Secret& key, std::string_view iv, uint64_t offset, char* data, size_t size);

}  // namespace sluice
