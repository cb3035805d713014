// SPDX-License-Identifier: Apache-2.0
#include "net/crowd.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include "base/clock.h"

namespace sluice::net {
namespace {

// Peers of a small crowd: ten connections, six of them strangers'; four places, two of them
// strangers'; a session may have five connections and three places. Four requests may wait, three
// of them strangers'.
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
  SmallCrowd()
      : SmallCrowd({.connections = 10,
                    .strangers = 6,
                    .of_a_session = 5,
                    .leaving = 3,
                    .places = 4,
                    .places_of_strangers = 2,
                    .places_of_a_session = 3,
                    .waiting = 4,
                    .waiting_strangers = 3,
                    .answers_bytes = 100}) {}
  explicit SmallCrowd(const CrowdLimits& limits) : crowd_(limits) {}
  ~SmallCrowd() override {
    for (const int fd : sockets_) close(fd);
  }
  Crowd crowd_;
  std::vector<int> sockets_;
};
class CrowdOfTwoStrangers : public SmallCrowd {
 protected:
  CrowdOfTwoStrangers()
      : SmallCrowd({.places = 6, .places_of_strangers = 2, .places_of_a_session = 1}) {}
};

// Whoever takes no answers cannot fill the memory with them. Others' stay, also those of somebody
// who has more, but takes them.
TEST_F(SmallCrowd, OfThoseBehindWhoHoldsMostAnswersLosesTheOneThatWaitsLongest) {
  Peer first = known("much"), second = known("much"), other = known("little"), fast = known("fast");
  const Place of_first(first.guest.get()), of_second(second.guest.get()),
      of_other(other.guest.get()), of_fast(fast.guest.get());
  for (Peer* peer : {&first, &second, &other}) peer->guest->waited_us = kBehindAfterUs;
  first.guest->waited_us += 1;
  fast.guest->begin_wait();
  crowd_.hold_answer(*fast.guest, 60);
  crowd_.hold_answer(*first.guest, 20);
  crowd_.hold_answer(*other.guest, 20);
  EXPECT_FALSE(first.is_told_to_leave());
  crowd_.hold_answer(*second.guest, 20);
  EXPECT_TRUE(first.is_told_to_leave());
  for (Peer* peer : {&second, &other, &fast}) EXPECT_FALSE(peer->is_told_to_leave());
}
// An answer counts no longer than its request has a place.
TEST_F(SmallCrowd, AnswersThatWereTakenDoNotCount) {
  Peer one = known("one"), two = known("two");
  for (int i = 0; i < 3; ++i) {
    const Place place(one.guest.get());
    one.guest->waited_us = kBehindAfterUs;
    crowd_.hold_answer(*one.guest, 90);
  }
  const Place place(two.guest.get());
  two.guest->waited_us = kBehindAfterUs;
  crowd_.hold_answer(*two.guest, 90);
  EXPECT_FALSE(one.is_told_to_leave());
  EXPECT_FALSE(two.is_told_to_leave());
}
// Nobody is behind at once: it is looked again each second.
TEST_F(SmallCrowd, AnswersAreLookedAtAgain) {
  Peer one = known("one");
  const Place place(one.guest.get());
  one.guest->begin_wait();
  crowd_.hold_answer(*one.guest, 101);
  EXPECT_FALSE(one.is_told_to_leave());
  one.guest->moved = 100 * kBehindBytesPerSecond;  // into the buffers of the socket, say
  crowd_.look_after_lines(one.guest->waits_since_us + kBehindAfterUs);
  EXPECT_TRUE(one.is_told_to_leave());
}
// How slowly somebody gave his request says nothing of how he takes the answer.
TEST_F(SmallCrowd, WhoGaveSlowlyMayTakeHisAnswer) {
  Peer one = known("one");
  const Place place(one.guest.get());
  one.guest->waited_us = 2 * kSlowTimeoutUs;
  EXPECT_TRUE(one.guest->is_below(kTakesBytesPerSecondMin));
  one.guest->begin_answer();
  EXPECT_FALSE(one.guest->is_below(kTakesBytesPerSecondMin));
}
TEST_F(SmallCrowd, WhoIsSlowForLongIsServedNoMore) {
  Peer one = known("one");
  const Place place(one.guest.get());
  one.guest->waited_us = kSlowTimeoutUs + 1;
  one.guest->moved = kSlowTimeoutUs / 1'000'000 * 100 - 1;
  EXPECT_TRUE(one.guest->is_below(100));
  one.guest->moved += 1;
  EXPECT_FALSE(one.guest->is_below(100));
  one.guest->moved = 0;
  one.guest->waited_us = kSlowTimeoutUs;
  EXPECT_FALSE(one.guest->is_below(100));
}
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
  EXPECT_FALSE(Place(three.guest.get()));
  one.guest->since_us = one.guest->since_us - kStrangerGraceUs - 1;
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
// A request that waits, and what it is told.
struct Waiting {
  Waiting(Crowd& crowd, Guest* guest, std::string_view claimed = {}) : guest_(guest) {
    EXPECT_EQ(Place(guest, claimed).turn(), Turn::later);
    crowd.wait_for_place(*guest, [this] { resumed = true; });
  }
  // Takes the place that it was given, for good; or learns that there is none.
  bool is_served() {
    if (!resumed) return false;
    place_.emplace(guest_);
    return place_->turn() == Turn::now;
  }
  void ends() { place_.reset(); }
  bool resumed = false;

