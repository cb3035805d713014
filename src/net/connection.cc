// SPDX-License-Identifier: Apache-2.0
#include "net/connection.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <cctype>
#include <limits>
#include <memory>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/crowd.h"

namespace sluice::net {
namespace {
namespace http = boost::beast::http;
using Parser = http::request_parser<http::buffer_body>;
// In place of a deadline.
constexpr int64_t kAtWork = std::numeric_limits<int64_t>::max(), kEnded = kAtWork - 1;
constexpr int64_t kStayUs = 20'000;
std::atomic<size_t> unfinished_heads{0};
constexpr size_t kTogetherBytes = 16 << 10;  // a head and the body that go in one TLS record
constexpr int kRefusalTimeoutMs = 2'000;     // a peer that is refused need not be waited for
constexpr const char* kCrowded =
    "The server answers as many requests as it can; try again in a moment.\n";

// RFC 9112 5.2: a line that begins with a blank continues the one before, which not every parser
// agrees on. `line_ended`: whether the bytes before ended a line; kept for the next ones.
bool is_folded(std::string_view head, bool& line_ended) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (head.empty()) return false;
  if (line_ended && is_blank(head.front())) return true;
  line_ended = head.back() == '\n';
  for (size_t at = 0; (at = head.find('\n', at) + 1) != 0 && at < head.size();)
    if (is_blank(head[at])) return true;
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

// Calls of a stream that wait for the peer; the crowd is told of the waits.
class PacedStream {
 public:
  PacedStream(Stream& stream, Guest* guest) : stream_(stream), guest_(guest) {}
  long read(char* into, size_t size, int timeout_ms) {
    if (!guest_) return stream_.read(into, size, timeout_ms);
    guest_->begin_wait();
    const long got = stream_.read(into, size, timeout_ms);
    guest_->end_wait(got > 0 ? static_cast<size_t>(got) : 0);
    return guest_->is_below(kGivesBytesPerSecondMin) ? -1 : got;
  }
  // In slices, so that a large write does not look like one that does not move.
  bool write(const char* data, size_t size, int timeout_ms,
             int64_t bytes_per_second_min = kTakesBytesPerSecondMin) {
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
      written = written && !(size && guest_->is_below(bytes_per_second_min));
    }
    return written;
  }

 private:
  Stream& stream_;
  Guest* const guest_;
};
}  // namespace

// What was read of a connection and not yet used. A thread keeps the bytes of the last one that it
// was done with, so that no request takes and returns them.
class Connection::Buffer {
 public:
  static constexpr size_t kBytes = 2 * kHeadBytesMax;
  Buffer() { restore(); }
  ~Buffer() {
    if (bytes_) spare() = std::move(bytes_);
  }
  std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  void drop(size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  bool full() const { return end_ - begin_ == kBytes; }
  // While a request waits for its turn, its buffer is no larger than what is in it.
  void shrink() {
    kept_ = data();
    spare() = std::move(bytes_);
  }
  void restore() {
    if (bytes_) return;
    bytes_ = std::move(spare());
    if (!bytes_) bytes_ = std::make_unique_for_overwrite<char[]>(kBytes);
    begin_ = 0;
    end_ = std::exchange(kept_, {}).copy(bytes_.get(), kBytes);
  }
  // Where the next bytes go, and how many there may be.
  char* room() {
    if (end_ == kBytes) {
      std::copy(bytes_.get() + begin_, bytes_.get() + end_, bytes_.get());
      end_ -= begin_;
      begin_ = 0;
    }
    return bytes_.get() + end_;
  }
  size_t room_bytes() const { return kBytes - end_; }
  void add(size_t count) { end_ += count; }

 private:
  static std::unique_ptr<char[]>& spare() {
    thread_local std::unique_ptr<char[]> bytes;
    return bytes;
  }
  std::unique_ptr<char[]> bytes_;
  std::string kept_;
  size_t begin_ = 0, end_ = 0;
};

// One request being read. Beast parses heads and chunked bodies; a body of known length goes
// straight to its reader.
class Connection::Exchange : public BodySource {
 public:
  Exchange(Stream& stream, Buffer& buffer, const Deadlines& deadlines, Guest* guest)
      : raw_(stream),
        stream_(stream, guest),
        buffer_(buffer),
        deadlines_(deadlines),
        guest_(guest),
        begun_us_(monotonic_us()) {
    parser_.header_limit(kHeadBytesMax);
    parser_.body_limit(boost::none);
  }

