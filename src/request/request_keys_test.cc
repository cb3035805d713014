// SPDX-License-Identifier: Apache-2.0
#include "request/request_keys.h"

#include <gtest/gtest.h>

#include "request/ports.h"

namespace sluice {
namespace {
const Scope kScope{"111122223333", "eu-west-1"};

Session session() {
  Session made;
  made.role_arn = "arn:aws:iam::111122223333:role/pump";
  made.role_id = "AROA1";
  made.role_name = "pump";
  made.session_name = "seven";
  made.marks.tags = {{"Team", "of the session"}};
  return made;
}
Request request() {
  Request made;
  made.time = 1'700'000'000'000;
  made.source_ip = "192.0.2.7";
  made.tls_version = "TLSv1.3";
  made.headers.add("user-agent", "aws-cli/2");
  return made;
}
using Values = std::vector<std::string>;
Values of(const policy::Keys& keys, std::string_view key) {
  const auto found = keys.values(key);
  return found ? Values(found->begin(), found->end()) : Values{"absent"};
}

TEST(RequestKeys, SayWhatIsKnownOfTheRequest) {
  const Request asked = request();
  const Caller caller = Gate::role_caller(session(), kScope);
  const RequestKeys keys(asked, caller, kScope, nullptr);
  for (int time = 0; time < 2; ++time) {  // worked out, and then kept
    EXPECT_EQ(of(keys, "aws:currenttime"), Values{"2023-11-14T22:13:20Z"});
    EXPECT_EQ(of(keys, "aws:epochtime"), Values{"1700000000"});
    EXPECT_EQ(of(keys, "aws:securetransport"), Values{"true"});
    EXPECT_EQ(of(keys, "aws:sourceip"), Values{"192.0.2.7"});
    EXPECT_EQ(of(keys, "aws:referer"), Values{"absent"});
    EXPECT_EQ(of(keys, "aws:viaawsservice"), Values{"false"});
    EXPECT_EQ(of(keys, "s3:tlsversion"), Values{"1.3"});
    EXPECT_EQ(of(keys, "s3:signatureage"), Values{"absent"});
    EXPECT_EQ(of(keys, "aws:principalarn"), Values{"arn:aws:iam::111122223333:role/pump"});
    EXPECT_EQ(of(keys, "aws:nothing"), Values{"absent"});
  }
}
TEST(RequestKeys, SayOfAServicesCallThatItComesFromNoAddress) {
  const Request asked = request();
  const Caller through =
      Gate::through(Gate::role_caller(session(), kScope), "cloudformation.amazonaws.com");
  const RequestKeys of_a_caller(asked, through, kScope, nullptr);
  EXPECT_EQ(of(of_a_caller, "aws:sourceip"), Values{"absent"});
  EXPECT_EQ(of(of_a_caller, "aws:viaawsservice"), Values{"true"});
  const Caller service = Gate::service_caller("s3.amazonaws.com", kScope, "arn:aws:s3:::b");
  const RequestKeys of_itself(asked, service, kScope, nullptr);
  EXPECT_EQ(of(of_itself, "aws:sourceip"), Values{"absent"});
  EXPECT_EQ(of(of_itself, "aws:sourcearn"), Values{"arn:aws:s3:::b"});
}
TEST(RequestKeys, TakeNoAddressFromWhatIsNone) {
  Request asked = request();
  asked.source_ip = "lambda.amazonaws.com";
  const Caller caller = Gate::role_caller(session(), kScope);
  EXPECT_EQ(of(RequestKeys(asked, caller, kScope, nullptr), "aws:sourceip"), Values{"absent"});
}
TEST(RequestKeys, TakeATagOfTheSessionBeforeThatOfTheRole) {
  const Request asked = request();
  const Caller caller = Gate::role_caller(session(), kScope);
  const RequestKeys::Tags tags{{"TEAM", "of the role"}, {"Floor", "three"}};
  const RequestKeys keys(asked, caller, kScope, &tags);
  EXPECT_EQ(of(keys, "aws:principaltag/team"), Values{"of the session"});
  EXPECT_EQ(of(keys, "aws:principaltag/floor"), Values{"three"});
  EXPECT_EQ(of(keys, "aws:principaltag/"), Values{"absent"});
  EXPECT_EQ(of(RequestKeys(asked, caller, kScope, nullptr), "aws:principaltag/floor"),
            Values{"absent"});
}
TEST(RequestKeys, ComeAfterTheKeysOfTheNeed) {
  const Request asked = request();
  const Caller caller = Gate::role_caller(session(), kScope);
  const RequestKeys of_request(asked, caller, kScope, nullptr);
  const policy::Context own{{"aws:viaawsservice", {"true"}}, {"aws:referer", {}}};
  const NeedKeys keys(own, of_request);
  EXPECT_EQ(of(keys, "aws:viaawsservice"), Values{"true"});
  EXPECT_EQ(of(keys, "aws:referer"), Values{});
  EXPECT_EQ(of(keys, "aws:securetransport"), Values{"true"});
}

}  // namespace
}  // namespace sluice