 private:
  Guest* const guest_;
  std::optional<Place> place_;
};

TEST_F(SmallCrowd, TheLinesOfThoseThatWaitTakeTurns) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A", "A", "A", "B", "C"}) peers.push_back(known(session));
  std::vector<std::unique_ptr<Place>> places;
  for (const size_t peer : {0UL, 1UL, 2UL, 6UL})
    places.push_back(std::make_unique<Place>(peers[peer].guest.get()));
  Waiting a(crowd_, peers[3].guest.get()), another(crowd_, peers[4].guest.get());
  Waiting b(crowd_, peers[5].guest.get());
  EXPECT_FALSE(a.resumed || another.resumed || b.resumed);
  places[3].reset();  // A has its share, so it is passed over, though it has waited longer
  EXPECT_TRUE(b.is_served());
  EXPECT_FALSE(a.resumed);
  places[0].reset();
  EXPECT_TRUE(a.is_served());
  EXPECT_FALSE(another.resumed);
  b.ends();
  EXPECT_FALSE(another.resumed);
  a.ends();
  EXPECT_TRUE(another.is_served());
}
TEST_F(SmallCrowd, WhoWaitsComesBeforeWhoAsks) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A", "A"}) peers.push_back(known(session));
  auto first = std::make_unique<Place>(peers[0].guest.get());
  const Place second(peers[1].guest.get()), third(peers[2].guest.get());
  Waiting waits(crowd_, peers[3].guest.get());
  first.reset();
  EXPECT_FALSE(Place(peers[0].guest.get()));
  EXPECT_TRUE(waits.is_served());
}
// What a head claims decides where it waits, and takes no more from the session than a quarter.
TEST_F(SmallCrowd, AStrangerWaitsForTheSessionThatHeClaims) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A"}) peers.push_back(known(session));
  auto first = std::make_unique<Place>(peers[0].guest.get());
  auto second = std::make_unique<Place>(peers[1].guest.get());
  const Peer claims = come("10.0.0.2"), lies = come("10.0.0.3"), other = come("10.0.0.4");
  auto place = std::make_unique<Place>(claims.guest.get(), "A");
  EXPECT_TRUE(*place);
  EXPECT_FALSE(Place(peers[2].guest.get())) << "one of its three places is kept for who claims it";
  Waiting waits(crowd_, lies.guest.get(), "A");
  EXPECT_TRUE(Place(other.guest.get(), "B"));
  EXPECT_TRUE(crowd_.introduce(*claims.guest, "A"));
  EXPECT_FALSE(waits.resumed) << "A has all its places";
  second.reset();
  EXPECT_TRUE(waits.is_served());
  waits.ends();
}
// Names that nobody has are no claim: a stranger who makes them up is one as any other.
TEST_F(SmallCrowd, AClaimOfASessionThatIsNotHereDoesNotCount) {
  const Peer one = come("10.0.0.2"), two = come("10.0.0.3"), three = come("10.0.0.2");
  const Place first(one.guest.get(), "made up"), second(two.guest.get(), "made up");
  EXPECT_TRUE(first && second) << "they are held up by the share of strangers alone";
  Waiting waits(crowd_, three.guest.get(), "made up");
  std::vector<Peer> peers;
  for (int i = 0; i < 2; ++i) {
    peers.push_back(come("10.0.0.4"));
    EXPECT_TRUE(crowd_.introduce(*peers.back().guest, "made up"));
  }
  const Place third(peers[0].guest.get()), fourth(peers[1].guest.get());
  EXPECT_TRUE(third && fourth) << "nor do they take from who has the name";
  crowd_.refuse_all_waiting();
}
// Those that claim a session from one source do not hold up its newcomers from another.
TEST_F(SmallCrowd, WhoClaimsASessionHoldsUpHisOwnSourceAlone) {
  const Peer true_one = known("A");
  std::vector<Peer> peers;
  for (const char* from : {"10.0.0.2", "10.0.0.2", "10.0.0.2", "10.0.0.3"})
    peers.push_back(come(from));
  auto holds = std::make_unique<Place>(peers[0].guest.get(), "A");
  EXPECT_TRUE(*holds);
  Waiting first(crowd_, peers[1].guest.get(), "A"), second(crowd_, peers[2].guest.get(), "A");
  Waiting newcomer(crowd_, peers[3].guest.get(), "A");
  holds.reset();
  EXPECT_TRUE(first.is_served());
  EXPECT_FALSE(newcomer.resumed || second.resumed);
  first.ends();
  EXPECT_TRUE(newcomer.is_served());
  EXPECT_FALSE(second.resumed);
  newcomer.ends();
  EXPECT_TRUE(second.is_served());
}
// Their lines are passed over together then, and keep their turns.
TEST_F(SmallCrowd, StrangersWithoutAPlaceHoldUpNobodyElse) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "B", "C"}) peers.push_back(known(session));
  const Peer one = come("10.0.0.2"), two = come("10.0.0.3"), three = come("10.0.0.4");
  auto first = std::make_unique<Place>(one.guest.get());
  const Place second(two.guest.get());
  auto third = std::make_unique<Place>(peers[0].guest.get());
  auto fourth = std::make_unique<Place>(peers[1].guest.get());
  Waiting stranger(crowd_, three.guest.get()), b(crowd_, peers[2].guest.get());
  third.reset();
  EXPECT_TRUE(b.is_served());
  EXPECT_FALSE(stranger.resumed);
  Waiting c(crowd_, peers[3].guest.get());
  first.reset();
  EXPECT_TRUE(stranger.is_served());
  EXPECT_FALSE(c.resumed);
  fourth.reset();
  EXPECT_TRUE(c.is_served());
}
// So many lines are not all looked at for each place, but all are within a second.
TEST_F(CrowdOfTwoStrangers, WhoStandsBehindManyThatClaimASessionHasHisTurn) {
  const Peer session = known("A"), one = come("10.0.1.1"), two = come("10.0.1.2");
  auto claimed = std::make_unique<Place>(one.guest.get(), "A");
  auto other = std::make_unique<Place>(two.guest.get());
  std::vector<Peer> peers;
  std::vector<std::unique_ptr<Waiting>> claiming;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(come("10.0.2." + std::to_string(i)));
    claiming.push_back(std::make_unique<Waiting>(crowd_, peers.back().guest.get(), "A"));
  }
  const Peer last = come("10.0.3.1");
  Waiting stranger(crowd_, last.guest.get());
  other.reset();
  EXPECT_FALSE(stranger.resumed);
  crowd_.look_after_lines();
  EXPECT_TRUE(stranger.is_served());
  for (const auto& one_claiming : claiming) EXPECT_FALSE(one_claiming->resumed);
  claimed.reset();  // the next of those who wait has it, while he is there
}
TEST_F(SmallCrowd, TheLongestLineLosesItsLastWhenTooManyWait) {
  std::vector<Peer> peers;
  for (const char* from : {"10.0.0.2", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.2"})
    peers.push_back(come(from));
  const Peer one = come("10.0.0.4");
  crowd_.introduce(*one.guest, "A");
  const Place first(peers[3].guest.get());
  const Peer other = come("10.0.0.5");
  const Place second(other.guest.get());
  Waiting a(crowd_, peers[0].guest.get()), b(crowd_, peers[1].guest.get());
  Waiting c(crowd_, peers[2].guest.get());
  EXPECT_FALSE(c.resumed);
  Waiting d(crowd_, peers[4].guest.get());
  EXPECT_TRUE(d.resumed) << "it would make the longest line longer";
  EXPECT_FALSE(d.is_served());
  crowd_.forget(*peers[4].guest);
  const Peer next = come("10.0.0.6");
  Waiting e(crowd_, next.guest.get());
  EXPECT_TRUE(c.resumed);
  EXPECT_FALSE(c.is_served());
  EXPECT_FALSE(a.resumed || b.resumed || e.resumed);
  crowd_.refuse_all_waiting();
  EXPECT_TRUE(a.resumed && b.resumed && e.resumed);
  EXPECT_FALSE(a.is_served() || b.is_served() || e.is_served());
}
TEST_F(SmallCrowd, NobodyWaitsForEver) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A", "A"}) peers.push_back(known(session));
  const Place first(peers[0].guest.get()), second(peers[1].guest.get());
  const Place third(peers[2].guest.get());
  Waiting waits(crowd_, peers[3].guest.get());
  crowd_.look_after_lines();
  EXPECT_FALSE(waits.resumed);
  crowd_.look_after_lines(monotonic_us() + kPlaceWaitMaxUs + 1);
  EXPECT_TRUE(waits.resumed);
  EXPECT_FALSE(waits.is_served());
}
// Whoever waits gets the place of a slow peer, and a stranger that of one who has kept it for long.
TEST_F(SmallCrowd, ThoseThatHoldUpOthersMakeRoom) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A", "A", "A"}) peers.push_back(known(session));
  const Place first(peers[0].guest.get()), second(peers[1].guest.get());
  const Place third(peers[2].guest.get());
  Waiting waits(crowd_, peers[3].guest.get());
  peers[1].guest->begin_wait();
  peers[1].guest->waits_since_us = peers[1].guest->waits_since_us - kSlowAfterUs - 1;
  crowd_.look_after_lines();
  EXPECT_TRUE(peers[1].is_told_to_leave());
  EXPECT_TRUE(waits.is_served());
}
// Sending a slow one away would not help a stranger when strangers have all their places.
TEST_F(SmallCrowd, NobodyIsSentAwayForWhoWouldStillHaveToWait) {
  std::vector<Peer> peers;
  for (const char* session : {"A", "A"}) peers.push_back(known(session));
  const Peer one = come("10.0.0.2"), two = come("10.0.0.3"), three = come("10.0.0.4");
  const Place first(peers[0].guest.get()), second(peers[1].guest.get());
  const Place third(one.guest.get(), "A"), fourth(two.guest.get());
  for (const Peer& slow : {peers[0], two}) slow.guest->begin_wait();
  for (const Peer& slow : {peers[0], two})
    slow.guest->waits_since_us = slow.guest->waits_since_us - kSlowAfterUs - 1;
  EXPECT_FALSE(Place(three.guest.get()));
  EXPECT_FALSE(Place(three.guest.get(), "A"));
  EXPECT_FALSE(peers[0].is_told_to_leave() || two.is_told_to_leave());
  two.guest->since_us = two.guest->since_us - kStrangerGraceUs - 1;
  EXPECT_FALSE(Place(three.guest.get(), "A")) << "another one claims A";
  EXPECT_FALSE(two.is_told_to_leave());
  one.guest->since_us = one.guest->since_us - kStrangerGraceUs - 1;
  EXPECT_TRUE(Place(three.guest.get(), "A"));
  EXPECT_TRUE(one.is_told_to_leave());
  EXPECT_FALSE(peers[0].is_told_to_leave() || two.is_told_to_leave());
}
TEST_F(SmallCrowd, WhoIsSentAwayWaitsNoMore) {
  std::vector<Peer> peers;
  for (const char* from : {"10.0.0.2", "10.0.0.3"}) peers.push_back(come(from));
  const Place first(peers[0].guest.get()), second(peers[1].guest.get());
  const Peer third = come("10.0.0.4");
  Waiting waits(crowd_, third.guest.get());
  for (int i = 0; i < 6; ++i) come("10.0.0.4");
  EXPECT_TRUE(third.is_told_to_leave());
  EXPECT_TRUE(waits.resumed);
  EXPECT_FALSE(waits.is_served());
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
