#pragma once
// HTTP/1.1 on one connection (RFC 9112), one thread: read a head, serve, write the answer, again.
#include <atomic>
#include <functional>
#include <string>

#include "net/tls.h"
#include "request/serve.h"

namespace sluice::net {

constexpr size_t kHeadBytesMax = 32 * 1024;            // request line and headers
constexpr int kHeadTimeoutMs = 15'000, kIdleTimeoutMs = 75'000, kBodyTimeoutMs = 30'000, kWriteTimeoutMs = 60'000, kHandshakeTimeoutMs = 10'000;
constexpr uint64_t kDrainBytesMax = 1 << 20;           // of an unread body, before the connection is closed instead

using Handler = std::function<Response(Request, BodySource&)>;
// Serves until the client closes, a deadline passes, or `stopping` is true between requests.
void serve_connection(Stream& stream, const std::string& peer_ip, const Handler& handler, const std::atomic<bool>& stopping, int idle_timeout_ms = kIdleTimeoutMs);

}  // namespace sluice::net
