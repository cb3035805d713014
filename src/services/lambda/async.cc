// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/async.h"

#include <spdlog/spdlog.h>

#include <thread>

#include "base/bytes.h"
#include "base/random.h"
#include "services/lambda/execution_role.h"

namespace sluice::lambda {
namespace {
constexpr int64_t kSetAsideSessionS = 900;

FunctionName name_of(const AsyncEvent& event) {
  auto name = function_name_of(std::string_view(event.function));
  return name ? *std::move(name) : FunctionName{};
}
}  // namespace

void AsyncQueue::serve() {
  begun_ = ports_.store->jobs().clock().now();
  ports_.store->jobs().serve(
      {.name = std::string(kAsyncQueue),
       .concurrency = std::clamp<size_t>(std::thread::hardware_concurrency() * 2, 2, 16),
       .work = [this](const Job& job, const Stopping& stopping) {
         return process(job, stopping);
       }});
}

void AsyncQueue::answered(const std::string& request_id) {
  const MutexLock lock(mutex_);
  if (const auto found = delivered_.find(request_id); found != delivered_.end())
    found->second = true;
}

// An event of another service is delivered by a call in the name of that service, which the policy
// of the function must allow; the commit of a call that succeeds finishes the job too. An event of
// Invoke was authorised when it was accepted.
Result<FunctionRunner::Outcome> AsyncQueue::deliver(const Job& job, const AsyncEvent& event,
                                                    const FunctionName& function) {
  std::string payload = json::serialize(event.payload);
  if (event.source.empty())
    return runner_.run_and_keep(function.name, function.qualifier, payload, event.request_id);
  Request request;
  request.method = "POST";
  request.target = "/2015-03-31/functions/" + function.name + "/invocations";
  if (!function.qualifier.empty())
    request.target += "?Qualifier=" + percent_encode(function.qualifier);
  request.headers.add("x-amz-invocation-type", "RequestResponse");
  request.headers.add("x-sluice-event-id", event.request_id);
  request.headers.add("user-agent", event.source);
  request.body = std::move(payload);
  {
    const MutexLock lock(mutex_);
    delivered_[event.request_id] = false;
  }
  const Rider finishes = [&](Staged& staged) -> Result<Done> {
    const MutexLock lock(mutex_);
    if (delivered_[event.request_id]) staged.finish(job);
    return Done{};
  };
  Response answer = ports_.dispatcher->call(
      "lambda", "Invoke", std::move(request),
      Gate::service_caller(event.source, ports_.store->scope(), event.source_arn), finishes);
  {
    const MutexLock lock(mutex_);
    delivered_.erase(event.request_id);
  }
  if (answer.status != 200)
    return Error{answer.status, answer.headers.get("x-amzn-errortype"), answer.body, {}};
  return FunctionRunner::Outcome{std::move(answer.body),
                                 answer.headers.get("x-amz-function-error"),
                                 {},
                                 answer.headers.get("x-amz-executed-version")};
}

JobResult AsyncQueue::process(const Job& job, const Stopping& stopping) {
  const auto event = members_from<AsyncEvent>(job.event);
  const FunctionName function = name_of(event);
  const auto config = ports_.store->snapshot().get(event_config_key(function.settings()));
  const EventConfig rules = config ? *config : EventConfig{};
  auto outcome = deliver(job, event, function);
  if (outcome && outcome->function_error.empty())
    return event.source.empty() ? finish(job, event, "") : JobResult::finished();
  // It may have failed because we stop. Then it is delivered again at the next start.
  if (stopping()) return JobResult::finished();
  const bool too_old = is_too_old(event, rules, outcome.has_value());
  if (outcome && event.attempts < rules.retries_max.value_or(kRetriesMax) && !too_old) {
    retry_function(job, event);
    return JobResult::finished();
  }
  if (!outcome && !too_old)
    return JobResult::park(outcome.error().code + " " + outcome.error().message);
  if (rules.on_failure.empty()) return finish(job, event, function.name);
  const FunctionRunner::Outcome last =
      outcome ? *outcome : FunctionRunner::Outcome{outcome.error().message, "Unhandled", {}, {}};
  if (set_aside(event, function, rules, too_old ? "EventAgeExceeded" : "RetriesExhausted", last))
    return finish(job, event, "");
  return JobResult::finished();  // the job is still there, so it is tried again
}

// The stamp is of the wall clock, which somebody may have set since. Then one clock still tells the
// age, the one that does not step for an event from before and the wall clock for one from after,
// and the other tells far too much or less than nothing.
bool AsyncQueue::is_too_old(const AsyncEvent& event, const EventConfig& rules, bool ran) const {
  const Clock& clock = ports_.store->jobs().clock();
  const Time steady = clock.now() - event.queued, wall = clock.calendar() - event.queued;
  Time age = std::min(steady, wall) < 0 ? std::max(steady, wall) : std::min(steady, wall);
  // What has not run yet must have had its chance: we may have been off for a long time.
  if (!ran && !event.attempts) age = std::min(age, clock.now() - begun_);
  return age > rules.age_max_s.value_or(kEventAgeMaxS) * 1000;
}

// The attempts are counted on disk: in one commit the job gets an event with one more.
void AsyncQueue::retry_function(const Job& job, AsyncEvent event) {
  ++event.attempts;
  Job next = job;
  next.event = members_of(event);
  Staged staged = ports_.store->stage();
  staged.put_off(next, ports_.store->jobs().clock().now() + kRetryDelayMs * event.attempts);
  if (auto kept = ports_.store->commit(std::move(staged), {}); !kept)
    spdlog::error("a retry could not be stored: {}", kept.error().message);
}

bool AsyncQueue::set_aside(const AsyncEvent& event, const FunctionName& named,
                           const EventConfig& rules, const char* condition,
                           const FunctionRunner::Outcome& outcome) {
  const Scope& scope = ports_.store->scope();
  const std::string& name = named.name;
  const auto function = find_function(ports_.store->snapshot(), named);
  const std::string version = !outcome.version.empty() ? outcome.version
                              : function               ? (*function)->version
                                                       : "$LATEST";
  const auto response = parse_json(outcome.body);
  const std::string time = iso_millis(now());
  const json::object record{
      {"version", "1.0"},
      {"timestamp", time},
      {"requestContext",
       json::object{{"requestId", event.request_id},
                    {"functionArn", function_arn(scope, name) + ":" +
                                        (named.qualifier.empty() ? "$LATEST" : named.qualifier)},
                    {"condition", condition},
                    {"approximateInvokeCount", event.attempts + 1}}},
      {"requestPayload", event.payload},
      {"responseContext", json::object{{"statusCode", 200},
                                       {"executedVersion", version},
                                       {"functionError", outcome.function_error}}},
      {"responsePayload", response ? *response : json::value(outcome.body)}};
  const auto session = function ? assume_execution_role(ports_, **function, kSetAsideSessionS)
                                : Result<Session>(function.error());
  if (!session) {
    spdlog::error("a failed event of {} cannot be set aside: {}", name, session.error().message);
    return false;
  }
  std::string day = time.substr(0, 10);
  std::replace(day.begin(), day.end(), '-', '/');
  const auto put = put_failed(
      ports_, *session, rules.on_failure,
      "aws/lambda/async/" + name + "/" + day + "/" + time.substr(0, 19) + "-" + event.request_id,
      record);
  if (!put)
    spdlog::error("a failed event of {} cannot be set aside in {}: {}", name, rules.on_failure,
                  put.error().message);
  return put.has_value();
}

// `dropped_from` is the function without on-failure destination whose log and metrics tell the
// loss; "": the event was not lost.
JobResult AsyncQueue::finish(const Job& job, const AsyncEvent& event,
                             const std::string& dropped_from) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    Staged staged = ports_.store->stage();
    staged.finish(job);
    if (!dropped_from.empty()) {
      spdlog::warn(
          "an event for {} is dropped after its retries (request {}): the function has no "
          "on-failure destination",
          dropped_from, event.request_id);
      if (ports_.journal)
        ports_.journal->append(staged, "/aws/lambda/" + dropped_from, "sluice/dropped-events",
                               {{now(), "DROPPED RequestId: " + event.request_id +
                                            " The event failed after all retries and the function "
                                            "has no on-failure destination. Event: " +
                                            json::serialize(event.payload)}});
      if (ports_.meter)
        ports_.meter->record(staged, "AWS/Lambda", "AsyncEventsDropped",
                             {{"FunctionName", dropped_from}}, 1, "Count", now());
    }
    const auto committed = ports_.store->commit(std::move(staged), {});
    if (committed || committed.error().code != "Conflict") break;
  }
  return JobResult::finished();
}

}  // namespace sluice::lambda
