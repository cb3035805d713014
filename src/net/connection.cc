// SPDX-License-Identifier: Apache-2.0
#include "net/connection.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/crowd.h"

namespace sluice::net {
namespace {
namespace http = boost::beast::http;
using Parser = http::request_parser<http::buffer_body>;

// What was read of a connection and not yet used. Lives as long as the connection: no allocation a
// request.
class Buffer {
 public:
  static constexpr size_t kBytes = 2 * kHeadBytesMax;
  std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  void drop(size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  bool full() const { return end_ - begin_ == kBytes; }
  bool fill(Stream& stream, int timeout_ms) {
    if (end_ == kBytes) {
      std::copy(bytes_.get() + begin_, bytes_.get() + end_, bytes_.get());
      end_ -= begin_;
      begin_ = 0;
    }
    const long got = stream.read(bytes_.get() + end_, kBytes - end_, timeout_ms);
    if (got > 0) end_ += static_cast<size_t>(got);
    return got > 0;
  }

 private:
  const std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(kBytes);
  size_t begin_ = 0, end_ = 0;
};

// RFC 9112 5.2: a line that begins with a blank continues the one before, which not every parser
// agrees on. `line_ended`: whether the bytes before ended a line; kept for the next ones.
bool is_folded(std::string_view head, bool& line_ended) {
  for (const char c : head) {
    if (line_ended && (c == ' ' || c == '\t')) return true;
    line_ended = c == '\n';
  }
  return false;
}

// RFC 9110 7.2: uri-host [ ":" port ], and nothing else: no user, no list, no path. It is what
// virtual-hosted buckets and signatures are read from.
bool is_host(std::string_view host) {
  const bool bracketed = host.starts_with('[');
  const size_t name_end = bracketed ? host.find(']') : host.find(':');
  const std::string_view name = host.substr(bracketed ? 1 : 0, name_end - (bracketed ? 1 : 0));
  std::string_view rest = name_end == host.npos ? "" : host.substr(name_end + (bracketed ? 1 : 0));
  if (name.empty() || (bracketed && name_end == host.npos)) return false;
  const auto is_name_character = [bracketed](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_' || (bracketed && c == ':');
  };
  if (!std::all_of(name.begin(), name.end(), is_name_character)) return false;
  if (rest.empty()) return true;
  const auto port = rest.front() == ':' ? parse_int(rest.substr(1)) : std::nullopt;
  return port && *port > 0 && *port <= 65535;
}

// A stream whose waits are known to the crowd.
class PacedStream : public Stream {
 public:
  PacedStream(Stream& stream, Guest* guest) : stream_(stream), guest_(guest) {
    tls_version = stream.tls_version;
    tls_cipher = stream.tls_cipher;
  }
  long read(char* into, size_t size, int timeout_ms) override {
    if (!guest_) return stream_.read(into, size, timeout_ms);
    guest_->begin_wait();
    const long got = stream_.read(into, size, timeout_ms);
    guest_->end_wait(got > 0 ? static_cast<size_t>(got) : 0);
    return got;
  }
  // In slices, so that a large write does not look like one that does not move.
  bool write(const char* data, size_t size, int timeout_ms) override {
    if (!guest_) return stream_.write(data, size, timeout_ms);
    constexpr size_t kSliceBytes = 64 << 10;
    const int64_t deadline_us = monotonic_us() + int64_t{1000} * timeout_ms;
    bool written = true;
    while (written && size) {
      const size_t slice = std::min(size, kSliceBytes);
      const int64_t left_ms = (deadline_us - monotonic_us()) / 1000;
      guest_->begin_wait();
      written = left_ms > 0 && stream_.write(data, slice, static_cast<int>(left_ms));
      guest_->end_wait(written ? slice : 0);
      data += slice;
      size -= slice;
    }
    return written;
  }

 private:
  Stream& stream_;
  Guest* const guest_;
};

// One request being read. Beast parses heads and chunked bodies; a body of known length goes
// straight to its reader.
class Exchange : public BodySource {
 public:
  Exchange(Stream& stream, Buffer& buffer, const Deadlines& deadlines, Guest* guest)
      : stream_(stream), buffer_(buffer), deadlines_(deadlines), guest_(guest) {
    parser_.header_limit(kHeadBytesMax);
    parser_.body_limit(boost::none);
  }

