// SPDX-License-Identifier: Apache-2.0
#pragma once
// HTTP/1.1 on one connection (RFC 9112), by one thread: it reads a head, serves the request, writes
// the answer, and begins again.
//
//   const auto stream = tls_stream(fd, *tls, kHandshakeTimeoutMs);
//   if (stream) serve_connection(*stream, peer_ip, handler, stopping);
#include <atomic>
#include <functional>
#include <string>

#include "net/tls.h"
#include "request/serve.h"

namespace sluice::net {

constexpr size_t kHeadBytesMax = 32 * 1024;  // request line and headers
constexpr int kHandshakeTimeoutMs = 10'000;
// How long a peer may take: to begin the next request (idle), to send a whole head, to send the
// next bytes of a body, to send the rest of a body that nobody reads (drain), and to take our
// bytes.
struct Deadlines {
  int idle_ms = 75'000, head_ms = 15'000, body_ms = 30'000, drain_ms = 5'000, write_ms = 60'000;
};
// How much we take of a body that nobody reads before we close the connection. Many clients look
// for an answer only when they have sent everything.
constexpr uint64_t kDrainBytesMax = 64 << 20;

using Handler = std::function<Response(Request, BodySource&)>;
struct Guest;  // net/crowd.h
// Serves `raw` until the client closes it, until a deadline passes, or until `stopping` is true
// between two requests.
void serve_connection(Stream& raw, const std::string& peer_ip, const Handler& handler,
                      const std::atomic<bool>& stopping, const Deadlines& deadlines = {},
                      Guest* guest = nullptr);

}  // namespace sluice::net
