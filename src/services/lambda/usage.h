// SPDX-License-Identifier: Apache-2.0
#pragma once
// What all processes of a sandbox hold together, read from /proc by who started them. No cgroup is
// needed: not every machine lets a server make one (docs/decisions/0006-memory-of-a-sandbox.md).
#include <sys/types.h>

#include <cstdint>

namespace sluice::lambda {

struct Usage {
  uint64_t memory = 0;  // of the limit: private and shared memory, files in /dev/shm, memfds
  uint64_t tmp = 0;     // files in /tmp, which have a limit of their own
  uint64_t files = 0;   // mapped programs and libraries
  size_t processes = 0;
  uint64_t all() const { return memory + tmp + files; }
};
// `first`: the sandbox's first process, whose descendants are all others. Quick; what processes
// share after a fork counts for each of them.
Usage estimate_usage(pid_t first);
// Slow: each shared page is divided among those who share it.
Usage measure_usage(pid_t first);

}  // namespace sluice::lambda
