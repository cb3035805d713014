// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who may stay when there is not room for all. A connection is a stranger's until a request on it
// was proven to come from a session; then it is known. Strangers have a share of the connections:
// when it is used up, the source that has most of them gives one up, the one that has waited
// longest, so that nobody is kept out by connections that ask nothing.
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace sluice::net {

constexpr size_t kConnectionsMax = 512;
constexpr size_t kStrangersMax = 256;  // handshakes, heads and bodies before their proof
constexpr size_t kLeavingMax = 128;    // dismissed, and not yet gone

// What is known of one connection. Its own thread writes `known`, `busy` and `since_us`.
struct Guest {
  Guest(int descriptor, std::string from);
  const int fd;
  const std::string source;                     // of IPv6 the /64
  std::atomic<bool> known{false}, busy{false};  // busy: a request is being answered
  std::atomic<int64_t> since_us;                // when it came, or when it was answered last
  bool leaving = false;                         // the crowd's alone
};

class Crowd {
 public:
  // nullptr: there is no room, and nobody who could make some.
  std::shared_ptr<Guest> admit(int fd, const std::string& ip);
  void forget(const std::shared_ptr<Guest>& guest);  // before its descriptor is closed
  void wake_all();  // those that wait for a next request find their connection closed
  bool empty();

 private:
  size_t staying() const;
  bool dismiss_a_stranger();
  bool dismiss_an_idle_one();
  std::mutex mutex_;
  std::list<std::shared_ptr<Guest>> guests_;
};

}  // namespace sluice::net
