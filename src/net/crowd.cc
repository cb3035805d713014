// SPDX-License-Identifier: Apache-2.0
#include "net/crowd.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/address.h"
#include "base/clock.h"

namespace sluice::net {

Guest::Guest(int descriptor, std::string from)
    : fd(descriptor), source(std::move(from)), since_us(monotonic_us()) {}

std::shared_ptr<Guest> Crowd::admit(int fd, const std::string& ip) {
  const std::lock_guard lock(mutex_);
  const std::string source = source_key(ip);
  if (guests_.size() >= kConnectionsMax + kLeavingMax) return nullptr;
  if (count(&source, true) >= kStrangersOfASourceMax) dismiss_longest(&source, true);
  if (count(nullptr, true) >= kStrangersMax) dismiss_longest(nullptr, true);
  if (count(nullptr, false) >= kConnectionsMax && !dismiss_longest(nullptr, true) &&
      !dismiss_longest(nullptr, false))
    return nullptr;
  guests_.push_back(std::make_shared<Guest>(fd, source));
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

size_t Crowd::count(const std::string* source, bool strangers_only) const {
  return static_cast<size_t>(std::count_if(guests_.begin(), guests_.end(), [&](const auto& guest) {
    return !guest->leaving && (!source || guest->source == *source) &&
           (!strangers_only || !guest->known);
  }));
}

// A known guest goes between two requests only; a stranger at any time.
bool Crowd::dismiss_longest(const std::string* source, bool strangers_only) {
  std::shared_ptr<Guest> longest;
  for (const auto& guest : guests_) {
    if (guest->leaving || (source && guest->source != *source)) continue;
    if (guest->known && (strangers_only || guest->busy)) continue;
    if (!longest || guest->since_us < longest->since_us) longest = guest;
  }
  if (!longest) return false;
  longest->leaving = true;
  shutdown(longest->fd, SHUT_RDWR);  // its own thread notices, and closes it
  return true;
}

}  // namespace sluice::net
