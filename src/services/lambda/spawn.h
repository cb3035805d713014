// SPDX-License-Identifier: Apache-2.0
#pragma once
// Starts bubblewrap so that it never outlives the server, no matter how the server ends.
//
//   TRY(const pid_t bwrap, spawn("/usr/bin/bwrap", arguments, environment, {{output, 1}}));
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::lambda {

// Runs `path`. Its standard input is /dev/null; of each pair in `descriptors` it has our `first` as
// its `second`, and no other descriptors; no signal is blocked. The kernel kills it when this
// process ends (PR_SET_PDEATHSIG, set before the program begins). In truth that signal comes when
// the *thread* that started the child ends. A connection's thread ends with its connection, so one
// thread that lives as long as the process starts all children; servers in one process share it.
// `user` is who runs it; 0: who runs us. The text of the error is the system's reason.
Result<pid_t> spawn(const char* path, std::vector<std::string> arguments,
                    std::vector<std::string> environment,
                    const std::vector<std::pair<int, int>>& descriptors, uid_t user = 0);

// In a body of clone_sharing_memory: becomes this user, alone of all threads. 0: stays who it is.
// false: errno says why not.
bool become_user(uid_t user);

// clone(2) with CLONE_VM, CLONE_VFORK and more `flags`. `body` runs on our memory while the calling
// thread waits, so it may only make system calls. -1: it failed, see errno.
pid_t clone_sharing_memory(int (*body)(void*), int flags, void* argument);

}  // namespace sluice::lambda
