// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a function gets of the processor while there is not enough for all. It follows MemorySize,
// as on AWS, where 1,769 MB are worth one processor (docs/decisions/0010-processor-shares.md). A
// cgroup sets it where one is delegated to this server, the nice value everywhere else. The start
// of an environment is spared, as on AWS.
//
//   sandbox.group_ = join_group(child);                                      // the start
//   while (!share_processor(sandbox.group_, child, user, memory_mb)) wait();  // from then on
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace sluice::lambda {

constexpr int64_t kProcessorMb = 1769;  // the MemorySize that is worth one processor
constexpr int kNiceMin = 2;             // of all functions: the server comes first
constexpr int kServerWeight = 1000;     // of its cgroup: a function of 1,769 MB has 100

int nice_of(int64_t memory_mb);
int weight_of(int64_t memory_mb);

// Whether cgroups set the shares. The first call moves this process into a leaf of its cgroup, if
// that is delegated to it: only so can the sandboxes have others beside it.
bool groups_share_processor();

// Puts a process that is the first of a sandbox into a cgroup of its own. Returns its path; "":
// cgroups do not set the shares, or this one could not be made.
std::string join_group(pid_t first);

// Gives a sandbox its share, which is at most one processor's where the nice value sets it. false:
// the kernel wants it to be asked again a little later.
bool share_processor(const std::string& group, pid_t first, uid_t user, int64_t memory_mb);

}  // namespace sluice::lambda
