// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads and framings, as they come from a socket.
#include "fuzz.h"
#include "net/connection.h"

using namespace sluice;
namespace {
class Memory : public net::Stream {
 public:
  Memory(std::string_view in, size_t step) : in_(in), step_(step) {}
  long read(char* into, size_t size, int) override {
    const size_t n = in_.substr(0, std::min(size, step_)).copy(into, size);
    in_.remove_prefix(n);
    return static_cast<long>(n);
  }
  bool write(const char* data, size_t size, int) override {
    out_.append(data, size);
    return true;
  }
  const std::string& out() const { return out_; }

 private:
  std::string_view in_;
  const size_t step_;
  std::string out_;
};
// What the connection's requests were, and what was answered.
std::string served(std::string_view in, size_t step) {
  Memory stream(in, step);
  std::string seen;
  static const std::atomic<bool> kRunning{false};
  net::serve_connection(
      stream, "127.0.0.1",
      [&](Request request, BodySource& body) {
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
      },
      kRunning);
  return seen + "\n--\n" + stream.out();
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
