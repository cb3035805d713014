// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "ingest/ingest.h"

namespace sluice::ingest {
namespace {
constexpr const char* kBase = "/2018-06-01/runtime/";
std::string error_body(const Error& error) {
  return json::serialize(json::object{
      {"errorType", error.code}, {"errorMessage", error.message}, {"stackTrace", json::array{}}});
}
std::string head(const std::string& method, const std::string& path) {
  return method + " " + kBase + path + " HTTP/1.1\r\n";
}
std::string error_head(const std::string& path, const Error& error) {
  return head("POST", path) + "lambda-runtime-function-error-type: " + error.code + "\r\n";
}
}  // namespace

Error run_loop(const std::string& api, const AwsEnvironment& environment,
               const Settings& settings) {
  TRY(Url url, parse_url("http://" + api));
  HttpClient runtime(std::move(url), "", 0);
  Connections connections(environment);
  for (;;) {
    TRY(const HttpReply next, runtime.send(head("GET", "invocation/next"), ""));
    if (next.status != 200)
      return Error{
          next.status, "RuntimeApi", "the Runtime API answered " + std::to_string(next.status), {}};
    const Invocation invocation{next.header("lambda-runtime-aws-request-id"),
                                parse_int(next.header("lambda-runtime-deadline-ms")).value_or(0)};
    const std::string path = "invocation/" + invocation.request_id;
    const auto event = parse_json(next.body);
    auto outcome = event ? ingest_event(*event, invocation, connections, settings)
                         : Result<json::object>(event.error());
    TRY(const HttpReply told, outcome ? runtime.send(head("POST", path + "/response") +
                                                         "content-type: application/json\r\n",
                                                     json::serialize(*outcome))
                                      : runtime.send(error_head(path + "/error", outcome.error()),
                                                     error_body(outcome.error())));
    if (told.status >= 500)
      return Error{
          told.status, "RuntimeApi", "the Runtime API answered " + std::to_string(told.status), {}};
  }
}

void report_init_error(const std::string& api, const Error& error) {
  auto url = parse_url("http://" + api);
  if (!url) return;
  HttpClient runtime(*std::move(url), "", 0);
  if (auto told = runtime.send(error_head("init/error", error), error_body(error)); !told)
    fprintf(stderr, "the Runtime API cannot be told: %s\n", told.error().message.c_str());
}

}  // namespace sluice::ingest
