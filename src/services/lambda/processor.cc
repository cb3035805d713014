// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/processor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <string>
#include <string_view>

#include "services/lambda/spawn.h"

namespace sluice::lambda {
namespace {
// The kernel gives 1.25 times more for each value; one value stands for two such steps.
constexpr double kMemoryStep = 1.25 * 1.25;
constexpr int kNiceMax = 7;  // of 128 MB

// 0 or errno. The kernel takes what it is told in one piece.
int tell(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int problem =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
  close(fd);
  return problem;
}

struct Nice {
  pid_t first;
  uid_t user;
  int value;
};
// Runs in a child that shares memory with us, so it may only make system calls.
int set_nice(void* raw) {
  const Nice& nice = *static_cast<const Nice*>(raw);
  // The first process leads a process group, and the value is each thread's own.
  return become_user(nice.user) &&
                 setpriority(PRIO_PGRP, static_cast<id_t>(nice.first), nice.value) == 0
             ? 0
             : 1;
}
}  // namespace

int nice_of(int64_t memory_mb) {
  const double steps =
      std::log(static_cast<double>(kProcessorMb) / static_cast<double>(memory_mb)) /
      std::log(kMemoryStep);
  return std::clamp(kNiceMin + static_cast<int>(std::lround(steps)), kNiceMin, kNiceMax);
}
bool share_processor(pid_t first, uid_t user, int64_t memory_mb) {
  Nice nice{first, user, nice_of(memory_mb)};
  if (const pid_t helper = clone_sharing_memory(set_nice, 0, &nice); helper > 0)
    waitpid(helper, nullptr, 0);
  // Where the kernel has autogroups it shares among sessions first, and looks at a process' nice
  // value only within its own. It takes ten of these a second.
  const std::string session = "/proc/" + std::to_string(first) + "/autogroup";
  return tell(session, std::to_string(nice.value)) != EAGAIN;
}

}  // namespace sluice::lambda
