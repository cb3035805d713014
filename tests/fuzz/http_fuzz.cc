// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads and framings, as they come from a socket.
#include "fuzz.h"
#include "net/connection.h"

using namespace sluice;
namespace {
class Memory : public net::Stream {
 public:
  Memory(std::string_view in, size_t step, std::string& out) : in_(in), step_(step), out_(out) {}
  net::Io try_read(char* into, size_t size, size_t& got) override {
    got = in_.substr(0, std::min(size, step_)).copy(into, size);
    in_.remove_prefix(got);
    return got ? net::Io::done : net::Io::closed;
  }
  net::Io try_write(const char* data, size_t size, size_t& put) override {
    out_.append(data, size);
    put = size;
    return net::Io::done;
  }
  bool await(net::Io, int64_t) override { return true; }

 private:
  std::string_view in_;
  const size_t step_;
  std::string& out_;
};
// What the connection's requests were, and what was answered.
std::string served(std::string_view in, size_t step) {
  std::string seen, out;
  static const std::atomic<bool> kStopping{false};
  const net::Handler handler = [&](Request request, BodySource& body) {
    seen += request.method + " " + request.target + "\n";
    for (const auto& [name, value] : request.headers.list) seen += name + ":" + value + "\n";
    char buffer[500];
    std::string whole;  // how much of one that breaks off is seen depends on the pieces
    for (;;) {
      const auto got = body.read(buffer, sizeof buffer);
      if (!got) {
        whole = "!" + got.error().code;
        break;
      }
      if (!*got) break;
      whole.append(buffer, *got);
    }
    seen += whole;
    Response response;
    response.headers.add("x-echo", request.target);
    response.body = "ok";
    return response;
  };
  net::serve_connection(std::make_unique<Memory>(in, step, out), "127.0.0.1", {handler, kStopping});
  return seen + "\n--\n" + out;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A head that breaks off may be called malformed, or waited for: that depends on the pieces. So
  // every head has an end.
  const std::string text = std::string(fuzz::text(data, size)) + "\r\n\r\n";
  const std::string whole = served(text, 1 << 20);
  if (size < 4096) MUST(served(text, 1) == whole);
  return 0;
}
