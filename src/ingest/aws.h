// SPDX-License-Identifier: Apache-2.0
#pragma once
// The function's AWS client: the environment's credentials, Signature Version 4, S3 and DynamoDB.
#include <memory>
#include <optional>
#include <vector>

#include "base/secret.h"
#include "ingest/tls.h"

namespace sluice::ingest {

struct AwsEnvironment {
  std::string access_key_id, session_token, region, ca_file,
      endpoint;  // endpoint "": AWS's regional ones
  Secret secret_access_key;
  static Result<AwsEnvironment>
  from_process();  // AWS_* variables. Error names the one that is missing
};

// One connection to one service. Not for two threads at once.
class AwsClient {
 public:
  AwsClient(const AwsEnvironment& environment, std::string service);  // "s3", "dynamodb"
  struct Call {
    std::string method = "POST", path = "/", query, body;
    std::vector<std::pair<std::string, std::string>> headers;
  };  // path and query percent-encoded; header names lower case
  Result<HttpReply> send(const Call& call,
                         const std::function<Result<Done>(std::string_view)>* stream = nullptr);

 private:
  const AwsEnvironment& environment_;
  const std::string service_;
  std::optional<HttpClient> http_;
  std::string key_day_;  // of signing_key_
  Secret signing_key_;
};

constexpr size_t kWriters = 8;
// The function's connections: they outlive an invocation, so that a warm one begins without
// handshakes. One invocation at a time uses them.
struct Connections {
  explicit Connections(const AwsEnvironment& environment);
  AwsClient objects, quarantine;
  std::vector<std::unique_ptr<AwsClient>> tables;  // kWriters
};

// The Authorization header's value. `headers` are all signed: lower-case names, sorted, with host.
std::string authorization(const AwsEnvironment& environment, const Secret& signing_key,
                          std::string_view service, std::string_view date,
                          const AwsClient::Call& call,
                          const std::vector<std::pair<std::string, std::string>>& headers,
                          std::string_view payload_hash);
Secret signing_key(const AwsEnvironment& environment, std::string_view service,
                   std::string_view day);  // day: YYYYMMDD
// AWS's code out of an error reply, whatever its protocol; "" when there is none.
std::string error_code(const HttpReply& reply);

}  // namespace sluice::ingest
