// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>

#include "base/bytes.h"
#include "base/files.h"
#include "services/lambda/lambda.h"
#include "services/lambda/processor.h"
#include "services/lambda/spawn.h"

namespace sluice::lambda {
namespace {
constexpr int kBlockFd = 10, kInfoFd = 11, kSeccompFd = 12, kFilesFd = 13, kStartTimeoutMs = 10000;

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset(int f = -1) {
    if (fd >= 0) close(fd);
    fd = f;
  }
  int release() { return std::exchange(fd, -1); }
  // Gives it a number above those that the child gets, so that no dup2 overwrites a source.
  void lift() {
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, 32);
    reset(high);
  }
};
Error cannot(const std::string& what) {
  return {500, "ServiceException", "The function's sandbox could not be started: " + what, {}};
}

bool make_pipe(Descriptor& read_end, Descriptor& write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
  read_end.lift();
  write_end.lift();
  return read_end.fd >= 0 && write_end.fd >= 0;
}

// A file in memory that bubblewrap reads.
bool make_file(Descriptor& file, const std::string& text) {
  file.reset(memfd_create("sandbox", MFD_CLOEXEC));
  file.lift();
  return file.fd >= 0 &&
         write(file.fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
         lseek(file.fd, 0, SEEK_SET) == 0;
}

std::vector<std::string> arguments_of(const SandboxOptions& options) {
  std::vector<std::string> a{
      "bwrap",
      "--unshare-all",
      "--die-with-parent",
      "--new-session",
      "--as-pid-1",
      "--cap-drop",
      "ALL",
      "--hostname",
      "sluice",
      "--uid",
      "1000",
      "--gid",
      "1000",
      "--block-fd",
      std::to_string(kBlockFd),
      "--info-fd",
      std::to_string(kInfoFd),
      "--seccomp",
      std::to_string(kSeccompFd),
      "--proc",
      "/proc",
      "--ro-bind",  // where the server is root, the kernel's settings are the
      "/proc/sys",  // machine's, and the function's to write
      "/proc/sys",
      "--dev",
      "/dev"};
  const auto add = [&a](std::initializer_list<std::string> more) { a.insert(a.end(), more); };
  add({"--ro-bind", "/usr", "/usr"});
  for (const char* link : {"bin", "sbin", "lib", "lib64"})
    add({"--symlink", "usr/" + std::string(link), "/" + std::string(link)});
  add({"--ro-bind", options.code_dir, "/var/task", "--dir", "/etc", "--size",
       std::to_string(kTmpBytes), "--tmpfs", "/tmp"});
  if (options.layers_dir.empty())
    add({"--dir", "/opt"});
  else
    add({"--ro-bind", options.layers_dir, "/opt"});
  // bubblewrap's /dev is a tmpfs to which the function may write, as large as half of the machine's
  // memory. So /dev/shm gets a tmpfs of its own, and /dev becomes read-only.
  add({"--size", std::to_string(options.memory_mb << 20), "--tmpfs", "/dev/shm", "--remount-ro",
       "/dev"});
  for (const auto& [here, there] : options.launch.binds) add({"--ro-bind", here, there});
  int fd = kFilesFd;
  for (const auto& [there, text] : options.launch.files)
    add({"--ro-bind-data", std::to_string(fd++), there});
  if (!options.ca_file.empty()) add({"--ro-bind-data", std::to_string(fd++), "/etc/sluice/ca.pem"});
  add({"--remount-ro", "/", "--chdir", "/var/task"});
  a.insert(a.end(), options.launch.command.begin(), options.launch.command.end());
  return a;
}

void limit(pid_t child, int64_t data_mb) {
  const auto set = [child](auto what, uint64_t value) {
    const rlimit to{value, value};
    prlimit(child, what, &to, nullptr);
  };
  set(RLIMIT_DATA, static_cast<uint64_t>(data_mb) << 20);
  set(RLIMIT_NOFILE, kFilesMax);
  set(RLIMIT_NPROC, kProcessesMax);
  set(RLIMIT_CORE, 0);
  set(RLIMIT_STACK, 8ull << 20);
  // The server comes first.
  setpriority(PRIO_PROCESS, static_cast<id_t>(child), kNiceMin);
}

// Runs in a child that shares memory and descriptors with us (CLONE_VM | CLONE_FILES), but not
// credentials or namespaces. So the sockets that it opens in the sandbox's network are ours. It may
// only make system calls.
struct Listening {
  pid_t child;
  const SandboxOptions& options;
  int user_ns, net_ns;
  uint16_t ports[2];
  int sockets[2];
  int problem;
};
int prepare_inside(void* raw) {
  Listening& l = *static_cast<Listening*>(raw);
  // Its own user may limit it, and enters its namespaces.
  if (!become_user(l.options.user)) {
    l.problem = errno;
    return 1;
  }
  limit(l.child, l.options.memory_mb + l.options.launch.reserved_mb);
  if (setns(l.user_ns, CLONE_NEWUSER) != 0 || setns(l.net_ns, CLONE_NEWNET) != 0) {
    l.problem = errno;
    return 1;
  }
  for (int i = 0; i < 2; ++i) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(l.ports[i]);
    // The only interface is the loopback, which may not be up yet.
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd, 64) != 0) {
      l.problem = errno;
      return 1;
    }
    l.sockets[i] = fd;
  }
  return 0;
}

