// SPDX-License-Identifier: Apache-2.0
#pragma once
// Starting bubblewrap so that it never outlives the server, however that ends.
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::lambda {

// Runs `path` with standard input from /dev/null, each descriptor `first` as `second`, no other,
// and no signal blocked. The kernel kills it when this process ends (PR_SET_PDEATHSIG, set before
// the program begins). That signal comes from the end of the *thread* that started a child: all are
// started by one thread that lives as long as the process (the one thing here that servers in one
// process share), since a connection's thread ends with its connection. The error's text is the
// system's reason.
Result<pid_t> spawn(const char* path, std::vector<std::string> arguments,
                    std::vector<std::string> environment,
                    std::vector<std::pair<int, int>> descriptors);

// clone(2) with CLONE_VM and CLONE_VFORK, and more `flags`: `body` runs on our memory while the
// calling thread waits, so system calls only. -1: errno.
pid_t clone_sharing_memory(int (*body)(void*), int flags, void* argument);

}  // namespace sluice::lambda
