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
// A request that finds no place waits for one, without a thread and before its body is read. There
// is a line for each session, and one for each source of strangers; when a place is free, the lines
// take turns, so that a long line holds up itself alone. A stranger whose head claims to be signed
// by a session that has connections here waits until that session has room for him, in a line with
// those of his source that claim the same. The claim decides nothing else.
//
//   const std::shared_ptr<Guest> guest = crowd.admit(fd, ip);   // nullptr: no room, close it
//   const Place place(guest.get(), claimed);   // a head has come
//   if (place.turn() == Turn::later) crowd.wait_for_place(*guest, resume);   // then ask again
//   crowd.introduce(*guest, session);   // the request was proven
//   crowd.forget(guest);                // before its descriptor is closed
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>

#include "base/clock.h"
#include "base/thread_safety.h"

namespace sluice::net {

constexpr size_t kConnectionsMax = 16'384;
constexpr size_t kStrangersMax = 12'288;  // in their handshake, or before a proven request
constexpr size_t kConnectionsOfASessionMax = 12'288;
constexpr size_t kLeavingMax = 1'024;  // told to leave, and not closed yet
// Requests that are answered at the same time.
constexpr size_t kPlacesMax = 512, kPlacesOfStrangersMax = 256, kPlacesOfASessionMax = 256;
// Requests that wait for a place, and how long each may. When there are more, the longest line
// loses its last.
constexpr size_t kWaitingMax = 4'096, kWaitingStrangersMax = 2'048;
constexpr int64_t kPlaceWaitMaxUs = 10'000'000;
// Answers that their peers have not taken yet. When there is more of them, somebody who is behind
// goes: we have waited a second for his next bytes, or in all, and he takes less than a megabyte a
// second. It is one of the session that has most of such answers, the one that we have waited for
// longest.
constexpr size_t kAnswersBytesMax = 256 << 20;
constexpr int64_t kBehindAfterUs = 1'000'000, kBehindBytesPerSecond = 1 << 20;
// A stranger who has held a place for so long loses it when others wait for one.
constexpr int64_t kStrangerGraceUs = 1'000'000;

struct CrowdLimits {
  size_t connections = kConnectionsMax, strangers = kStrangersMax,
         of_a_session = kConnectionsOfASessionMax, leaving = kLeavingMax;
  size_t places = kPlacesMax, places_of_strangers = kPlacesOfStrangersMax,
         places_of_a_session = kPlacesOfASessionMax;
  size_t waiting = kWaitingMax, waiting_strangers = kWaitingStrangersMax;
  size_t answers_bytes = kAnswersBytesMax;
};
// For a process that may have only so many descriptors: connections take three quarters of them.
CrowdLimits limits_within(size_t descriptors);

// A peer is slow when we have waited for his next bytes for kSlowAfterUs. He is also slow when we
// have waited that long in all, and fewer than kSlowBytesPerSecond were moved in each second of
// waiting. A slow peer is served, but loses his connection when all places are in use.
constexpr int64_t kSlowAfterUs = 5'000'000, kSlowBytesPerSecond = 16 << 10;
// Whoever gives or takes fewer bytes than this in each second that we have waited for him is served
// no more, once that is so long in all: else a request would keep what it holds for as long as he
// likes. Devices with a poor line move little; but an answer that is held whole takes memory.
constexpr int64_t kSlowTimeoutUs = 20'000'000, kGivesBytesPerSecondMin = 1 << 10,
                  kTakesBytesPerSecondMin = 16 << 10;

// Whether a request has its place now, is to wait for one, or gets none.
enum class Turn { now, later, never };

class Crowd;

// What is known of one connection. Only the thread that serves it writes the atomic members.
struct Guest {
  Guest(Crowd& of, int descriptor, std::string from);
  // Called before and after each wait for the peer to send bytes or to take ours.
  void begin_wait();
  void end_wait(size_t bytes_moved);
  // From now on he takes the answer. How he gave his request is forgotten.
  void begin_answer();
  bool is_slow(int64_t now_us) const;
  bool is_below(int64_t bytes_per_second_min) const;
  bool is_behind(int64_t now_us) const;
  // In all, until now.
  int64_t waited_until(int64_t now_us) const;

  Crowd& crowd;
  const int fd;
  const std::string source;       // as source_key (base/address.h) says it
  std::atomic<int64_t> since_us;  // when it came, asked or was answered last
  // Of the request being answered.
  std::atomic<int64_t> waited_us{0}, waits_since_us{0};  // 0: it is not the peer that we wait for
  std::atomic<uint64_t> moved{0};                        // bytes, both ways

 private:
  friend class Crowd;
  struct Line;
  struct Standing {
    std::string session;  // whose request was proven here last; "": a stranger's
    std::string claim;    // of a stranger: the session here that his head claims; "": none
    bool leaving = false, has_place = false;
    bool refused = false;          // it has waited for nothing
    size_t answer_bytes = 0;       // which the peer is to take
    Line* waits_in = nullptr;      // for a place
    int64_t waits_since_us = 0;    // for a place
    std::function<void()> resume;  // when it has one, or none
    // Where it stands in the crowd, and among the strangers of its source or those that are idle.
    std::list<std::shared_ptr<Guest>>::iterator in_all;
    std::list<Guest*>::iterator in_line, in_served, in_waiting;
  };
  struct Line {
    std::string name;
    std::list<Guest*> guests;
    // Of those that wait for a place:
    bool of_strangers = false;
    uint64_t turn = 0;  // the line with the lowest one is next
    std::list<Line*>::iterator in_turns;
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
  // For a request that is to wait (Turn::later). `resume` is called once, by any thread and under
  // the crowd's lock: then the request asks again, and is told now or never. It may be called
  // before this returns; nobody else may touch the connection meanwhile.
  void wait_for_place(Guest& guest, std::function<void()> resume);
  // The request that has a place here has an answer of so many bytes. They count until its place
  // is given up.
  void hold_answer(Guest& guest, size_t bytes, int64_t now_us = monotonic_us());
  // Looks for those that have waited for too long, for those that others wait for, and for those
  // whose answers take too much memory. To be called once a second.
  void look_after_lines(int64_t now_us = monotonic_us());
  // Nobody waits any more: each is told never.
  void refuse_all_waiting();

