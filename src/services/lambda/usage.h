// SPDX-License-Identifier: Apache-2.0
#pragma once
// What all processes of a sandbox hold together, read from /proc by the one who started them. It
// needs no cgroup, because not every machine lets a server make one
// (docs/decisions/0006-memory-of-a-sandbox.md).
//
//   const Usage estimate = estimate_usage(sandbox.first_process());
//   if (estimate.memory > limit && measure_usage(sandbox.first_process()).memory > limit) kill();
#include <sys/types.h>

#include <cstdint>

namespace sluice::lambda {

struct Usage {
  uint64_t memory = 0;  // what the limit counts: memory, files in /dev/shm, memfds
  uint64_t tmp = 0;     // files in /tmp, which have a limit of their own
  uint64_t files = 0;   // mapped programs and libraries
  size_t processes = 0;
  uint64_t all() const { return memory + tmp + files; }
};
// `first` is the first process of the sandbox; all others descend from it. This is quick, but pages
// that processes share after a fork count for each of them.
Usage estimate_usage(pid_t first);
// This is slow, and divides each shared page among those who share it.
Usage measure_usage(pid_t first);

}  // namespace sluice::lambda
