// SPDX-License-Identifier: Apache-2.0
#pragma once
// The listeners: TLS, plain HTTP on loopback if it is wanted, and the Unix sockets of the users of
// this machine. Connections wait without threads (net/workers.h), and net/crowd.h says how many
// there may be.
//
//   net::Server server(tls, [&](Request head, BodySource& body) {
//     return path.serve(std::move(head), body);
//   });
//   TRY(const net::Address bound, server.listen(address, true));
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/connection.h"
#include "net/crowd.h"
#include "net/workers.h"

namespace sluice::net {

// The connections of functions are a crowd of their own, so that many functions at once keep nobody
// out. They may be idle for a shorter time.
constexpr size_t kFunctionConnectionsMax = 1024;
constexpr CrowdLimits kFunctionLimits{kFunctionConnectionsMax, kFunctionConnectionsMax,
                                      kFunctionConnectionsMax, kFunctionConnectionsMax / 16,
                                      kFunctionConnectionsMax, kFunctionConnectionsMax,
                                      kFunctionConnectionsMax};
constexpr int kFunctionIdleMs = 10'000;

struct Address {
  std::string host;
  uint16_t port = 0;
};
Result<Address> parse_address(std::string_view text);  // "127.0.0.1:4566", "[::1]:0"

// Who may come to a Unix socket, and what he is told.
struct LocalDoor {
  mode_t mode = 0600;  // of the socket's file
  size_t line_bytes_max = 0;
  // Whether what this uid has to say is read at all. Who is not heard holds up nobody.
  std::function<bool(int64_t uid)> hears;
  // Gets the peer's first line, "" of who is not heard. Returns what is to be written.
  std::function<std::string(int64_t uid, std::string_view line)> answer;
};

class Server {
 public:
  Server(std::shared_ptr<TlsContext> tls, Handler handler, const CrowdLimits& limits = {});
  ~Server() { stop(); }
  // Returns the address that was bound.
  Result<Address> listen(const Address& address, bool with_tls);
  // Listens on a Unix socket, where the kernel says who the peer is. A socket that is there already
  // is replaced.
  Result<Done> listen_local(const std::string& path, LocalDoor door);
  // Serves a connected socket like one that was accepted.
  void adopt(int fd, const std::string& peer_ip, const std::shared_ptr<TlsContext>& tls);
  // Takes no new connections. Requests that are being served have ten seconds, then their
  // connections are closed. Returns when the threads of all connections have ended.
  void stop();

 private:
  void accept_loop(int listener, bool with_tls);
  void admit(int fd, const std::string& peer_ip, const std::shared_ptr<TlsContext>& tls,
             Crowd& crowd, const ConnectionContext& context);
  const std::shared_ptr<TlsContext> tls_;
  const Handler handler_;
  std::atomic<bool> stopping_{false};
  const ConnectionContext of_peers_{handler_, stopping_, {}},
      of_functions_{handler_, stopping_, {.idle_ms = kFunctionIdleMs}};
  Crowd crowd_, functions_{kFunctionLimits};
  Workers workers_;
  std::vector<std::thread> acceptors_;
  std::vector<int> listeners_;
};

}  // namespace sluice::net
