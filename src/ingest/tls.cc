// SPDX-License-Identifier: Apache-2.0
#include "ingest/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/bytes.h"
#include "ingest/resolve.h"

namespace sluice::ingest {
namespace {
namespace http = boost::beast::http;
constexpr size_t kReadBytes = 16 << 10;  // a TLS record
Error network(std::string why) { return {503, "NetworkFailure", std::move(why), {}}; }
constexpr const char* kSystemCaFiles[] = {
    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"};

// One context for the process: connections resume its sessions.
Result<SSL_CTX*> tls_context(const std::string& ca_file) {
  static SSL_CTX* const context = [] {
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(made, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(made, 1);  // a record's head and the rest of it in one read
    return made;
  }();
  static const bool loaded = [&ca_file] {
    if (!ca_file.empty())
      return SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1;
    for (const char* file : kSystemCaFiles)
      if (access(file, R_OK) == 0)
        return SSL_CTX_load_verify_locations(context, file, nullptr) == 1;
    return false;
  }();
  if (!loaded) return network("no CA certificates: set AWS_CA_BUNDLE");
  return context;
}
}  // namespace

std::string Url::authority() const {
  return host + (port == (tls ? 443 : 80) ? "" : ":" + std::to_string(port));
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  if (text.starts_with("https://"))
    text.remove_prefix(8);
  else {
    if (text.starts_with("http://")) text.remove_prefix(7);
    url.tls = false;
    url.port = 80;
  }
  text = text.substr(0, text.find('/'));
  if (const size_t colon = text.rfind(':'); colon != text.npos) {
    const auto port = parse_int(text.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535)
      return network("'" + std::string(text) + "' is not an endpoint");
    url.port = static_cast<uint16_t>(*port);
    text = text.substr(0, colon);
  }
  if (text.empty()) return network("the endpoint has no host");
  url.host = std::string(text);
  return url;
}

std::string HttpReply::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

struct HttpClient::Wire {
  int fd = -1;
  SSL* ssl = nullptr;
  std::string buffered, piece = std::string(kReadBytes, '\0');
  ~Wire() {
    SSL_free(ssl);
    if (fd >= 0) close(fd);
  }
  bool write(std::string_view data) {
    while (!data.empty()) {
      size_t put = 0;
      if (ssl) {
        if (SSL_write_ex(ssl, data.data(), data.size(), &put) != 1) {
          ERR_clear_error();
          return false;
        }
      } else {
        const ssize_t n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        put = static_cast<size_t>(n);
      }
      data.remove_prefix(put);
    }
    return true;
  }
  size_t read(char* into, size_t size) {
    size_t got = 0;
    if (ssl) {
      if (SSL_read_ex(ssl, into, size, &got) != 1) {
        ERR_clear_error();
        return 0;
      }
      return got;
    }
    const ssize_t n = recv(fd, into, size, 0);
    return n > 0 ? static_cast<size_t>(n) : 0;
  }
};

HttpClient::HttpClient(Url url, std::string ca_file, int io_timeout_ms)
    : url_(std::move(url)), ca_file_(std::move(ca_file)), io_timeout_ms_(io_timeout_ms) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

Result<Done> HttpClient::open() {
  wire_.reset();
  TRY(const in_addr address, resolve(url_.host));
  auto wire = std::make_unique<Wire>();
  wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto limit = [&wire](int ms) {
    const timeval t{ms / 1000, ms % 1000 * 1000};
    setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  };
  limit(kConnectTimeoutMs);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(url_.port);
  to.sin_addr = address;
  if (wire->fd < 0 || connect(wire->fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    return network("cannot connect to " + url_.authority());
  limit(io_timeout_ms_);
  if (url_.tls) {
    TRY(SSL_CTX* const context, tls_context(ca_file_));
    wire->ssl = SSL_new(context);
    SSL_set_fd(wire->ssl, wire->fd);
    const bool is_address = url_.host.find_first_not_of("0123456789.") == std::string::npos;
    const bool named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(wire->ssl),
                                                                  url_.host.c_str()) == 1
                                  : SSL_set_tlsext_host_name(wire->ssl, url_.host.c_str()) == 1 &&
                                        SSL_set1_host(wire->ssl, url_.host.c_str()) == 1;
    if (!named || SSL_connect(wire->ssl) != 1) {
      ERR_clear_error();
      return network("the TLS handshake with " + url_.authority() + " failed");
    }
  }
  wire_ = std::move(wire);
  return Done{};
}

Result<HttpReply> HttpClient::exchange(const std::string& request, std::string_view body,
                                       const std::function<Result<Done>(std::string_view)>* stream,
                                       bool& began) {
  // What is small goes in one piece: one record, one packet.
  const bool sent = body.size() <= kReadBytes ? wire_->write(request + std::string(body))
                                              : wire_->write(request) && wire_->write(body);
  if (!sent) return network(url_.authority() + " closed the connection");
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  HttpReply reply;
  std::string& buffered = wire_->buffered;
  std::string& piece = wire_->piece;
  for (bool need_more = true; !parser.is_done();) {
    if (need_more) {
      const size_t old = buffered.size();
      buffered.resize(old + kReadBytes);
      const size_t got = wire_->read(buffered.data() + old, kReadBytes);
      buffered.resize(old + got);
      if (!got) return network(url_.authority() + " did not answer");
      began = true;
      need_more = false;
    }
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    parser.get().body().more = true;
    boost::system::error_code problem;
    const size_t used = parser.put(boost::asio::buffer(buffered), problem);
    buffered.erase(0, used);
    if (problem == http::error::need_more)
      need_more = true;
    else if (problem && problem != http::error::need_buffer)
      return network("the answer of " + url_.authority() + " is malformed");
    if (parser.is_header_done() && reply.status == 0) {
      reply.status = static_cast<int>(parser.get().result_int());
      for (const auto& field : parser.get())
        reply.headers.emplace_back(lower(std::string(field.name_string())),
                                   std::string(field.value()));
    }
    const std::string_view got(piece.data(), piece.size() - parser.get().body().size);
    if (stream && reply.status == 200 && !got.empty())
      CHECK((*stream)(got));
    else
      reply.body += got;
    if (reply.body.size() > kReplyBytesMax)
      return network("the answer of " + url_.authority() + " is too large");
    if (buffered.empty()) need_more = true;
  }
  if (!parser.get().keep_alive()) wire_.reset();
  return reply;
}

Result<HttpReply> HttpClient::send(const std::string& head, std::string_view body,
                                   const std::function<Result<Done>(std::string_view)>* stream) {
  const std::string request = head + "host: " + url_.authority() +
                              "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n";
  if (wire_ && !wire_->buffered.empty())
    wire_.reset();  // said without being asked: not an answer to this
  for (bool kept = wire_ != nullptr;; kept = false) {
    if (!wire_) CHECK(open());
    bool began = false;
    auto reply = exchange(request, body, stream, began);
    if (reply) return reply;
    wire_.reset();
    if (!kept || began) return reply;
  }
}

}  // namespace sluice::ingest
