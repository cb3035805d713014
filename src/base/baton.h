// SPDX-License-Identifier: Apache-2.0
#pragma once
// A word of one thread, which waits until another has set it. No lock is taken on either side: who
// is woken can go on at once, and who wakes holds up nobody meanwhile. Between threads that wait
// for each other all the time this is half of what a condition variable costs.
//
//   Baton turn;                       // of the thread that waits
//   turn.pass(kDone);                 // another thread; nobody may touch `turn` after it
//   if (turn.await() == kDone) return;
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

namespace sluice {

class Baton {
 public:
  // Sets the word, which must be neither 0 nor kSleeps, and wakes the thread when it sleeps. It may
  // have seen the word before it is woken, and then even be gone: the kernel is only told an
  // address, at which nobody need wait any more.
  void pass(uint32_t word) {
    if (word_.exchange(word, std::memory_order_acq_rel) == kSleeps)
      syscall(SYS_futex, address(), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  // For the thread that waits itself.
  void keep(uint32_t word) { word_.store(word, std::memory_order_relaxed); }
  // Waits until the word is set, takes it and leaves 0. At first the thread only lets others run: a
  // word that comes within that time costs neither of the two a call of the kernel to sleep or to
  // wake.
  uint32_t await() {
    for (int turn = 0; turn < kTurns; ++turn) {
      if (const uint32_t word = word_.exchange(0, std::memory_order_acquire)) return word;
      sched_yield();
    }
    for (;;) {
      uint32_t word = 0;
      word_.compare_exchange_strong(word, kSleeps, std::memory_order_acquire);
      if (word != 0 && word != kSleeps) return word_.exchange(0, std::memory_order_acquire);
      syscall(SYS_futex, address(), FUTEX_WAIT_PRIVATE, kSleeps, nullptr, nullptr, 0);
    }
  }
  static constexpr uint32_t kSleeps = UINT32_MAX;

 private:
  static constexpr int kTurns = 2;
  uint32_t* address() { return reinterpret_cast<uint32_t*>(&word_); }
  std::atomic<uint32_t> word_{0};
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
};

}  // namespace sluice