 private:
  friend class Place;
  // What a session or, under "", the strangers have. Who is told to leave does not count.
  struct Share {
    size_t connections = 0, places = 0;
    size_t claimed = 0;  // places of strangers that claim to be of this session
  };
  // Those that wait for a place together, or the strangers of one source; who has waited longest
  // first.
  using Line = Guest::Line;
  Turn ask_place(Guest& guest, std::string_view claimed_session);
  void give_up_place(Guest& guest);
  Guest::Standing& standing_of(Guest& guest) const SLUICE_REQUIRES(mutex_) {
    return guest.standing_;
  }
  Share share_of(const std::string& session) const SLUICE_REQUIRES(mutex_);
  void enter(Guest& guest) SLUICE_REQUIRES(mutex_);
  void leave(Guest& guest) SLUICE_REQUIRES(mutex_);
  void unclaim(const std::string& session) SLUICE_REQUIRES(mutex_);
  void queue(Guest& guest) SLUICE_REQUIRES(mutex_);
  void unqueue(Guest& guest) SLUICE_REQUIRES(mutex_);
  // What a line is ordered by: how many there are, then how long the first has waited.
  std::tuple<size_t, int64_t, Line*> rank(Line& line) const SLUICE_REQUIRES(mutex_);
  void dismiss(Guest& guest) SLUICE_REQUIRES(mutex_);
  bool make_room() SLUICE_REQUIRES(mutex_);
  bool dismiss_a_stranger() SLUICE_REQUIRES(mutex_);
  bool dismiss_an_idle_one() SLUICE_REQUIRES(mutex_);
  bool dismiss_a_slow_one() SLUICE_REQUIRES(mutex_);
  // Whom others that wait may send away. nullptr: there is none.
  Guest* a_served_stranger(int64_t now_us, const std::string* claimed_session = nullptr) const
      SLUICE_REQUIRES(mutex_);
  Guest* a_slow_one(const std::string* of_session = nullptr) const SLUICE_REQUIRES(mutex_);
  Guest* one_behind_with_an_answer(int64_t now_us) const SLUICE_REQUIRES(mutex_);
  void bound_answers(int64_t now_us) SLUICE_REQUIRES(mutex_);

  struct Lack {
    // Of places: of all, of those of strangers, of the session, of those of who claims it.
    bool all, strangers, session, claims;
    bool any() const { return all || strangers || session || claims; }
  };
  // Strangers that claim to be of a session have a quarter of its places at most: that much whoever
  // knows its access key id can take from it.
  Lack lack_of(const Guest::Standing& standing) const SLUICE_REQUIRES(mutex_);
  bool make_place_for(const Guest::Standing& standing, int64_t now_us) SLUICE_REQUIRES(mutex_);
  bool make_place_for_one_of_each(int64_t now_us) SLUICE_REQUIRES(mutex_);
  void give_place(Guest& guest) SLUICE_REQUIRES(mutex_);
  void stand_last(Line& line) SLUICE_REQUIRES(mutex_);
  Line* next_line(bool strangers_too) SLUICE_REQUIRES(mutex_);
  void fill_places() SLUICE_REQUIRES(mutex_);
  std::string line_of(const Guest& guest) const SLUICE_REQUIRES(mutex_);
  bool make_room_in_lines(const Guest& guest) SLUICE_REQUIRES(mutex_);
  void leave_line(Guest& guest) SLUICE_REQUIRES(mutex_);
  void resume(Guest& guest, bool refused) SLUICE_REQUIRES(mutex_);

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
  // The lines of those that wait for a place, and the order of their turns: those of sessions, and
  // those of strangers, which are passed over together when strangers have all their places.
  std::unordered_map<std::string, Line> waiting_ SLUICE_GUARDED_BY(mutex_);
  std::list<Line*> turns_[2] SLUICE_GUARDED_BY(mutex_);  // by Line::of_strangers
  uint64_t next_turn_ SLUICE_GUARDED_BY(mutex_) = 0;
  size_t waiting_count_ SLUICE_GUARDED_BY(mutex_) = 0;
  size_t waiting_strangers_ SLUICE_GUARDED_BY(mutex_) = 0;
  size_t answers_bytes_ SLUICE_GUARDED_BY(mutex_) = 0;
};

// A request's place among those that are answered, while it lives. False: there is none, now or
// at all. Where nobody counts (a null guest) there always is one.
class Place {
 public:
  // `claimed_session`: what the head claims, which nobody has proven.
  explicit Place(Guest* guest, std::string_view claimed_session = {})
      : guest_(guest), turn_(guest ? guest->crowd.ask_place(*guest, claimed_session) : Turn::now) {}
  ~Place() {
    if (guest_ && turn_ == Turn::now) guest_->crowd.give_up_place(*guest_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  Turn turn() const { return turn_; }
  explicit operator bool() const { return turn_ == Turn::now; }

 private:
  Guest* const guest_;
  const Turn turn_;
};

}  // namespace sluice::net
