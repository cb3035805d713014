// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a function gets of the processor while there is not enough for all. It follows MemorySize,
// as on AWS, where 1,769 MB are worth one processor: by the nice value of its processes
// (docs/decisions/0011-processor-shares.md). The start of an environment is spared, as on AWS.
//
//   while (!share_processor(child, user, memory_mb)) wait();   // from the first event on
#include <sys/types.h>

#include <cstdint>

namespace sluice::lambda {

constexpr int64_t kProcessorMb = 1769;  // the MemorySize that is worth one processor
constexpr int kNiceMin = 1;             // of all functions: the server comes first

int nice_of(int64_t memory_mb);
// Gives a sandbox its share, which is at most one processor's. false: the kernel wants it to be
// asked again a little later.
bool share_processor(pid_t first, uid_t user, int64_t memory_mb);

}  // namespace sluice::lambda
