// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/sandbox.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace sluice::lambda {
namespace {
// The server looks for leftovers of an earlier run when it starts. Some process of the machine may
// end at that instant: the start is not to fail for it.
TEST(EndLeftovers, LooksAtProcessesThatEndMeanwhile) {
  std::atomic<bool> done = false;
  std::thread comers_and_goers([&done] {
    while (!done) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      waitpid(child, nullptr, 0);
    }
  });
  for (int looks = 0; looks < 300; ++looks) EXPECT_NO_THROW(end_leftovers("/nowhere"));
  done = true;
  comers_and_goers.join();
}
}  // namespace
}  // namespace sluice::lambda
