#include "net/connection.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>

#include "base/bytes.h"
#include "base/clock.h"

namespace sluice::net {
namespace {
namespace http = boost::beast::http;
using Parser = http::request_parser<http::buffer_body>;

// One request being read: Beast parses, this feeds it.
class Exchange : public BodySource {
 public:
  Exchange(Stream& stream, std::string& buffered, const Deadlines& deadlines) : stream_(stream), buffered_(buffered), deadlines_(deadlines) {
    parser_.header_limit(kHeadBytesMax);
    parser_.body_limit(boost::none);
  }

  enum class Head { ok, closed, malformed, too_large };
  Head read_head() {
    bool begun = !buffered_.empty();
    if (begun) end_within(deadlines_.head_ms);
    while (!parser_.is_header_done()) {
      if (buffered_.empty() || need_more_) {
        if (!fill(deadlines_.idle_ms)) return Head::closed;
        need_more_ = false;
        if (!std::exchange(begun, true)) end_within(deadlines_.head_ms);   // the whole head, however slowly it drips
      }
      boost::system::error_code problem;
      const size_t used = parser_.put(boost::asio::buffer(buffered_), problem);
      buffered_.erase(0, used);
      if (problem == http::error::need_more) need_more_ = true;
      else if (problem == http::error::header_limit) return Head::too_large;
      else if (problem) return Head::malformed;
      if (buffered_.size() > kHeadBytesMax && !parser_.is_header_done()) return Head::too_large;
    }
    end_us_ = 0;
    const auto& message = parser_.get();
    const bool modern = message.version() == 11;
    const size_t encodings = message.count(http::field::transfer_encoding), hosts = message.count(http::field::host);
    // RFC 9112 6.1, 6.3, 3.2: what two parsers could frame in two ways is refused.
    if (encodings && (encodings > 1 || !modern || message.count(http::field::content_length) || !boost::beast::iequals(message[http::field::transfer_encoding], "chunked"))) return Head::malformed;
    if (message.count(http::field::content_length) > 1 || hosts > 1 || (modern && !hosts)) return Head::malformed;
    expects_continue_ = modern && boost::beast::iequals(message[http::field::expect], "100-continue");
    return Head::ok;
  }

  Result<size_t> read(char* into, size_t size) override {
    if (parser_.is_done() || size == 0) return size_t{0};
    if (expects_continue_) {
      expects_continue_ = false;
      constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
      if (!stream_.write(kGoOn.data(), kGoOn.size(), deadlines_.write_ms)) return gone();
    }
    auto& body = parser_.get().body();
    for (;;) {
      body.data = into;
      body.size = size;
      body.more = true;
      boost::system::error_code problem;
      if (!buffered_.empty() && !need_more_) {
        const size_t used = parser_.put(boost::asio::buffer(buffered_), problem);
        buffered_.erase(0, used);
        if (problem == http::error::need_buffer) problem = {};
        if (problem == http::error::need_more) { need_more_ = true; problem = {}; }
        if (problem) return Error{400, "InvalidRequest", "The body's framing is malformed: " + problem.message(), {}};
        if (const size_t got = size - body.size) return got;
        if (parser_.is_done()) return size_t{0};
        if (used) continue;
      }
      if (buffered_.size() > kFramingBytesMax) return Error{400, "InvalidRequest", "The body's framing is malformed: a chunk's head is too long", {}};
      if (!fill(deadlines_.body_ms)) return gone();
      need_more_ = false;
    }
  }

  Parser& parser() { return parser_; }
  bool body_pending() const { return !parser_.is_done(); }
  bool waits_for_continue() const { return expects_continue_; }
  void end_within(int ms) { end_us_ = monotonic_us() + int64_t{1000} * ms; }     // all that is read from now on, together

