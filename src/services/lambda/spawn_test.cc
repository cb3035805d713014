// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/spawn.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace sluice::lambda {
namespace {
// A process that spawns, from a thread that ends at once, and waits. Returns it and what it
// spawned.
std::pair<pid_t, pid_t> spawner() {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t server = fork();
  if (server == 0) {
    pid_t child = -1;
    std::thread([&child] {
      if (const auto spawned = spawn("/bin/sleep", {"sleep", "600"}, {}, {})) child = *spawned;
    }).join();
    if (write(pipe_ends[1], &child, sizeof child) != sizeof child) _exit(1);
    for (;;) pause();
  }
  pid_t child = -1;
  EXPECT_EQ(read(pipe_ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return {server, child};
}
bool ends_within(int pidfd, int ms) {
  pollfd one{pidfd, POLLIN, 0};
  return poll(&one, 1, ms) == 1;
}
}  // namespace

TEST(Spawn, WhatItStartedOutlivesTheThreadAndDiesWithTheProcess) {
  const auto [server, child] = spawner();
  ASSERT_GT(child, 0);
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  ASSERT_GE(pidfd, 0);
  EXPECT_FALSE(ends_within(pidfd, 100));  // the thread that asked is gone
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  EXPECT_TRUE(ends_within(pidfd, 10'000));
  close(pidfd);
  kill(child, SIGKILL);
}

TEST(Spawn, RunsAsWhomItIsTold) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can";
  constexpr uid_t kSomebody = 65530;
  const auto child = spawn("/bin/sleep", {"sleep", "600"}, {}, {}, kSomebody);
  ASSERT_TRUE(child);
  std::ifstream status("/proc/" + std::to_string(*child) + "/status");
  const std::string text{std::istreambuf_iterator<char>(status), {}};
  for (const char* line :
       {"Uid:\t65530\t65530\t65530\t65530\n", "Gid:\t65530\t65530\t65530\t65530\n", "Groups:\t \n",
        "CapEff:\t0000000000000000\n"})
    EXPECT_NE(text.find(line), text.npos) << text;
  EXPECT_EQ(geteuid(), 0u);
  kill(*child, SIGKILL);
  waitpid(*child, nullptr, 0);
}

TEST(Spawn, SaysWhyItCannot) {
  const auto refused = spawn("/nowhere/bwrap", {"bwrap"}, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "No such file or directory");
}

}  // namespace sluice::lambda
