// SPDX-License-Identifier: Apache-2.0
#pragma once
// The threads that serve connections. Connections that wait for their peers wait in one epoll
// without a thread; when one can go on, a thread takes it, does what there is to do (serves a whole
// request, for example) and lets it wait again. There are as many threads as connections are at
// work, and a few that wait for the next (docs/decisions/0012-connections-in-epoll.md).
//
//   Workers workers(threads_max, [&] { crowd.look_after_lines(); });
//   workers.add(fd, std::make_unique<Connection>(...));   // served from now on, and destroyed
//   workers.shut_idle();
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/thread_safety.h"
#include "net/connection.h"

namespace sluice::net {

class Workers {
 public:
  Workers(size_t threads_max, std::function<void()> every_second);
  // All connections must have ended.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  // False: the machine has no descriptors or threads left for this, and nothing is served.
  bool usable() const { return usable_; }
  // False: the machine has no more of what it takes. The connection is destroyed then.
  bool add(int fd, std::unique_ptr<Connection> connection);
  // Closes the connections that wait for a next request, or for the rest of a head. Those whose
  // requests are being served stay.
  void shut_idle();
  // Shuts all their sockets.
  void shut_all();
  // False: it is `end` now, and there are connections left.
  bool wait_until_none(std::chrono::steady_clock::time_point end);

 private:
  struct Held {
    Held(int f, std::unique_ptr<Connection> c) : fd(f), connection(std::move(c)) {}
    int fd;  // -1: it is being destroyed
    std::unique_ptr<Connection> connection;
    // Set by who gives it to epoll and read by who gets it from there: what the one did comes
    // before what the other does, of which the kernel's order alone tells neither C++ nor a
    // sanitizer.
    std::atomic<bool> handed_over{false};
  };
  bool start_worker();
  void work();
  bool is_spare();
  void keep_one_waiting();
  void serve(Held& held);
  bool let_wait(Held& held, Io what);
  void has_its_turn(Held& held);
  Held* next_in_turn();
  void close_late_ones();
  void shut_late(int64_t now_us, int how);

  const size_t threads_max_;
  const std::function<void()> every_second_;
  const std::function<void()> begins_ = [this] { keep_one_waiting(); };
  const int epoll_, timer_, end_;
  const int turn_;  // readable while in_turn_ has one
  std::atomic<size_t> threads_{0}, waiting_{0};
  std::atomic<bool> ending_{false};
  bool usable_ = false;
  Mutex mutex_;
  ConditionVariable changed_;
  std::unordered_map<Held*, std::unique_ptr<Held>> held_ SLUICE_GUARDED_BY(mutex_);
  // Requests that have waited for their turn, and have it. The crowd calls with its lock held, so
  // nothing of the crowd's may be called with this one.
  Mutex turn_mutex_;
  std::deque<Held*> in_turn_ SLUICE_GUARDED_BY(turn_mutex_);
};

}  // namespace sluice::net
