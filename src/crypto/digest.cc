// SPDX-License-Identifier: Apache-2.0
// Incremental digests, and the three CRCs of S3's checksum family (all reflected, initial value and
// final XOR all ones).
#include <openssl/evp.h>

#include <array>
#include <optional>
#include <stdexcept>

#include "crypto/crc.h"
#include "crypto/crypto.h"
#include "crypto/md5.h"

namespace sluice {
namespace {
// Of one of the three CRCs.
const CrcKind& crc_of(Digest::Algorithm a) {
  static const CrcKind crc32(32, 0xedb88320), crc64nvme(64, 0x9a6c9329ac4bc9b5);
  return a == Digest::Algorithm::crc32    ? crc32
         : a == Digest::Algorithm::crc32c ? crc32c()
                                          : crc64nvme;
}
bool is_crc(Digest::Algorithm a) {
  return a == Digest::Algorithm::crc32 || a == Digest::Algorithm::crc32c ||
         a == Digest::Algorithm::crc64nvme;
}
uint64_t mask(int bits) { return bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }

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

// One of the three is in use.
struct Digest::State {
  const CrcKind* crc = nullptr;
  uint64_t crc_state = 0;
  std::optional<Md5> md5;
  EVP_MD_CTX* context = nullptr;
  ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest(Algorithm algorithm) : state_(std::make_unique<State>()) {
  if (is_crc(algorithm)) {
    state_->crc = &crc_of(algorithm);
    state_->crc_state = mask(state_->crc->bits());
  } else if (algorithm == Algorithm::md5) {
    state_->md5.emplace();
  } else {
    state_->context = EVP_MD_CTX_new();
    const EVP_MD* md = algorithm == Algorithm::sha256 ? EVP_sha256() : EVP_sha1();
    if (!state_->context || EVP_DigestInit_ex(state_->context, md, nullptr) != 1)
      throw std::runtime_error("OpenSSL: digest");
  }
}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(std::string_view data) {
  if (state_->crc)
    state_->crc_state = state_->crc->update(state_->crc_state, data);
  else if (state_->md5)
    state_->md5->update(data);
  else
    EVP_DigestUpdate(state_->context, data.data(), data.size());
}
std::string Digest::finish() {
  if (const CrcKind* crc = state_->crc)
    return big_endian(state_->crc_state ^ mask(crc->bits()), crc->bits());
  if (state_->md5) return state_->md5->finish();
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(out.data()), &size);
  out.resize(size);
  return out;
}

std::string crc_combine(Digest::Algorithm algorithm, std::string_view crc_a, std::string_view crc_b,
                        uint64_t b_bytes) {
  const CrcKind& crc = crc_of(algorithm);
  Matrix zero_bit{};  // appends one zero bit
  zero_bit[0] = crc.polynomial();
  for (size_t k = 1; k < static_cast<size_t>(crc.bits()); ++k) zero_bit[k] = uint64_t{1} << (k - 1);
  Matrix power = square(square(square(zero_bit)));  // one zero byte
  uint64_t a = from_big_endian(crc_a);
  for (; b_bytes; b_bytes >>= 1, power = square(power))
    if (b_bytes & 1) a = times(power, a);
  return big_endian(a ^ from_big_endian(crc_b), crc.bits());
}

}  // namespace sluice
