// SPDX-License-Identifier: Apache-2.0
#include "ingest/aws.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "ingest/resolve.h"

namespace sluice::ingest {

// AWS's published example: GET /?max-keys=2&prefix=J (S3 API, "Signature Calculations for the
// Authorization Header").
TEST(AwsClient, SignsAsTheExampleOfAws) {
  const AwsEnvironment environment{
      .access_key_id = "AKIAIOSFODNN7EXAMPLE",
      .session_token = "",
      .region = "us-east-1",
      .ca_file = "",
      .s3_endpoint = "",
      .dynamodb_endpoint = "",
      .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")};
  const std::string empty = hex(sha256(""));
  const AwsClient::Call call{"GET", "/", "prefix=J&max-keys=2", "", {}};
  const std::string header = authorization(environment, signing_key(environment, "s3", "20130524"),
                                           "s3", "20130524T000000Z", call,
                                           {{"host", "examplebucket.s3.amazonaws.com"},
                                            {"x-amz-content-sha256", empty},
                                            {"x-amz-date", "20130524T000000Z"}},
                                           empty);
  EXPECT_EQ(header.substr(header.rfind('=') + 1),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(AwsClient, FindsTheCodeOfAnError) {
  EXPECT_EQ(
      error_code(
          {400,
           {},
           R"({"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"m"})"}),
      "ValidationException");
  EXPECT_EQ(error_code({404, {}, "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>"}),
            "NoSuchKey");
  EXPECT_EQ(error_code({502, {}, "</Code><Code>"}), "");
}

TEST(Url, KnowsSchemeHostAndPort) {
  EXPECT_EQ(parse_url("https://s3.eu-central-1.amazonaws.com")->authority(),
            "s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(parse_url("https://127.0.0.1:4566/")->authority(), "127.0.0.1:4566");
  EXPECT_FALSE(parse_url("127.0.0.1:9001")->tls);
  for (const char* wrong : {"https://", "https://h:0", "https://h:65536", "https://h:x"})
    EXPECT_FALSE(parse_url(wrong)) << wrong;
}

namespace {
std::string answer(const std::string& records, uint16_t id = 7, int count = 1) {
  std::string head{static_cast<char>(id >> 8),
                   static_cast<char>(id),
                   '\x81',
                   '\x80',
                   0,
                   1,
                   0,
                   static_cast<char>(count),
                   0,
                   0,
                   0,
                   0};
  return head + std::string("\4host\7example\0\0\1\0\1", 18) + records;
}
}  // namespace

TEST(Resolve, ReadsTheAddressBehindAnAlias) {
  const std::string alias("\xC0\x0C\0\5\0\1\0\0\0\x3C\0\2\xC0\x0C", 14),
      address("\xC0\x0C\0\1\0\1\0\0\0\x3C\0\4\xC0\0\2\1", 16);
  const auto found = dns_answer(7, answer(alias + address, 7, 2));
  ASSERT_TRUE(found);
  EXPECT_EQ(ntohl(found->s_addr), 0xC0000201u);
}

// A name server is a stranger too.
TEST(Resolve, RefusesAnswersThatAreNotOurs) {
  const std::string address("\xC0\x0C\0\1\0\1\0\0\0\x3C\0\4\xC0\0\2\1", 16);
  EXPECT_FALSE(dns_answer(8, answer(address)));
  EXPECT_EQ(dns_answer(7, answer("", 7, 0)).error().status, 404);
  const std::string whole = answer(address);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(dns_answer(7, whole.substr(0, size))) << size;
  EXPECT_EQ(dns_query(7, "host..example"), "");
  EXPECT_EQ(dns_query(7, std::string(64, 'x') + ".example"), "");
}

}  // namespace sluice::ingest
