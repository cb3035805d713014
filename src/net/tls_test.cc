// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "net/ca.h"

namespace sluice::net {
namespace {

// A stream of the server, and at its other end a client that has shaken hands with it.
class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    std::string folder = testing::TempDir() + "tls-XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    const auto own = ensure_certificates({folder, "us-east-1", {}, Secret(std::string(32, 'k'))});
    EXPECT_TRUE(own);
    const auto context = TlsContext::server(own->file, own->key);
    EXPECT_TRUE(context);
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    client_fd_ = pair[1];
    stream_ = tls_stream(pair[0], **context);
    client_context_ = SSL_CTX_new(TLS_client_method());
    client_ = SSL_new(client_context_);
    SSL_set_fd(client_, client_fd_);
    std::thread connecting([this] { EXPECT_EQ(SSL_connect(client_), 1); });
    const int64_t deadline_us = monotonic_us() + 10'000'000;
    for (Io io; (io = stream_->try_handshake()) != Io::done;)
      if (!stream_->await(io, deadline_us)) break;
    connecting.join();
  }
  ~TlsTest() override {
    stream_.reset();  // it says goodbye, and the socket's other end must be there
    SSL_free(client_);
    SSL_CTX_free(client_context_);
    close(client_fd_);
    std::filesystem::remove_all(folder_);
  }
  void change_keys(int times) {
    for (int i = 0; i < times; ++i) {
      EXPECT_EQ(SSL_key_update(client_, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      EXPECT_EQ(SSL_do_handshake(client_), 1);
    }
  }
  // What the server reads of one byte that the client sends.
  long read_one() {
    EXPECT_EQ(SSL_write(client_, "x", 1), 1);
    char c = 0;
    return stream_->read(&c, 1, 10'000);
  }

  std::filesystem::path folder_;
  int client_fd_ = -1;
  std::unique_ptr<Stream> stream_;
  SSL_CTX* client_context_ = nullptr;
  SSL* client_ = nullptr;
};

TEST_F(TlsTest, KeysMayBeChanged) {
  change_keys(32);
  EXPECT_EQ(read_one(), 1);
}

// Reading such a stream costs a thread for as long as it comes: two of them held up the server.
TEST_F(TlsTest, WhoDoesNothingButChangeKeysIsLetGo) {
  change_keys(33);
  EXPECT_LE(read_one(), 0);
}

// It is the sum that counts: a byte now and then does not begin it anew.
TEST_F(TlsTest, BytesBetweenDoNotMakeItEndless) {
  change_keys(20);
  EXPECT_EQ(read_one(), 1);
  change_keys(20);
  EXPECT_LE(read_one(), 0);
}

}  // namespace
}  // namespace sluice::net