  // Reads what has come of the head. Io::done: it is whole; else what the rest is waited for with.
  enum class Head { ok, closed, malformed, too_large };
  Io read_head() {
    while (!parser_.is_header_done()) {
      if (buffer_.data().empty() || need_more_) {
        if (buffer_.full()) return ends(Head::too_large);
        size_t got = 0;
        char* const room = buffer_.room();
        const Io io = raw_.try_read(room, buffer_.room_bytes(), got);
        if (io == Io::wants_read || io == Io::wants_write) return io;
        if (io != Io::done) return ends(Head::closed);
        buffer_.add(got);
        need_more_ = false;
      }
      boost::system::error_code problem;
      const auto data = buffer_.data();
      const size_t used = parser_.put(boost::asio::buffer(data.data(), data.size()), problem);
      buffer_.drop(used);
      if ((head_bytes_ += used) > kHeadBytesMax) return ends(Head::too_large);
      if (is_folded(data.substr(0, used), line_ended_)) return ends(Head::malformed);
      if (problem == http::error::need_more)
        need_more_ = true;
      else if (problem == http::error::header_limit)
        return ends(Head::too_large);
      else if (problem)
        return ends(Head::malformed);
      if (buffer_.data().size() > kHeadBytesMax && !parser_.is_header_done())
        return ends(Head::too_large);
    }
    return ends(check_head());
  }
  Head head() const { return head_; }
  // Some of the head has come, since begun_us().
  bool has_begun() const { return head_bytes_ || !buffer_.data().empty(); }
  int64_t begun_us() const { return begun_us_; }

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
  const Parser::value_type& message() const { return parser_.get(); }
  // Reads the rest of the body. False: there is too much of it, or it does not come in time.
  bool drain(int ms) {
    if (expects_continue_) return false;  // the body may or may not follow
    end_us_ = monotonic_us() + int64_t{1000} * ms;
    char scratch[16384];
    for (uint64_t total = 0; body_pending();) {
      const auto got = read(scratch, sizeof scratch);
      if (!got) return false;
      if (!*got) break;
      if ((total += *got) > kDrainBytesMax) return false;
    }
    return true;
  }

