// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <future>
#include <memory>
#include <thread>

#include "base/thread_safety.h"

// This is clone() by glibc's other name. By its own name the thread sanitizer takes it for a fork,
// and then counts its threads wrongly.
extern "C" int __clone(int (*body)(void*), void* stack, int flags, void* argument, ...);

namespace sluice::lambda {
namespace {
struct Launch {
  const char* path;
  char* const* argv;
  char* const* envp;
  const std::vector<std::pair<int, int>>* descriptors;
  pid_t parent;
  uid_t user;
  int problem;
};

// Runs in a child that shares memory with us until the program begins (CLONE_VM | CLONE_VFORK), so
// it may only make system calls.
int become(void* raw) {
  Launch& launch = *static_cast<Launch*>(raw);
  if (!become_user(launch.user)) {
    launch.problem = errno;
    return 127;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) return 127;  // the server has ended before the line above
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  bool ready = null >= 0 && dup2(null, 0) == 0;
  for (const auto& [from, to] : *launch.descriptors) ready = ready && dup2(from, to) == to;
  sigset_t none;
  sigemptyset(&none);
  // The server blocks its stop signals, and the program must not inherit that.
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (ready) execve(launch.path, launch.argv, launch.envp);
  launch.problem = errno;
  return 127;
}

pid_t clone_and_become(Launch& launch) {
  const pid_t child = clone_sharing_memory(become, 0, &launch);
  if (child < 0) launch.problem = errno;
  if (child > 0 && launch.problem) waitpid(child, nullptr, 0);
  return child;
}

class Parent {
 public:
  Parent() : thread_([this] { run(); }) {}
  ~Parent() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      wake_.notify_all();
    }
    thread_.join();
  }
  pid_t start(Launch& launch) {
    std::packaged_task<pid_t()> task([&launch] { return clone_and_become(launch); });
    auto child = task.get_future();
    {
      const MutexLock lock(mutex_);
      tasks_.push_back(std::move(task));
      wake_.notify_all();
    }
    return child.get();
  }

 private:
  void run() {
    MutexLock lock(mutex_);
    for (;;) {
      while (!stopping_ && tasks_.empty()) wake_.wait(lock);
      if (tasks_.empty()) return;
      std::packaged_task<pid_t()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }
  Mutex mutex_;
  ConditionVariable wake_;
  std::deque<std::packaged_task<pid_t()>> tasks_ SLUICE_GUARDED_BY(mutex_);
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};
}  // namespace

bool become_user(uid_t user) {
  // By number: glibc's functions would change every thread of the server too.
  return !user || (syscall(SYS_setgroups, 0, nullptr) == 0 &&
                   syscall(SYS_setresgid, user, user, user) == 0 &&
                   syscall(SYS_setresuid, user, user, user) == 0);
}

pid_t clone_sharing_memory(int (*body)(void*), int flags, void* argument) {
  constexpr size_t kStackBytes = 65536;
  const auto stack = std::make_unique<char[]>(kStackBytes);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler may run in the child
  const pid_t child =
      __clone(body, stack.get() + kStackBytes, CLONE_VM | CLONE_VFORK | flags | SIGCHLD, argument);
  const int problem = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = problem;
  return child;
}

Result<pid_t> spawn(const char* path, std::vector<std::string> arguments,
                    std::vector<std::string> environment,
                    const std::vector<std::pair<int, int>>& descriptors, uid_t user) {
  static Parent parent;
  std::vector<char*> argv, envp;
  for (std::string& a : arguments) argv.push_back(a.data());
  for (std::string& e : environment) envp.push_back(e.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  Launch launch{path, argv.data(), envp.data(), &descriptors, getpid(), user, 0};
  const pid_t child = parent.start(launch);
  if (launch.problem) return Error{500, "ServiceException", strerror(launch.problem), {}};
  return child;
}

}  // namespace sluice::lambda
