// SPDX-License-Identifier: Apache-2.0
// Delivery of the same records to a CloudWatch log group, as events of the stream
// <account>_CloudTrail_<region>, in the session of the trail's role. CloudTrail User Guide,
// "Sending events to CloudWatch Logs". Records above 256 KB, and those older than the 14 days that
// Logs takes, are not sent.
#include <algorithm>

#include "base/xml.h"
#include "services/cloudtrail/delivery.h"
#include "store/jobs.h"

namespace sluice::cloudtrail {
namespace {
constexpr size_t kBatchBytes = 900'000, kEventBytesMax = 256 * 1024;
constexpr size_t kEventsMax =
    5000;  // with 26 bytes of overhead each inside the 1,048,576 of a batch
constexpr Time kSpanMs = 86'000'000, kPastMs = 14 * 86'400'000LL - 60'000;

Error error_in(const Response& answer) {
  const auto body = parse_json_object(answer.body);
  const std::string code = body ? text_of(*body, "__type") : "";
  return {answer.status,
          code.substr(code.find('#') == std::string::npos ? 0 : code.find('#') + 1),
          body ? text_of(*body, "message") : "",
          {}};
}

Result<Caller> role_caller(const Ports& ports, const Work& work) {
  const Scope& scope = ports.store->scope();
  Request request = own_request("POST", "/", now());
  request.query = {{"Action", "AssumeRole"},
                   {"Version", "2011-06-15"},
                   {"RoleArn", work.trail.role},
                   {"RoleSessionName", "CLOUDTRAIL_Session"},
                   {"DurationSeconds", "900"}};
  const Response answer =
      ports.dispatcher->call("sts", "AssumeRole", std::move(request),
                             Gate::service_caller(kPrincipal, scope, trail_arn(scope, work.name)));
  const auto document = parse_xml(answer.body);
  const std::string token =
      document ? (*document)->select_node("//SessionToken").node().child_value() : "";
  if (answer.status != 200 || token.empty())
    return Error{400, "AccessDenied", "The role of the log group cannot be assumed.", {}};
  TRY(const Session session, ports.sessions->open(token));
  return Gate::through(Gate::role_caller(session, scope), kPrincipal);
}

Result<Done> call_logs(const Ports& ports, const Caller& caller, std::string_view operation,
                       const json::object& body, const Rider& rider = {}) {
  Request request = own_request("POST", "/", now());
  request.body = json::serialize(body);
  const Response answer =
      ports.dispatcher->call("logs", operation, std::move(request), caller, rider);
  if (answer.status < 300) return Done{};
  return error_in(answer);
}

// The longest beginning of the batch that one call takes, in order of time; `through` becomes where
// it ends.
json::array events_of(const Batch& batch, uint64_t& through) {
  std::vector<std::pair<Time, const std::string*>> sorted;
  Time oldest = 0, newest = 0;
  through = batch.through;
  for (const Batch::Taken& one : batch.taken) {
    const Time time =
        std::min(parse_iso(one.time).value_or(0),
                 now());  // of a clock that was ahead: Logs takes nothing from the future
    if (one.text.size() > kEventBytesMax || time < now() - kPastMs) continue;
    if (sorted.empty()) oldest = newest = time;
    if (std::max(newest, time) - std::min(oldest, time) > kSpanMs) {
      through = one.sequence - 1;
      break;
    }
    oldest = std::min(oldest, time);
    newest = std::max(newest, time);
    sorted.emplace_back(time, &one.text);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  json::array out;
  for (const auto& [time, text] : sorted)
    out.push_back(json::object{{"timestamp", time}, {"message", *text}});
  return out;
}
}  // namespace

Result<bool> deliver_events(const Ports& ports, const Work& work) {
  Store& store = *ports.store;
  const Scope& scope = store.scope();
  const uint64_t position = work.session.logs_position.value_or(0), limit = work.session.position;
  if (position >= limit) return false;  // events follow the files, never run ahead of them
  const Batch batch = collect(store, work, position, limit, kBatchBytes, kEventsMax);
  uint64_t through = 0;
  const json::array events = events_of(batch, through);
  const auto advance = [&](Staged& staged) -> Result<Done> {
    TRY(LoggingSession session, same_session(staged, work));
    session.logs_position = through;
    pass_selectors(session, batch, through);
    staged.put(work.key(), session);
    note_status(staged, work, &DeliveryStatus::logged, &DeliveryStatus::logs_error,
                store.jobs().clock().calendar());
    return Done{};
  };
  if (events.empty()) {
    Staged staged = store.stage();
    CHECK(advance(staged));
    CHECK(store.commit(std::move(staged), {}));
    return through < limit;
  }
  TRY(const Caller caller, role_caller(ports, work));
  std::string group = parse_arn(work.trail.log_group).value_or(Arn()).resource.substr(10);
  if (group.ends_with(":*")) group.resize(group.size() - 2);
  const json::object stream{{"logGroupName", group},
                            {"logStreamName", scope.account_id + "_CloudTrail_" + scope.region}};
  json::object batch_body = stream;
  batch_body["logEvents"] = events;
  auto put = call_logs(ports, caller, "PutLogEvents", batch_body, advance);
  if (!put && put.error().code == "ResourceNotFoundException") {
    CHECK(call_logs(ports, caller, "CreateLogStream", stream));
    put = call_logs(ports, caller, "PutLogEvents", batch_body, advance);
  }
  if (!put) return std::move(put).error();
  return through < limit;
}

}  // namespace sluice::cloudtrail
