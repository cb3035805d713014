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

void Guest::begin_request() {
  waited_us = 0;
  moved = 0;
  busy = true;
}
void Guest::end_request() {
  since_us = monotonic_us();
  busy = false;
}
void Guest::begin_wait() { waits_since_us = monotonic_us(); }
void Guest::end_wait(size_t bytes_moved) {
  waited_us += monotonic_us() - waits_since_us.exchange(0);
  moved += bytes_moved;
}
bool Guest::is_slow(int64_t now_us) const {
  const int64_t waits_since = waits_since_us;
  if (!busy || !waits_since) return false;
  const int64_t wait = now_us - waits_since, waited = waited_us + wait;
  if (wait > kSlowAfterUs) return true;  // however much he moved before
  return waited > kSlowAfterUs &&
         static_cast<int64_t>(moved) < waited / 1'000'000 * kSlowBytesPerSecond;
}

namespace {
bool waits_longer(const std::shared_ptr<Guest>& one, const std::shared_ptr<Guest>& other) {
  return !other || one->since_us < other->since_us;
}
}  // namespace

std::shared_ptr<Guest> Crowd::admit(int fd, const std::string& ip) {
  const MutexLock lock(mutex_);
  if (guests_.size() >= kConnectionsMax + kLeavingMax) return nullptr;
  if (staying_of("") >= kStrangersMax) dismiss_a_stranger();
  if (staying() >= kConnectionsMax && !dismiss_a_stranger() && !dismiss_an_idle_one() &&
      !dismiss_a_slow_one())
    return nullptr;
  guests_.push_back(std::make_shared<Guest>(*this, fd, source_key(ip)));
  return guests_.back();
}

void Crowd::forget(const std::shared_ptr<Guest>& guest) {
  const MutexLock lock(mutex_);
  guests_.remove(guest);
}

bool Crowd::introduce(Guest& guest, const std::string& session) {
  // Only the connection's own thread changes it, which is this one.
  if (guest.standing_.session == session) return true;
  const MutexLock lock(mutex_);
  if (staying_of(session) >= kConnectionsOfASessionMax && !dismiss_an_idle_one(&session))
    return false;
  standing_of(guest).session = session;
  return true;
}

void Crowd::shut_all(int how) {
  const MutexLock lock(mutex_);
  for (const auto& guest : guests_) shutdown(guest->fd, how);
}

size_t Crowd::staying() const {
  size_t count = 0;
  for (const auto& guest : guests_)
    if (!standing_of(*guest).leaving) ++count;
  return count;
}

size_t Crowd::staying_of(const std::string& session) const {
  size_t count = 0;
  for (const auto& guest : guests_) {
    const Guest::Standing& standing = standing_of(*guest);
    if (!standing.leaving && standing.session == session) ++count;
  }
  return count;
}

void Crowd::dismiss(Guest& guest) {
  standing_of(guest).leaving = true;
  shutdown(guest.fd, SHUT_RDWR);  // its own thread notices, and closes it
}

// Of the source that has most strangers, the one that has waited longest; whatever it does.
bool Crowd::dismiss_a_stranger() {
  struct Source {
    size_t strangers = 0;
    std::shared_ptr<Guest> longest;
  };
  std::map<std::string, Source> sources;
  for (const auto& guest : guests_) {
    const Guest::Standing& standing = standing_of(*guest);
    if (standing.leaving || !standing.session.empty()) continue;
    Source& source = sources[guest->source];
    ++source.strangers;
    if (waits_longer(guest, source.longest)) source.longest = guest;
  }
  const auto largest =
      std::max_element(sources.begin(), sources.end(), [](const auto& a, const auto& b) {
        if (a.second.strangers != b.second.strangers)
          return a.second.strangers < b.second.strangers;
        return b.second.longest->since_us < a.second.longest->since_us;
      });
  if (largest == sources.end()) return false;
  dismiss(*largest->second.longest);
  return true;
}

// Between two requests; of any session, or of one.
bool Crowd::dismiss_an_idle_one(const std::string* of_session) {
  std::shared_ptr<Guest> longest;
  for (const auto& guest : guests_) {
    const Guest::Standing& standing = standing_of(*guest);
    const bool meant = !of_session || standing.session == *of_session;
    if (meant && !standing.leaving && !guest->busy && waits_longer(guest, longest)) longest = guest;
  }
  if (!longest) return false;
  dismiss(*longest);
  return true;
}

// Of the session that has most slow ones, the one that moved the least.
bool Crowd::dismiss_a_slow_one() {
  const int64_t now_us = monotonic_us();
  std::map<std::string, std::vector<std::shared_ptr<Guest>>> slow_of;
  for (const auto& guest : guests_) {
    const Guest::Standing& standing = standing_of(*guest);
    if (!standing.leaving && guest->is_slow(now_us)) slow_of[standing.session].push_back(guest);
  }
  const auto most = std::max_element(
      slow_of.begin(), slow_of.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (most == slow_of.end()) return false;
  dismiss(**std::min_element(most->second.begin(), most->second.end(),
                             [](const auto& a, const auto& b) { return a->moved < b->moved; }));
  return true;
}

}  // namespace sluice::net
