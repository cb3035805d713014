// SPDX-License-Identifier: Apache-2.0
#include "ingest/aws.h"

#include <algorithm>
#include <cstdlib>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "crypto/crypto.h"

namespace sluice::ingest {
namespace {
std::string variable(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}
std::string endpoint_of(const char* own_name) {
  const std::string own = variable(own_name);
  return own.empty() ? variable("AWS_ENDPOINT_URL") : own;
}
}  // namespace

Result<AwsEnvironment> AwsEnvironment::from_process() {
  AwsEnvironment e{.access_key_id = variable("AWS_ACCESS_KEY_ID"),
                   .session_token = variable("AWS_SESSION_TOKEN"),
                   .region = variable("AWS_REGION"),
                   .ca_file = variable("AWS_CA_BUNDLE"),
                   .s3_endpoint = endpoint_of("AWS_ENDPOINT_URL_S3"),
                   .dynamodb_endpoint = endpoint_of("AWS_ENDPOINT_URL_DYNAMODB"),
                   .secret_access_key = Secret(variable("AWS_SECRET_ACCESS_KEY"))};
  if (e.access_key_id.empty() || e.secret_access_key.empty())
    return Error{
        500, "NoCredentials", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set", {}};
  if (e.region.empty()) return Error{500, "NoRegion", "AWS_REGION must be set", {}};
  return e;
}

AwsClient::AwsClient(const AwsEnvironment& environment, std::string service)
    : environment_(environment), service_(std::move(service)) {}

Result<HttpReply> AwsClient::send(const Call& call,
                                  const std::function<Result<Done>(std::string_view)>* stream) {
  if (!http_) {
    const std::string& endpoint = environment_.endpoint(service_);
    TRY(Url url, parse_url(endpoint.empty() ? "https://" + service_ + "." + environment_.region +
                                                  ".amazonaws.com"
                                            : endpoint));
    http_.emplace(std::move(url), environment_.ca_file);
  }
  const std::string date = basic_date(now()), hash = hex(sha256(call.body));
  std::vector<std::pair<std::string, std::string>> headers = call.headers;
  headers.emplace_back("host", http_->url().authority());
  headers.emplace_back("x-amz-date", date);
  if (service_ == "s3") headers.emplace_back("x-amz-content-sha256", hash);
  if (!environment_.session_token.empty())
    headers.emplace_back("x-amz-security-token", environment_.session_token);
  std::sort(headers.begin(), headers.end());
  if (const std::string day = date.substr(0, 8); day != key_day_) {
    signing_key_ = signing_key(environment_, service_, day);
    key_day_ = day;
  }
  std::string head = call.method + " " + call.path + (call.query.empty() ? "" : "?" + call.query) +
                     " HTTP/1.1\r\n";
  for (const auto& [name, value] : headers)
    if (name != "host") head += name + ": " + value + "\r\n";
  head += "user-agent: sluice-ingest\r\nauthorization: " +
          authorization(environment_, signing_key_, service_, date, call, headers, hash) + "\r\n";
  return http_->send(head, call.body, stream);
}

Connections::Connections(const AwsEnvironment& environment)
    : objects(environment, "s3"), quarantine(environment, "s3") {
  for (size_t i = 0; i < kWriters; ++i)
    tables.push_back(std::make_unique<AwsClient>(environment, "dynamodb"));
}

Secret signing_key(const AwsEnvironment& environment, std::string_view service,
                   std::string_view day) {
  Secret key(hmac_sha256("AWS4" + std::string(environment.secret_access_key.expose()), day));
  for (const std::string_view part :
       {std::string_view(environment.region), service, std::string_view("aws4_request")})
    key = Secret(hmac_sha256(key.expose(), part));
  return key;
}

std::string authorization(const AwsEnvironment& environment, const Secret& signing_key,
                          std::string_view service, std::string_view date,
                          const AwsClient::Call& call,
                          const std::vector<std::pair<std::string, std::string>>& headers,
                          std::string_view payload_hash) {
  const std::string day(date.substr(0, 8)),
      scope = day + "/" + environment.region + "/" + std::string(service) + "/aws4_request";
  std::string names, canonical_headers, query;
  for (const auto& [name, value] : headers) {
    names += (names.empty() ? "" : ";") + name;
    canonical_headers += name + ":" + value + "\n";
  }
  std::vector<std::string_view> parts = split(call.query, '&');
  std::sort(parts.begin(), parts.end());
  for (const auto part : parts)
    if (!part.empty())
      query +=
          (query.empty() ? "" : "&") + std::string(part) + (part.find('=') == part.npos ? "=" : "");
  const std::string canonical = call.method + "\n" + call.path + "\n" + query + "\n" +
                                canonical_headers + "\n" + names + "\n" + std::string(payload_hash);
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + std::string(date) + "\n" + scope + "\n" + hex(sha256(canonical));
  return "AWS4-HMAC-SHA256 Credential=" + environment.access_key_id + "/" + scope +
         ", SignedHeaders=" + names +
         ", Signature=" + hex(hmac_sha256(signing_key.expose(), to_sign));
}

std::string error_code(const HttpReply& reply) {
  if (const auto parsed = parse_json_object(reply.body); parsed && !reply.body.empty()) {
    const std::string type = text_of(*parsed, "__type");
    return type.substr(type.find('#') == std::string::npos ? 0 : type.find('#') + 1);
  }
  const size_t start = reply.body.find("<Code>"), end = reply.body.find("</Code>");
  return start == std::string::npos || end < start ? ""
                                                   : reply.body.substr(start + 6, end - start - 6);
}

}  // namespace sluice::ingest
