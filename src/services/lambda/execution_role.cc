// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/execution_role.h"

#include "base/xml.h"

namespace sluice::lambda {
namespace {
constexpr std::string_view kLambda = "lambda.amazonaws.com";

void mark_internal(Request& request) {
  request.time = now();
  request.source_ip = kLambda;
  request.tls_version = "TLSv1.3";
  request.headers.add("user-agent", std::string(kLambda));
}
}  // namespace

Result<Session> assume_execution_role(const Ports& ports, const Function& function,
                                      int64_t duration_s) {
  const Scope& scope = ports.store->scope();
  Request request;
  mark_internal(request);
  request.headers.add("host", "sts." + scope.region + ".amazonaws.com");
  request.query = {
      {"Action", "AssumeRole"},
      {"Version", "2011-06-15"},
      {"RoleArn", function.role},
      {"RoleSessionName", function.name.size() < 2 ? function.name + "-" : function.name},
      {"DurationSeconds", std::to_string(duration_s)}};
  const Response answer = ports.dispatcher->call(
      "sts", "AssumeRole", std::move(request),
      Gate::service_caller(kLambda, scope, function_arn(scope, function.name)));
  pugi::xml_document document;
  document.load_buffer(answer.body.data(), answer.body.size());
  const std::string token = document.select_node("//SessionToken").node().child_value();
  if (answer.status != 200 || token.empty())
    return invalid("The role defined for the function cannot be assumed by Lambda.");
  return ports.sessions->open(token);
}

Response call_as(const Ports& ports, const Session& session, std::string_view api,
                 std::string_view operation, Request request) {
  mark_internal(request);
  return ports.dispatcher->call(api, operation, std::move(request),
                                Gate::role_caller(session, ports.store->scope()));
}

Result<Done> put_failed(const Ports& ports, const Session& session, const std::string& bucket_arn,
                        const std::string& key, const json::object& record) {
  Request put;
  put.method = "PUT";
  put.target = "/" + bucket_arn.substr(std::string_view("arn:aws:s3:::").size()) + "/" + key;
  put.headers.add("content-type", "application/json");
  put.body = json::serialize(record);
  const Response answer = call_as(ports, session, "s3", "PutObject", std::move(put));
  if (answer.status == 200) return Done{};
  return Error{answer.status, "DestinationFailed", answer.body, {}};
}

Result<std::string> on_failure_of(const json::object& destinations) {
  TRY(const json::object* failure, Fields(destinations).object("OnFailure"));
  TRY(const json::object* success, Fields(destinations).object("OnSuccess"));
  if (success && !success->empty())
    return invalid("OnSuccess destinations are not implemented by Sluice yet.");
  if (!failure) return std::string();
  TRY(const auto given, Fields(*failure).text("Destination"));
  const std::string arn = given.value_or("");
  constexpr std::string_view kBucket = "arn:aws:s3:::";
  constexpr const char* kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
  if (!arn.empty() && (!arn.starts_with(kBucket) || arn.size() == kBucket.size() ||
                       arn.find_first_not_of(kLetters, kBucket.size()) != std::string::npos))
    return invalid(
        "Sluice delivers failed events to an S3 bucket: the OnFailure destination must be "
        "arn:aws:s3:::BUCKET; SQS, SNS, EventBridge and Lambda are not implemented yet.");
  return arn;
}

}  // namespace sluice::lambda
