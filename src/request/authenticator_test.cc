// SPDX-License-Identifier: Apache-2.0
#include "request/authenticator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "request/audit.h"

namespace sluice {
namespace {
class NoBody : public BodySource {
 public:
  Result<size_t> read(char*, size_t) override { return 0; }
};

// What the server says to a user of this machine who asks at the operator's socket.
Result<std::shared_ptr<const Caller>> ask_as(int64_t uid) {
  static constexpr Service kService{
      "operator", "sts.amazonaws.com", Protocol::rest_json, "", "", {}, ""};
  const Authenticators all = all_authenticators();
  const Ports ports;
  Request request;
  request.unix_uid = uid;
  NoBody body;
  TRY(const auto evidence, open_evidence(all, request, body, kService, ports));
  EXPECT_EQ(evidence->proof(), Proof::unix_peer);
  return evidence->verify(request, kService, ports);
}
}  // namespace

// The kernel names the peer; the socket's mode alone would let root in to another user's server.
TEST(Authenticator, OnlyTheOwnerOfTheProcessIsTheOperator) {
  const auto refused = ask_as(static_cast<int64_t>(geteuid()) + 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "AccessDenied");
}

TEST(Authenticator, WhoWasRefusedAtTheSocketIsNamedInTheRecord) {
  static constexpr Service kService{
      "operator", "sts.amazonaws.com", Protocol::rest_json, "", "", {}, ""};
  Request request;
  request.unix_uid = 7;
  const json::object record = stranger_record(
      request, kService, nullptr, {403, "AccessDenied", "", {}}, {"000000000000", "us-east-1"});
  EXPECT_EQ(record.at("userIdentity").at("principalId"), "unix-uid:7");
}

TEST(Authenticator, ARowTakesTheProofsThatItNamesAndNoOther) {
  static constexpr Proof kSocket[] = {Proof::unix_peer};
  Row row{};
  EXPECT_TRUE(check_proof(row, Proof::header));  // a row that names none takes signatures
  EXPECT_TRUE(check_proof(row, Proof::presigned_url));
  EXPECT_FALSE(check_proof(row, Proof::form));
  EXPECT_FALSE(check_proof(row, Proof::unix_peer));
  row.proofs = kSocket;
  EXPECT_TRUE(check_proof(row, Proof::unix_peer));
  EXPECT_FALSE(check_proof(row, Proof::header));
}

}  // namespace sluice
