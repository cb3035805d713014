// SPDX-License-Identifier: Apache-2.0
#pragma once
// HTTP/1.1 on one connection (RFC 9112), one thread: read a head, serve, write the answer, again.
#include <atomic>
#include <functional>
#include <string>

#include "net/tls.h"
#include "request/serve.h"

namespace sluice::net {

constexpr size_t kHeadBytesMax = 32 * 1024;  // request line and headers
constexpr int kHandshakeTimeoutMs = 10'000;
// What a peer may take: to send a next request, a whole head, the next bytes of a body, the rest of
// a body nobody reads, to take our bytes.
struct Deadlines {
  int idle_ms = 75'000, head_ms = 15'000, body_ms = 30'000, drain_ms = 5'000, write_ms = 60'000;
};
// Of a body that nobody reads, before the connection is closed instead: many clients look for an
// answer only when they have sent everything.
constexpr uint64_t kDrainBytesMax = 64 << 20;

using Handler = std::function<Response(Request, BodySource&)>;
struct Guest;  // net/crowd.h
// Serves `raw` until the client closes, a deadline passes, or `stopping` is true between requests.
void serve_connection(Stream& raw, const std::string& peer_ip, const Handler& handler,
                      const std::atomic<bool>& stopping, const Deadlines& deadlines = {},
                      Guest* guest = nullptr);

}  // namespace sluice::net
