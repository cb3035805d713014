// SPDX-License-Identifier: Apache-2.0
#include "cli/tls_wire.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <poll.h>
#include <unistd.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/bytes.h"

namespace sluice::cli {
namespace {
Error broken(std::string why) { return {500, "ConnectionFailure", std::move(why), {}}; }

struct Authority {
  std::string host, port;
  bool is_address = false;
};
Result<Authority> authority_of(const std::string& url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return broken(url + " does not begin with https://");
  std::string text = url.substr(kScheme.size());
  text = text.substr(0, text.find('/'));
  const size_t colon = text.rfind(':'), bracket = text.rfind(']');
  const bool has_port = colon != text.npos && (bracket == text.npos || colon > bracket);
  Authority out{text.substr(0, has_port ? colon : text.npos),
                has_port ? text.substr(colon + 1) : "443", false};
  if (out.host.starts_with('[')) out.host = out.host.substr(1, out.host.size() - 2);
  out.is_address = out.host.find(':') != out.host.npos ||
                   out.host.find_first_not_of("0123456789.") == out.host.npos;
  return out;
}

int connected(const Authority& to) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found) != 0) return -1;
  int fd = -1;
  for (const addrinfo* a = found; a && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  // Head and body are two writes: the second must not wait for the first's acknowledgement.
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

std::string certificate_hash(const SSL* ssl) {
  const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(ssl),
                                                          &X509_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!shown || X509_digest(shown.get(), EVP_sha256(), digest, &size) != 1) return {};
  return hex(std::string_view(reinterpret_cast<char*>(digest), size));
}

bool trust_authorities(SSL_CTX* context, const std::string& ca_file) {
  return ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                         : SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1;
}
bool expect_name(SSL* ssl, const Authority& server) {
  return server.is_address
             ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server.host.c_str()) == 1
             : SSL_set1_host(ssl, server.host.c_str()) == 1;
}
}  // namespace

Result<std::unique_ptr<TlsWire>> TlsWire::open(const std::string& url, const Trust& trust) {
  signal(SIGPIPE, SIG_IGN);  // a server that closes is an error to tell of, not this program's end
  TRY(const Authority server, authority_of(url));
  std::unique_ptr<TlsWire> wire(new TlsWire);
  wire->fd_ = connected(server);
  if (wire->fd_ < 0) return broken("cannot connect to " + url + ": is the server running?");
  wire->context_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(wire->context_, TLS1_2_VERSION);
  const bool pinned = !trust.certificate_sha256.empty();
  // With a pin that one certificate is trusted, and no other; it is looked at below.
  SSL_CTX_set_verify(wire->context_, pinned ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (!pinned && !trust_authorities(wire->context_, trust.ca_file))
    return broken("cannot read the CA certificates of " + trust.ca_file);
  wire->ssl_ = SSL_new(wire->context_);
  SSL_set_fd(wire->ssl_, wire->fd_);
  if (!server.is_address && SSL_set_tlsext_host_name(wire->ssl_, server.host.c_str()) != 1)
    return broken("'" + server.host + "' is not a host name");
  if (!pinned && !expect_name(wire->ssl_, server))
    return broken("'" + server.host + "' is not a host name");
  if (SSL_connect(wire->ssl_) != 1) {
    const long verdict = SSL_get_verify_result(wire->ssl_);
    return broken("the TLS handshake with " + url + " failed" +
                  (verdict == X509_V_OK
                       ? std::string()
                       : ": " + std::string(X509_verify_cert_error_string(verdict))));
  }
  if (pinned && certificate_hash(wire->ssl_) != trust.certificate_sha256)
    return broken("the server at " + url +
                  " shows another certificate than the server of this data directory has: it is "
                  "another server");
  return wire;
}

TlsWire::~TlsWire() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  if (fd_ >= 0) close(fd_);
}

// Nothing is readable of a connection whose answers are all read, but its end.
bool TlsWire::has_ended() const {
  pollfd one{fd_, POLLIN, 0};
  return poll(&one, 1, 0) != 0;
}

bool TlsWire::write(std::string_view data) {
  size_t put = 0;
  return data.empty() || SSL_write_ex(ssl_, data.data(), data.size(), &put) == 1;
}

Result<Reply> TlsWire::receive(bool no_body) {
  namespace http = boost::beast::http;
  http::response_parser<http::string_body> parser;
  parser.body_limit(256u << 20);
  if (no_body) parser.skip(true);
  std::string buffer;
  boost::system::error_code problem;
  keeps_ = false;
  while (!parser.is_done()) {
    const size_t old = buffer.size();
    buffer.resize(old + 65536);
    size_t got = 0;
    if (SSL_read_ex(ssl_, buffer.data() + old, 65536, &got) != 1)
      return broken("the server closed the connection");
    buffer.resize(old + got);
    for (size_t used = 1; used && !buffer.empty() && !parser.is_done();) {
      used = parser.put(boost::asio::buffer(buffer), problem);
      if (problem && problem != http::error::need_more)
        return broken("the server's answer is malformed: " + problem.message());
      buffer.erase(0, used);
    }
  }
  Reply reply;
  reply.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get())
    reply.headers.add(lower(std::string(field.name_string())), std::string(field.value()));
  reply.body = std::move(parser.get().body());
  keeps_ = parser.get().keep_alive();
  return reply;
}

}  // namespace sluice::cli