  enum class Head { ok, closed, malformed, too_large };
  Head read_head() {
    bool begun = !buffer_.data().empty();
    bool line_ended = false;
    size_t head_bytes = 0;  // counted here: Beast's limit is not exact
    if (begun) end_within(deadlines_.head_ms);
    while (!parser_.is_header_done()) {
      if (buffer_.data().empty() || need_more_) {
        if (buffer_.full()) return Head::too_large;
        if (!fill(deadlines_.idle_ms)) return Head::closed;
        need_more_ = false;
        if (!std::exchange(begun, true))
          end_within(deadlines_.head_ms);  // the whole head, however slowly it drips
      }
      boost::system::error_code problem;
      const auto data = buffer_.data();
      const size_t used = parser_.put(boost::asio::buffer(data.data(), data.size()), problem);
      buffer_.drop(used);
      if ((head_bytes += used) > kHeadBytesMax) return Head::too_large;
      if (is_folded(data.substr(0, used), line_ended)) return Head::malformed;
      if (problem == http::error::need_more)
        need_more_ = true;
      else if (problem == http::error::header_limit)
        return Head::too_large;
      else if (problem)
        return Head::malformed;
      if (buffer_.data().size() > kHeadBytesMax && !parser_.is_header_done())
        return Head::too_large;
    }
    end_us_ = 0;
    const auto& message = parser_.get();
    const bool modern = message.version() == 11;
    const size_t encodings = message.count(http::field::transfer_encoding),
                 hosts = message.count(http::field::host);
    // RFC 9112 6.1, 6.3, 3.2: what two parsers could frame in two ways is refused.
    if (encodings && (encodings > 1 || !modern || message.count(http::field::content_length) ||
                      !boost::beast::iequals(message[http::field::transfer_encoding], "chunked")))
      return Head::malformed;
    if (message.count(http::field::content_length) > 1 || hosts > 1 || (modern && !hosts))
      return Head::malformed;
    if ((hosts && !is_host(message[http::field::host])) || message.target() == "*")
      return Head::malformed;
    if (const auto length = message.find(http::field::content_length);
        length != message.end() && !parse_int(std::string_view(length->value())))
      return Head::malformed;  // "3, 3"
    expects_continue_ =
        modern && boost::beast::iequals(message[http::field::expect], "100-continue");
    chunked_ = parser_.chunked();
    left_ = parser_.content_length().value_or(0);
    return Head::ok;
  }

  Result<size_t> read(char* into, size_t size) override {
    if (size == 0) return size_t{0};
    if (expects_continue_) {  // of an empty body too: RFC 9110 10.1.1 allows silence, but botocore
                              // then misreads the connection's next answer
      expects_continue_ = false;
      constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
      if (!stream_.write(kGoOn.data(), kGoOn.size(), deadlines_.write_ms)) return gone();
    }
    if (!body_pending()) return size_t{0};
    return chunked_ ? read_chunked(into, size) : read_plain(into, size);
  }

  bool prove(const std::string& session) override {
    return !guest_ || guest_->crowd.introduce(*guest_, session);
  }
  Parser& parser() { return parser_; }
  bool body_pending() const { return chunked_ ? !parser_.is_done() : left_ > 0; }
  bool waits_for_continue() const { return expects_continue_; }
  void end_within(int ms) {
    end_us_ = monotonic_us() + int64_t{1000} * ms;
  }  // all that is read from now on, together

