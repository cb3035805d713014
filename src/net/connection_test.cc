// SPDX-License-Identifier: Apache-2.0
#include "net/connection.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace sluice::net {
namespace {

// One connection over a socket pair, served by a handler that reads the whole body and answers its
// length.
class Served {
 public:
  explicit Served(Deadlines deadlines, bool reads_body = true) {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer_ = pair[0];
    thread_ = std::thread([this, fd = pair[1], deadlines, reads_body] {
      const Handler handler = [reads_body](Request, BodySource& body) {
        Response r;
        size_t total = 0;
        char piece[1000];
        while (reads_body) {
          const auto got = body.read(piece, sizeof piece);
          if (!got) {
            r.status = got.error().status;
            r.body = got.error().code;
            return r;
          }
          if (!*got) break;
          total += *got;
        }
        r.status = 200;
        r.body = "read " + std::to_string(total);
        return r;
      };
      serve_connection(plain_stream(fd), "127.0.0.1", {handler, never_, deadlines});
    });
  }
  ~Served() {
    close(peer_);
    thread_.join();
  }
  bool send(std::string_view bytes) {
    return ::send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // What comes until the server closes.
  std::string rest() {
    std::string out;
    char piece[4096];
    for (ssize_t got; (got = recv(peer_, piece, sizeof piece, 0)) > 0;)
      out.append(piece, static_cast<size_t>(got));
    return out;
  }
  bool closed_within(int ms) {
    pollfd one{peer_, POLLIN, 0};
    char c;
    return poll(&one, 1, ms) == 1 && recv(peer_, &c, 1, MSG_PEEK) <= 0;
  }

 private:
  int peer_ = -1;
  const std::atomic<bool> never_{false};
  std::thread thread_;
};

// Drips until the server has enough of it; false when it never has.
bool drips_are_ended(Served& served, std::string_view drip) {
  for (int i = 0; i < 2000; ++i) {
    if (!served.send(drip)) return true;
    if (served.closed_within(5)) return true;
  }
  return false;
}

TEST(Connection, EndsAHeadThatDripsForEver) {
  Served served({.head_ms = 200});
  EXPECT_TRUE(served.send("GET / HTTP/1.1\r\nHost: a\r\n"));
  EXPECT_TRUE(drips_are_ended(served, "X: y\r\n"));
}
TEST(Connection, EndsAnIdlePeer) {
  Served served({.idle_ms = 50});
  EXPECT_EQ(served.rest(), "");
}
TEST(Connection, EndsABodyThatStops) {
  Served served({.body_ms = 50});
  EXPECT_TRUE(served.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"));
  const std::string answer = served.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400") && answer.ends_with("RequestTimeout")) << answer;
}
TEST(Connection, DoesNotWaitForTheRestOfABodyNobodyReads) {
  Served served({.drain_ms = 100}, false);
  EXPECT_TRUE(served.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"));
  std::thread dripping([&] { drips_are_ended(served, "x"); });
  const std::string answer = served.rest();
  dripping.join();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_NE(answer.find("connection: close"), std::string::npos);
}
TEST(Connection, BoundsAChunkHeadThatDoesNotEnd) {
  Served served({});
  std::string flood =
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5;x=";
  std::thread sending([&] {
    if (!served.send(flood)) return;
    for (int i = 0; i < 200 && served.send(std::string(10000, 'y')); ++i) {
    }
  });
  const std::string answer = served.rest();
  sending.join();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << answer;
}
TEST(Connection, ServesPipelinedRequestsInOrder) {
  Served served({});
  EXPECT_TRUE(served.send(
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPUT / HTTP/1.1\r\nHost: "
      "a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: "
      "a\r\nConnection: close\r\n\r\n"));
  const std::string answer = served.rest();
  const size_t first = answer.find("read 3"), second = answer.find("read 2"),
               third = answer.find("read 0");
  EXPECT_TRUE(first < second && second < third && third != std::string::npos) << answer;
}

// RFC 9112: what two parsers could frame in two ways, or what is no HTTP, is answered 400 and the
// connection closed.
class BadHead : public testing::TestWithParam<const char*> {};
TEST_P(BadHead, IsRefusedAndTheConnectionClosed) {
  Served served({.head_ms = 300});
  EXPECT_TRUE(served.send(GetParam()));
  const std::string answer = served.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400") || answer.empty()) << answer;
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "a second answer: " << answer;
}
INSTANTIATE_TEST_SUITE_P(
    Table, BadHead,
    testing::Values(
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        "3\r\n\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "PUT / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX y\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"));
TEST(Connection, RefusesANulInAHeader) {
  Served served({.head_ms = 300});
  EXPECT_TRUE(served.send(std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 36)));
  EXPECT_TRUE(served.rest().starts_with("HTTP/1.1 400"));
}

class BadChunk : public testing::TestWithParam<const char*> {};
TEST_P(BadChunk, IsAnErrorAndTheConnectionClosed) {
  Served served({.body_ms = 300});
  EXPECT_TRUE(served.send(
      std::string("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") + GetParam()));
  const std::string answer = served.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << answer;
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "a second answer: " << answer;
}
INSTANTIATE_TEST_SUITE_P(Table, BadChunk,
                         testing::Values("zz\r\nab\r\n0\r\n\r\n", "-2\r\nab\r\n0\r\n\r\n",
                                         "0x2\r\nab\r\n0\r\n\r\n", "2\r\nabc\r\n0\r\n\r\n",
                                         "2\nab\n0\n\n", "ffffffffffffffffff\r\nab",
                                         "\r\nab\r\n0\r\n\r\n", "2 \r\nab\r\nxx\r\n0\r\n\r\n"));

TEST(Connection, TakesAHeadAtItsLimitAndNotOnePast) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ",
                    end = "\r\n\r\n";
  const std::string fill(kHeadBytesMax - start.size() - end.size(), 'x');
  Served at({});
  EXPECT_TRUE(at.send(start + fill + end));
  EXPECT_TRUE(at.rest().starts_with("HTTP/1.1 200"));
  Served past({});
  EXPECT_TRUE(past.send(start + fill + "x" + end));
  const std::string refused = past.rest();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 431")) << refused;
}
TEST(Connection, SaysContinueOnlyWhenTheBodyIsWanted) {
  const std::string head =
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
  Served unwanted({}, false);
  EXPECT_TRUE(unwanted.send(head));
  const std::string refused = unwanted.rest();  // closed, since the body may or may not follow
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 200") &&
              refused.find("connection: close") != std::string::npos)
      << refused;
  Served wanted({});
  EXPECT_TRUE(wanted.send(head));
  EXPECT_FALSE(wanted.closed_within(0));
  EXPECT_TRUE(wanted.send("abcGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  const std::string answer = wanted.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")) << answer;
}
// Whatever the pieces: a byte at a time is also an attack on the parser.
TEST(Connection, ReadsAChunkedBodyThatDrips) {
  class Dripping : public Stream {
   public:
    Dripping(std::string_view in, std::string& out) : in_(in), out_(out) {}
    Io try_read(char* into, size_t size, size_t& got) override {
      got = in_.substr(0, std::min<size_t>(size, 1)).copy(into, size);
      in_.remove_prefix(got);
      return got ? Io::done : Io::closed;
    }
    Io try_write(const char* data, size_t size, size_t& put) override {
      out_.append(data, size);
      put = size;
      return Io::done;
    }
    bool await(Io, int64_t) override { return true; }

   private:
    std::string_view in_;
    std::string& out_;
  };
  for (const auto& [body, wanted] :
       {std::pair("0\r\n\r\n", ""), std::pair("3\r\nabc\r\n0\r\n\r\n", "abc"),
        std::pair("1\r\na\r\n1\r\nb\r\n0\r\nx-trailer: y\r\n\r\n", "ab")}) {
    const std::string request =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
        std::string(body);
    const Handler handler = [](Request, BodySource& source) {
      Response r;
      char piece[100];
      for (;;) {
        const auto got = source.read(piece, sizeof piece);
        if (!got) {
          r.body = "!" + got.error().code;
          break;
        }
        if (!*got) break;
        r.body.append(piece, *got);
      }
      r.body += ".";
      return r;
    };
    std::string out;
    const std::atomic<bool> running{false};
    serve_connection(std::make_unique<Dripping>(request, out), "127.0.0.1", {handler, running});
    EXPECT_TRUE(out.starts_with("HTTP/1.1 200") &&
                out.ends_with("\r\n\r\n" + std::string(wanted) + "."))
        << out;
  }
}
// A body that is made while it is sent, in pieces of these sizes; what fits goes with the head.
class Pieces : public BodyProducer {
 public:
  explicit Pieces(std::vector<size_t> sizes) : sizes_(std::move(sizes)) {}
  Result<std::string> next() override {
    if (at_ == sizes_.size()) return std::string();
    const size_t n = at_++;
    return std::string(sizes_[n], static_cast<char>('a' + n % 26));
  }

 private:
  const std::vector<size_t> sizes_;
  size_t at_ = 0;
};
TEST(Connection, SendsAStreamWholeWhateverItsPieces) {
  for (const std::vector<size_t>& sizes :
       {std::vector<size_t>{1}, {16'000}, {16'384}, {16'385, 1}, {1, 70'000, 1}, {65'536, 65'536}})
    for (const bool is_head : {false, true})
      for (const int more : {0, 1, -1}) {  // announced bytes than there are
        std::string body;
        Pieces made(sizes);
        for (size_t n = 0; n < sizes.size(); ++n) body += *made.next();
        const size_t announced = body.size() + static_cast<size_t>(more);
        const Handler handler = [&](Request, BodySource&) {
          Response r{200, {}, "", std::make_shared<Pieces>(sizes), 0};
          r.stream_bytes = announced;
          return r;
        };
        int pair[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        const std::atomic<bool> running{false};
        std::thread server([&, fd = pair[1]] {
          serve_connection(plain_stream(fd), "127.0.0.1", {handler, running, {}});
        });
        const std::string asked = std::string(is_head ? "HEAD" : "GET") +
                                  " / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        EXPECT_EQ(::send(pair[0], asked.data(), asked.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(asked.size()));
        std::string answer;
        char piece[4096];
        for (ssize_t got; (got = recv(pair[0], piece, sizeof piece, 0)) > 0;)
          answer.append(piece, static_cast<size_t>(got));
        server.join();
        close(pair[0]);
        const size_t end = answer.find("\r\n\r\n");
        ASSERT_NE(end, answer.npos);
        EXPECT_NE(answer.find("content-length: " + std::to_string(announced) + "\r\n"),
                  answer.npos);
        const std::string sent = answer.substr(end + 4);
        if (is_head)
          EXPECT_EQ(sent, "");
        else if (more == 0)
          EXPECT_EQ(sent, body);
        else  // what is there goes out, and never more than was announced
          EXPECT_TRUE(body.starts_with(sent) && sent.size() <= announced) << sent.size();
      }
}

TEST(Connection, SaysContinueToAnEmptyBodyToo) {
  const std::string head =
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n";
  Served wanted({});
  EXPECT_TRUE(wanted.send(head + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  const std::string answer = wanted.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")) << answer;
  Served unwanted({}, false);
  EXPECT_TRUE(unwanted.send(head));
  const std::string refused = unwanted.rest();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 200") &&
              refused.find("connection: close") != std::string::npos)
      << refused;
}
TEST(Connection, AnswersOldHttpAndClosesUnlessAskedToKeep) {
  Served served({});
  EXPECT_TRUE(served.send("PUT / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"));
  EXPECT_NE(served.rest().find("read 3"), std::string::npos);
}
}  // namespace
// What two readers could take for different hosts or lines is refused: virtual-hosted buckets and
// signatures depend on them.
TEST(Connection, RefusesHeadsThatCanBeReadInTwoWays) {
  for (const char* head :
       {"GET / HTTP/1.1\r\nHost: user@host\r\n\r\n", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n"}) {
    Served served({});
    ASSERT_TRUE(served.send(head));
    EXPECT_TRUE(served.rest().starts_with("HTTP/1.1 400")) << head;
  }
}
TEST(Connection, TakesEveryFormOfAHost) {
  for (const char* host : {"a", "a.b-c_d.example:1", "127.0.0.1:4566", "[::1]", "[::1]:4566"}) {
    Served served({});
    ASSERT_TRUE(served.send(std::string("GET / HTTP/1.1\r\nConnection: close\r\nHost: ") + host +
                            "\r\n\r\n"));
    EXPECT_TRUE(served.rest().starts_with("HTTP/1.1 200")) << host;
  }
}
}  // namespace sluice::net
