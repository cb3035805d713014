// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who waits for the next entry of a log. The committer tells them after its write.
//
//   followers.told(log.entries());                              // the committer
//   followers.wait(log.entries(), has_come, until, stopping);   // Store::wait_past
#include <algorithm>
#include <functional>
#include <list>

#include "base/thread_safety.h"
#include "store/key.h"

namespace sluice {

class LogFollowers {
 public:
  // A log has new entries, and they are on disk.
  void told(const Key& log) {
    const MutexLock lock(mutex_);
    for (Follower& one : followers_) {
      if (one.log != log) continue;
      one.told = true;
      one.wake.notify_one();
    }
  }
  // Returns has_come(), which is asked before the wait and each time when the log has grown.
  bool wait(const Key& log, const std::function<bool()>& has_come,
            std::chrono::steady_clock::time_point until, const std::function<bool()>& stopping) {
    // Nobody is told of a stop, so it is asked for.
    constexpr auto kStopSeenWithin = std::chrono::milliseconds(100);
    const Place me = enter(log);
    const Leaving leaving{*this, me};
    MutexLock lock(mutex_);
    bool came = false, ends = false;
    while (!came && !ends) {
      me->told = false;
      lock.unlock();
      came = has_come();
      lock.lock();
      while (!came && !ends && !me->told) {
        const auto now = std::chrono::steady_clock::now();
        lock.unlock();  // it may take its time, and the committer must not wait for it
        ends = now >= until || stopping();
        lock.lock();
        if (!ends && !me->told) me->wake.wait_until(lock, std::min(until, now + kStopSeenWithin));
      }
    }
    return came;
  }

 private:
  struct Follower {
    explicit Follower(Key of) : log(std::move(of)) {}
    const Key log;
    bool told = false;
    ConditionVariable wake;
  };
  using Place = std::list<Follower>::iterator;
  Place enter(const Key& log) {
    const MutexLock lock(mutex_);
    return followers_.emplace(followers_.end(), log);
  }
  struct Leaving {
    LogFollowers& from;
    const Place me;
    ~Leaving() {
      const MutexLock lock(from.mutex_);
      from.followers_.erase(me);
    }
  };
  Mutex mutex_;
  std::list<Follower> followers_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
