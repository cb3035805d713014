// SPDX-License-Identifier: Apache-2.0
#pragma once
// The standard library's mutexes, with the marks by which clang sees what is touched without its
// lock (-Wthread-safety; ./dev lint). Other compilers do not look at the marks.
//
//   Mutex mutex_;
//   ConditionVariable changed_;
//   std::deque<Task> tasks_ SLUICE_GUARDED_BY(mutex_);
//   Task take_first() SLUICE_REQUIRES(mutex_);   // who calls it holds the lock
//
//   MutexLock lock(mutex_);
//   while (tasks_.empty()) changed_.wait(lock);
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#ifdef __clang__
#define SLUICE_THREAD_SAFETY(mark) __attribute__((mark))
#else
#define SLUICE_THREAD_SAFETY(mark)
#endif
// What clang calls them: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#define SLUICE_CAPABILITY(name) SLUICE_THREAD_SAFETY(capability(name))
#define SLUICE_SCOPED_CAPABILITY SLUICE_THREAD_SAFETY(scoped_lockable)
#define SLUICE_GUARDED_BY(mutex) SLUICE_THREAD_SAFETY(guarded_by(mutex))
#define SLUICE_REQUIRES(mutex) SLUICE_THREAD_SAFETY(requires_capability(mutex))
#define SLUICE_ACQUIRE(...) SLUICE_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define SLUICE_ACQUIRE_SHARED(...) SLUICE_THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define SLUICE_RELEASE(...) SLUICE_THREAD_SAFETY(release_capability(__VA_ARGS__))

namespace sluice {

class SLUICE_CAPABILITY("mutex") Mutex {
  friend class MutexLock;
  std::mutex mutex_;
};

class SLUICE_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SLUICE_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() SLUICE_RELEASE() = default;
  MutexLock(const MutexLock&) = delete;
  void unlock() SLUICE_RELEASE() { lock_.unlock(); }
  void lock() SLUICE_ACQUIRE() { lock_.lock(); }

 private:
  friend class ConditionVariable;
  std::unique_lock<std::mutex> lock_;
};

// Waits may end for no reason: what is waited for is looked at in a loop. Not in a lambda, of which
// clang does not know that it runs under the lock.
class ConditionVariable {
 public:
  void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  // false: it is `end` now.
  bool wait_until(MutexLock& lock, std::chrono::steady_clock::time_point end) {
    return condition_.wait_until(lock.lock_, end) == std::cv_status::no_timeout;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

class SLUICE_CAPABILITY("mutex") SharedMutex {
  friend class WriterLock;
  friend class ReaderLock;
  std::shared_mutex mutex_;
};

class SLUICE_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) SLUICE_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~WriterLock() SLUICE_RELEASE() = default;
  WriterLock(const WriterLock&) = delete;

 private:
  const std::lock_guard<std::shared_mutex> lock_;
};

class SLUICE_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) SLUICE_ACQUIRE_SHARED(mutex) : lock_(mutex.mutex_) {}
  ~ReaderLock() SLUICE_RELEASE() = default;
  ReaderLock(const ReaderLock&) = delete;

 private:
  const std::shared_lock<std::shared_mutex> lock_;
};

}  // namespace sluice
