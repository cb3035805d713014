// SPDX-License-Identifier: Apache-2.0
#include "crypto/guard_memory.h"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifdef __has_feature  // of clang, which the sanitizers are built with
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_SANITIZED
#endif
#endif

namespace sluice {

void guard_memory() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
#ifndef SLUICE_SANITIZED  // the leak sanitizer looks into its process as a debugger does
  prctl(PR_SET_DUMPABLE, 0);
  constexpr size_t kSmallestBlock = 32;  // a key
  CRYPTO_secure_malloc_init(kLockedBytesMax, kSmallestBlock);
#endif
}

}  // namespace sluice
