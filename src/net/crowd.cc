// SPDX-License-Identifier: Apache-2.0
#include "net/crowd.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/address.h"
#include "base/clock.h"

namespace sluice::net {

Guest::Guest(Crowd& of, int descriptor, std::string from)
    : crowd(of), fd(descriptor), source(std::move(from)), since_us(monotonic_us()) {}

void Guest::begin_wait() { waits_since_us = monotonic_us(); }
void Guest::end_wait(size_t bytes_moved) {
  waited_us += monotonic_us() - waits_since_us.exchange(0);
  moved += bytes_moved;
}
bool Guest::is_slow(int64_t now_us) const {
  const int64_t waits_since = waits_since_us;
  if (!waits_since) return false;
  const int64_t wait = now_us - waits_since, waited = waited_us + wait;
  if (wait > kSlowAfterUs) return true;  // however much he moved before
  return waited > kSlowAfterUs &&
         static_cast<int64_t>(moved) < waited / 1'000'000 * kSlowBytesPerSecond;
}

CrowdLimits limits_within(size_t descriptors) {
  CrowdLimits limits;
  limits.connections = std::min(limits.connections, descriptors / 4 * 3);
  limits.strangers = std::min(limits.strangers, limits.connections * 3 / 4);
  limits.of_a_session = std::min(limits.of_a_session, limits.connections * 3 / 4);
  limits.leaving = std::min(limits.leaving, limits.connections / 4);
  return limits;
}

std::shared_ptr<Guest> Crowd::admit(int fd, const std::string& ip) {
  const MutexLock lock(mutex_);
  if (guests_.size() >= limits_.connections + limits_.leaving) return nullptr;
  if (share_of("").connections >= limits_.strangers) dismiss_a_stranger();
  if (all_.connections >= limits_.connections && !make_room()) return nullptr;
  guests_.push_back(std::make_shared<Guest>(*this, fd, source_key(ip)));
  Guest& guest = *guests_.back();
  standing_of(guest).in_all = std::prev(guests_.end());
  enter(guest);
  return guests_.back();
}

void Crowd::forget(Guest& guest) {
  const MutexLock lock(mutex_);
  if (!standing_of(guest).leaving) leave(guest);
  guests_.erase(standing_of(guest).in_all);
}

bool Crowd::take_place(Guest& guest) {
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  if (standing.leaving) return false;
  const size_t places = share_of(standing.session).places;
  if (standing.session.empty()) {
    if (places >= limits_.places_of_strangers) dismiss_a_served_stranger();
  } else if (places >= limits_.places_of_a_session && !dismiss_a_slow_one(&standing.session)) {
    return false;
  }
  if (all_.places >= limits_.places && !dismiss_a_slow_one()) return false;
  guest.waited_us = 0;
  guest.moved = 0;
  leave(guest);
  guest.since_us = monotonic_us();
  standing.has_place = true;
  enter(guest);
  return true;
}

void Crowd::give_up_place(Guest& guest) {
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  if (standing.leaving) return;
  leave(guest);
  guest.since_us = monotonic_us();
  standing.has_place = false;
  enter(guest);
}

bool Crowd::introduce(Guest& guest, const std::string& session) {
  // Only the thread that serves the connection changes it, which is this one.
  if (guest.standing_.session == session) return true;
  const MutexLock lock(mutex_);
  Guest::Standing& standing = standing_of(guest);
  const Share share = share_of(session);
  if (standing.leaving || share.places >= limits_.places_of_a_session ||
      share.connections >= limits_.of_a_session)
    return false;
  leave(guest);
  standing.session = session;
  enter(guest);
  return true;
}

void Crowd::shut_all(int how) {
  const MutexLock lock(mutex_);
  for (const auto& guest : guests_) shutdown(guest->fd, how);
}

Crowd::Share Crowd::share_of(const std::string& session) const {
  const auto known = shares_.find(session);
  return known == shares_.end() ? Share{} : known->second;
}

// Counts the connection where it stands now, and lets it be found there.
void Crowd::enter(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  for (Share* share : {&all_, &shares_[standing.session]}) {
    ++share->connections;
    if (standing.has_place) ++share->places;
  }
  if (standing.has_place) standing.in_served = served_.insert(served_.end(), &guest);
  queue(guest);
}

void Crowd::leave(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  const auto own = shares_.find(standing.session);
  for (Share* share : {&all_, &own->second}) {
    --share->connections;
    if (standing.has_place) --share->places;
  }
  if (!own->second.connections) shares_.erase(own);
  if (standing.has_place) served_.erase(standing.in_served);
  unqueue(guest);
}

std::tuple<size_t, int64_t, Crowd::Line*> Crowd::rank(Line& line) const {
  return {line.guests.size(), -line.guests.front()->since_us, &line};
}

// At the end: it came, or was answered, after all that stand there.
void Crowd::queue(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  if (standing.session.empty()) {
    Line& line = lines_[guest.source];
    if (!line.guests.empty()) ranks_.erase(rank(line));
    standing.in_line = line.guests.insert(line.guests.end(), &guest);
    ranks_.insert(rank(line));
  } else if (!standing.has_place) {
    standing.in_line = idle_.insert(idle_.end(), &guest);
  }
}

void Crowd::unqueue(Guest& guest) {
  Guest::Standing& standing = standing_of(guest);
  if (standing.session.empty()) {
    Line& line = lines_[guest.source];
    ranks_.erase(rank(line));
    line.guests.erase(standing.in_line);
    if (line.guests.empty())
      lines_.erase(guest.source);
    else
      ranks_.insert(rank(line));
  } else if (!standing.has_place) {
    idle_.erase(standing.in_line);
  }
}

void Crowd::dismiss(Guest& guest) {
  leave(guest);
  standing_of(guest).leaving = true;
  shutdown(guest.fd, SHUT_RDWR);  // whoever serves it notices, and closes it
}

// Who goes when all connections are taken. Where most are strangers', one of them; else a known one
// that waits, so that newcomers do not send each other away for somebody who only holds many.
bool Crowd::make_room() {
  const bool mostly_strangers = share_of("").connections * 2 > all_.connections;
  return (mostly_strangers && dismiss_a_stranger()) || dismiss_an_idle_one() ||
         dismiss_a_stranger() || dismiss_a_slow_one();
}

// Of the source that has most strangers, the one that has waited longest; whatever it does.
bool Crowd::dismiss_a_stranger() {
  if (ranks_.empty()) return false;
  dismiss(*std::get<Line*>(*ranks_.rbegin())->guests.front());
  return true;
}

// The same among the strangers whose requests hold a place.
bool Crowd::dismiss_a_served_stranger() {
  std::map<std::string_view, std::vector<Guest*>> served_of;
  for (Guest* guest : served_)
    if (standing_of(*guest).session.empty()) served_of[guest->source].push_back(guest);
  const auto most =
      std::max_element(served_of.begin(), served_of.end(), [](const auto& a, const auto& b) {
        if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
        return a.second.front()->since_us > b.second.front()->since_us;
      });
  if (most == served_of.end()) return false;
  dismiss(*most->second.front());
  return true;
}

// Between two requests.
bool Crowd::dismiss_an_idle_one() {
  if (idle_.empty()) return false;
  dismiss(*idle_.front());
  return true;
}

// Of the session that has most slow ones, or of this session, the one that moved the least.
bool Crowd::dismiss_a_slow_one(const std::string* of_session) {
  const int64_t now_us = monotonic_us();
  std::map<std::string_view, std::vector<Guest*>> slow_of;
  for (Guest* guest : served_)
    if (guest->is_slow(now_us) && (!of_session || standing_of(*guest).session == *of_session))
      slow_of[standing_of(*guest).session].push_back(guest);
  const auto most = std::max_element(
      slow_of.begin(), slow_of.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (most == slow_of.end()) return false;
  dismiss(**std::min_element(most->second.begin(), most->second.end(),
                             [](const Guest* a, const Guest* b) { return a->moved < b->moved; }));
  return true;
}

}  // namespace sluice::net
