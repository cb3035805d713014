// SPDX-License-Identifier: Apache-2.0
#pragma once
// The AWS client of the ingest function: credentials from the environment, Signature Version 4, and
// connections to S3 and DynamoDB.
//
//   TRY(const AwsEnvironment environment, AwsEnvironment::from_process());
//   AwsClient objects(environment, "s3");
//   TRY(const HttpReply reply, objects.send({.method = "GET", .path = "/bucket/key"}));
#include <memory>
#include <optional>
#include <vector>

#include "base/secret.h"
#include "ingest/tls.h"

namespace sluice::ingest {

struct AwsEnvironment {
  std::string access_key_id, session_token, region, ca_file;
  // Where the services are: AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_DYNAMODB, else
  // AWS_ENDPOINT_URL, else "", which means AWS's own endpoints of the Region. Source: AWS SDKs and
  // Tools Reference Guide, "Service-specific endpoints".
  std::string s3_endpoint, dynamodb_endpoint;
  Secret secret_access_key;
  // Reads the variables AWS_*. The error names the one that is missing.
  static Result<AwsEnvironment> from_process();
  const std::string& endpoint(std::string_view service) const {
    return service == "s3" ? s3_endpoint : dynamodb_endpoint;
  }
};

// One connection to one service. Two threads must not use it at the same time.
class AwsClient {
 public:
  AwsClient(const AwsEnvironment& environment, std::string service);  // "s3", "dynamodb"
  // Path and query are percent-encoded; the names of headers are in lower case.
  struct Call {
    std::string method = "POST", path = "/", query, body;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  Result<HttpReply> send(const Call& call,
                         const std::function<Result<Done>(std::string_view)>* stream = nullptr);

 private:
  const AwsEnvironment& environment_;
  const std::string service_;
  std::optional<HttpClient> http_;
  std::string key_day_;  // the day of signing_key_
  Secret signing_key_;
};

constexpr size_t kWriters = 8;
// The connections of the function. They outlive an invocation, so that the next one begins without
// handshakes. Only one invocation uses them at a time.
struct Connections {
  explicit Connections(const AwsEnvironment& environment);
  AwsClient objects, quarantine;
  std::vector<std::unique_ptr<AwsClient>> tables;  // kWriters of them
};

// The value of the header Authorization. It signs all of `headers`, which are sorted by their
// lower-case names and contain host.
std::string authorization(const AwsEnvironment& environment, const Secret& signing_key,
                          std::string_view service, std::string_view date,
                          const AwsClient::Call& call,
                          const std::vector<std::pair<std::string, std::string>>& headers,
                          std::string_view payload_hash);
// `day` is YYYYMMDD.
Secret signing_key(const AwsEnvironment& environment, std::string_view service,
                   std::string_view day);
// The code of AWS in an error reply of any protocol; "" when there is none.
std::string error_code(const HttpReply& reply);

}  // namespace sluice::ingest
