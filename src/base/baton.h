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
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

namespace sluice {

class Baton {
 public:
  // Sets the word, which must not be 0, and wakes the thread that waits. It may have seen the word
  // before it is woken, and then even be gone: the kernel is only told an address, at which nobody
  // need wait any more.
  void pass(uint32_t word) {
    word_.store(word, std::memory_order_release);
    syscall(SYS_futex, address(), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  // For the thread that waits itself.
  void keep(uint32_t word) { word_.store(word, std::memory_order_relaxed); }
  // Waits until the word is set, takes it and leaves 0.
  uint32_t await() {
    for (;;) {
      if (const uint32_t word = word_.exchange(0, std::memory_order_acquire)) return word;
      syscall(SYS_futex, address(), FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
    }
  }

 private:
  uint32_t* address() { return reinterpret_cast<uint32_t*>(&word_); }
  std::atomic<uint32_t> word_{0};
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
};

}  // namespace sluice
