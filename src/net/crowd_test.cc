// SPDX-License-Identifier: Apache-2.0
#include "net/crowd.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

namespace sluice::net {
namespace {

// Peers of a small crowd: ten connections, six of them strangers'; four places, two of them
// strangers'; a session may have five connections and three places.
class SmallCrowd : public testing::Test {
 protected:
  struct Peer {
    int fd = -1, far = -1;
    std::shared_ptr<Guest> guest;
    explicit operator bool() const { return guest != nullptr; }
    // The crowd has shut its socket.
    bool is_told_to_leave() const {
      char c;
      return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }
  };
  Peer come(const std::string& ip) {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    sockets_.insert(sockets_.end(), {pair[0], pair[1]});
    return {pair[0], pair[1], crowd_.admit(pair[0], ip)};
  }
  Peer known(const std::string& session) {
    Peer peer = come("10.0.0.1");
    const Place place(peer.guest.get());
    EXPECT_TRUE(place);
    EXPECT_TRUE(crowd_.introduce(*peer.guest, session));
    return peer;
  }
  ~SmallCrowd() override {
    for (const int fd : sockets_) close(fd);
  }
  Crowd crowd_{{.connections = 10,
                .strangers = 6,
                .of_a_session = 5,
                .leaving = 3,
                .places = 4,
                .places_of_strangers = 2,
                .places_of_a_session = 3}};
  std::vector<int> sockets_;
};

// Connections that ask nothing keep nobody out.
TEST_F(SmallCrowd, AStrangersConnectionsMakeRoomForHisNextOnes) {
  const Peer other = come("10.0.0.9");
  std::vector<Peer> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(come("10.0.0.2"));
  for (size_t i = 0; i < peers.size(); ++i)
    EXPECT_EQ(peers[i].is_told_to_leave(), i < 3) << i;  // those that waited longest
  EXPECT_FALSE(other.is_told_to_leave());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(come("10.0.0.2"));
  EXPECT_FALSE(come("10.0.0.2")) << "too many are leaving and not closed yet";
  crowd_.forget(*peers[0].guest);
  EXPECT_TRUE(come("10.0.0.2"));
}
TEST_F(SmallCrowd, WhoAsksStandsBehindThoseThatWait) {
  std::vector<Peer> peers;
  for (int i = 0; i < 6; ++i) peers.push_back(come("10.0.0.2"));
  {
    const Place place(peers[0].guest.get());
  }
  come("10.0.0.2");
  EXPECT_FALSE(peers[0].is_told_to_leave());
  EXPECT_TRUE(peers[1].is_told_to_leave());
}
TEST_F(SmallCrowd, WhoIsKnownIsNotSentAwayForStrangers) {
  const Peer one = known("AKIA1");
  for (int i = 0; i < 8; ++i) come("10.0.0." + std::to_string(i));
  EXPECT_FALSE(one.is_told_to_leave());
}
// Whoever holds many idle connections loses them to newcomers, who do not lose theirs to each
// other.
TEST_F(SmallCrowd, AHouseFullOfKnownOnesLosesTheOneThatWaitsLongest) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A", "A", "A", "B", "B", "B", "B"})
    peers.push_back(known(session));
  const Peer stranger = come("10.0.0.3"), another = come("10.0.0.4");
  EXPECT_TRUE(peers[0].is_told_to_leave());
  EXPECT_FALSE(peers[1].is_told_to_leave());
  EXPECT_TRUE(come("10.0.0.5"));
  EXPECT_TRUE(peers[1].is_told_to_leave());
  EXPECT_FALSE(stranger.is_told_to_leave());
}
TEST_F(SmallCrowd, AHouseFullOfStrangersLosesAStranger) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A", "A"}) peers.push_back(known(session));
  const Peer first = come("10.0.0.3");
  for (int i = 0; i < 6; ++i) come("10.0.0.3");
  EXPECT_TRUE(first.is_told_to_leave());
  for (const Peer& peer : peers) EXPECT_FALSE(peer.is_told_to_leave());
}
TEST_F(SmallCrowd, ASessionHasItsShareOfConnections) {
  for (int i = 0; i < 5; ++i) known("A");
  const Peer sixth = come("10.0.0.1");
  EXPECT_FALSE(crowd_.introduce(*sixth.guest, "A"));
  EXPECT_TRUE(crowd_.introduce(*sixth.guest, "B"));
}
TEST_F(SmallCrowd, ASessionHasItsShareOfPlaces) {
  std::vector<Peer> peers;
  for (int i = 0; i < 4; ++i) peers.push_back(come("10.0.0.1"));
  const Place first(peers[0].guest.get());
  EXPECT_TRUE(crowd_.introduce(*peers[0].guest, "A"));
  const Place second(peers[1].guest.get());
  EXPECT_TRUE(crowd_.introduce(*peers[1].guest, "A"));
  const Place third(peers[2].guest.get());
  EXPECT_TRUE(crowd_.introduce(*peers[2].guest, "A"));
  const Place fourth(peers[3].guest.get());
  EXPECT_FALSE(crowd_.introduce(*peers[3].guest, "A"));
  EXPECT_TRUE(crowd_.introduce(*peers[3].guest, "B"));
}
// Also on connections that it has proven long ago.
TEST_F(SmallCrowd, ASessionHasItsShareOfPlacesOnKnownConnections) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A", "A", "B"}) peers.push_back(known(session));
  const Place first(peers[0].guest.get()), second(peers[1].guest.get());
  const Place third(peers[2].guest.get());
  EXPECT_FALSE(Place(peers[3].guest.get()));
  EXPECT_TRUE(Place(peers[4].guest.get()));
  peers[1].guest->begin_wait();
  peers[1].guest->waits_since_us = peers[1].guest->waits_since_us - kSlowAfterUs - 1;
  EXPECT_TRUE(Place(peers[3].guest.get()));
  EXPECT_TRUE(peers[1].is_told_to_leave());
}
TEST_F(SmallCrowd, StrangersHaveTheirShareOfPlaces) {
  const Peer one = come("10.0.0.2"), two = come("10.0.0.3"), three = come("10.0.0.4");
  const Place first(one.guest.get()), second(two.guest.get());
  const Place third(three.guest.get());
  EXPECT_TRUE(third);
  EXPECT_TRUE(one.is_told_to_leave());
  EXPECT_FALSE(two.is_told_to_leave());
  EXPECT_FALSE(Place(one.guest.get()));  // who must leave begins nothing more
}
TEST_F(SmallCrowd, WithoutAPlaceOrASlowPeerARequestIsRefused) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "B", "B", "C"}) peers.push_back(known(session));
  const Place a(peers[0].guest.get()), b(peers[1].guest.get()), c(peers[2].guest.get());
  {
    const Place d(peers[3].guest.get());
    EXPECT_FALSE(Place(peers[4].guest.get()));
    peers[0].guest->begin_wait();
    peers[0].guest->waits_since_us = peers[0].guest->waits_since_us - kSlowAfterUs - 1;
    EXPECT_TRUE(Place(peers[4].guest.get()));
    EXPECT_TRUE(peers[0].is_told_to_leave());
  }
  EXPECT_TRUE(Place(peers[4].guest.get()));
}
TEST_F(SmallCrowd, WhoEndsLeavesNothingBehind) {
  for (int round = 0; round < 20; ++round) {
    Peer peer = known("A");
    ASSERT_TRUE(peer);
    crowd_.forget(*peer.guest);
    Peer stranger = come("10.0.0.2");
    ASSERT_TRUE(stranger);
    crowd_.forget(*stranger.guest);
  }
}
}  // namespace
}  // namespace sluice::net
