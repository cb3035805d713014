// SPDX-License-Identifier: Apache-2.0
#include "net/crowd.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>

#include "base/address.h"
#include "base/clock.h"

namespace sluice::net {

Guest::Guest(int descriptor, std::string from)
    : fd(descriptor), source(std::move(from)), since_us(monotonic_us()) {}

namespace {
void dismiss(Guest& guest) {
  guest.leaving = true;
  shutdown(guest.fd, SHUT_RDWR);  // its own thread notices, and closes it
}
bool waits_longer(const std::shared_ptr<Guest>& one, const std::shared_ptr<Guest>& other) {
  return !other || one->since_us < other->since_us;
}
}  // namespace

std::shared_ptr<Guest> Crowd::admit(int fd, const std::string& ip) {
  const std::lock_guard lock(mutex_);
  if (guests_.size() >= kConnectionsMax + kLeavingMax) return nullptr;
  const auto strangers = std::count_if(guests_.begin(), guests_.end(), [](const auto& guest) {
    return !guest->leaving && !guest->known;
  });
  if (static_cast<size_t>(strangers) >= kStrangersMax) dismiss_a_stranger();
  if (staying() >= kConnectionsMax && !dismiss_a_stranger() && !dismiss_an_idle_one())
    return nullptr;
  guests_.push_back(std::make_shared<Guest>(fd, source_key(ip)));
  return guests_.back();
}

void Crowd::forget(const std::shared_ptr<Guest>& guest) {
  const std::lock_guard lock(mutex_);
  guests_.remove(guest);
}

void Crowd::wake_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& guest : guests_) shutdown(guest->fd, SHUT_RD);
}

bool Crowd::empty() {
  const std::lock_guard lock(mutex_);
  return guests_.empty();
}

size_t Crowd::staying() const {
  return static_cast<size_t>(std::count_if(guests_.begin(), guests_.end(),
                                           [](const auto& guest) { return !guest->leaving; }));
}

// Of the source that has most strangers, the one that has waited longest; whatever it does.
bool Crowd::dismiss_a_stranger() {
  struct Source {
    size_t strangers = 0;
    std::shared_ptr<Guest> longest;
  };
  std::map<std::string, Source> sources;
  for (const auto& guest : guests_) {
    if (guest->leaving || guest->known) continue;
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

// Between two requests.
bool Crowd::dismiss_an_idle_one() {
  std::shared_ptr<Guest> longest;
  for (const auto& guest : guests_)
    if (!guest->leaving && !guest->busy && waits_longer(guest, longest)) longest = guest;
  if (!longest) return false;
  dismiss(*longest);
  return true;
}

}  // namespace sluice::net
