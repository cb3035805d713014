// SPDX-License-Identifier: Apache-2.0
#include <seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "services/lambda/sandbox.h"

namespace sluice::lambda {
namespace {
constexpr int kRefused[] = {
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsmount),
    SCMP_SYS(fsconfig), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
    SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(delete_module), SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at),
    SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot), SCMP_SYS(acct), SCMP_SYS(quotactl),
    SCMP_SYS(syslog), SCMP_SYS(personality), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex), SCMP_SYS(sethostname), SCMP_SYS(setdomainname),
    SCMP_SYS(vhangup), SCMP_SYS(lookup_dcookie), SCMP_SYS(nfsservctl),
    // System V memory and messages outlive the process that made them, and count for no process.
    SCMP_SYS(shmget), SCMP_SYS(msgget), SCMP_SYS(move_pages), SCMP_SYS(mbind),
    SCMP_SYS(migrate_pages), SCMP_SYS(set_mempolicy)};
constexpr uint64_t kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                 CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

std::string build_filter() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (!filter) return {};
  bool ok = true;
  for (const int call : kRefused)
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
  for (uint64_t flag = 1; flag; flag <<= 1)
    if (kNamespaces & flag)
      ok = ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag)) == 0;
  // A filter cannot see the flags of clone3, because they lie in memory. With ENOSYS libc uses
  // clone instead.
  ok = ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
  // TIOCSTI would type into the terminal from which the server was started.
  ok = ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                              SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0x5412)) == 0;
  std::string out;
  const int file = memfd_create("seccomp", MFD_CLOEXEC);
  if (ok && file >= 0 && seccomp_export_bpf(filter, file) == 0) {
    out.resize(static_cast<size_t>(lseek(file, 0, SEEK_END)));
    if (pread(file, out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) out.clear();
  }
  if (file >= 0) close(file);
  seccomp_release(filter);
  return out;
}
}  // namespace

std::string seccomp_filter() {
  static const std::string filter = build_filter();
  return filter;
}

}  // namespace sluice::lambda
