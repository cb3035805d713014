// SPDX-License-Identifier: Apache-2.0
#include "request/audit.h"

#include <gtest/gtest.h>

#include <regex>

namespace sluice {
namespace {
const Scope kScope{"111122223333", "eu-west-1"};
constexpr Service kS3{"s3", "s3.amazonaws.com", Protocol::rest_xml, "", "", {}, ""};
constexpr Service kDynamo{
    "dynamodb", "dynamodb.amazonaws.com", Protocol::json10, "DynamoDB_20120810", "", {}, ""};

Session session() {
  Session made;
  made.access_key_id = "ASIA1";
  made.role_arn = "arn:aws:iam::111122223333:role/pump";
  made.role_id = "AROA1";
  made.role_name = "pump";
  made.session_name = "seven";
  return made;
}
Request request() {
  Request made;
  made.id = "REQUEST1";
  made.time = 1'700'000'000'000;
  made.source_ip = "192.0.2.7";
  made.tls_version = "TLSv1.3";
  made.tls_cipher = "TLS_AES_256_GCM_SHA384";
  made.headers.add("host", "sluice:4566");
  made.headers.add("user-agent", "aws-cli/2");
  return made;
}
// With the one member that nobody can foresee taken out; it is as Boost.JSON would write it.
std::string shown(const std::string& record) {
  const auto read = parse_json_object(record);
  EXPECT_TRUE(read) << record;
  if (read) {
    EXPECT_EQ(json::serialize(*read), record);
  }
  return std::regex_replace(record, std::regex(R"("eventID":"[0-9a-f-]{36}",)"), "");
}
constexpr std::string_view kIdentity =
    R"({"type":"AssumedRole","principalId":"AROA1:seven",)"
    R"("arn":"arn:aws:sts::111122223333:assumed-role/pump/seven","accountId":"111122223333",)"
    R"("accessKeyId":"ASIA1","sessionContext":{"sessionIssuer":{"type":"Role",)"
    R"("principalId":"AROA1","arn":"arn:aws:iam::111122223333:role/pump",)"
    R"("accountId":"111122223333","userName":"pump"},"attributes":)"
    R"({"creationDate":"1970-01-01T00:00:00Z","mfaAuthenticated":"false"}}})";

TEST(AuditRecord, WhatIsHiddenIsHiddenInBothCases) {
  json::object sent =
      camel_case(*parse_json(R"({"Plaintext":"a","plaintext":"b","KeyId":"k"})")).as_object();
  hide_member(sent, "plaintext");
  EXPECT_EQ(json::serialize(sent), R"({"keyId":"k"})");
}
// These are the bytes that records had when they were made as trees.
TEST(AuditRecord, OfAPutObject) {
  Request put = request();
  put.headers.add("content-length", "1024");
  put.headers.add("x-amz-server-side-encryption", "aws:kms");
  put.query.emplace_back("versionId", "v1");
  Row row{};
  row.name = "PutObject";
  row.writes = row.data_event = row.streams = true;
  const Caller caller = Gate::role_caller(session(), kScope);
  AuditFacts facts;
  facts.request_parameters = json::object{
      {"bucketName", "in"}, {"key", "a \"b\"\n\xff"}, {"x-amz-server-side-encryption", "aws:kms"}};
  facts.resources = {{"AWS::S3::Object", "arn:aws:s3:::in/a"},
                     {"AWS::S3::Object", "arn:aws:s3:::in/a"},
                     {"AWS::S3::Object", "arn:aws:s3:::out/a"}};
  const policy::Attached policy{
      policy::Kind::identity, "all",
      *policy::parse(R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},)"
                     R"({"Effect":"Deny","Action":"*","Resource":"*","Sid":"NotThese"}]})",
                     policy::Kind::identity)};
  facts.determining.assign(kDeterminingStatementsMax + 1, {{&policy, nullptr, 0}, nullptr});
  facts.determining[1].statement.index = 1;
  Response answer;
  answer.headers.add("x-amz-version-id", "v2");
  answer.headers.add("x-amz-server-side-encryption", "aws:kms");
  std::string statements = R"({"policyType":"identity","policy":"all","index":0},)"
                           R"({"effect":"Deny","policyType":"identity","policy":"all",)"
                           R"("sid":"NotThese"})";
  for (size_t n = 2; n < kDeterminingStatementsMax; ++n)
    statements += R"(,{"policyType":"identity","policy":"all","index":0})";
  EXPECT_EQ(
      shown(audit_record({put, kS3, &row, &caller, facts, nullptr, &answer}, kScope)),
      R"({"eventVersion":"1.11","userIdentity":)" + std::string(kIdentity) +
          R"(,"eventTime":"2023-11-14T22:13:20Z","eventSource":"s3.amazonaws.com",)"
          R"("eventName":"PutObject","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.7",)"
          R"("userAgent":"[aws-cli/2]","requestParameters":{"bucketName":"in",)"
          R"("key":"a%20%22b%22%0A%FF","x-amz-server-side-encryption":"aws:kms",)"
          R"("Host":"sluice:4566","versionId":"v1"},"responseElements":)"
          R"({"x-amz-server-side-encryption":"aws:kms","x-amz-version-id":"v2"},)"
          R"("requestID":"REQUEST1","readOnly":false,"resources":[)"
          R"({"type":"AWS::S3::Object","ARN":"arn:aws:s3:::in/a"},)"
          R"({"type":"AWS::S3::Object","ARN":"arn:aws:s3:::out/a"},)"
          R"({"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::in"},)"
          R"({"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::out"}],)"
          R"("eventType":"AwsApiCall","managementEvent":false,)"
          R"("recipientAccountId":"111122223333","eventCategory":"Data",)"
          R"("additionalEventData":{"SignatureVersion":"SigV4","bytesTransferredIn":1024,)"
          R"("AuthenticationMethod":"AuthHeader",)"
          R"("x-amz-id-2":"zWmhdqqGEywEspbPND+HgMmfSWN/ZTaTtDMfxNaPYmg=",)"
          R"("bytesTransferredOut":0,"CipherSuite":"TLS_AES_256_GCM_SHA384",)"
          R"("SSEApplied":"SSE_KMS","determiningStatements":[)" +
          statements +
          R"(],"moreDeterminingStatements":true},"tlsDetails":{"tlsVersion":"TLSv1.3",)"
          R"("cipherSuite":"TLS_AES_256_GCM_SHA384","clientProvidedHostHeader":"sluice:4566"}})");
}

