// SPDX-License-Identifier: Apache-2.0
// Incremental digests, and the three CRCs of S3's checksum family (all reflected, initial value and
// final XOR all ones).
#include <openssl/evp.h>

#include <array>
#include <stdexcept>

#include "crypto/crypto.h"

namespace sluice {
namespace {
struct Crc {
  int bits;
  uint64_t polynomial;
};  // reflected
Crc crc_of(Digest::Algorithm a) {
  switch (a) {
    case Digest::Algorithm::crc32: return {32, 0xedb88320};
    case Digest::Algorithm::crc32c: return {32, 0x82f63b78};
    case Digest::Algorithm::crc64nvme: return {64, 0x9a6c9329ac4bc9b5};
    default: return {0, 0};
  }
}
uint64_t mask(int bits) { return bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }

using Tables = std::array<std::array<uint64_t, 256>, 8>;
Tables make_tables(uint64_t polynomial) {  // slicing by eight
  Tables t{};
  for (uint64_t i = 0; i < 256; ++i) {
    uint64_t v = i;
    for (int k = 0; k < 8; ++k) v = v & 1 ? v >> 1 ^ polynomial : v >> 1;
    t[0][i] = v;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 255];
  return t;
}
const Tables& tables(Digest::Algorithm a) {
  static const Tables crc32 = make_tables(crc_of(Digest::Algorithm::crc32).polynomial),
                      crc32c = make_tables(crc_of(Digest::Algorithm::crc32c).polynomial),
                      crc64 = make_tables(crc_of(Digest::Algorithm::crc64nvme).polynomial);
  return a == Digest::Algorithm::crc32 ? crc32 : a == Digest::Algorithm::crc32c ? crc32c : crc64;
}
uint64_t crc_update(const Tables& t, uint64_t crc, std::string_view data) {
  size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    uint64_t v = 0;
    for (size_t k = 0; k < 8; ++k)
      v |= static_cast<uint64_t>(static_cast<uint8_t>(data[i + k])) << (8 * k);
    v ^= crc;
    crc = t[7][v & 255] ^ t[6][v >> 8 & 255] ^ t[5][v >> 16 & 255] ^ t[4][v >> 24 & 255] ^
          t[3][v >> 32 & 255] ^ t[2][v >> 40 & 255] ^ t[1][v >> 48 & 255] ^ t[0][v >> 56];
  }
  for (; i < data.size(); ++i) crc = crc >> 8 ^ t[0][(crc ^ static_cast<uint8_t>(data[i])) & 255];
  return crc;
}
std::string big_endian(uint64_t value, int bits) {
  std::string out;
  for (int shift = bits - 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 255);
  return out;
}
uint64_t from_big_endian(std::string_view bytes) {
  uint64_t v = 0;
  for (char c : bytes) v = v << 8 | static_cast<uint8_t>(c);
  return v;
}

using Matrix = std::array<uint64_t, 64>;  // over GF(2); column k is the image of bit k
uint64_t times(const Matrix& m, uint64_t v) {
  uint64_t out = 0;
  for (size_t k = 0; v; v >>= 1, ++k)
    if (v & 1) out ^= m[k];
  return out;
}
Matrix square(const Matrix& m) {
  Matrix out{};
  for (size_t k = 0; k < 64; ++k) out[k] = times(m, m[k]);
  return out;
}
}  // namespace

struct Digest::State {
  Algorithm algorithm;
  uint64_t crc = 0;
  EVP_MD_CTX* context = nullptr;
  ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest(Algorithm algorithm) : state_(std::make_unique<State>()) {
  state_->algorithm = algorithm;
  if (const int bits = crc_of(algorithm).bits) {
    state_->crc = mask(bits);
    return;
  }
  state_->context = EVP_MD_CTX_new();
  const EVP_MD* md = algorithm == Algorithm::sha256 ? EVP_sha256()
                     : algorithm == Algorithm::sha1 ? EVP_sha1()
                                                    : EVP_md5();
  if (!state_->context || EVP_DigestInit_ex(state_->context, md, nullptr) != 1)
    throw std::runtime_error("OpenSSL: digest");
}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(std::string_view data) {
  if (state_->context)
    EVP_DigestUpdate(state_->context, data.data(), data.size());
  else
    state_->crc = crc_update(tables(state_->algorithm), state_->crc, data);
}
std::string Digest::finish() {
  if (!state_->context) {
    const int bits = crc_of(state_->algorithm).bits;
    return big_endian(state_->crc ^ mask(bits), bits);
  }
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(out.data()), &size);
  out.resize(size);
  return out;
}

std::string crc_combine(Digest::Algorithm algorithm, std::string_view crc_a, std::string_view crc_b,
                        uint64_t b_bytes) {
  const Crc crc = crc_of(algorithm);
  Matrix zero_bit{};  // appends one zero bit
  zero_bit[0] = crc.polynomial;
  for (size_t k = 1; k < static_cast<size_t>(crc.bits); ++k) zero_bit[k] = uint64_t{1} << (k - 1);
  Matrix power = square(square(square(zero_bit)));  // one zero byte
  uint64_t a = from_big_endian(crc_a);
  for (; b_bytes; b_bytes >>= 1, power = square(power))
    if (b_bytes & 1) a = times(power, a);
  return big_endian(a ^ from_big_endian(crc_b), crc.bits);
}

}  // namespace sluice
