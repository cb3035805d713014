// SPDX-License-Identifier: Apache-2.0
#pragma once
// TLS 1.2 and 1.3 with AEAD suites, and streams of bytes with deadlines over a socket, with TLS or
// without.
//
//   TRY(const auto tls, TlsContext::server(files.certificate, files.key));
//   const std::unique_ptr<Stream> stream = tls_stream(fd, *tls, kHandshakeTimeoutMs);
//   const long bytes = stream->read(buffer, sizeof buffer, deadlines.body_ms);
#include <memory>
#include <string>

#include "base/result.h"
#include "net/ca.h"
#include "base/thread_safety.h"

struct ssl_ctx_st;

namespace sluice::net {

class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> server(const std::string& certificate_file,
                                                    const std::string& key_file);
  // Uses these files for all connections from now on. When they are wrong, nothing changes.
  Result<Done> use(const std::string& certificate_file, const std::string& key_file);
  std::shared_ptr<ssl_ctx_st> current() const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_ SLUICE_GUARDED_BY(mutex_);
};

// A connected socket. Every call gives up after its time. After a call has failed, the stream can
// only be destroyed.
class Stream {
 public:
  virtual ~Stream() = default;
  // 0: the peer has closed it. -1: it failed, or took too long.
  virtual long read(char* into, size_t size, int timeout_ms) = 0;
  // Writes everything, or returns false.
  virtual bool write(const char* data, size_t size, int timeout_ms) = 0;
  std::string tls_version, tls_cipher;  // "" without TLS
};
// Both own the descriptor from now on. tls_stream does the handshake, and gives nullptr when that
// fails.
std::unique_ptr<Stream> plain_stream(int fd);
std::unique_ptr<Stream> tls_stream(int fd, const TlsContext& context, int handshake_timeout_ms);

}  // namespace sluice::net
