// SPDX-License-Identifier: Apache-2.0
#include "ingest/resolve.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::ingest {
namespace {
constexpr int kTries = 3, kTimeoutMs = 2000, kJumpsMax = 64;
Error unresolved(std::string why) { return {503, "NetworkFailure", std::move(why), {}}; }
uint16_t word(std::string_view p, size_t at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(p[at]) << 8 |
                               static_cast<unsigned char>(p[at + 1]));
}

// Past a name, which may end in a pointer; 0 when malformed.
size_t skip_name(std::string_view p, size_t at) {
  for (int jumps = 0; jumps < kJumpsMax && at < p.size(); ++jumps) {
    const auto length = static_cast<unsigned char>(p[at]);
    if (length == 0) return at + 1;
    if ((length & 0xC0) == 0xC0) return at + 2;
    if (length > 63) return 0;
    at += 1 + length;
  }
  return 0;
}

std::string name_server() {
  std::ifstream file("/etc/resolv.conf");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("nameserver")) continue;
    const std::string address(trim(std::string_view(line).substr(10)));
    if (address.find(':') == std::string::npos) return address;
  }
  return {};
}
}  // namespace

std::string dns_query(uint16_t id, const std::string& host) {
  std::string out{static_cast<char>(id >> 8), static_cast<char>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  for (const auto label : split(host, '.')) {
    if (label.empty() || label.size() > 63) return {};
    out += static_cast<char>(label.size());
    out += label;
  }
  return out + std::string{0, 0, 1, 0, 1};
}

Result<in_addr> dns_answer(uint16_t id, std::string_view p) {
  const Error malformed = unresolved("the name server's answer is malformed");
  if (p.size() < 12 || word(p, 0) != id || !(static_cast<unsigned char>(p[2]) & 0x80))
    return malformed;
  size_t at = 12;
  for (int questions = word(p, 4); questions > 0; --questions) {
    at = skip_name(p, at);
    if (!at || at + 4 > p.size()) return malformed;
    at += 4;
  }
  for (int answers = word(p, 6); answers > 0; --answers) {
    at = skip_name(p, at);
    if (!at || at + 10 > p.size()) return malformed;
    const uint16_t type = word(p, at), length = word(p, at + 8);
    at += 10;
    if (at + length > p.size()) return malformed;
    if (type == 1 && length == 4) {
      in_addr address{};
      p.substr(at, 4).copy(reinterpret_cast<char*>(&address), 4);
      return address;
    }
    at += length;
  }
  return Error{404, "NetworkFailure", "the name has no IPv4 address", {}};
}

Result<in_addr> resolve(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return address;
  if (host == "localhost") {
    address.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  const std::string server = name_server();
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(53);
  if (inet_pton(AF_INET, server.c_str(), &to.sin_addr) != 1)
    return unresolved("cannot resolve " + host + ": /etc/resolv.conf names no IPv4 name server");
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const uint16_t id = word(random_bytes(2), 0);
    const std::string query = dns_query(id, host);
    if (query.empty()) return unresolved("'" + host + "' is not a host name");
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char packet[1500];
    ssize_t got = -1;
    if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
        send(fd, query.data(), query.size(), 0) == static_cast<ssize_t>(query.size())) {
      pollfd ready{fd, POLLIN, 0};
      if (poll(&ready, 1, kTimeoutMs) > 0) got = recv(fd, packet, sizeof packet, 0);
    }
    if (fd >= 0) close(fd);
    if (got <= 0) continue;
    auto answer = dns_answer(id, {packet, static_cast<size_t>(got)});
    if (answer || answer.error().status == 404) return answer;
  }
  return unresolved("cannot resolve " + host + ": the name server " + server + " does not answer");
}

}  // namespace sluice::ingest
