// SPDX-License-Identifier: Apache-2.0
// What a server answers the function: heads, framings, sizes. A thread plays the server on a
// loopback socket.
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "fuzz.h"
#include "ingest/tls.h"

using namespace sluice;
namespace {
class Server {
 public:
  Server() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    MUST(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
         listen(listener_, 64) == 0);
    MUST(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  uint16_t port() const { return port_; }
  void answer(std::string_view reply, int connections) {
    for (int i = 0; i < connections; ++i) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      char request[4096];
      (void)!recv(fd, request, sizeof request, 0);
      (void)!send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
      close(fd);
    }
  }
  int listener() const { return listener_; }

 private:
  int listener_;
  uint16_t port_ = 0;
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Server server;
  const auto reply = fuzz::text(data, size);
  std::thread thread([&] { server.answer(reply, 2); });
  const std::string authority = "http://127.0.0.1:" + std::to_string(server.port());
  for (int streamed = 0; streamed < 2; ++streamed) {
    ingest::HttpClient client(*ingest::parse_url(authority), "", 2000);
    uint64_t total = 0;
    const std::function<Result<Done>(std::string_view)> take =
        [&](std::string_view piece) -> Result<Done> {
      total += piece.size();
      return Done{};
    };
    const auto got = client.send("GET / HTTP/1.1\r\n", "", streamed ? &take : nullptr);
    if (got) MUST(got->body.size() <= ingest::kReplyBytesMax);
    MUST(total <= size);
  }
  thread.join();
  return 0;
}
