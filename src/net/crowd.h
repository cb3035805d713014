// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decides whose connection may stay when there is not room for all. A connection is a stranger's
// until a request on it has proven to come from a session. Strangers have a share of the
// connections. When it is used up, the source that has most of them loses the one that has waited
// longest, so that connections that ask nothing keep nobody out. Each session has a share of the
// others, so that whoever holds one presigned URL leaves room for everybody else.
//
//   const std::shared_ptr<Guest> guest = crowd.admit(fd, ip);   // nullptr: no room, close it
//   crowd.introduce(*guest, session);   // a request on it was proven
//   crowd.forget(guest);                // before its descriptor is closed
#include <atomic>
#include <list>
#include <memory>
#include <string>

#include "base/thread_safety.h"

namespace sluice::net {

constexpr size_t kConnectionsMax = 512;
constexpr size_t kStrangersMax = 256;  // in their handshake, or before a proven request
constexpr size_t kLeavingMax = 128;    // told to leave, and not closed yet
constexpr size_t kConnectionsOfASessionMax = 256;
// A peer is slow when we have waited for his next bytes for kSlowAfterUs. He is also slow when we
// have waited that long in all, and fewer than kSlowBytesPerSecond were moved in each second of
// waiting. A slow peer is served, but loses his connection when all connections are in use.
constexpr int64_t kSlowAfterUs = 5'000'000, kSlowBytesPerSecond = 16 << 10;

class Crowd;

// What is known of one connection. Only the connection's own thread writes the atomic members.
struct Guest {
  Guest(Crowd& of, int descriptor, std::string from);
  void begin_request();
  void end_request();
  // Called before and after each wait for the peer to send bytes or to take ours.
  void begin_wait();
  void end_wait(size_t bytes_moved);
  bool is_slow(int64_t now_us) const;

  Crowd& crowd;
  const int fd;
  const std::string source;       // as source_key (base/address.h) says it
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
  // nullptr: there is no room, and no other connection can be closed for this one.
  std::shared_ptr<Guest> admit(int fd, const std::string& ip);
  // Must be called before the descriptor is closed.
  void forget(const std::shared_ptr<Guest>& guest);
  // A request on this connection has proven to come from `session`. False: that session has as many
  // connections as it may, and none of them waits between two requests.
  bool introduce(Guest& guest, const std::string& session);
  // With SHUT_RD, those that wait for a next request find their connection closed; with SHUT_RDWR,
  // those that are being answered do too.
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
