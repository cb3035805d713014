// SPDX-License-Identifier: Apache-2.0
#include "crypto/md5.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <boost/container/static_vector.hpp>
#include <cstring>
#include <utility>

#include "base/baton.h"
#include "base/thread_safety.h"

namespace sluice {
namespace {
constexpr uint32_t kSines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

// The same word of eight texts, in two registers: each text is a lane of its own.
using Four = uint32_t __attribute__((vector_size(16)));
struct Eight {
  Four low, high;
};
#define SLUICE_LANES [[gnu::always_inline]] inline
SLUICE_LANES Eight operator+(Eight a, Eight b) { return {a.low + b.low, a.high + b.high}; }
SLUICE_LANES Eight operator&(Eight a, Eight b) { return {a.low & b.low, a.high & b.high}; }
SLUICE_LANES Eight operator|(Eight a, Eight b) { return {a.low | b.low, a.high | b.high}; }
SLUICE_LANES Eight operator^(Eight a, Eight b) { return {a.low ^ b.low, a.high ^ b.high}; }
SLUICE_LANES Eight operator~(Eight a) { return {~a.low, ~a.high}; }
SLUICE_LANES Eight operator<<(Eight a, int n) { return {a.low << n, a.high << n}; }
SLUICE_LANES Eight operator>>(Eight a, int n) { return {a.low >> n, a.high >> n}; }
SLUICE_LANES Eight operator+(Eight a, uint32_t b) { return {a.low + b, a.high + b}; }

// Step n of 64. RFC 1321, 3.4.
template <size_t n, class Word>
SLUICE_LANES void step(Word& a, Word& b, Word& c, Word& d, const Word* block) {
  constexpr size_t kRound = n / 16;
  constexpr size_t kWord = (kRound == 0   ? n
                            : kRound == 1 ? 5 * n + 1
                            : kRound == 2 ? 3 * n + 5
                                          : 7 * n) %
                           16;
  constexpr int kShift = kShifts[kRound][n % 4];
  // The second in RFC 1321 has "or": no bit is set in both, and a sum waits for `b` less long.
  const Word mixed = kRound == 0   ? d ^ (b & (c ^ d))
                     : kRound == 1 ? (~d & c) + (d & b)
                     : kRound == 2 ? b ^ (c ^ d)
                                   : c ^ (b | ~d);
  const Word sum = a + block[kWord] + kSines[n] + mixed;
  const Word next = b + (sum << kShift | sum >> (32 - kShift));
  a = d;
  d = c;
  c = b;
  b = next;
}
template <class Word>
SLUICE_LANES void hash_block(Word (&state)[4], const Word* block) {
  Word a = state[0], b = state[1], c = state[2], d = state[3];
  [&]<size_t... n>(std::index_sequence<n...>) __attribute__((always_inline)) {
    (step<n>(a, b, c, d, block), ...);
  }(std::make_index_sequence<64>());
  state[0] = state[0] + a;
  state[1] = state[1] + b;
  state[2] = state[2] + c;
  state[3] = state[3] + d;
}

SLUICE_LANES Four load(const char* from) {
  Four out;
  memcpy(&out, from, sizeof out);
  return out;
}
// Four words of four texts each: in, a text a row; out, a text a column.
SLUICE_LANES void turn(const char* const* texts, size_t offset, Four (&out)[4]) {
  const Four a = load(texts[0] + offset), b = load(texts[1] + offset), c = load(texts[2] + offset),
             d = load(texts[3] + offset);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
             ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7),
             cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
             cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  out[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  out[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  out[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  out[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}
void hash_lanes(Md5State* const (&states)[kMd5Lanes], const char* (&texts)[kMd5Lanes],
                size_t count) {
  Eight state[4];
  for (size_t i = 0; i < 4; ++i)
    for (size_t lane = 0; lane < 4; ++lane) {
      state[i].low[lane] = (*states[lane])[i];
      state[i].high[lane] = (*states[lane + 4])[i];
    }
  while (count--) {
    Eight block[16];
    for (size_t word = 0; word < 16; word += 4) {
      Four low[4], high[4];
      turn(texts, 4 * word, low);
      turn(texts + 4, 4 * word, high);
      for (size_t i = 0; i < 4; ++i) block[word + i] = {low[i], high[i]};
    }
    hash_block(state, block);
    for (const char*& text : texts) text += kMd5BlockBytes;
  }
  for (size_t i = 0; i < 4; ++i)
    for (size_t lane = 0; lane < 4; ++lane) {
      (*states[lane])[i] = state[i].low[lane];
      (*states[lane + 4])[i] = state[i].high[lane];
    }
}
}  // namespace

void md5_hash(Md5Blocks text) {
  uint32_t state[4];
  std::copy(text.state->begin(), text.state->end(), state);
  for (; text.count; --text.count, text.at += kMd5BlockBytes) {
    uint32_t block[16];
    memcpy(block, text.at, sizeof block);
    hash_block(state, block);
  }
  std::copy(std::begin(state), std::end(state), text.state->begin());
}

void md5_hash_together(std::span<Md5Blocks> texts) {
  for (;;) {
    // Those that have blocks left, first; all go on for as far as the shortest of them does.
    const auto end =
        std::partition(texts.begin(), texts.end(), [](const Md5Blocks& t) { return t.count; });
    texts = {texts.begin(), end};
    if (texts.empty()) return;
    if (texts.size() == 1) return md5_hash(texts.front());
    const size_t count =
        std::min_element(texts.begin(), texts.end(), [](const auto& a, const auto& b) {
          return a.count < b.count;
        })->count;
    Md5State unused{};
    Md5State* states[kMd5Lanes];
    const char* at[kMd5Lanes];
    for (size_t lane = 0; lane < kMd5Lanes; ++lane) {
      states[lane] = lane < texts.size() ? texts[lane].state : &unused;
      at[lane] = texts[lane < texts.size() ? lane : 0].at;  // a lane without a text reads another's
    }
    hash_lanes(states, at, count);
    for (Md5Blocks& text : texts) {
      text.at += count * kMd5BlockBytes;
      text.count -= count;
    }
  }
}

namespace {
// The thread that opens a group steps back for as long as others join it, and then hashes them all;
// who makes it full does so at once. On an idle machine nobody comes, and nothing was waited for.
class Together {
 public:
  // Whoever failed on the way would leave the others waiting for ever.
  void hash(Md5Blocks blocks) noexcept {
    Waiting self{blocks, {}};
    const Group group = join(self);
    if (group.empty()) {
      self.hashed.await();
      return;
    }
    boost::container::static_vector<Md5Blocks, kMd5Lanes> all;
    for (const Waiting* one : group) all.push_back(one->blocks);
    md5_hash_together(all);
    for (Waiting* one : group)
      if (one != &self) one->hashed.pass(1);
  }
  // How many are begun and not ended: one that is alone has none to wait for.
  std::atomic<size_t> texts{0};

 private:
  struct Waiting {
    Md5Blocks blocks;
    Baton hashed;
  };
  using Group = boost::container::static_vector<Waiting*, kMd5Lanes>;
  // Those whom `self` is to hash, himself included; empty: another hashes him.
  Group join(Waiting& self) {
    MutexLock lock(mutex_);
    group_.push_back(&self);
    if (group_.size() == kMd5Lanes) return std::exchange(group_, {});
    if (group_.front() != &self) return {};
    for (size_t before = 0; before != group_.size();) {
      before = group_.size();
      lock.unlock();
      sched_yield();
      lock.lock();
      if (group_.empty() || group_.front() != &self) return {};  // it became full
    }
    return std::exchange(group_, {});
  }
  Mutex mutex_;
  Group group_ SLUICE_GUARDED_BY(mutex_);
};
Together& together() {
  static Together one;
  return one;
}
constexpr size_t kLargeBlocks = 256;  // 16 KiB: less is hashed sooner than another thread is woken
}  // namespace

Md5::Md5() { ++together().texts; }
Md5::~Md5() { --together().texts; }

void Md5::hash(Md5Blocks blocks) {
  if (blocks.count >= kLargeBlocks && together().texts > 1)
    together().hash(blocks);
  else
    md5_hash(blocks);
}

void Md5::update(std::string_view data) {
  const size_t begun = bytes_ % kMd5BlockBytes;
  bytes_ += data.size();
  if (begun) {
    const size_t n = data.copy(begun_.data() + begun, kMd5BlockBytes - begun);
    data.remove_prefix(n);
    if (begun + n < kMd5BlockBytes) return;
    md5_hash({&state_, begun_.data(), 1});
  }
  hash({&state_, data.data(), data.size() / kMd5BlockBytes});
  data.remove_prefix(data.size() / kMd5BlockBytes * kMd5BlockBytes);
  data.copy(begun_.data(), data.size());
}

// RFC 1321, 3.1 and 3.2: a one bit, zeros, and the length in bits, with its lowest byte first.
std::string Md5::finish() {
  uint64_t bits = 8 * bytes_;
  std::string end(1, '\x80');
  end.resize(1 + (2 * kMd5BlockBytes - 9 - bytes_ % kMd5BlockBytes) % kMd5BlockBytes, '\0');
  for (int i = 0; i < 8; ++i, bits >>= 8) end += static_cast<char>(bits & 255);
  update(end);
  std::string out;
  for (uint32_t word : state_)
    for (int i = 0; i < 4; ++i, word >>= 8) out += static_cast<char>(word & 255);
  return out;
}

}  // namespace sluice
