// SPDX-License-Identifier: Apache-2.0
#include "ingest/write.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/json.h"
#include "ingest/keys.h"

namespace sluice::ingest {
namespace {
using testing::ElementsAre;

// A table that takes every batch, each a little later, and says how they came and went.
class Table {
 public:
  Table() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&here), size), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size);
    port_ = ntohs(here.sin_port);
    accepts_ = std::thread([this] {
      for (int fd; (fd = accept(listener_, nullptr, nullptr)) >= 0;)
        connections_.emplace_back([this, fd] { serve(fd); });
    });
  }
  ~Table() {
    shutdown(listener_, SHUT_RDWR);
    accepts_.join();
    for (std::thread& one : connections_) one.join();
    close(listener_);
  }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // The device_ids of each batch, in the order in which the batches came.
  std::vector<std::vector<std::string>> batches() const {
    const MutexLock lock(mutex_);
    return batches_;
  }
  // At most so many were there at once.
  size_t most() const {
    const MutexLock lock(mutex_);
    return most_;
  }

 private:
  void serve(int fd) {
    std::string got;
    char piece[4096];
    for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;) {
      got.append(piece, static_cast<size_t>(n));
      const size_t end = got.find("\r\n\r\n"), length = got.find("content-length: ");
      if (end == got.npos) continue;
      const std::string body = got.substr(end + 4);
      if (body.size() < std::stoul(got.substr(length + 16))) continue;
      take(body);
      const std::string answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
      EXPECT_EQ(send(fd, answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
      got.clear();
    }
    close(fd);
  }
  void take(const std::string& body) {
    std::vector<std::string> devices;
    const auto request = parse_json_object(body);
    ASSERT_TRUE(request);
    for (const json::value& one : request->at("RequestItems").at("T").as_array())
      devices.emplace_back(one.at_pointer("/PutRequest/Item/device_id/S").as_string());
    {
      const MutexLock lock(mutex_);
      batches_.push_back(std::move(devices));
      most_ = std::max(most_, ++there_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const MutexLock lock(mutex_);
    --there_;
  }

  int listener_;
  uint16_t port_ = 0;
  mutable Mutex mutex_;
  std::vector<std::vector<std::string>> batches_ SLUICE_GUARDED_BY(mutex_);
  size_t there_ SLUICE_GUARDED_BY(mutex_) = 0, most_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::list<std::thread> connections_;
  std::thread accepts_;
};

class Writer : public testing::Test {
 protected:
  void write(const std::string& device) {
    Item item{device, "t", R"({"device_id":{"S":")" + device + "\"}}"};
    const uint64_t key = key_hash(item);
    ASSERT_TRUE(writer_.write({std::move(item), key, 0, 0, ""}));
  }
  void write(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) write(prefix + std::to_string(i));
  }
  Result<Done> finish() { return writer_.finish(INT64_MAX); }

  Table table_;
  const AwsEnvironment environment_{.access_key_id = "A",
                                    .session_token = "",
                                    .region = "us-east-1",
                                    .ca_file = "",
                                    .s3_endpoint = "",
                                    .dynamodb_endpoint = table_.endpoint(),
                                    .secret_access_key = Secret("S")};
  Connections connections_{environment_};
  TableWriter writer_{connections_, "T", [](Pending&&, const std::string&) { FAIL(); }};
};
}  // namespace

TEST_F(Writer, PutsASmallObjectIntoOneBatch) {
  write("d", 3);
  ASSERT_TRUE(finish());
  EXPECT_THAT(table_.batches(), ElementsAre(ElementsAre("d0", "d1", "d2")));
}

TEST_F(Writer, KeepsSeveralBatchesUnderWay) {
  write("d", 20 * kBatchItemsMax + 1);
  ASSERT_TRUE(finish());
  EXPECT_EQ(table_.batches().size(), 21);
  EXPECT_GT(table_.most(), 1);
  EXPECT_LE(table_.most(), kWriters);
}

TEST_F(Writer, NamesAKeyOnceInABatch) {
  write("a");
  write("b");
  write("a");
  ASSERT_TRUE(finish());
  EXPECT_THAT(table_.batches(), ElementsAre(ElementsAre("a", "b")));
}

// Else the earlier of two records with one key could be what stays in the table.
TEST_F(Writer, WritesAKeyAgainOnlyWhenItsEarlierBatchIsDone) {
  write("d", kBatchItemsMax);
  write("e", kBatchItemsMax - 1);
  write("d7");
  ASSERT_TRUE(finish());
  EXPECT_EQ(table_.batches().size(), 2);
  EXPECT_EQ(table_.most(), 1);
}

}  // namespace sluice::ingest