 private:
  static Error gone() { return {400, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.", {}}; }
  bool fill(int timeout_ms) {
    if (end_us_) timeout_ms = std::min<int64_t>(timeout_ms, (end_us_ - monotonic_us()) / 1000);
    if (timeout_ms <= 0) return false;
    const size_t old = buffered_.size();
    buffered_.resize(old + 65536);
    const long got = stream_.read(buffered_.data() + old, 65536, timeout_ms);
    buffered_.resize(old + static_cast<size_t>(std::max(got, 0L)));
    return got > 0;
  }
  Stream& stream_;
  std::string& buffered_;
  const Deadlines& deadlines_;
  Parser parser_;
  int64_t end_us_ = 0;                                   // 0: each read has its own deadline alone
  bool need_more_ = false, expects_continue_ = false;
};

Request to_request(Exchange& exchange, const Stream& stream, const std::string& peer_ip) {
  Request request;
  const auto& message = exchange.parser().get();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) request.headers.add(lower(std::string(field.name_string())), std::string(trim(std::string(field.value()))));
  request.source_ip = peer_ip;
  request.tls_version = stream.tls_version;
  request.tls_cipher = stream.tls_cipher;
  return request;
}

std::string head_of(const Response& response, uint64_t body_bytes, bool keep_alive) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason) + "\r\n";
  bool has_length = false;
  for (const auto& [name, value] : response.headers.list) {
    head += name + ": ";
    for (char c : value) if (c != '\r' && c != '\n' && c != '\0') head += c;     // no response splitting
    head += "\r\n";
    has_length = has_length || name == "content-length";
  }
  if (!has_length && response.status != 204 && response.status != 304) head += "content-length: " + std::to_string(body_bytes) + "\r\n";
  if (!keep_alive) head += "connection: close\r\n";
  return head + "\r\n";
}

bool write_response(Stream& stream, const Response& response, bool is_head, bool keep_alive, int timeout_ms) {
  std::string out = head_of(response, response.stream ? response.stream_bytes : response.body.size(), keep_alive);
  if (!is_head && !response.stream) out += response.body;
  if (!stream.write(out.data(), out.size(), timeout_ms)) return false;
  if (is_head || !response.stream) return true;
  for (uint64_t left = response.stream_bytes; left;) {
    auto piece = response.stream->next();
    if (!piece || piece->empty() || piece->size() > left) return false;          // closing tells the client that bytes are missing
    if (!stream.write(piece->data(), piece->size(), timeout_ms)) return false;
    left -= piece->size();
  }
  return true;
}

bool drain(Exchange& exchange, int ms) {
  if (exchange.body_pending() && exchange.waits_for_continue()) return false;
  exchange.end_within(ms);
  char scratch[16384];
  for (uint64_t total = 0; exchange.body_pending(); ) {
    auto got = exchange.read(scratch, sizeof scratch);
    if (!got) return false;
    if (!*got) break;
    if ((total += *got) > kDrainBytesMax) return false;
  }
  return true;
}

void refuse_head(Stream& stream, int status, const char* text, int timeout_ms) {
  Response response;
  response.status = status;
  response.body = text;
  response.headers.add("content-type", "text/plain");
  write_response(stream, response, false, false, timeout_ms);
}
}  // namespace

void serve_connection(Stream& stream, const std::string& peer_ip, const Handler& handler, const std::atomic<bool>& stopping, const Deadlines& deadlines) {
  std::string buffered;
  while (!stopping) {
    Exchange exchange(stream, buffered, deadlines);
    switch (exchange.read_head()) {
      case Exchange::Head::closed: return;
      case Exchange::Head::malformed: return refuse_head(stream, 400, "The request's head is malformed.\n", deadlines.write_ms);
      case Exchange::Head::too_large: return refuse_head(stream, 431, "The request's head is too large.\n", deadlines.write_ms);
      case Exchange::Head::ok: break;
    }
    Request request = to_request(exchange, stream, peer_ip);
    const bool is_head = request.method == "HEAD";
    const Response response = handler(std::move(request), exchange);
    const bool keep_alive = exchange.parser().get().keep_alive() && !stopping && drain(exchange, deadlines.drain_ms);
    if (!write_response(stream, response, is_head, keep_alive, deadlines.write_ms) || !keep_alive) return;
  }
}

}  // namespace sluice::net
