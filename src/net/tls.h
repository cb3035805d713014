// SPDX-License-Identifier: Apache-2.0
#pragma once
// TLS 1.2 and 1.3 with AEAD suites, and byte streams with deadlines over a socket: TLS or plain.
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
  // For the connections from now on; what is wrong changes nothing.
  Result<Done> use(const std::string& certificate_file, const std::string& key_file);
  std::shared_ptr<ssl_ctx_st> current() const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_ SLUICE_GUARDED_BY(mutex_);
};

// A connected socket. Every call gives up after its deadline; a call that failed leaves a stream
// fit only to be destroyed.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual long read(char* into, size_t size,
                    int timeout_ms) = 0;  // 0: closed; -1: failed or too late
  virtual bool write(const char* data, size_t size, int timeout_ms) = 0;  // everything, or false
  std::string tls_version, tls_cipher;                                    // "" = plain
};
// Take the descriptor over. tls_stream does the handshake; nullptr when it fails.
std::unique_ptr<Stream> plain_stream(int fd);
std::unique_ptr<Stream> tls_stream(int fd, const TlsContext& context, int handshake_timeout_ms);

}  // namespace sluice::net
