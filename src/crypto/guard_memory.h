// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps key bytes of this process off the disk: no core dump, no reading by another process of the
// same user, and locked memory for what a Secret holds.
//
//   guard_memory();   // in main(), before the first Secret
#include <cstddef>

namespace sluice {

// The locked memory of Secrets (base/secret.h), and of the private keys inside OpenSSL. Debian lets
// a process lock 8 MiB.
constexpr size_t kLockedBytesMax = size_t{4} << 20;
// May be called once. It asks for what the system gives: a limit on locked memory (ulimit -l)
// below kLockedBytesMax leaves the memory unlocked, but out of core dumps all the same.
void guard_memory();

}  // namespace sluice
