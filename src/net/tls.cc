// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

namespace sluice::net {
namespace {
class Socket : public Stream {
 public:
  explicit Socket(int fd) : fd_(fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Socket() override { close(fd_); }
  Io try_read(char* into, size_t size, size_t& got) override {
    const ssize_t received = recv(fd_, into, size, 0);
    if (received < 0) return errno == EAGAIN || errno == EINTR ? Io::wants_read : Io::failed;
    got = static_cast<size_t>(received);
    return received ? Io::done : Io::closed;
  }
  Io try_write(const char* data, size_t size, size_t& put) override {
    const ssize_t sent = send(fd_, data, size, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? Io::wants_write : Io::failed;
    put = static_cast<size_t>(sent);
    return Io::done;
  }
  bool await(Io what, int64_t deadline_us) override {
    for (;;) {
      const int64_t left = deadline_us - monotonic_us();
      if (left <= 0) return false;
      pollfd one{fd_, static_cast<short>(what == Io::wants_write ? POLLOUT : POLLIN), 0};
      const int ready = poll(&one, 1, static_cast<int>(left / 1000) + 1);
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

 protected:
  const int fd_;
};

// Where a part of a record has come, older releases free a buffer that they go on to use
// (CVE-2024-4741).
bool frees_buffers_well() {
  constexpr unsigned kFixedIn[] = {14, 6, 2, 1};  // the first good patch of 3.0, 3.1, 3.2, 3.3
  const unsigned minor = OPENSSL_version_minor();
  return OPENSSL_version_major() > 3 || minor >= std::size(kFixedIn) ||
         OPENSSL_version_patch() >= kFixedIn[minor];
}
const bool kFreesBuffersWell = frees_buffers_well();

// A peer may change its keys, or ask for a new handshake, between the bytes that it sends. OpenSSL
// does that for as long as it comes, without giving them to us: a thread would be kept by a peer
// that has nothing to say. Nobody needs more of it on one connection.
constexpr int kHandshakesAfterMax = 32;

// OpenSSL's state is made when the first bytes come: who connects and says nothing costs a socket.
// SSL_get_error looks into the thread's queue of errors: what a request has left there, whose
// certificate did not parse or whose signature did not hold, would be taken for the connection's.
class TlsSocket : public Socket {
 public:
  TlsSocket(int fd, std::shared_ptr<ssl_ctx_st> context)
      : Socket(fd), context_(std::move(context)) {}
  ~TlsSocket() override {
    if (ssl_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    ERR_clear_error();
  }
  Io try_handshake() override {
    if (context_) {
      ssl_ = SSL_new(context_.get());
      context_.reset();
      if (ssl_) SSL_set_fd(ssl_, fd_);
    }
    if (!ssl_) return Io::failed;
    ERR_clear_error();
    const int done = SSL_accept(ssl_);
    if (done != 1) return why(done);
    tls_version = SSL_get_version(ssl_);
    tls_cipher = SSL_get_cipher_name(ssl_);
    SSL_set_msg_callback(ssl_, &count_handshakes);
    SSL_set_msg_callback_arg(ssl_, this);
    return Io::done;
  }
  Io try_read(char* into, size_t size, size_t& got) override {
    ERR_clear_error();
    const int done = SSL_read_ex(ssl_, into, size, &got);
    return done == 1 ? Io::done : why(done);
  }
  Io try_write(const char* data, size_t size, size_t& put) override {
    ERR_clear_error();
    const int done = SSL_write_ex(ssl_, data, size, &put);
    return done == 1 ? Io::done : why(done);
  }
  bool has_pending() const override { return ssl_ && SSL_has_pending(ssl_); }
  void release_memory() override {
    if (ssl_ && kFreesBuffersWell) SSL_free_buffers(ssl_);
  }

 private:
  // Called with each message. OpenSSL reads nothing more of a peer that has closed its side.
  static void count_handshakes(int sent, int, int type, const void*, size_t, SSL* ssl, void* of) {
    auto& self = *static_cast<TlsSocket*>(of);
    if (!sent && type == SSL3_RT_HANDSHAKE && ++self.handshakes_after_ > kHandshakesAfterMax)
      SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
  }
  Io why(int result) {
    const int error = SSL_get_error(ssl_, result);
    ERR_clear_error();
    switch (error) {
      case SSL_ERROR_WANT_READ: return Io::wants_read;
      case SSL_ERROR_WANT_WRITE: return Io::wants_write;
      case SSL_ERROR_ZERO_RETURN: return Io::closed;
      default: return Io::failed;
    }
  }
  std::shared_ptr<ssl_ctx_st> context_;  // until the handshake begins
  SSL* ssl_ = nullptr;
  int handshakes_after_ = 0;  // messages of handshakes after the first one
};
}  // namespace

long Stream::read(char* into, size_t size, int timeout_ms) {
  const int64_t deadline_us = monotonic_us() + int64_t{1000} * timeout_ms;
  for (;;) {
    size_t got = 0;
    switch (const Io io = try_read(into, size, got)) {
      case Io::done: return static_cast<long>(got);
      case Io::closed: return 0;
      case Io::failed: return -1;
      default:
        if (!await(io, deadline_us)) return -1;
    }
  }
}

bool Stream::write(const char* data, size_t size, int timeout_ms) {
  const int64_t deadline_us = monotonic_us() + int64_t{1000} * timeout_ms;
  while (size) {
    size_t put = 0;
    switch (const Io io = try_write(data, size, put)) {
      case Io::done:
        data += put;
        size -= put;
        break;
      case Io::closed:
      case Io::failed: return false;
      default:
        if (!await(io, deadline_us)) return false;
    }
  }
  return true;
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const std::string& certificate_file,
                                                       const Secret& key) {
  auto context = std::make_shared<TlsContext>();
  CHECK(context->use(certificate_file, key));
  return context;
}

Result<Done> TlsContext::use(const std::string& certificate_file, const Secret& key) {
  std::shared_ptr<ssl_ctx_st> fresh(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  SSL_CTX* raw = fresh.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(
      raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);  // a record in one read, not its head and its rest in two
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
      BIO_new_mem_buf(key.expose().data(), static_cast<int>(key.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parsed(
      pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, nullptr) : nullptr,
      &EVP_PKEY_free);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_file.c_str()) != 1 || !parsed ||
      SSL_CTX_use_PrivateKey(raw, parsed.get()) != 1 || SSL_CTX_check_private_key(raw) != 1)
    return Error{500,
                 "CertificateFailure",
                 "cannot use the certificate " + certificate_file +
                     " with its key: both must be PEM and belong together",
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
std::unique_ptr<Stream> tls_stream(int fd, const TlsContext& context) {
  return std::make_unique<TlsSocket>(fd, context.current());
}

}  // namespace sluice::net
