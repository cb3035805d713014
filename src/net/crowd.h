// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who may stay when there is not room for all. A connection is a stranger's until a request on it
// was proven to come from a session; then it is known. Strangers have a share of the connections:
// when it is used up, the source that has most of them gives one up, the one that has waited
// longest, so that nobody is kept out by connections that ask nothing. Each session has a share of
// the known ones, so that whoever holds one presigned URL leaves room for everybody else.
#include <atomic>
#include <list>
#include <memory>
#include <string>

#include "base/thread_safety.h"

namespace sluice::net {

constexpr size_t kConnectionsMax = 512;
constexpr size_t kStrangersMax = 256;  // handshakes, heads and bodies before their proof
constexpr size_t kLeavingMax = 128;    // dismissed, and not yet gone
constexpr size_t kConnectionsOfASessionMax = 256;
// A peer is slow when we have waited this long for his next bytes, or as long in all while fewer
// bytes than this moved for each second of it. He is served all the same, and gives his connection
// up when every connection is in use.
constexpr int64_t kSlowAfterUs = 5'000'000, kSlowBytesPerSecond = 16 << 10;

class Crowd;

// What is known of one connection. Its own thread writes the atomic members, and nobody else.
struct Guest {
  Guest(Crowd& of, int descriptor, std::string from);
  void begin_request();
  void end_request();
  // Around each wait for the peer's bytes, or for him to take ours.
  void begin_wait();
  void end_wait(size_t bytes_moved);
  bool is_slow(int64_t now_us) const;

  Crowd& crowd;
  const int fd;
  const std::string source;       // of IPv6 the /64
  std::atomic<bool> busy{false};  // a request is being answered
  std::atomic<int64_t> since_us;  // when it came, or when it was answered last
  // Of the request being answered.
  std::atomic<int64_t> waited_us{0}, waits_since_us{0};  // 0: it is not the peer that we wait for
  std::atomic<uint64_t> moved{0};                        // bytes, both ways

 private:
  friend class Crowd;
  struct Standing {
    std::string session;  // whose request was proven here last; "": a stranger's
    bool leaving = false;
  };
  Standing standing_;  // the crowd's (Crowd::standing_of)
};

class Crowd {
 public:
  // nullptr: there is no room, and nobody who could make some.
  std::shared_ptr<Guest> admit(int fd, const std::string& ip);
  void forget(const std::shared_ptr<Guest>& guest);  // before its descriptor is closed
  // A request on it was proven to come from `session`. False: that session has as many connections
  // as it may, and none of them waits between two requests.
  bool introduce(Guest& guest, const std::string& session);
  // `how`: SHUT_RD, and those that wait for a next request find their connection closed; SHUT_RDWR,
  // and those that are being answered do too.
  void shut_all(int how);

 private:
  Guest::Standing& standing_of(Guest& guest) const SLUICE_REQUIRES(mutex_) {
    return guest.standing_;
  }
  size_t staying() const SLUICE_REQUIRES(mutex_);
  size_t staying_of(const std::string& session) const SLUICE_REQUIRES(mutex_);  // "": strangers
  void dismiss(Guest& guest) SLUICE_REQUIRES(mutex_);
  bool dismiss_a_stranger() SLUICE_REQUIRES(mutex_);
  bool dismiss_an_idle_one(const std::string* of_session = nullptr) SLUICE_REQUIRES(mutex_);
  bool dismiss_a_slow_one() SLUICE_REQUIRES(mutex_);
  Mutex mutex_;
  std::list<std::shared_ptr<Guest>> guests_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::net