 private:
  static Error gone() {
    return {400,
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the "
            "timeout period. Idle connections will be closed.",
            {}};
  }
  // The time left of `timeout_ms` and of end_within().
  int within(int timeout_ms) const {
    return end_us_ ? static_cast<int>(
                         std::clamp<int64_t>((end_us_ - monotonic_us()) / 1000, 0, timeout_ms))
                   : timeout_ms;
  }
  bool fill(int timeout_ms) {
    const int left_ms = within(timeout_ms);
    return left_ms > 0 && buffer_.fill(stream_, left_ms);
  }
  Result<size_t> read_plain(char* into, size_t size) {
    size = static_cast<size_t>(std::min<uint64_t>(size, left_));
    if (const auto data = buffer_.data(); !data.empty()) {
      size = data.copy(into, size);
      buffer_.drop(size);
    } else {
      const int left_ms = within(deadlines_.body_ms);
      const long got = left_ms > 0 ? stream_.read(into, size, left_ms) : 0;
      if (got <= 0) return gone();
      size = static_cast<size_t>(got);
    }
    left_ -= size;
    return size;
  }
  static constexpr size_t kChunkedTailBytes = 5;  // "0\r\n\r\n"
  Result<size_t> read_chunked(char* into, size_t size) {
    auto& body = parser_.get().body();
    for (;;) {
      body.data = into;
      body.size = size;
      body.more = true;
      boost::system::error_code problem;
      // What is left of a chunked body has five bytes at least. Beast 1.81 asserts that (and so
      // ends the process) when it looks at "0 CR LF" a second time.
      if (const auto data = buffer_.data(); data.size() >= kChunkedTailBytes && !need_more_) {
        const size_t used = parser_.put(boost::asio::buffer(data.data(), data.size()), problem);
        buffer_.drop(used);
        if (problem == http::error::need_buffer) problem = {};
        if (problem == http::error::need_more) {
          need_more_ = true;
          problem = {};
        }
        if (problem)
          return Error{
              400, "InvalidRequest", "The body's framing is malformed: " + problem.message(), {}};
        if (const size_t got = size - body.size) return got;
        if (parser_.is_done()) return size_t{0};
        if (used) continue;
      }
      if (buffer_.full())
        return Error{400,
                     "InvalidRequest",
                     "The body's framing is malformed: a chunk's head is too long",
                     {}};
      if (!fill(deadlines_.body_ms)) return gone();
      need_more_ = false;
    }
  }
  Stream& stream_;
  Buffer& buffer_;
  const Deadlines& deadlines_;
  Guest* const guest_;
  Parser parser_;
  int64_t end_us_ = 0;  // 0: each read has its own deadline alone
  bool need_more_ = false, expects_continue_ = false, chunked_ = false;
  uint64_t left_ = 0;  // of a body of known length
};

Request to_request(Exchange& exchange, const Stream& stream, const std::string& peer_ip) {
  Request request;
  const auto& message = exchange.parser().get();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.add(lower(std::string(field.name_string())),
                        std::string(trim(std::string(field.value()))));
  request.source_ip = peer_ip;
  request.tls_version = stream.tls_version;
  request.tls_cipher = stream.tls_cipher;
  return request;
}

std::string head_of(const Response& response, uint64_t body_bytes, bool keep_alive) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string head =
      "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason) + "\r\n";
  bool has_length = false;
  for (const auto& [name, value] : response.headers.list) {
    head += name + ": ";
    for (char c : value)
      if (c != '\r' && c != '\n' && c != '\0') head += c;  // no response splitting
    head += "\r\n";
    has_length = has_length || name == "content-length";
  }
  if (!has_length && response.status != 204 && response.status != 304)
    head += "content-length: " + std::to_string(body_bytes) + "\r\n";
  if (!keep_alive) head += "connection: close\r\n";
  return head + "\r\n";
}

bool write_response(Stream& stream, const Response& response, bool is_head, bool keep_alive,
                    int timeout_ms) {
  std::string out =
      head_of(response, response.stream ? response.stream_bytes : response.body.size(), keep_alive);
  if (!is_head && !response.stream) out += response.body;
  if (!stream.write(out.data(), out.size(), timeout_ms)) return false;
  if (is_head || !response.stream) return true;
  for (uint64_t left = response.stream_bytes; left;) {
    auto piece = response.stream->next();
    if (!piece || piece->empty() || piece->size() > left)
      return false;  // closing tells the client that bytes are missing
    if (!stream.write(piece->data(), piece->size(), timeout_ms)) return false;
    left -= piece->size();
  }
  return true;
}

bool drain(Exchange& exchange, int ms) {
  if (exchange.waits_for_continue()) return false;  // the body may or may not follow
  exchange.end_within(ms);
  char scratch[16384];
  for (uint64_t total = 0; exchange.body_pending();) {
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

void serve_connection(Stream& raw, const std::string& peer_ip, const Handler& handler,
                      const std::atomic<bool>& stopping, const Deadlines& deadlines, Guest* guest) {
  PacedStream stream(raw, guest);
  Buffer buffer;
  while (!stopping) {
    Exchange exchange(stream, buffer, deadlines, guest);
    switch (exchange.read_head()) {
      case Exchange::Head::closed: return;
      case Exchange::Head::malformed:
        return refuse_head(stream, 400, "The request's head is malformed.\n", deadlines.write_ms);
      case Exchange::Head::too_large:
        return refuse_head(stream, 431, "The request's head is too large.\n", deadlines.write_ms);
      case Exchange::Head::ok: break;
    }
    if (guest) guest->begin_request();
    Request request = to_request(exchange, stream, peer_ip);
    const bool is_head = request.method == "HEAD";
    const Response response = handler(std::move(request), exchange);
    const bool keep_alive =
        exchange.parser().get().keep_alive() && !stopping && drain(exchange, deadlines.drain_ms);
    if (!write_response(stream, response, is_head, keep_alive, deadlines.write_ms) || !keep_alive)
      return;
    if (guest) guest->end_request();
  }
}

}  // namespace sluice::net
