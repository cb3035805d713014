// SPDX-License-Identifier: Apache-2.0
#pragma once
// The listeners: TLS, plain HTTP on loopback if it is wanted, and the Unix socket of the operator.
// Each connection has a thread, and there is a limit for them
// (docs/decisions/0001-threads-not-coroutines.md).
//
//   net::Server server(tls, [&](Request head, BodySource& body) {
//     return path.serve(std::move(head), body);
//   });
//   TRY(const net::Address bound, server.listen(address, true));
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

// The connections of functions are counted apart, so that many functions at once keep nobody out.
// They may be idle for a shorter time.
constexpr size_t kAdoptedMax = 1024;
constexpr int kAdoptedIdleMs = 10'000;

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
  // Returns the address that was bound.
  Result<Address> listen(const Address& address, bool with_tls);
  // Listens on a Unix socket, where the kernel says who the peer is. `answer` gets the peer's uid
  // and first line, and returns what is to be written.
  Result<Done> listen_operator(
      const std::string& path,
      std::function<std::string(int64_t uid, std::string_view line)> answer);
  // Serves a connected socket like one that was accepted.
  void adopt(int fd, const std::string& peer_ip, const std::shared_ptr<TlsContext>& tls);
  // Takes no new connections. Requests that are being served have ten seconds, then their
  // connections are closed. Returns when the threads of all connections have ended.
  void stop();

 private:
  void accept_loop(int listener, bool with_tls);
  // `tls` is null for plain HTTP, and `guest` for the connection of a function.
  void start_connection(int fd, const std::string& peer_ip, const std::shared_ptr<TlsContext>& tls,
                        const std::shared_ptr<Guest>& guest);
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