Result<Done> limit_and_listen(pid_t child, const SandboxOptions& options, int& runtime,
                              int& endpoint) {
  const std::string base = "/proc/" + std::to_string(child) + "/ns/";
  const Descriptor net(open((base + "net").c_str(), O_RDONLY | O_CLOEXEC));
  // This is the user namespace that owns the network. By now bubblewrap may have put its child into
  // another one, which has no power over the network.
  const Descriptor user(ioctl(net.fd, NS_GET_USERNS));
  Listening listening{.child = child,
                      .options = options,
                      .user_ns = user.fd,
                      .net_ns = net.fd,
                      .ports = {kRuntimePort, options.endpoint_port},
                      .sockets = {-1, -1},
                      .problem = 0};
  const pid_t helper = clone_sharing_memory(prepare_inside, CLONE_FILES, &listening);
  const int why = errno;
  int status = 0;
  if (helper > 0) waitpid(helper, &status, 0);
  runtime = listening.sockets[0];
  endpoint = listening.sockets[1];
  if (helper < 0 || status != 0)
    return cannot("its network cannot be prepared: " +
                  std::string(strerror(helper < 0 ? why : listening.problem)));
  return Done{};
}

// Reads {"child-pid": N ...} from bubblewrap; -1 when bubblewrap has ended. It must be read to its
// end, because bubblewrap writes it in pieces and dies when the pipe is closed before.
pid_t read_child_pid(int info) {
  std::string text;
  char piece[512];
  for (;;) {
    pollfd ready{info, POLLIN, 0};
    if (poll(&ready, 1, kStartTimeoutMs) <= 0) return -1;
    const ssize_t got = read(info, piece, sizeof piece);
    if (got <= 0) return -1;
    text.append(piece, static_cast<size_t>(got));
    if (text.find('}') == text.npos) continue;
    const size_t at = text.find("\"child-pid\":");
    if (at == text.npos) return -1;
    const size_t end = text.find_first_of(",\n}", at);
    const auto pid = parse_int(trim(std::string_view(text).substr(at + 12, end - at - 12)));
    return pid ? static_cast<pid_t>(*pid) : -1;
  }
}

}  // namespace

