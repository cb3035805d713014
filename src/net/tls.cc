// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

namespace sluice::net {
namespace {
// Waits for the socket until the deadline; false: too late or broken.
bool await(int fd, short events, int64_t deadline_us) {
  for (;;) {
    const int64_t left = deadline_us - monotonic_us();
    if (left <= 0) return false;
    pollfd one{fd, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(left / 1000) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

class Socket : public Stream {
 public:
  explicit Socket(int fd) : fd_(fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Socket() override { close(fd_); }
  long read(char* into, size_t size, int timeout_ms) override {
    const int64_t deadline = monotonic_us() + int64_t{1000} * timeout_ms;
    for (;;) {
      const ssize_t got = recv(fd_, into, size, 0);
      if (got >= 0) return got;
      if (errno == EINTR) continue;
      if (errno != EAGAIN || !await(fd_, POLLIN, deadline)) return -1;
    }
  }
  bool write(const char* data, size_t size, int timeout_ms) override {
    const int64_t deadline = monotonic_us() + int64_t{1000} * timeout_ms;
    while (size) {
      const ssize_t put = send(fd_, data, size, MSG_NOSIGNAL);
      if (put > 0) {
        data += put;
        size -= static_cast<size_t>(put);
      } else if (errno != EINTR && (errno != EAGAIN || !await(fd_, POLLOUT, deadline)))
        return false;
    }
    return true;
  }

 protected:
  const int fd_;
};

class TlsSocket : public Socket {
 public:
  TlsSocket(int fd, ssl_ctx_st* context) : Socket(fd), ssl_(SSL_new(context)) {
    if (ssl_) SSL_set_fd(ssl_, fd);
  }
  ~TlsSocket() override {
    if (ssl_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    ERR_clear_error();
  }
  bool handshake(int timeout_ms) {
    if (!ssl_) return false;
    const int64_t deadline = monotonic_us() + int64_t{1000} * timeout_ms;
    ERR_clear_error();
    for (;;) {
      const int done = SSL_accept(ssl_);
      if (done == 1) break;
      if (!again(done, deadline)) return false;
    }
    tls_version = SSL_get_version(ssl_);
    tls_cipher = SSL_get_cipher_name(ssl_);
    return true;
  }
  // SSL_get_error looks into the thread's queue of errors: what a request has left there, whose
  // certificate did not parse or whose signature did not hold, would be taken for the connection's.
  long read(char* into, size_t size, int timeout_ms) override {
    const int64_t deadline = monotonic_us() + int64_t{1000} * timeout_ms;
    ERR_clear_error();
    for (;;) {
      size_t got = 0;
      const int done = SSL_read_ex(ssl_, into, size, &got);
      if (done == 1) return static_cast<long>(got);
      if (SSL_get_error(ssl_, done) == SSL_ERROR_ZERO_RETURN) return 0;
      if (!again(done, deadline)) return -1;
    }
  }
  bool write(const char* data, size_t size, int timeout_ms) override {
    const int64_t deadline = monotonic_us() + int64_t{1000} * timeout_ms;
    ERR_clear_error();
    while (size) {
      size_t put = 0;
      const int done = SSL_write_ex(ssl_, data, size, &put);
      if (done == 1) {
        data += put;
        size -= put;
      } else if (!again(done, deadline))
        return false;
    }
    return true;
  }

 private:
  bool again(int result, int64_t deadline) {
    const int why = SSL_get_error(ssl_, result);
    ERR_clear_error();
    if (why == SSL_ERROR_WANT_READ) return await(fd_, POLLIN, deadline);
    if (why == SSL_ERROR_WANT_WRITE) return await(fd_, POLLOUT, deadline);
    return false;
  }
  SSL* ssl_;
};
}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::server(const std::string& certificate_file,
                                                       const std::string& key_file) {
  auto context = std::make_shared<TlsContext>();
  CHECK(context->use(certificate_file, key_file));
  return context;
}

Result<Done> TlsContext::use(const std::string& certificate_file, const std::string& key_file) {
  std::shared_ptr<ssl_ctx_st> fresh(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  SSL_CTX* raw = fresh.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(
      raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);  // a record in one read, not its head and its rest in two
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(raw, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(raw) != 1)
    return Error{500,
                 "CertificateFailure",
                 "cannot use the certificate " + certificate_file + " with the key " + key_file +
                     ": both must be PEM and belong together",
                 {}};
  const MutexLock lock(mutex_);
  context_ = std::move(fresh);
  return Done{};
}

std::shared_ptr<ssl_ctx_st> TlsContext::current() const {
  const MutexLock lock(mutex_);
  return context_;
}

std::unique_ptr<Stream> plain_stream(int fd) { return std::make_unique<Socket>(fd); }
std::unique_ptr<Stream> tls_stream(int fd, const TlsContext& context, int handshake_timeout_ms) {
  auto stream = std::make_unique<TlsSocket>(fd, context.current().get());
  if (!stream->handshake(handshake_timeout_ms)) return nullptr;
  return stream;
}

}  // namespace sluice::net
