// SPDX-License-Identifier: Apache-2.0
#include "net/server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/unix_address.h"

namespace sluice::net {
namespace {
// Handshakes, heads and refusals hold a thread for a moment, beside those of requests.
constexpr int kBacklog = 1024;
constexpr size_t kThreadsBeside = 64;
constexpr auto kDrainTime = std::chrono::seconds(10);
constexpr auto kLookAgainTime = std::chrono::milliseconds(200);

// An IPv4 caller of an IPv6 socket is ::ffff:a.b.c.d to the kernel (RFC 4291 2.5.5.2); everywhere
// else, in policies and in the audit trail, he is a.b.c.d.
std::string ip_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  else if (address.ss_family == AF_INET6 &&
           IN6_IS_ADDR_V4MAPPED(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr))
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr.s6_addr[12], text,
              sizeof text);
  else if (address.ss_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text,
              sizeof text);
  return text;
}
uint16_t port_of(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}
}  // namespace

Result<Address> parse_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  const auto port = colon == text.npos ? std::nullopt : parse_int(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535)
    return Error{400, "InvalidAddress", "'" + std::string(text) + "' is not HOST:PORT", {}};
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return Address{std::string(host), static_cast<uint16_t>(*port)};
}

Server::Server(std::shared_ptr<TlsContext> tls, Handler handler, const CrowdLimits& limits)
    : tls_(std::move(tls)),
      handler_(std::move(handler)),
      crowd_(limits),
      workers_(limits.places + kFunctionLimits.places + kThreadsBeside, [this] {
        crowd_.look_after_lines();
        functions_.look_after_lines();
      }) {}

Result<Address> Server::listen(const Address& address, bool with_tls) {
  if (!workers_.usable())
    return Error{500,
                 "ListenFailure",
                 "the machine has no descriptors or threads left for connections; see ulimit -n -u",
                 {}};
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0)
    return Error{500, "ListenFailure", "cannot resolve " + address.host, {}};
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool ok =
      fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0;
  const std::string why = strerror(errno);
  freeaddrinfo(found);
  if (!ok)
    return Error{500,
                 "ListenFailure",
                 "cannot listen on " + address.host + ":" + std::to_string(address.port) + ": " +
                     why + "; choose another with --listen",
                 {}};
  listeners_.push_back(fd);
  acceptors_.emplace_back([this, fd, with_tls] { accept_loop(fd, with_tls); });
  return Address{address.host, port_of(fd)};
}

namespace {
// After an error of accept. False: the listener is shut.
bool may_accept_again(int error) {
  if (error == EINVAL || error == EBADF) return false;
  // Out of descriptors or memory: let some go. Else the peer has gone already, or a signal came.
  if (error != ECONNABORTED && error != EINTR) usleep(10000);
  return true;
}
}  // namespace

void Server::accept_loop(int listener, bool with_tls) {
  while (!stopping_) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC);
    if (fd >= 0)
      admit(fd, ip_of(peer), with_tls ? tls_ : nullptr, crowd_, of_peers_);
    else if (!may_accept_again(errno))
      return;
  }
}

void Server::adopt(int fd, const std::string& peer_ip, const std::shared_ptr<TlsContext>& tls) {
  admit(fd, peer_ip, tls, functions_, of_functions_);
}

void Server::admit(int fd, const std::string& peer_ip, const std::shared_ptr<TlsContext>& tls,
                   Crowd& crowd, const ConnectionContext& context) {
  auto guest = stopping_ ? nullptr : crowd.admit(fd, peer_ip);
  if (!guest) {
    close(fd);
    return;
  }
  workers_.add(fd, std::make_unique<Connection>(tls ? tls_stream(fd, *tls) : plain_stream(fd),
                                                peer_ip, std::move(guest), context));
}

namespace {
// One line; "" when none came in time, or a longer one.
std::string read_line(Stream& stream, size_t bytes_max) {
  constexpr int64_t kReadTimeoutMs = 2000;
  const int64_t until = monotonic_us() / 1000 + kReadTimeoutMs;
  std::string line;
  char buffer[4096];
  while (line.size() < bytes_max && line.find('\n') == line.npos) {
    const int64_t left = until - monotonic_us() / 1000;
    const long got = left > 0 ? stream.read(buffer, sizeof buffer, static_cast<int>(left)) : 0;
    if (got <= 0) return {};
    line.append(buffer, static_cast<size_t>(got));
  }
  return line.find('\n') == line.npos ? std::string() : line;
}
void answer_peer(int fd, const LocalDoor& door) {
  const auto stream = plain_stream(fd);
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return;
  std::string line;
  if (door.hears(who.uid)) {
    line = read_line(*stream, door.line_bytes_max);
    if (line.empty()) return;
  }
  const std::string text = door.answer(who.uid, line);
  stream->write(text.data(), text.size(), 2000);
}
// Whether a file is in the way that is no socket.
bool is_taken(const std::string& path) {
  struct stat facts{};
  return lstat(path.c_str(), &facts) == 0 && !S_ISSOCK(facts.st_mode);
}
}  // namespace

Result<Done> Server::listen_local(const std::string& path, LocalDoor door) {
  const UnixAddress address(path);
  if (is_taken(path))
    return Error{500, "ListenFailure", path + " is there already, and is no socket", {}};
  unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool ok = fd >= 0 && bind(fd, address.get(), UnixAddress::kSize) == 0 &&
                  chmod(path.c_str(), door.mode) == 0 && ::listen(fd, 16) == 0;
  if (!ok)
    return Error{500, "ListenFailure", "cannot listen on " + path + ": " + strerror(errno), {}};
  listeners_.push_back(fd);
  acceptors_.emplace_back([this, fd, door = std::move(door)] {
    while (!stopping_) {
      const int peer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer >= 0)
        answer_peer(peer, door);
      else if (!may_accept_again(errno))
        return;
    }
  });
  return Done{};
}

void Server::stop() {
  if (stopping_.exchange(true)) return;
  for (int fd : listeners_) shutdown(fd, SHUT_RDWR);
  for (std::thread& t : acceptors_) t.join();
  for (int fd : listeners_) close(fd);
  workers_.shut_idle();
  const auto drained = std::chrono::steady_clock::now() + kDrainTime;
  // One that was just let in may have missed the first call.
  while (!workers_.wait_until_none(
      std::min(drained, std::chrono::steady_clock::now() + kLookAgainTime))) {
    const bool late = std::chrono::steady_clock::now() >= drained;
    late ? workers_.shut_all() : workers_.shut_idle();
    crowd_.refuse_all_waiting();
    functions_.refuse_all_waiting();
    if (late) workers_.wait_until_none(std::chrono::steady_clock::time_point::max());
  }
}

}  // namespace sluice::net
