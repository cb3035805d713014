// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "base/random.h"
#include "request/async_event.h"
#include "services/lambda/account.h"
#include "services/lambda/aliases.h"
#include "services/lambda/code.h"
#include "services/lambda/configurations.h"
#include "services/lambda/event_sources.h"
#include "services/lambda/functions.h"
#include "services/lambda/layer_versions.h"
#include "services/lambda/runner.h"
#include "services/lambda/tags.h"
#include "services/lambda/versions.h"

namespace sluice::lambda {
namespace {

// Invoke:
//   https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
// A request has a JSON payload of at most 6 MB (for Event 1 MB), X-Amz-Invocation-Type
// (RequestResponse, Event or DryRun) and X-Amz-Log-Type (None or Tail). It needs
// lambda:InvokeFunction on the function. Errors: ResourceNotFoundException,
// InvalidRequestContentException, RequestTooLargeException, TooManyRequestsException. It differs
struct Invoke {
  static constexpr std::string_view name = "Invoke", action = "lambda:InvokeFunction";
  static constexpr Match match{"POST", "/2015-03-31/functions/{FunctionName}/invocations", "", ""};
  static constexpr bool data_event = true;
  struct In : FunctionName {
    std::string type, payload, event_id, client_context;
    bool tail = false;
  };
  // What has run. It ran once, also where its commit has to be tried again.
  struct Body {
    std::shared_ptr<const FunctionRunner::Outcome> outcome;  // nullptr: nothing was to run now
  };
  struct Out {
    int status = 200;
    std::shared_ptr<const FunctionRunner::Outcome> outcome;  // nullptr: see status
    bool tail = false;
    std::string version;  // that has run, or would run
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    CHECK(check_place(in, s.scope()));
    return std::vector<Need>{function_need(action, in, s)};
  }
  static Result<Body> receive(const Authorized<In>& in, Staged&);
  static Result<Out> run(const Authorized<In>& in, Body& body, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const In& in, const Snapshot& s) {
    return json::object{{"functionName", function_arn(s.scope(), in.qualified())},
                        {"invocationType", in.type}};
  }
};

Result<Invoke::In> Invoke::parse(const Request& request) {
  In in;
  TRY(static_cast<FunctionName&>(in), function_name_of(request));
  in.type = request.headers.get("x-amz-invocation-type");
  if (in.type.empty()) in.type = "RequestResponse";
  if (in.type != "RequestResponse" && in.type != "Event" && in.type != "DryRun")
    return invalid("InvocationType must be RequestResponse, Event or DryRun.");
  const std::string log_type = request.headers.get("x-amz-log-type");
  if (!log_type.empty() && log_type != "None" && log_type != "Tail")
    return invalid("LogType must be None or Tail.");
  if (const std::string* given = request.headers.find("x-amz-client-context")) {
    const auto text = given->size() <= kClientContextBytesMax ? unbase64(*given) : std::nullopt;
    const auto parsed = text ? parse_json_object(*text) : Result<json::object>(Error{});
    if (!parsed)
      return invalid("ClientContext must be a JSON object in base64 of at most " +
                     std::to_string(kClientContextBytesMax) + " characters.");
    in.client_context = json::serialize(*parsed);
  }
  in.tail = log_type == "Tail";
  in.event_id = request.headers.get("x-sluice-event-id");
  in.payload = request.body.empty() ? "{}" : request.body;
  const size_t max = in.type == "Event" ? kAsyncPayloadBytesMax : kSyncPayloadBytesMax;
  if (in.payload.size() > max)
    return Error{413,
                 "RequestTooLargeException",
                 std::to_string(in.payload.size()) + " byte payload is too large for the " +
                     in.type + " invocation type (limit " + std::to_string(max) + " bytes)",
                 {}};
  if (auto parsed = parse_json(in.payload); !parsed)
    return Error{400,
                 "InvalidRequestContentException",
                 "Could not parse request body into json: " + parsed.error().message,
                 {}};
  return in;
}

Result<Invoke::Body> Invoke::receive(const Authorized<In>& in, Staged&) {
  if (in->type != "RequestResponse") return Body{};
  // All attempts of one event have the same id. Only the queue, which calls in a service's name,
  // may say which.
  const bool from_queue =
      in.caller().principal().type == policy::Principal::Type::service && !in->event_id.empty();
  TRY(auto outcome,
      in.ports().runner->run(in->name, in->qualifier, in->payload,
                             from_queue ? in->event_id : in.request_id(), in->client_context));
  return Body{std::make_shared<const FunctionRunner::Outcome>(std::move(outcome))};
}

Result<Invoke::Out> Invoke::run(const Authorized<In>& in, Body& body, Staged& staged) {
  if (body.outcome) {
    // Staged on what is there now and not before the run, which may have been long: its log group
    // may have gone since, and a conflict should stay a rare thing.
    staged = in.ports().store->stage();
    body.outcome->keep(staged);
    return Out{200, body.outcome, in->tail, body.outcome->version};
  }
  const Scope& scope = staged.snapshot().scope();
  TRY(const auto function, find_function(staged.snapshot(), *in));
  if (in->type == "DryRun") return Out{204, {}, false, function->version};
  TRY(json::value payload, parse_json(in->payload));
  const std::string arn = function_arn(scope, in->qualified());
  staged.enqueue({.queue = kAsyncQueue,
                  .lane = arn,
                  .event = members_of(AsyncEvent{.function = arn,
                                                 .payload = std::move(payload),
                                                 .request_id = in.request_id(),
                                                 .queued = in.time()})});
  return Out{202, {}, false, function->version};
}

Response Invoke::render(const Out& out) {
  Response r{out.status, {}, out.outcome ? out.outcome->body : "", nullptr, 0};
  r.headers.add("x-amz-executed-version", out.version);
  if (!out.outcome) return r;
  r.headers.add("content-type", "application/json");
  if (!out.outcome->function_error.empty())
    r.headers.add("x-amz-function-error", out.outcome->function_error);
  if (out.tail) r.headers.add("x-amz-log-result", base64(out.outcome->log_tail));
  return r;
}

constexpr auto rows =
    table<CreateFunction, GetFunction, GetFunctionConfiguration, ListFunctions, UpdateFunctionCode,
          UpdateFunctionConfiguration, DeleteFunction, Invoke, AddPermission, RemovePermission,
          GetPolicy, PutFunctionConcurrency, GetFunctionConcurrency, DeleteFunctionConcurrency,
          PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig,
          GetFunctionEventInvokeConfig, DeleteFunctionEventInvokeConfig,
          ListFunctionEventInvokeConfigs, GetAccountSettings, GetFunctionCode, PublishVersion,
          ListVersionsByFunction, CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases,
          TagResource, UntagResource, ListTags, PublishLayerVersion, GetLayerVersion,
          GetLayerVersionByArn, GetLayerVersionContent, DeleteLayerVersion, ListLayerVersions,
          ListLayers, GetLayerVersionPolicy, AddLayerVersionPermission,
          RemoveLayerVersionPermission, ListEventSourceMappings, GetEventSourceMapping,
          CreateEventSourceMapping, UpdateEventSourceMapping, DeleteEventSourceMapping>();
}  // namespace

const Service service{"lambda", "lambda.amazonaws.com", Protocol::rest_json, "", "", rows, ""};

}  // namespace sluice::lambda