 private:
  Io ends(Head how) {
    head_ = how;
    return Io::done;
  }
  Head check_head() {
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
  static Error gone() {
    return {400,
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the "
            "timeout period. Idle connections will be closed.",
            {}};
  }
  bool body_pending() const { return chunked_ ? !parser_.is_done() : left_ > 0; }
  // The time left of `timeout_ms`, and of the whole drain().
  int within(int timeout_ms) const {
    return end_us_ ? static_cast<int>(
                         std::clamp<int64_t>((end_us_ - monotonic_us()) / 1000, 0, timeout_ms))
                   : timeout_ms;
  }
  bool fill(int timeout_ms) {
    const int left_ms = within(timeout_ms);
    if (left_ms <= 0) return false;
    char* const room = buffer_.room();
    const long got = stream_.read(room, buffer_.room_bytes(), left_ms);
    if (got > 0) buffer_.add(static_cast<size_t>(got));
    return got > 0;
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
  Stream& raw_;
  PacedStream stream_;
  Buffer& buffer_;
  const Deadlines& deadlines_;
  Guest* const guest_;
  const int64_t begun_us_;
  Parser parser_;
  size_t head_bytes_ = 0;  // counted here: Beast's limit is not exact
  bool line_ended_ = false;
  Head head_ = Head::ok;
  int64_t end_us_ = 0;  // 0: each read has its own deadline alone
  bool need_more_ = false, expects_continue_ = false, chunked_ = false;
  uint64_t left_ = 0;  // of a body of known length
};

namespace {
Request to_request(const Parser::value_type& message, const Stream& stream,
                   const std::string& peer_ip) {
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.add(lower({field.name_string().data(), field.name_string().size()}),
                        std::string(trim({field.value().data(), field.value().size()})));
  request.source_ip = peer_ip;
  request.tls_version = stream.tls_version;
  request.tls_cipher = stream.tls_cipher;
  return request;
}

// The access key id that a head claims to be signed with; "" when it names none. It is only told
// where its request is to wait.
std::string_view claimed_session(const Request& request) {
  const auto after = [](std::string_view text, std::string_view name) {
    constexpr size_t kKeyBytesMax = 128;
    const size_t at = text.find(name);
    if (at == text.npos) return std::string_view();
    text = text.substr(at + name.size(), kKeyBytesMax);
    return text.substr(0, text.find_first_of("/%&, "));
  };
  if (const std::string* header = request.headers.find("authorization"))
    return after(*header, "Credential=");
  return after(request.target, "X-Amz-Credential=");
}

// In the value of a header it would split the response.
bool ends_a_line(char c) { return c == '\r' || c == '\n' || c == '\0'; }
std::string head_of(const Response& response, uint64_t body_bytes, bool keep_alive) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string head =
      "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason) + "\r\n";
  bool has_length = false;
  for (const auto& [name, value] : response.headers.list) {
    head.append(name).append(": ");
    const auto begin = static_cast<std::ptrdiff_t>(head.size());
    head += value;
    head.erase(std::remove_if(head.begin() + begin, head.end(), ends_a_line), head.end());
    head += "\r\n";
    has_length = has_length || name == "content-length";
  }
  if (!has_length && response.status != 204 && response.status != 304)
    head += "content-length: " + std::to_string(body_bytes) + "\r\n";
  if (!keep_alive) head += "connection: close\r\n";
  return head + "\r\n";
}

bool write_response(PacedStream& stream, const Response& response, bool is_head, bool keep_alive,
                    int timeout_ms) {
  std::string out =
      head_of(response, response.stream ? response.stream_bytes : response.body.size(), keep_alive);
  // Of a stream a piece is held, and little else: it may be taken slowly.
  const auto write_out = [&] {
    return stream.write(out.data(), out.size(), timeout_ms,
                        response.stream ? kGivesBytesPerSecondMin : kTakesBytesPerSecondMin);
  };
  if (!is_head && !response.stream) {
    // A large body is not copied: who takes it slowly would hold it twice.
    const size_t together =
        std::min(response.body.size(), kTogetherBytes - std::min(out.size(), kTogetherBytes));
    out.append(response.body, 0, together);
    return write_out() && stream.write(response.body.data() + together,
                                       response.body.size() - together, timeout_ms);
  }
  for (uint64_t left = is_head ? 0 : response.stream_bytes; left;) {
    auto piece = response.stream->next();
    if (!piece || piece->empty() || piece->size() > left) {
      write_out();
      return false;  // closing tells the client that bytes are missing
    }
    left -= piece->size();
    if (out.size() + piece->size() <= kTogetherBytes) {
      out += *piece;
      continue;
    }
    if (!write_out()) return false;
    out = *std::move(piece);
  }
  return write_out();
}

Response plain_refusal(int status, const char* text) {
  Response response;
  response.status = status;
  response.body = text;
  response.headers.add("content-type", "text/plain");
  return response;
}
}  // namespace

Connection::Connection(std::unique_ptr<Stream> stream, std::string peer_ip,
                       std::shared_ptr<Guest> guest, const ConnectionContext& context)
    : stream_(std::move(stream)),
      peer_ip_(std::move(peer_ip)),
      guest_(std::move(guest)),
      context_(context),
      came_us_(monotonic_us()) {
  wait(Io::wants_read, came_us_, kHandshakeTimeoutMs);
}
Connection::~Connection() {
  if (holds_head_) --unfinished_heads;
  if (guest_) guest_->crowd.forget(*guest_);  // before the stream closes the descriptor
}

Io Connection::wait(Io what, int64_t since_us, int limit_ms) {
  deadline_us_ = since_us + int64_t{1000} * limit_ms;
  return what;
}

bool Connection::ends_late(int64_t now_us) {
  int64_t deadline_us = deadline_us_;
  return deadline_us < now_us && deadline_us_.compare_exchange_strong(deadline_us, kEnded);
}

Io Connection::advance(bool stays, const std::function<void()>& begins) {
  if (deadline_us_.exchange(kAtWork) == kEnded) return Io::closed;
  if (buffer_) buffer_->restore();
  if (!answered_us_) {
    const Io io = stream_->try_handshake();
    if (io == Io::closed || io == Io::failed) return Io::closed;
    if (io != Io::done) return wait(io, came_us_, kHandshakeTimeoutMs);
    answered_us_ = monotonic_us();
  }
  for (;;) {
    const Io io = read_head();
    if (io != Io::done) return io;
    if (const Io served = serve(begins); served != Io::done) return served;
    exchange_.reset();
    if (!buffer_->data().empty()) continue;
    buffer_.reset();
    if (stream_->has_pending()) continue;
    if (stays && stream_->await(Io::wants_read, answered_us_ + kStayUs)) continue;
    return idle(Io::wants_read);
  }
}

// Io::done: there is a head, good or bad, in exchange_.
Io Connection::read_head() {
  if (context_.stopping) return Io::closed;
  if (!buffer_) buffer_ = std::make_unique<Buffer>();
  if (!exchange_)
    exchange_ = std::make_unique<Exchange>(*stream_, *buffer_, context_.deadlines, guest_.get());
  const Io io = exchange_->read_head();
  if (io != Io::done && !exchange_->has_begun()) return idle(io);
  if (io != Io::done && takes_head_memory())  // the whole head, however slowly it drips
    return wait(io, exchange_->begun_us(), context_.deadlines.head_ms);
  if (std::exchange(holds_head_, false)) --unfinished_heads;
  return io == Io::done ? io : Io::closed;
}

// False: too many heads are unfinished already.
bool Connection::takes_head_memory() {
  if (holds_head_) return true;
  if (++unfinished_heads > kUnfinishedHeadsMax) {
    --unfinished_heads;
    return false;
  }
  return holds_head_ = true;
}

// Nothing of a next request has come: what it will need is given back meanwhile.
Io Connection::idle(Io what) {
  exchange_.reset();
  buffer_.reset();
  stream_->release_memory();
  return wait(what, answered_us_, context_.deadlines.idle_ms);
}

void Connection::wait_for_turn(std::function<void()> resume) {
  guest_->crowd.wait_for_place(*guest_, std::move(resume));
}

// Io::done: another request may follow.
Io Connection::serve(const std::function<void()>& begins) {
  PacedStream stream(*stream_, guest_.get());
  const Deadlines& deadlines = context_.deadlines;
  const auto refuse = [&](const Response& refusal) {
    begins();
    write_response(stream, refusal, false, false, kRefusalTimeoutMs);
    return Io::closed;
  };
  switch (exchange_->head()) {
    case Exchange::Head::closed: return Io::closed;
    case Exchange::Head::malformed:
      return refuse(plain_refusal(400, "The request's head is malformed.\n"));
    case Exchange::Head::too_large:
      return refuse(plain_refusal(431, "The request's head is too large.\n"));
    case Exchange::Head::ok: break;
  }
  Request request = to_request(exchange_->message(), *stream_, peer_ip_);
  const Place place(guest_.get(), claimed_session(request));
  if (place.turn() == Turn::never) return refuse(plain_refusal(503, kCrowded));
  if (place.turn() == Turn::later) {
    buffer_->shrink();
    stream_->release_memory();
    return Io::wants_turn;
  }
  begins();
  const bool is_head = request.method == "HEAD";
  const Response response = context_.handler(std::move(request), *exchange_);
  if (guest_) guest_->begin_answer();
  if (guest_ && response.body.size() > kTogetherBytes)
    guest_->crowd.hold_answer(*guest_, response.body.size());
  const bool keep_alive = exchange_->message().keep_alive() && !context_.stopping &&
                          exchange_->drain(deadlines.drain_ms);
  if (!write_response(stream, response, is_head, keep_alive, deadlines.write_ms)) return Io::closed;
  answered_us_ = monotonic_us();
  return keep_alive ? Io::done : Io::closed;
}

void serve_connection(std::unique_ptr<Stream> stream, const std::string& peer_ip,
                      const ConnectionContext& context) {
  Connection one(std::move(stream), peer_ip, nullptr, context);
  for (Io next; (next = one.advance(true)) != Io::closed;)
    if (!one.await(next)) return;
}

}  // namespace sluice::net
