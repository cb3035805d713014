// SPDX-License-Identifier: Apache-2.0
#pragma once
// One process of a function in its sandbox (docs/decisions/0002-function-sandbox.md). bubblewrap
// gives it user, mount, pid, ipc, uts, cgroup and network namespaces of its own, no capabilities,
// no new privileges, a seccomp filter, a read-only root, and a private /tmp and /dev/shm of bounded
// size. Its network is a loopback on which two sockets listen: that of the Runtime API and that of
// the Sluice endpoint. Nothing else can be reached.
//
//   TRY(Sandbox sandbox, Sandbox::start({.code_dir = folder, .environment = variables}));
//   const int runtime_api = accept(sandbox.runtime_listener(), nullptr, nullptr);
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "services/lambda/runtimes.h"
#include "services/lambda/usage.h"

namespace sluice::lambda {

constexpr uint16_t kRuntimePort = 9001;  // where the Runtime API listens inside the sandbox
constexpr int64_t kFilesMax = 1024, kProcessesMax = 1024, kTmpBytes = 512ll << 20;

// Who runs what is in the sandboxes of a server that is root: somebody who owns nothing of the
// machine. For root itself no limit of processes holds, and what it owns would be a function's to
// write, if there were a way to it. Neither Debian nor systemd gives this number to anybody.
constexpr uid_t kSandboxUser = 65530;
uid_t sandbox_user();  // he, when a sandbox of his can be made here; 0: who runs the server

struct SandboxOptions {
  std::string code_dir;         // becomes /var/task, read only
  std::string layers_dir = {};  // becomes /opt, read only; "": /opt is empty
  uid_t user = 0;               // who runs it, and may read code_dir; 0: who runs the server
  std::string ca_file;          // becomes /etc/sluice/ca.pem; "": there is none
  std::vector<std::string> environment;  // "NAME=value": all that the function has
  // Here RLIMIT_DATA bounds each process, and the size of /dev/shm bounds that. Environment watches
  // what all of them hold together.
  int64_t memory_mb = 128;
  uint16_t endpoint_port = 0;  // where the Sluice endpoint listens inside the sandbox
  Launch launch;
};

// A running process. It owns its descriptors, and the destructor kills and reaps the process.
class Sandbox {
 public:
  // Errors: ServiceException 500, which says what is missing (bubblewrap, user namespaces).
  static Result<Sandbox> start(const SandboxOptions& options);
  Sandbox(Sandbox&& other) noexcept;
  Sandbox& operator=(Sandbox&&) = delete;
  ~Sandbox();

  int runtime_listener() const { return runtime_; }
  int endpoint_listener() const { return endpoint_; }
  int output() const { return output_; }          // stdout and stderr, non-blocking
  int process() const { return pidfd_; }          // readable when it has ended
  pid_t first_process() const { return child_; }  // for services/lambda/usage.h
  // Whether the function's first process has not ended. process() tells it a little later, when
  // bubblewrap has ended too.
  bool running() const;
  void kill();
  // Sends SIGTERM to the function's first process, when that takes the signal: the kernel lets the
  // first process of a pid namespace ignore all others. Returns whether it was sent.
  bool ask_to_end();
  // Gives it what its MemorySize is worth of the processor (services/lambda/processor.h). false: it
  // is to be asked for again.
  bool share_processor() const;
  // How it has ended: "exit status 1", "signal: killed".
  std::string ending();

 private:
  Sandbox() = default;
  int runtime_ = -1, endpoint_ = -1, output_ = -1, pidfd_ = -1, child_fd_ = -1;
  pid_t bwrap_ = -1, child_ = -1;  // bubblewrap outside, the function's process inside
  uid_t user_ = 0;                 // as in SandboxOptions
  int64_t memory_mb_ = 0;
  int status_ = 0;
  bool reaped_ = false;
};

// Ends the processes that a killed server has left. bubblewrap dies with its server. But when it is
// killed between two of its steps, its child waits for it for ever, before any code of the function
// has run. `code_root` is the absolute path where only this server keeps code.
void end_leftovers(const std::string& code_root);

// The seccomp filter as BPF. It refuses the system calls that no function needs but exploits use:
// mounts, namespaces, ptrace, bpf, keyrings, io_uring and others.
std::string seccomp_filter();

}  // namespace sluice::lambda
