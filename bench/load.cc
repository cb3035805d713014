// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <stdexcept>

#include "base/bytes.h"
#include "base/clock.h"
#include "bench.h"
#include "crypto/crypto.h"

namespace sluice::bench {
namespace {
constexpr size_t kBufferBytes = 256 * 1024;

class Connection {
 public:
  Connection(const Target& target, SSL_CTX* context) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found) != 0)
      throw std::runtime_error("cannot resolve " + target.host);
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool ok = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, fd);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), target.host.c_str());
    if (!ok || SSL_connect(ssl_) != 1)
      throw std::runtime_error("cannot connect to " + target.host + ":" + target.port);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  ~Connection() {
    SSL_free(ssl_);
    close(fd);
  }
  Connection(const Connection&) = delete;

  void begin(Message message) {
    out_ = std::move(message);
    if (out_.body && out_.body->size() <= kBufferBytes / 4) {
      out_.head += *out_.body;
      out_.body = nullptr;
    }  // one record where it fits
    sent_ = 0;
    head_.clear();
    left_ = 0;
    in_body_ = false;
    began_us_ = monotonic_us();
  }
  double waited_ms() const { return static_cast<double>(monotonic_us() - began_us_) / 1000; }
  enum class Step { waits, answered, broken };
  // Sends and receives what it can.
  Step pump(std::string& buffer, uint64_t& bytes) {
    const size_t total = out_.head.size() + (out_.body ? out_.body->size() : 0);
    while (sent_ < total) {
      const std::string_view piece =
          sent_ < out_.head.size() ? std::string_view(out_.head).substr(sent_)
                                   : std::string_view(*out_.body).substr(sent_ - out_.head.size());
      size_t put = 0;
      if (const int done =
              SSL_write_ex(ssl_, piece.data(), std::min(piece.size(), kBufferBytes), &put);
          done != 1)
        return waits(done);
      sent_ += put;
    }
    for (;;) {
      size_t got = 0;
      if (const int done = SSL_read_ex(ssl_, buffer.data(), buffer.size(), &got); done != 1)
        return waits(done);
      bytes += got;
      if (!take({buffer.data(), got})) return Step::broken;
      if (in_body_ && left_ == 0) return Step::answered;
    }
  }
  int status = 0;
  std::string text;  // the answer's body, when it is a refusal
  int fd = -1;

 private:
  Step waits(int done) {
    const int why = SSL_get_error(ssl_, done);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? Step::waits : Step::broken;
  }
  bool take(std::string_view data) {
    if (!in_body_) {
      head_ += data;
      const size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return head_.size() < 65536;
      status =
          head_.size() > 12 ? (head_[9] - '0') * 100 + (head_[10] - '0') * 10 + head_[11] - '0' : 0;
      const size_t length = head_.find("content-length: ");
      left_ = 0;
      if (length < end) std::from_chars(head_.data() + length + 16, head_.data() + end, left_);
      in_body_ = true;
      text = status >= 300 ? head_.substr(end + 4) : "";
      const uint64_t have = head_.size() - end - 4;
      if (have > left_) return false;
      left_ -= have;
      return true;
    }
    if (data.size() > left_) return false;
    if (status >= 300) text += data;
    left_ -= data.size();
    return true;
  }
  SSL* ssl_ = nullptr;
  Message out_;
  size_t sent_ = 0;
  std::string head_;
  uint64_t left_ = 0;
  bool in_body_ = false;
  int64_t began_us_ = 0;
};

struct Context {
  SSL_CTX* raw = SSL_CTX_new(TLS_client_method());
  explicit Context(const std::string& ca_file) {
    SSL_CTX_load_verify_locations(raw, ca_file.c_str(), nullptr);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  ~Context() { SSL_CTX_free(raw); }
};
}  // namespace

Target target_of(const cli::Endpoint& endpoint) {
  const std::string authority = endpoint.url.substr(endpoint.url.find("//") + 2);
  const size_t colon = authority.rfind(':');
  return {authority.substr(0, colon), authority.substr(colon + 1), endpoint.ca_file, endpoint.pid};
}

std::string Load::split() const {
  char text[96];
  snprintf(text, sizeof text, "server %.2f + client %.2f cores",
           seconds > 0 ? server_cpu / seconds : 0, seconds > 0 ? own_cpu / seconds : 0);
  return text;
}

