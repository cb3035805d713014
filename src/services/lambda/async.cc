// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/async.h"

#include <spdlog/spdlog.h>

#include "base/bytes.h"
#include "base/random.h"
#include "base/xml.h"
#include "services/lambda/model.h"

namespace sluice::lambda {
namespace {
std::string name_of(const json::object& event) {
  std::string arn = text_of(event, "function");
  const size_t at = arn.find(":function:");
  if (at != std::string::npos) arn.erase(0, at + 10);
  return arn.substr(0, arn.find(':'));
}
}  // namespace

AsyncQueue::AsyncQueue(const Ports& ports, FunctionRunner& runner)
    : ports_(ports), runner_(runner) {
  const size_t count = std::clamp<size_t>(std::thread::hardware_concurrency() * 2, 2, 16);
  for (size_t i = 0; i < count; ++i) workers_.emplace_back([this] { work(); });
  ports_.store->on_event("lambda.async", [this](OutboxEvent event) {
    const Time due = int_of(event.event, "due");
    push({due, 0, std::move(event), 0}, 0);
  });
}

void AsyncQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}
AsyncQueue::~AsyncQueue() {
  stop();
  for (std::thread& t : workers_) t.join();
}

void AsyncQueue::push(Waiting waiting, int64_t delay_ms) {
  const std::lock_guard lock(mutex_);
  if (delay_ms) waiting.due = now() + delay_ms;
  waiting.order = ++order_;
  queue_.push(std::move(waiting));
  changed_.notify_one();
}

void AsyncQueue::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      changed_.wait(lock);
      continue;
    }
    if (const int64_t wait_ms = queue_.top().due - now(); wait_ms > 0) {
      changed_.wait_for(lock, std::chrono::milliseconds(wait_ms));
      continue;
    }
    Waiting waiting = queue_.top();
    queue_.pop();
    lock.unlock();
    try {
      process(std::move(waiting));
    } catch (const std::exception& bug) {
      spdlog::error("an asynchronous event failed: {}; it is delivered again at the next start",
                    bug.what());
    }
    lock.lock();
  }
}

AsyncQueue::Settings AsyncQueue::settings(const std::string& name) const {
  Settings out;
  if (const auto config = ports_.store->snapshot().get_json(event_config_key(name))) {
    out.retries = int_of(*config, "MaximumRetryAttempts", out.retries);
    out.age_s = int_of(*config, "MaximumEventAgeInSeconds", out.age_s);
    out.on_failure = text_of(*config, "OnFailure");
  }
  return out;
}

// An event of another service goes through the door in that service's name: the function's policy
// must let it. An event of Invoke was authorised when it was accepted.
Result<FunctionRunner::Outcome> AsyncQueue::deliver(const json::object& event,
                                                    const std::string& name) {
  const std::string payload = json::serialize(event.at("payload")),
                    source = text_of(event, "source"), id = text_of(event, "request_id");
  if (source.empty()) return runner_.run(name, payload, id);
  Request request;
  request.method = "POST";
  request.target = "/2015-03-31/functions/" + name + "/invocations";
  request.headers.add("x-amz-invocation-type", "RequestResponse");
  request.headers.add("x-sluice-event-id", id);
  request.headers.add("user-agent", source);
  request.body = payload;
  Response answer = ports_.dispatcher->call(
      "lambda", "Invoke", std::move(request),
      Gate::service_caller(source, ports_.store->scope(), text_of(event, "source_arn")));
  if (answer.status != 200)
    return Error{answer.status, answer.headers.get("x-amzn-errortype"), answer.body, {}};
  return FunctionRunner::Outcome{
      std::move(answer.body), answer.headers.get("x-amz-function-error"), {}};
}

void AsyncQueue::process(Waiting waiting) {
  const json::object& event = waiting.event.event;
  const std::string name = name_of(event);
  const Settings rules = settings(name);
  auto outcome = deliver(event, name);
  if (outcome && outcome->function_error.empty()) return finish(waiting.event, "");
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;  // it may have failed because we stop: delivered again at the next start
  }
  const int64_t attempts = int_of(event, "attempts") + 1;
  const bool too_old = now() - int_of(event, "queued") > rules.age_s * 1000;
  if (outcome && attempts <= rules.retries && !too_old)
    return retry_function(waiting, kRetryDelayMs * attempts);
  if (!outcome && !too_old) {
    tell_of_waiting(name, outcome.error());
    const int64_t delay =
        std::min(kBackoffMaxMs, kBackoffMinMs << std::min(waiting.system_attempts, 9));
    ++waiting.system_attempts;
    return push(std::move(waiting), delay);
  }
  if (rules.on_failure.empty()) return finish(waiting.event, name);
  const FunctionRunner::Outcome last =
      outcome ? *outcome : FunctionRunner::Outcome{outcome.error().message, "Unhandled", {}};
  if (set_aside(event, name, rules, too_old ? "EventAgeExceeded" : "RetriesExhausted", last))
    return finish(waiting.event, "");
  ++waiting.system_attempts;
  push(std::move(waiting), kBackoffMaxMs);
}