Result<Sandbox> Sandbox::start(const SandboxOptions& options) {
  Descriptor block_read, block_write, info_read, info_write, output_read, output_write, filter;
  if (!make_pipe(block_read, block_write) || !make_pipe(info_read, info_write) ||
      !make_pipe(output_read, output_write))
    return cannot("no more file descriptors");
  const std::string rules = seccomp_filter();
  if (rules.empty() || !make_file(filter, rules))
    return cannot("the seccomp filter cannot be built");
  std::vector<std::pair<int, int>> descriptors{{output_write.fd, 1},
                                               {output_write.fd, 2},
                                               {block_read.fd, kBlockFd},
                                               {info_write.fd, kInfoFd},
                                               {filter.fd, kSeccompFd}};
  std::vector<std::string> texts;
  for (const auto& [there, text] : options.launch.files) texts.push_back(text);
  // Its text, not its file: only the server's own user comes into the data directory.
  if (!options.ca_file.empty()) {
    auto text = read_file(options.ca_file);
    if (!text) return cannot("the CA's certificate cannot be read");
    texts.push_back(*std::move(text));
  }
  std::vector<Descriptor> files(texts.size());
  for (size_t n = 0; n < texts.size(); ++n) {
    if (!make_file(files[n], texts[n])) return cannot("no more memory");
    descriptors.emplace_back(files[n].fd, kFilesFd + static_cast<int>(n));
  }
  const auto bwrap = spawn("/usr/bin/bwrap", arguments_of(options), options.environment,
                           descriptors, options.user);
  if (!bwrap)
    return cannot("bubblewrap does not run (" + bwrap.error().message +
                  "); install it, for example with: apt install bubblewrap");
  Sandbox sandbox;
  sandbox.bwrap_ = *bwrap;
  sandbox.user_ = options.user;
  sandbox.memory_mb_ = options.memory_mb;
  block_read.reset();
  info_write.reset();
  output_write.reset();
  sandbox.output_ = output_read.release();
  fcntl(sandbox.output_, F_SETFL, O_NONBLOCK);
  sandbox.child_ = read_child_pid(info_read.fd);
  if (sandbox.child_ < 0) {
    char why[512] = {};
    if (read(sandbox.output_, why, sizeof why - 1) < 0) why[0] = 0;
    return cannot(why[0] ? std::string(trim(why))
                         : "bubblewrap ended at once; are user namespaces allowed here?");
  }
  sandbox.pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, sandbox.bwrap_, 0));
  sandbox.child_fd_ = static_cast<int>(syscall(SYS_pidfd_open, sandbox.child_, 0));
  CHECK(limit_and_listen(sandbox.child_, options, sandbox.runtime_, sandbox.endpoint_));
  if (write(block_write.fd, "g", 1) != 1)
    return cannot("bubblewrap ended before the function began");
  return sandbox;
}

void end_leftovers(const std::string& code_root) {
  for (const std::string& process : entries_of("/proc")) {
    const auto pid = parse_int(process);
    const std::string arguments =
        pid ? read_file("/proc/" + process + "/cmdline").value_or("") : "";
    if (arguments.starts_with(std::string("bwrap\0", 6)) &&
        arguments.find('\0' + code_root + "/") != arguments.npos)
      ::kill(static_cast<pid_t>(*pid), SIGKILL);
  }
}

namespace {
std::string first_line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// What a system that lets nobody make a user namespace says of itself.
std::string forbidden_namespaces() {
  if (first_line_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "AppArmor keeps bubblewrap from making user namespaces; allow it with a profile for "
           "/usr/bin/bwrap that has `userns,`, or for every program with: sysctl "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  if (first_line_of("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return "this system does not allow user namespaces; allow them with: sysctl "
           "kernel.unprivileged_userns_clone=1";
  if (first_line_of("/proc/sys/user/max_user_namespaces") == "0")
    return "this system allows no user namespaces; allow them with: sysctl "
           "user.max_user_namespaces=10000";
  return "";
}

bool has_capability(int capability) {
  std::ifstream status("/proc/self/status");
  constexpr std::string_view kName = "CapEff:";
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kName))
      return std::stoull(line.substr(kName.size()), nullptr, 16) >> capability & 1;
  return false;
}

// Tries once what every function needs. "" when that worked.
std::string probe_sandbox(uid_t user) {
  Descriptor said_read, said_write;
  if (!make_pipe(said_read, said_write)) return "no more file descriptors";
  const auto child = spawn("/usr/bin/bwrap",
                           {"bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink",
                            "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "/usr/bin/true"},
                           {}, {{said_write.fd, 1}, {said_write.fd, 2}}, user);
  if (!child)
    return "bubblewrap does not run (" + child.error().message +
           "); install it, for example with: apt install bubblewrap";
  said_write.reset();
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, *child, 0)));
  pollfd ended{process.fd, POLLIN, 0};
  const bool in_time = poll(&ended, 1, kProbeTimeoutMs) > 0;
  if (!in_time) ::kill(*child, SIGKILL);
  int status = 0;
  waitpid(*child, &status, 0);
  if (!in_time)
    return "bubblewrap did not end within " + std::to_string(kProbeTimeoutMs / 1000) + " seconds";
  if (status == 0) return "";
  if (const std::string why = forbidden_namespaces(); !why.empty()) return why;
  fcntl(said_read.fd, F_SETFL, O_NONBLOCK);
  char text[256] = {};
  if (read(said_read.fd, text, sizeof text - 1) <= 0) text[0] = 0;
  return "bubblewrap cannot make a sandbox: " +
         std::string(text[0] ? trim(std::string_view(text, strcspn(text, "\n")))
                             : "it ended without a word");
}
std::string why_no_sandbox_of(uid_t user) {
  std::string why;
  for (int tries = 0; tries < kProbeTries; ++tries)
    if ((why = probe_sandbox(user)).empty()) return why;
  return why;
}
}  // namespace