Load run_load(const Target& target, size_t count, double seconds, const Next& next,
              uint64_t answers_max) {
  const Context context(target.ca_file);
  std::vector<std::unique_ptr<Connection>> connections;
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<Connection>(target, context.raw));
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.u64 = i}};
    epoll_ctl(poll, EPOLL_CTL_ADD, connections.back()->fd, &event);
  }
  Load load;
  std::string buffer(kBufferBytes, '\0');
  size_t number = 0;
  const double cpu_before = own_cpu(), server_before = cpu_of(target.pid);
  const int64_t began = monotonic_us(), end = began + static_cast<int64_t>(seconds * 1e6);
  for (auto& c : connections) c->begin(next(number++));
  for (bool stop = false; !stop;) {
    epoll_event ready[64];
    const int n = epoll_wait(poll, ready, 64, 100);
    for (int i = 0; i < n && !stop; ++i) {
      Connection& c = *connections[ready[i].data.u64];
      for (Connection::Step step; (step = c.pump(buffer, load.bytes)) != Connection::Step::waits;) {
        if (step == Connection::Step::broken)
          throw std::runtime_error("the server broke a connection");
        if (c.status < 300)
          ++load.answers, load.latency_ms.push_back(c.waited_ms());
        else if (load.refused++ == 0)
          load.first_refusal = std::to_string(c.status) + " " + c.text.substr(0, 300);
        if (answers_max && load.answers + load.refused == answers_max) stop = true;
        c.begin(next(number++));
      }
    }
    stop = stop || monotonic_us() >= end;
  }
  load.seconds = static_cast<double>(monotonic_us() - began) / 1e6;
  load.own_cpu = own_cpu() - cpu_before;
  load.server_cpu = cpu_of(target.pid) - server_before;
  connections.clear();
  close(poll);
  if (load.refused)
    throw std::runtime_error("the server refused " + std::to_string(load.refused) +
                             " requests: " + load.first_refusal);
  return load;
}

struct IdleConnections::State {
  explicit State(const std::string& ca_file) : context(ca_file) {}
  Context context;
  std::vector<std::unique_ptr<Connection>> connections;
};
IdleConnections::IdleConnections(const Target& target, size_t count)
    : state_(std::make_unique<State>(target.ca_file)) {
  SSL_CTX_set_mode(state_->context.raw, SSL_MODE_RELEASE_BUFFERS);
  while (state_->connections.size() < count)
    state_->connections.push_back(std::make_unique<Connection>(target, state_->context.raw));
}
IdleConnections::~IdleConnections() = default;

size_t IdleConnections::ask(const Next& next) {
  std::string buffer(kBufferBytes, '\0');
  size_t answered = 0, number = 0;
  uint64_t bytes = 0;
  for (const auto& connection : state_->connections) {
    connection->begin(next(number++));
    Connection::Step step;
    while ((step = connection->pump(buffer, bytes)) == Connection::Step::waits) {
      pollfd one{connection->fd, POLLIN, 0};
      if (poll(&one, 1, 10'000) != 1) break;
    }
    if (step == Connection::Step::answered && connection->status < 300) ++answered;
  }
  return answered;
}

Signer::Signer(const cli::Credentials& credentials, const cli::Endpoint& endpoint,
               std::string service)
    : access_key_id_(credentials.access_key_id),
      token_(credentials.session_token),
      region_(endpoint.region),
      service_(std::move(service)),
      host_(endpoint.url.substr(endpoint.url.find("//") + 2)),
      day_(basic_date(now()).substr(0, 8)) {
  key_ = hmac_sha256("AWS4" + std::string(credentials.secret_access_key.expose()), day_);
  for (const std::string& part : {region_, service_, std::string("aws4_request")})
    key_ = hmac_sha256(key_, part);
}

std::string Signer::head(std::string_view method, const std::string& path,
                         std::vector<std::pair<std::string, std::string>> headers,
                         const std::string& payload_hash, size_t body_bytes) const {
  const std::string date = day_ + basic_date(now()).substr(8),
                    scope = day_ + "/" + region_ + "/" + service_ + "/aws4_request";
  headers.insert(headers.end(),
                 {{"host", host_}, {"x-amz-date", date}, {"x-amz-security-token", token_}});
  if (service_ == "s3") headers.emplace_back("x-amz-content-sha256", payload_hash);
  std::sort(headers.begin(), headers.end());
  std::string canonical = std::string(method) + "\n" + path + "\n\n", names,
              out = std::string(method) + " " + path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) {
    canonical += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
    out += name + ": " + value + "\r\n";
  }
  canonical += "\n" + names + "\n" + payload_hash;
  const std::string signature = hex(hmac_sha256(
      key_, "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex(sha256(canonical))));
  return out + "authorization: AWS4-HMAC-SHA256 Credential=" + access_key_id_ + "/" + scope +
         ", SignedHeaders=" + names + ", Signature=" + signature +
         "\r\nuser-agent: bench\r\ncontent-length: " + std::to_string(body_bytes) + "\r\n\r\n";
}

Message dynamodb_call(const Signer& signer, const std::string& operation, const std::string& body) {
  return {signer.head("POST", "/",
                      {{"content-type", "application/x-amz-json-1.0"},
                       {"x-amz-target", "DynamoDB_20120810." + operation}},
                      hex(sha256(body)), body.size()) +
          body};
}

}  // namespace sluice::bench
