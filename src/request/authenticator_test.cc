// SPDX-License-Identifier: Apache-2.0
#include "request/authenticator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "request/serve.h"
#include "store/store_fixture.h"

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

// Who is let in as another user proves another thing than the owner: no row of the owner takes it.
TEST(Authenticator, AUserWhomTheOwnerLetsInIsNotTheOwner) {
  static constexpr Service kService{
      "operator", "sts.amazonaws.com", Protocol::rest_json, "", "", {}, ""};
  static constexpr Proof kOwners[] = {Proof::unix_peer}, kUsers[] = {Proof::local_user};
  const Authenticators all = all_authenticators();
  Ports ports;
  Request request;
  request.unix_uid = static_cast<int64_t>(geteuid()) + 1;
  ports.local_users = {{request.unix_uid, "reporter"}};
  NoBody body;
  const auto evidence = open_evidence(all, request, body, kService, ports);
  ASSERT_TRUE(evidence);
  EXPECT_EQ((*evidence)->proof(), Proof::local_user);
  Row row{};
  row.proofs = kOwners;
  EXPECT_FALSE(check_proof(row, (*evidence)->proof()));
  row.proofs = kUsers;
  EXPECT_TRUE(check_proof(row, (*evidence)->proof()));
  EXPECT_FALSE(check_proof(row, Proof::unix_peer));
}

// The path asks the row, whoever has proven himself: with a proof that the row does not take the
// operation does not run.
TEST_F(StoreTest, ThePathRunsNothingForAProofThatTheRowDoesNotTake) {
  static int runs = 0;
  static constexpr Proof kSocket[] = {Proof::unix_peer};
  const auto perform = [](const Request&, const Caller&, const Ports&, Staged&, AuditFacts&,
                          std::shared_ptr<void>&) -> Result<Response> {
    ++runs;
    return Response{};
  };
  Row row{};
  row.name = "Probe";
  row.match = {"POST", "/probe", "", ""};
  row.perform = perform;
  Ports ports;
  ports.store = &open();
  const auto ask = [&] {
    const Service service{"operator", "sts.amazonaws.com", Protocol::rest_json, "", "", {&row, 1},
                          ""};
    ports.operator_service = &service;
    Path path(ports);
    Request request;
    request.method = "POST";
    request.target = "/probe";
    request.source_ip = "unix";
    request.unix_uid = static_cast<int64_t>(geteuid());
    NoBody body;
    return path.serve(std::move(request), body).status;
  };
  EXPECT_EQ(ask(), 403);
  EXPECT_EQ(runs, 0);
  row.proofs = kSocket;
  EXPECT_EQ(ask(), 200);
  EXPECT_EQ(runs, 1);
}

TEST(Authenticator, WhoWasRefusedAtTheSocketIsNamedInTheRecord) {
  static constexpr Service kService{
      "operator", "sts.amazonaws.com", Protocol::rest_json, "", "", {}, ""};
  Request request;
  request.unix_uid = 7;
  const auto record = parse_json_object(stranger_record(
      request, kService, nullptr, {403, "AccessDenied", "", {}}, {"000000000000", "us-east-1"}));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->at("userIdentity").at("principalId"), "unix-uid:7");
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
