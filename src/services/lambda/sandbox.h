// SPDX-License-Identifier: Apache-2.0
#pragma once
// One process of a function in its sandbox: bubblewrap with own user, mount, pid, ipc, uts, cgroup
// and network namespaces, no capabilities, no new privileges, a seccomp filter, a read-only root
// and a private /tmp and /dev/shm of bounded size. Its network is a loopback of its own, on which
// two sockets listen: the Runtime API's and the Sluice endpoint's. Nothing else can be reached.
// docs/decisions/0002-function-sandbox.md
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "services/lambda/usage.h"

namespace sluice::lambda {

constexpr uint16_t kRuntimePort = 9001;  // of the Runtime API, inside the sandbox
constexpr int64_t kFilesMax = 1024, kProcessesMax = 1024, kTmpBytes = 512ll << 20;
constexpr int kNice = 5;

struct SandboxOptions {
  std::string code_dir;                  // becomes /var/task, read only
  std::string ca_file;                   // becomes /etc/sluice/ca.pem; "" none
  std::vector<std::string> environment;  // "NAME=value", the function's whole environment
  int64_t memory_mb = 128;               // of each process by RLIMIT_DATA, of /dev/shm by its size;
                                         // of all together by who watches (Environment)
  uint16_t endpoint_port = 0;            // the Sluice endpoint, inside the sandbox
};

// A running process. Every descriptor is owned here; the destructor kills and reaps.
class Sandbox {
 public:
  // Errors: ServiceException 500 that says what is missing (no bubblewrap, no user namespaces).
  static Result<Sandbox> start(const SandboxOptions& options);
  Sandbox(Sandbox&& other) noexcept;
  Sandbox& operator=(Sandbox&&) = delete;
  ~Sandbox();

  int runtime_listener() const { return runtime_; }
  int endpoint_listener() const { return endpoint_; }
  int output() const { return output_; }          // stdout and stderr, non-blocking
  int process() const { return pidfd_; }          // readable when it has ended
  pid_t first_process() const { return child_; }  // of services/lambda/usage.h
  void kill();
  std::string ending();  // after it ended: "exit status 1", "signal: killed"

 private:
  Sandbox() = default;
  int runtime_ = -1, endpoint_ = -1, output_ = -1, pidfd_ = -1;
  pid_t bwrap_ = -1, child_ = -1;  // bubblewrap outside, the function's process inside
  int status_ = 0;
  bool reaped_ = false;
};

// Ends what a killed server left behind. bubblewrap dies with its server, but killed between two of
// its steps it leaves its child waiting for it for ever, before any code of the function ran.
// `code_root`: absolute, where this server alone keeps code.
void end_leftovers(const std::string& code_root);

// The seccomp filter as BPF: refuses what no function needs and exploits do (mounts, namespaces,
// ptrace, bpf, keyrings, io_uring, ...).
std::string seccomp_filter();

}  // namespace sluice::lambda
