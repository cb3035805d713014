// SPDX-License-Identifier: Apache-2.0
// Folding: V. Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction" (Intel, 2009).
#include "crypto/crc.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace sluice {

CrcKind::CrcKind(int bits, uint64_t polynomial) : bits_(bits), polynomial_(polynomial) {
  for (uint64_t i = 0; i < 256; ++i) {
    uint64_t v = i;
    for (int k = 0; k < 8; ++k) v = v & 1 ? v >> 1 ^ polynomial : v >> 1;
    tables_[0][i] = v;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t i = 0; i < 256; ++i)
      tables_[k][i] = tables_[k - 1][i] >> 8 ^ tables_[0][tables_[k - 1][i] & 255];
  by_16_ = fold_by(16);
  by_64_ = fold_by(64);
}

const CrcKind& crc32c() {
  static const CrcKind kind(32, 0x82f63b78);
  return kind;
}

uint64_t CrcKind::update(uint64_t state, std::string_view data) const {
  static const bool folds = can_fold();
  return folds ? update_by_folding(state, data) : update_by_table(state, data);
}

uint64_t CrcKind::update_by_table(uint64_t state, std::string_view data) const {
  const auto& t = tables_;
  size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    uint64_t v = 0;
    for (size_t k = 0; k < 8; ++k)
      v |= static_cast<uint64_t>(static_cast<uint8_t>(data[i + k])) << (8 * k);
    v ^= state;
    state = t[7][v & 255] ^ t[6][v >> 8 & 255] ^ t[5][v >> 16 & 255] ^ t[4][v >> 24 & 255] ^
            t[3][v >> 32 & 255] ^ t[2][v >> 40 & 255] ^ t[1][v >> 48 & 255] ^ t[0][v >> 56];
  }
  for (; i < data.size(); ++i)
    state = state >> 8 ^ t[0][(state ^ static_cast<uint8_t>(data[i])) & 255];
  return state;
}

// x^exponent modulo the polynomial, reflected: the lowest power stands in the highest of 64 bits.
uint64_t CrcKind::power_of_x(unsigned exponent) const {
  uint64_t v = uint64_t{1} << (bits_ - 1);
  while (exponent--) v = v & 1 ? v >> 1 ^ polynomial_ : v >> 1;
  return v << (64 - bits_);
}
// The first eight bytes are 64 powers of x further from the end than the second ones. A product of
// two reflected numbers comes out one power too high, so one less is asked for.
CrcKind::Fold CrcKind::fold_by(unsigned distance) const {
  return {power_of_x(8 * distance + 64 - 1), power_of_x(8 * distance - 1)};
}

#ifdef __x86_64__
namespace {
// 16 bytes, brought forward and added to those that stand there.
[[gnu::target("pclmul")]] inline __m128i fold(__m128i bytes, __m128i by, __m128i onto) {
  return _mm_xor_si128(onto, _mm_xor_si128(_mm_clmulepi64_si128(bytes, by, 0x00),
                                           _mm_clmulepi64_si128(bytes, by, 0x11)));
}
inline __m128i load_16(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
inline __m128i pair(uint64_t first, uint64_t second) {
  return _mm_set_epi64x(static_cast<int64_t>(second), static_cast<int64_t>(first));
}
}  // namespace

bool CrcKind::can_fold() { return __builtin_cpu_supports("pclmul"); }

// Four sums of 16 bytes at a distance of 64, so that the processor has four products to work on;
// then one of them all. What is left are 16 bytes with the CRC of everything before them.
[[gnu::target("pclmul")]] uint64_t CrcKind::update_by_folding(uint64_t state,
                                                              std::string_view data) const {
  if (data.size() < 64) return update_by_table(state, data);
  const __m128i by_16 = pair(by_16_.first, by_16_.second),
                by_64 = pair(by_64_.first, by_64_.second);
  const char *at = data.data(), *const end = at + data.size();
  __m128i sums[4] = {_mm_xor_si128(load_16(at), pair(state, 0)), load_16(at + 16), load_16(at + 32),
                     load_16(at + 48)};
  for (at += 64; end - at >= 64; at += 64)
    for (int i = 0; i < 4; ++i) sums[i] = fold(sums[i], by_64, load_16(at + 16 * i));
  __m128i sum = sums[0];
  for (int i = 1; i < 4; ++i) sum = fold(sum, by_16, sums[i]);
  for (; end - at >= 16; at += 16) sum = fold(sum, by_16, load_16(at));
  char left[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(left), sum);
  state = update_by_table(0, {left, sizeof left});
  return update_by_table(state, {at, static_cast<size_t>(end - at)});
}
#else
bool CrcKind::can_fold() { return false; }
uint64_t CrcKind::update_by_folding(uint64_t state, std::string_view data) const {
  return update_by_table(state, data);
}
#endif

}  // namespace sluice
