// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decides whose connection may stay and whose request is answered when there is not room for all.
// A connection that waits costs a socket and little memory, so there may be many. A request that
// is answered holds a thread, so there are far fewer places.
//
// A connection is a stranger's until a request on it has proven to come from a session. Strangers
// have a share of the connections and of the places. When it is used up, the source that has most
// of them loses the one that has waited longest, so that connections that ask nothing keep nobody
// out. Each session has a share of the others, so that whoever holds one presigned URL leaves room
// for everybody else.
//
//   const std::shared_ptr<Guest> guest = crowd.admit(fd, ip);   // nullptr: no room, close it
//   const Place place(guest.get());     // a head has come; false: no place, it is refused
//   crowd.introduce(*guest, session);   // the request was proven
//   crowd.forget(guest);                // before its descriptor is closed
#include <atomic>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>

#include "base/thread_safety.h"

namespace sluice::net {

constexpr size_t kConnectionsMax = 16'384;
constexpr size_t kStrangersMax = 12'288;  // in their handshake, or before a proven request
constexpr size_t kConnectionsOfASessionMax = 12'288;
constexpr size_t kLeavingMax = 1'024;  // told to leave, and not closed yet
// Requests that are answered at the same time.
constexpr size_t kPlacesMax = 512, kPlacesOfStrangersMax = 256, kPlacesOfASessionMax = 256;

struct CrowdLimits {
  size_t connections = kConnectionsMax, strangers = kStrangersMax,
         of_a_session = kConnectionsOfASessionMax, leaving = kLeavingMax;
  size_t places = kPlacesMax, places_of_strangers = kPlacesOfStrangersMax,
         places_of_a_session = kPlacesOfASessionMax;
};
// For a process that may have only so many descriptors: connections take three quarters of them.
CrowdLimits limits_within(size_t descriptors);

// A peer is slow when we have waited for his next bytes for kSlowAfterUs. He is also slow when we
// have waited that long in all, and fewer than kSlowBytesPerSecond were moved in each second of
// waiting. A slow peer is served, but loses his connection when all places are in use.
constexpr int64_t kSlowAfterUs = 5'000'000, kSlowBytesPerSecond = 16 << 10;

class Crowd;

// What is known of one connection. Only the thread that serves it writes the atomic members.
struct Guest {
  Guest(Crowd& of, int descriptor, std::string from);
  // Called before and after each wait for the peer to send bytes or to take ours.
  void begin_wait();
  void end_wait(size_t bytes_moved);
  bool is_slow(int64_t now_us) const;

  Crowd& crowd;
  const int fd;
  const std::string source;       // as source_key (base/address.h) says it
  std::atomic<int64_t> since_us;  // when it came, asked or was answered last
  // Of the request being answered.
  std::atomic<int64_t> waited_us{0}, waits_since_us{0};  // 0: it is not the peer that we wait for
  std::atomic<uint64_t> moved{0};                        // bytes, both ways

 private:
  friend class Crowd;
  struct Standing {
    std::string session;  // whose request was proven here last; "": a stranger's
    bool leaving = false, has_place = false;
    // Where it stands in the crowd, and among the strangers of its source or those that are idle.
    std::list<std::shared_ptr<Guest>>::iterator in_all;
    std::list<Guest*>::iterator in_line, in_served;
  };
  Standing standing_;  // the crowd's (Crowd::standing_of)
};

class Crowd {
 public:
  explicit Crowd(const CrowdLimits& limits = {}) : limits_(limits) {}
  // nullptr: there is no room, and no other connection can be closed for this one.
  std::shared_ptr<Guest> admit(int fd, const std::string& ip);
  // Must be called before the descriptor is closed.
  void forget(Guest& guest);
  // A request on this connection has proven to come from `session`. False: that session has as many
  // places, or connections, as it may.
  bool introduce(Guest& guest, const std::string& session);
  // With SHUT_RD, those that wait for a next request find their connection closed; with SHUT_RDWR,
  // those that are being answered do too.
  void shut_all(int how);

 private:
  friend class Place;
  // What a session or, under "", the strangers have. Who is told to leave does not count.
  struct Share {
    size_t connections = 0, places = 0;
  };
  // The strangers of one source, the one that has waited longest first.
  struct Line {
    std::list<Guest*> guests;
  };
  bool take_place(Guest& guest);
  void give_up_place(Guest& guest);
  Guest::Standing& standing_of(Guest& guest) const SLUICE_REQUIRES(mutex_) {
    return guest.standing_;
  }
  Share share_of(const std::string& session) const SLUICE_REQUIRES(mutex_);
  void enter(Guest& guest) SLUICE_REQUIRES(mutex_);
  void leave(Guest& guest) SLUICE_REQUIRES(mutex_);
  void queue(Guest& guest) SLUICE_REQUIRES(mutex_);
  void unqueue(Guest& guest) SLUICE_REQUIRES(mutex_);
  // What a line is ordered by: how many there are, then how long the first has waited.
  std::tuple<size_t, int64_t, Line*> rank(Line& line) const SLUICE_REQUIRES(mutex_);
  void dismiss(Guest& guest) SLUICE_REQUIRES(mutex_);
  bool make_room() SLUICE_REQUIRES(mutex_);
  bool dismiss_a_stranger() SLUICE_REQUIRES(mutex_);
  bool dismiss_a_served_stranger() SLUICE_REQUIRES(mutex_);
  bool dismiss_an_idle_one() SLUICE_REQUIRES(mutex_);
  bool dismiss_a_slow_one(const std::string* of_session = nullptr) SLUICE_REQUIRES(mutex_);

  const CrowdLimits limits_;
  Mutex mutex_;
  std::list<std::shared_ptr<Guest>> guests_ SLUICE_GUARDED_BY(mutex_);
  Share all_ SLUICE_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Share> shares_ SLUICE_GUARDED_BY(mutex_);  // by session
  // So that finding who must go takes no look at all of them.
  std::unordered_map<std::string, Line> lines_ SLUICE_GUARDED_BY(mutex_);  // strangers, by source
  std::set<std::tuple<size_t, int64_t, Line*>> ranks_ SLUICE_GUARDED_BY(mutex_);
  std::list<Guest*> idle_ SLUICE_GUARDED_BY(mutex_);    // known, without a place, the longest first
  std::list<Guest*> served_ SLUICE_GUARDED_BY(mutex_);  // with a place
};

// A request's place among those that are answered, while it lives. False: there is none. Where
// nobody counts (a null guest) there always is one.
class Place {
 public:
  explicit Place(Guest* guest) : guest_(guest), taken_(!guest || guest->crowd.take_place(*guest)) {}
  ~Place() {
    if (guest_ && taken_) guest_->crowd.give_up_place(*guest_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  explicit operator bool() const { return taken_; }

 private:
  Guest* const guest_;
  const bool taken_;
};

}  // namespace sluice::net