// What keeps one event keeps most of them: once a minute says it, with their number.
void AsyncQueue::tell_of_waiting(const std::string& name, const Error& why) {
  constexpr Time kEveryMs = 60'000;
  size_t deliveries = 0;
  {
    const std::lock_guard lock(mutex_);
    ++waiting_untold_;
    if (now() - told_of_waiting_ < kEveryMs) return;
    told_of_waiting_ = now();
    deliveries = std::exchange(waiting_untold_, 0);
  }
  spdlog::warn("events wait: {} deliveries failed since this was said last, this one to {}: {} {}",
               deliveries, name, why.code, why.message);
}

// The attempt is counted on disk: the old event goes and the next one comes in one commit.
void AsyncQueue::retry_function(const Waiting& waiting, int64_t delay_ms) {
  json::object next = waiting.event.event;
  next["attempts"] = int_of(next, "attempts") + 1;
  next["due"] = now() + delay_ms;
  Staged staged = ports_.store->stage();
  ports_.store->erase_event(staged, "lambda.async", waiting.event.id);
  staged.emit("lambda.async", next);
  if (auto kept = ports_.store->commit(std::move(staged), {}); !kept)
    spdlog::error("a retry could not be stored: {}", kept.error().message);
}

bool AsyncQueue::set_aside(const json::object& event, const std::string& name,
                           const Settings& rules, const char* condition,
                           const FunctionRunner::Outcome& outcome) {
  const Scope& scope = ports_.store->scope();
  const auto function = ports_.store->snapshot().get_json(function_key(name));
  const auto response = parse_json(outcome.body);
  const std::string time = iso_millis(now()), id = text_of(event, "request_id");
  const json::object record{
      {"version", "1.0"},
      {"timestamp", time},
      {"requestContext", json::object{{"requestId", id},
                                      {"functionArn", function_arn(scope, name) + ":$LATEST"},
                                      {"condition", condition},
                                      {"approximateInvokeCount", int_of(event, "attempts") + 1}}},
      {"requestPayload", event.at("payload")},
      {"responseContext", json::object{{"statusCode", 200},
                                       {"executedVersion", "$LATEST"},
                                       {"functionError", outcome.function_error}}},
      {"responsePayload", response ? *response : json::value(outcome.body)}};
  Request assume;
  assume.source_ip = "lambda.amazonaws.com";
  assume.query = {{"Action", "AssumeRole"},
                  {"Version", "2011-06-15"},
                  {"RoleArn", function ? text_of(*function, "Role") : ""},
                  {"RoleSessionName", name},
                  {"DurationSeconds", "900"}};
  const Response granted = ports_.dispatcher->call(
      "sts", "AssumeRole", std::move(assume),
      Gate::service_caller("lambda.amazonaws.com", scope, function_arn(scope, name)));
  pugi::xml_document document;
  document.load_buffer(granted.body.data(), granted.body.size());
  const auto session =
      ports_.sessions->open(document.select_node("//SessionToken").node().child_value());
  if (!session) {
    spdlog::error("a failed event of {} cannot be set aside: its role cannot be assumed", name);
    return false;
  }
  std::string day = time.substr(0, 10);
  std::replace(day.begin(), day.end(), '-', '/');
  Request put;
  put.method = "PUT";
  put.target = "/" + rules.on_failure.substr(std::string_view("arn:aws:s3:::").size()) +
               "/aws/lambda/async/" + name + "/" + day + "/" + time.substr(0, 19) + "-" + id;
  put.source_ip = "lambda.amazonaws.com";
  put.headers.add("content-type", "application/json");
  put.headers.add("user-agent", "lambda.amazonaws.com");
  put.body = json::serialize(record);
  const Response answer = ports_.dispatcher->call("s3", "PutObject", std::move(put),
                                                  Gate::role_caller(*session, scope));
  if (answer.status == 200) return true;
  spdlog::error("a failed event of {} cannot be set aside in {}: {}", name, rules.on_failure,
                answer.body);
  return false;
}

// `dropped_from`: the function that has no on-failure destination, so that the loss stands in its
// log and metrics.
void AsyncQueue::finish(const OutboxEvent& event, const std::string& dropped_from) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    Staged staged = ports_.store->stage();
    ports_.store->erase_event(staged, "lambda.async", event.id);
    if (!dropped_from.empty()) {
      const std::string id = text_of(event.event, "request_id");
      spdlog::warn(
          "an event for {} is dropped after its retries (request {}): the function has no "
          "on-failure destination",
          dropped_from, id);
      if (ports_.journal)
        ports_.journal->append(staged, "/aws/lambda/" + dropped_from, "sluice/dropped-events",
                               {{now(), "DROPPED RequestId: " + id +
                                            " The event failed after all retries and the function "
                                            "has no on-failure destination. Event: " +
                                            json::serialize(event.event.at("payload"))}});
      if (ports_.meter)
        ports_.meter->record(staged, "AWS/Lambda", "AsyncEventsDropped",
                             {{"FunctionName", dropped_from}}, 1, "Count", now());
    }
    const auto committed = ports_.store->commit(std::move(staged), {});
    if (committed) return;
    if (committed.error().code != "Conflict") {
      spdlog::error(
          "a finished event could not be removed: {}; it is delivered again at the next start",
          committed.error().message);
      return;
    }
  }
}

}  // namespace sluice::lambda
