// SPDX-License-Identifier: Apache-2.0
#pragma once
// The listeners: TLS, optionally plain HTTP on loopback, and the operator's Unix socket. One thread
// a connection, bounded (docs/decisions/0001-threads-not-coroutines.md).
#include <atomic>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "net/connection.h"
#include "net/crowd.h"
#include "base/thread_safety.h"

namespace sluice::net {

// Of functions: they have their own, so that a burst of them keeps nobody out.
constexpr size_t kAdoptedMax = 1024;
constexpr int kAdoptedIdleMs = 10'000;  // and keep them less long

struct Address {
  std::string host;
  uint16_t port = 0;
};
Result<Address> parse_address(std::string_view text);  // "127.0.0.1:4566", "[::1]:0"

class Server {
 public:
  Server(std::shared_ptr<TlsContext> tls, Handler handler)
      : tls_(std::move(tls)), handler_(std::move(handler)) {}
  ~Server() { stop(); }
  Result<Address> listen(const Address& address, bool with_tls);  // returns the bound address
  // A stream socket whose peers the kernel names; `answer` gets the uid and the first line, and
  // returns what to write.
  Result<Done> listen_operator(
      const std::string& path,
      std::function<std::string(int64_t uid, std::string_view line)> answer);
  void adopt(int fd, std::string peer_ip,
             std::shared_ptr<TlsContext> tls);  // a connected socket, served like an accepted one
  // No new connections; those in flight get ten seconds, then they are cut off. Returns when the
  // last thread of one has ended.
  void stop();

 private:
  void accept_loop(int listener, bool with_tls);
  // tls null: plain. `guest` null: a function's.
  void start_connection(int fd, std::string peer_ip, std::shared_ptr<TlsContext> tls,
                        std::shared_ptr<Guest> guest);
  void forget(int fd, const std::shared_ptr<Guest>& guest);
  void thread_ends();
  void shut_all(int how) SLUICE_REQUIRES(mutex_);
  std::shared_ptr<TlsContext> tls_;
  Handler handler_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> acceptors_;
  std::vector<int> listeners_;
  Mutex mutex_;
  ConditionVariable idle_;
  Crowd crowd_;
  std::set<int> adopted_ SLUICE_GUARDED_BY(mutex_);  // descriptors of functions' connections
  size_t threads_ SLUICE_GUARDED_BY(mutex_) = 0;     // of connections, that have not ended
};

}  // namespace sluice::net
