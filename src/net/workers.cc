// SPDX-License-Identifier: Apache-2.0
#include "net/workers.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <limits>

#include "base/clock.h"

namespace sluice::net {
namespace {
constexpr size_t kStackBytes = 512 * 1024;
constexpr size_t kSpareThreads = 2;   // that stay when there is nothing to do
constexpr int kSpareAfterMs = 3'000;  // a thread that got nothing for so long may end
// While fewer are at work, a thread stays with the connection that it has just answered: that
// spares the way through epoll for those that ask all the time.
constexpr size_t kThreadsThatStay = 96;
constexpr int kLookForLateOnesS = 1;

bool watch(int epoll, int fd, void* as) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = as;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

// A detached thread with a small stack; std::thread cannot set one.
bool start_thread(void* (*work)(void*), void* of) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int failed = pthread_create(&thread, &attributes, work, of);
  pthread_attr_destroy(&attributes);
  return !failed;
}
}  // namespace

Workers::Workers(size_t threads_max, std::function<void()> every_second)
    : threads_max_(threads_max),
      every_second_(std::move(every_second)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      end_(eventfd(0, EFD_CLOEXEC)),
      turn_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const itimerspec every{{kLookForLateOnesS, 0}, {kLookForLateOnesS, 0}};
  timerfd_settime(timer_, 0, &every, nullptr);
  usable_ = watch(epoll_, timer_, nullptr) && watch(epoll_, end_, this) &&
            watch(epoll_, turn_, &in_turn_) && start_worker();
}

Workers::~Workers() {
  ending_ = true;
  eventfd_write(end_, 1);
  {
    MutexLock lock(mutex_);
    while (threads_ != 0) changed_.wait(lock);
  }
  for (const int fd : {epoll_, timer_, end_, turn_}) close(fd);
}

bool Workers::add(int fd, std::unique_ptr<Connection> connection) {
  auto made = std::make_unique<Held>(fd, std::move(connection));
  Held& held = *made;
  {
    const MutexLock lock(mutex_);
    held_.emplace(&held, std::move(made));
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.ptr = &held;
  held.handed_over.store(true, std::memory_order_release);
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return true;
  const MutexLock lock(mutex_);
  held_.erase(&held);
  return false;
}

void Workers::shut_all() {
  const MutexLock lock(mutex_);
  for (const auto& [held, owned] : held_) shutdown(held->fd, SHUT_RDWR);
}

void Workers::shut_idle() {
  constexpr int64_t kWhateverTheirDeadlineUs = std::numeric_limits<int64_t>::max();
  shut_late(kWhateverTheirDeadlineUs, SHUT_RD);  // so that TLS can still say that it ends
}

bool Workers::wait_until_none(std::chrono::steady_clock::time_point end) {
  MutexLock lock(mutex_);
  while (!held_.empty())
    if (!changed_.wait_until(lock, end)) return held_.empty();
  return true;
}

bool Workers::start_worker() {
  ++threads_;
  ++waiting_;
  if (start_thread(
          [](void* of) -> void* {
            static_cast<Workers*>(of)->work();
            return nullptr;
          },
          this))
    return true;
  --waiting_;
  --threads_;
  return false;
}

// Whether a thread that got nothing to do may end: enough others wait.
bool Workers::is_spare() {
  size_t waiting = waiting_;
  while (waiting > kSpareThreads)
    if (waiting_.compare_exchange_weak(waiting, waiting - 1)) return true;
  return false;
}

// Somebody must always wait while this thread is busy for as long as a request takes. A handshake's
// step or a piece of a head takes no time: for them it need not, or a thousand that come at once
// would start as many threads.
void Workers::keep_one_waiting() {
  if (waiting_ == 0 && threads_ < threads_max_) start_worker();
}

void Workers::work() {
  while (!ending_) {
    epoll_event event{};
    const int count = epoll_wait(epoll_, &event, 1, kSpareAfterMs);
    if (count == 0 && is_spare()) break;
    if (count != 1 || event.data.ptr == this) continue;
    --waiting_;
    if (!event.data.ptr)
      close_late_ones();
    else if (event.data.ptr != &in_turn_)
      serve(*static_cast<Held*>(event.data.ptr));
    while (Held* const held = next_in_turn()) serve(*held);
    ++waiting_;
  }
  const MutexLock lock(mutex_);
  --threads_;
  changed_.notify_all();
}

void Workers::serve(Held& held) {
  (void)held.handed_over.load(std::memory_order_acquire);  // Workers::Held
  Io next = Io::closed;
  try {
    next = held.connection->advance(threads_ - waiting_ < kThreadsThatStay, begins_);
    if (next == Io::wants_turn)  // from here on another thread may have it
      return held.connection->wait_for_turn([this, &held] { has_its_turn(held); });
  } catch (const std::exception& bug) {
    spdlog::error("a connection failed: {}", bug.what());
  }
  if (next != Io::closed && let_wait(held, next)) return;
  // Taken out by name: a process that is just being started may hold a copy of the descriptor, for
  // which epoll would go on.
  epoll_ctl(epoll_, EPOLL_CTL_DEL, held.fd, nullptr);
  {
    const MutexLock lock(mutex_);
    held.fd = -1;  // its number may be another's soon
  }
  held.connection.reset();
  const MutexLock lock(mutex_);
  held_.erase(&held);
  changed_.notify_all();
}

// From here on another thread may have it.
bool Workers::let_wait(Held& held, Io what) {
  epoll_event event{};
  event.events = (what == Io::wants_write ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT;
  event.data.ptr = &held;
  const int fd = held.fd;
  held.handed_over.store(true, std::memory_order_release);
  return epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0;
}

void Workers::has_its_turn(Held& held) {
  const MutexLock lock(turn_mutex_);
  in_turn_.push_back(&held);
  if (in_turn_.size() == 1) eventfd_write(turn_, 1);
}
Workers::Held* Workers::next_in_turn() {
  const MutexLock lock(turn_mutex_);
  if (in_turn_.empty()) return nullptr;
  Held* const held = in_turn_.front();
  in_turn_.pop_front();
  eventfd_t count = 0;
  if (in_turn_.empty()) eventfd_read(turn_, &count);
  return held;
}

// A connection whose socket is shut can go on at once, and finds that it is closed.
void Workers::close_late_ones() {
  uint64_t ticks = 0;
  if (read(timer_, &ticks, sizeof ticks) != sizeof ticks) return;  // another thread looks
  every_second_();
  shut_late(monotonic_us(), SHUT_RDWR);
}

void Workers::shut_late(int64_t now_us, int how) {
  const MutexLock lock(mutex_);
  for (const auto& [held, owned] : held_)
    if (held->fd >= 0 && held->connection->ends_late(now_us)) shutdown(held->fd, how);
}

}  // namespace sluice::net
