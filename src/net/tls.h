// SPDX-License-Identifier: Apache-2.0
#pragma once
// TLS 1.2 and 1.3 with AEAD suites, and streams of bytes with deadlines over a socket, with TLS or
// without.
//
//   TRY(const auto tls, TlsContext::server(own.file, own.key));
//   const std::unique_ptr<Stream> stream = tls_stream(fd, *tls);
//   if (stream->try_handshake() == Io::wants_read) return;   // again when the socket is readable
//   const long bytes = stream->read(buffer, sizeof buffer, deadlines.body_ms);
#include <memory>
#include <string>

#include "base/result.h"
#include "net/ca.h"
#include "base/secret.h"
#include "base/thread_safety.h"

struct ssl_ctx_st;

namespace sluice::net {

class TlsContext {
 public:
  // Of PEM, the key too.
  static Result<std::shared_ptr<TlsContext>> server(const std::string& certificate_file,
                                                    const Secret& key);
  // Uses these for all connections from now on. When they are wrong, nothing changes.
  Result<Done> use(const std::string& certificate_file, const Secret& key);
  std::shared_ptr<ssl_ctx_st> current() const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_ SLUICE_GUARDED_BY(mutex_);
};

// What came of a try: it is done, or it can go on when the socket is readable or writable, or the
// peer has closed, or it failed. After a failure the stream can only be destroyed. A whole request
// of a connection may also have to wait for its turn (net/crowd.h).
enum class Io { done, wants_read, wants_write, wants_turn, closed, failed };

// A connected socket. What begins with try_ never waits; the others give up after their time.
class Stream {
 public:
  virtual ~Stream() = default;
  // Must be done before anything else is tried.
  virtual Io try_handshake() { return Io::done; }
  virtual Io try_read(char* into, size_t size, size_t& got) = 0;
  virtual Io try_write(const char* data, size_t size, size_t& put) = 0;
  // Bytes have come that the socket does not show, since they are held here already.
  virtual bool has_pending() const { return false; }
  // Gives back what is only needed while bytes move.
  virtual void release_memory() {}
  // Waits until the socket is readable (wants_read) or writable. False: too late, or broken.
  virtual bool await(Io what, int64_t deadline_us) = 0;
  // 0: the peer has closed it. -1: it failed, or took too long.
  long read(char* into, size_t size, int timeout_ms);
  // Writes everything, or returns false.
  bool write(const char* data, size_t size, int timeout_ms);
  std::string tls_version, tls_cipher;  // "" without TLS
};
// Both own the descriptor from now on.
std::unique_ptr<Stream> plain_stream(int fd);
std::unique_ptr<Stream> tls_stream(int fd, const TlsContext& context);

}  // namespace sluice::net
