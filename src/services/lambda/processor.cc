// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/processor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "base/bytes.h"
#include "base/files.h"
#include "base/thread_safety.h"
#include "services/lambda/spawn.h"

namespace sluice::lambda {
namespace {
constexpr double kNiceStep = 1.25;  // the kernel gives so many times more for each value
constexpr int kNiceMax = 14;        // of 128 MB
constexpr std::string_view kGroupName = "sandbox-";

// 0 or errno. These files of the kernel take what they are told in one piece.
int tell(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int problem =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
  close(fd);
  return problem;
}

// The folder of this process' cgroup in the one hierarchy of cgroup v2; "": there is none.
std::string own_group() {
  const std::string all = read_file("/proc/self/cgroup").value_or("");
  for (const auto line : split(all, '\n'))
    if (line.starts_with("0::/")) return "/sys/fs/cgroup" + std::string(line.substr(3));
  return "";
}

// systemd marks what it has given away (Delegate=), and leaves it alone from then on.
bool is_delegated(const std::string& group) {
  char mark[2] = {};
  for (const char* name : {"user.delegate", "trusted.delegate"})
    if (getxattr(group.c_str(), name, mark, sizeof mark) == 1 && mark[0] == '1') return true;
  return false;
}

// The cgroups of the sandboxes, side by side in that of the server.
class Groups {
 public:
  Groups() {
    std::string own = own_group();
    if (own.empty() || !is_delegated(own)) return;
    // A cgroup that shares among others holds no process itself.
    const std::string leaf = own + "/server", self = std::to_string(getpid());
    if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return;
    if (tell(leaf + "/cgroup.procs", self) == 0 &&
        tell(own + "/cgroup.subtree_control", "+cpu") == 0 &&
        tell(leaf + "/cpu.weight", std::to_string(kServerWeight)) == 0) {
      root_ = std::move(own);
      return;
    }
    tell(own + "/cgroup.procs", self);
    rmdir(leaf.c_str());
  }

  bool exist() const { return !root_.empty(); }

  std::string join(pid_t first) {
    if (!exist()) return "";
    const MutexLock lock(mutex_);
    sweep();
    std::string group = root_ + "/" + std::string(kGroupName) + std::to_string(++made_);
    if (mkdir(group.c_str(), 0755) != 0) return "";
    if (tell(group + "/cgroup.procs", std::to_string(first)) == 0) return group;
    rmdir(group.c_str());
    return "";
  }

 private:
  // The kernel lets those go that hold no process any more.
  void sweep() SLUICE_REQUIRES(mutex_) {
    for (const std::string& name : entries_of(root_))
      if (name.starts_with(kGroupName)) rmdir((root_ + "/" + name).c_str());
  }
  std::string root_;
  Mutex mutex_;
  uint64_t made_ SLUICE_GUARDED_BY(mutex_) = 0;
};
Groups& groups() {
  static Groups all;  // a process has one cgroup, whatever servers are in it
  return all;
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
      std::log(kNiceStep);
  return std::clamp(kNiceMin + static_cast<int>(std::lround(steps)), kNiceMin, kNiceMax);
}
int weight_of(int64_t memory_mb) {
  return std::clamp(static_cast<int>((memory_mb * 100 + kProcessorMb / 2) / kProcessorMb), 1,
                    10000);
}

bool groups_share_processor() { return groups().exist(); }
std::string join_group(pid_t first) { return groups().join(first); }

bool share_processor(const std::string& group, pid_t first, uid_t user, int64_t memory_mb) {
  if (!group.empty()) {
    tell(group + "/cpu.weight", std::to_string(weight_of(memory_mb)));
    return true;
  }
  Nice nice{first, user, nice_of(memory_mb)};
  if (const pid_t helper = clone_sharing_memory(set_nice, 0, &nice); helper > 0)
    waitpid(helper, nullptr, 0);
  // Where the kernel has autogroups it shares among sessions first, and looks at a process' nice
  // value only within its own. It takes ten of these a second.
  const std::string session = "/proc/" + std::to_string(first) + "/autogroup";
  return tell(session, std::to_string(nice.value)) != EAGAIN;
}

}  // namespace sluice::lambda