std::string why_functions_cannot_start() { return why_no_sandbox_of(0); }

uid_t sandbox_user() {
  if (geteuid() != 0) return 0;
  // What the server needs to look after the processes of somebody else.
  for (const int capability :
       {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE})
    if (!has_capability(capability)) return 0;
  return why_no_sandbox_of(kSandboxUser).empty() ? kSandboxUser : 0;
}

Sandbox::Sandbox(Sandbox&& other) noexcept
    : runtime_(std::exchange(other.runtime_, -1)),
      endpoint_(std::exchange(other.endpoint_, -1)),
      output_(std::exchange(other.output_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      child_fd_(std::exchange(other.child_fd_, -1)),
      bwrap_(std::exchange(other.bwrap_, -1)),
      child_(std::exchange(other.child_, -1)),
      user_(other.user_),
      memory_mb_(other.memory_mb_),
      status_(other.status_),
      reaped_(other.reaped_) {}

Sandbox::~Sandbox() {
  kill();
  if (bwrap_ > 0 && !reaped_) waitpid(bwrap_, &status_, 0);
  for (int fd : {runtime_, endpoint_, output_, pidfd_, child_fd_})
    if (fd >= 0) close(fd);
}

// When bubblewrap ends, --die-with-parent ends the first process of the pid namespace, and all
// others end with that.
void Sandbox::kill() {
  if (bwrap_ > 0 && !reaped_) ::kill(bwrap_, SIGKILL);
}

bool Sandbox::running() const {
  pollfd ended{child_fd_, POLLIN, 0};
  return poll(&ended, 1, 0) == 0;
}

bool Sandbox::ask_to_end() {
  constexpr std::string_view kCaught = "SigCgt:";
  std::ifstream status("/proc/" + std::to_string(child_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kCaught))
      return std::stoull(line.substr(kCaught.size()), nullptr, 16) >> (SIGTERM - 1) & 1 &&
             syscall(SYS_pidfd_send_signal, child_fd_, SIGTERM, nullptr, 0) == 0;
  return false;
}

bool Sandbox::share_processor() const { return lambda::share_processor(child_, user_, memory_mb_); }

std::string Sandbox::ending() {
  if (bwrap_ > 0 && !reaped_) {
    waitpid(bwrap_, &status_, 0);
    reaped_ = true;
  }
  if (WIFSIGNALED(status_))
    return "signal: " +
           std::string(WTERMSIG(status_) == SIGKILL ? "killed" : strsignal(WTERMSIG(status_)));
  const int code = WEXITSTATUS(status_);
  if (code > 128 && code < 160)
    // This is how bubblewrap tells a signal.
    return "signal: " + std::string(code == 128 + SIGKILL ? "killed" : strsignal(code - 128));
  return "exit status " + std::to_string(code);
}

}  // namespace sluice::lambda
