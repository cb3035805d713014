// SPDX-License-Identifier: Apache-2.0
#include "ingest/keys.h"

#include <bit>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::ingest {
namespace {
constexpr size_t kSlotsMin = 1 << 10, kSlotsMax = 1 << 22;

uint64_t little_endian(std::string_view bytes) {  // of at most eight
  uint64_t word = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    word |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  return word;
}

struct SipState {
  uint64_t a, b, c, d;
  void round() {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  void take(uint64_t word) {
    d ^= word;
    round();
    round();
    a ^= word;
  }
};
}  // namespace

uint64_t siphash(const std::array<uint64_t, 2>& key, std::string_view text) {
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  const uint64_t length = static_cast<uint64_t>(text.size()) << 56;
  for (; text.size() >= 8; text.remove_prefix(8)) state.take(little_endian(text.substr(0, 8)));
  state.take(length | little_endian(text));
  state.c ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

uint64_t key_hash(const Item& item) {
  static const std::array<uint64_t, 2> secret = {from_big_endian64(random_bytes(8)),
                                                 from_big_endian64(random_bytes(8))};
  return siphash(secret, big_endian64(item.device_id.size()) + item.device_id + item.timestamp);
}

SeenKeys::SeenKeys() : slots_(kSlotsMin) {}

bool SeenKeys::insert(uint64_t key) {
  if (key == 0) key = 1;  // 0 marks an empty slot
  if (used_ * 4 >= slots_.size() * 3) {
    if (slots_.size() >= kSlotsMax) {
      exact_ = false;
      return true;
    }
    grow();
  }
  for (size_t at = key & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at] == key) return false;
    if (slots_[at] == 0) {
      slots_[at] = key;
      ++used_;
      return true;
    }
  }
}

void SeenKeys::grow() {
  std::vector<uint64_t> larger(slots_.size() * 2);
  for (const uint64_t key : slots_) {
    if (key == 0) continue;
    size_t at = key & (larger.size() - 1);
    while (larger[at]) at = (at + 1) & (larger.size() - 1);
    larger[at] = key;
  }
  slots_.swap(larger);
}

}  // namespace sluice::ingest
