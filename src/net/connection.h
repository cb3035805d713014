// SPDX-License-Identifier: Apache-2.0
#pragma once
// HTTP/1.1 on one connection (RFC 9112). While a peer says nothing, or has not said all of a head,
// its connection needs no thread and hardly any memory. A request whose head is there is served by
// the thread that finds it, to its end, in plain synchronous code.
//
//   Connection one(tls_stream(fd, *tls), peer_ip, guest, context);
//   for (Io next; (next = one.advance(true)) != Io::closed;) one.await(next);
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "net/tls.h"
#include "request/serve.h"

namespace sluice::net {

constexpr size_t kHeadBytesMax = 32 * 1024;  // request line and headers
constexpr int kHandshakeTimeoutMs = 10'000;
// Heads of which a part has come and the rest is waited for, in the whole process: they keep their
// buffers. Most heads come in one piece, and a peer whose head does not begins it anew.
constexpr size_t kUnfinishedHeadsMax = 1'024;
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

// What all connections of a listener share. It must outlive them.
struct ConnectionContext {
  const Handler& handler;
  const std::atomic<bool>& stopping;  // true: nobody begins a next request
  const Deadlines deadlines = {};
};

class Connection {
 public:
  // `guest` is null where nobody counts the connections.
  Connection(std::unique_ptr<Stream> stream, std::string peer_ip, std::shared_ptr<Guest> guest,
             const ConnectionContext& context);
  ~Connection();
  // Does what can be done now: a step of the handshake, and each request whose head has come. Then
  // it says what the connection waits for, wants_read, wants_write or wants_turn, or `closed`: it
  // is to be destroyed. With `stays`, it waits a moment for the next request: most clients that ask
  // again do so at once. `begins` is called before each request that is answered, which may take
  // its time; what comes before takes none. Two threads must not call this at the same time.
  Io advance(bool stays, const std::function<void()>& begins = [] {});
  // Whether the wait that advance() has asked for has lasted too long: then nothing more is served,
  // and the next advance() says so. Never while it works. Any thread may ask.
  bool ends_late(int64_t now_us);
  // For wants_turn. `resume` is called when it may advance() again, perhaps before this returns.
  void wait_for_turn(std::function<void()> resume);
  bool await(Io what) { return stream_->await(what, deadline_us_); }

 private:
  class Buffer;
  class Exchange;
  Io read_head();
  Io serve(const std::function<void()>& begins);
  Io idle(Io what);
  bool takes_head_memory();
  Io wait(Io what, int64_t since_us, int limit_ms);

  const std::unique_ptr<Stream> stream_;
  const std::string peer_ip_;
  const std::shared_ptr<Guest> guest_;
  const ConnectionContext& context_;
  const int64_t came_us_;
  int64_t answered_us_ = 0;  // when the last answer was sent; 0: the handshake is not done
  std::atomic<int64_t> deadline_us_{0};
  std::unique_ptr<Buffer> buffer_;      // null when nothing is in it
  std::unique_ptr<Exchange> exchange_;  // null between two requests
  bool holds_head_ = false;             // it is one of the kUnfinishedHeadsMax
};

// Serves a connection on this thread until it ends.
void serve_connection(std::unique_ptr<Stream> stream, const std::string& peer_ip,
                      const ConnectionContext& context);

}  // namespace sluice::net