TEST(AuditRecord, OfARefusedGetItemThatAServiceAsksFor) {
  Row row{};
  row.name = "GetItem";
  row.read_only = row.data_event = true;
  const Caller caller =
      Gate::through(Gate::role_caller(session(), kScope), "cloudformation.amazonaws.com");
  AuditFacts facts;
  facts.request_parameters = json::object{{"tableName", "t"}, {"key", json::object{{"k", "1"}}}};
  facts.response_elements = json::object{{"never", "shown"}};
  facts.resources = {{"AWS::DynamoDB::Table", "arn:t"}};
  const Error error{400, "AccessDeniedException", std::string(2000, 'x'), {}};
  const std::string identity(kIdentity.substr(0, kIdentity.size() - 1));
  EXPECT_EQ(shown(audit_record({request(), kDynamo, &row, &caller, facts, &error}, kScope)),
            R"({"eventVersion":"1.11","userIdentity":)" + identity +
                R"(,"invokedBy":"cloudformation.amazonaws.com"},)"
                R"("eventTime":"2023-11-14T22:13:20Z","eventSource":"dynamodb.amazonaws.com",)"
                R"("eventName":"GetItem","awsRegion":"eu-west-1",)"
                R"("sourceIPAddress":"cloudformation.amazonaws.com",)"
                R"("userAgent":"cloudformation.amazonaws.com","errorCode":"AccessDenied",)"
                R"("errorMessage":")" +
                std::string(1024, 'x') +
                R"(","requestParameters":{"tableName":"t","key":{"k":"1"}},)"
                R"("responseElements":null,"requestID":"REQUEST1","readOnly":true,)"
                R"("resources":[{"type":"AWS::DynamoDB::Table","ARN":"arn:t",)"
                R"("accountId":"111122223333"}],"eventType":"AwsApiCall",)"
                R"("managementEvent":false,"recipientAccountId":"111122223333",)"
                R"("eventCategory":"Data","apiVersion":"2012-08-10","tlsDetails":)"
                R"({"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_256_GCM_SHA384",)"
                R"("clientProvidedHostHeader":"sluice:4566"}})");
}

// A field at the limit is shown; one byte more, and the record says that it was left out.
TEST(AuditRecord, LeavesOutWhatIsTooLarge) {
  AuditFacts facts;
  const size_t frame = std::string(R"({"a":""})").size();
  const auto parameters = [&](size_t bytes) {
    facts.request_parameters = json::object{{"a", std::string(bytes - frame, 'x')}};
    const auto read = parse_json_object(
        audit_record({request(), kDynamo, nullptr, nullptr, facts, nullptr}, kScope));
    return read->at("requestParameters");
  };
  EXPECT_EQ(json::serialize(parameters(kAuditMemberBytesMax)).size(), kAuditMemberBytesMax);
  EXPECT_EQ(json::serialize(parameters(kAuditMemberBytesMax + 1)),
            R"({"omitted":true,"originalSize":)" + std::to_string(kAuditMemberBytesMax + 1) +
                R"(,"reason":"requestParameters too large"})");
}
}  // namespace
}  // namespace sluice
