// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/stream_poller.h"

#include <spdlog/spdlog.h>

#include <thread>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::lambda {
namespace {
constexpr int64_t kPollSessionS = 3600, kSessionRestMs = 5 * 60'000;
constexpr auto kIdleWait = std::chrono::minutes(1);  // then the mapping is looked at again
constexpr auto kRetryFirst = std::chrono::seconds(1), kRetryLongest = std::chrono::seconds(60);
// A batch is a payload of Invoke, which takes 6 MB.
constexpr size_t kBatchBytesMax = 6'000'000;
constexpr size_t kRecordsAtOnceMax = 1000;  // of one GetRecords

using Records = std::span<const json::object>;

const json::object& change_of(const json::object& record) {
  return record.at("dynamodb").get_object();
}
std::string sequence_of(const json::object& record) {
  return text_of(change_of(record), "SequenceNumber");
}
Time arrived(const json::object& record) {
  return int_of(change_of(record), "ApproximateCreationDateTime") * 1000;
}
// How far a mapping is: a record, and what stands in the stream before it, is done.
struct Position {
  std::string sequence;
  Time arrived = 0;
};
// The payload of Invoke for these records.
std::string payload_of(Records batch) {
  std::string out = R"({"Records":[)";
  for (const json::object& record : batch) {
    if (&record != &batch.front()) out += ',';
    out += json::serialize(record);
  }
  return out + "]}";
}
std::string code_of(const json::object& error) {
  const std::string type = text_of(error, "__type");
  return type.substr(type.find('#') + 1);
}

// One mapping, as it is read on from where it was.
class Reader {
 public:
  Reader(const Ports& ports, FunctionRunner& runner, EventSourceEvent asked,
         const Stopping& stopping)
      : ports_(ports), runner_(runner), asked_(std::move(asked)), stopping_(stopping) {}

  // Reads on until the mapping is no longer enabled, or the server stops. What hinders the reading
  // may pass: it is tried again after a second, and each time later, up to a minute.
  void run() {
    for (auto pause = kRetryFirst; !ends();) {
      const auto done = round();
      if (done) {
        pause = kRetryFirst;
        continue;
      }
      note_problem(done.error().code + " " + done.error().message);
      iterator_.clear();
      wait(pause);
      pause = std::min<std::chrono::seconds>(pause * 2, kRetryLongest);
    }
  }
  // The mapping is gone, was disabled, or has a newer run.
  bool is_over() const {
    const auto now = ports_.store->snapshot().get(event_source_key(asked_.uuid));
    return !now || !now->enabled || now->run != asked_.run;
  }

 private:
  bool ends() const { return stopping_() || is_over(); }
  Time today() const { return ports_.store->jobs().clock().calendar(); }
  void note_problem(const std::string& what) {
    spdlog::warn("event source mapping {}: {}", asked_.uuid, what);
    (void)write_progress(nullptr, "PROBLEM: " + what).has_value();
  }

  Result<Done> round() {
    CHECK(begin_round());
    std::vector<json::object> records;
    CHECK(read(records));
    if (ends()) return Done{};
    if (records.empty()) {
      if (shard_ended_) wait(kIdleWait);  // the stream was disabled: nothing more comes
      return Done{};
    }
    const Position last{sequence_of(records.back()), arrived(records.back())};
    TRY(const bool done, deliver(std::move(records)));
    return done ? write_progress(&last, "OK") : Done{};
  }

  // Takes the mapping as it is now, and sees to the function, its session and the iterator.
  Result<Done> begin_round() {
    const Snapshot snapshot = ports_.store->snapshot();
    const auto mapping = snapshot.get(event_source_key(asked_.uuid));
    if (!mapping) return Done{};
    mapping_ = *mapping;
    TRY(name_, function_name_of(std::string_view(mapping_.function)));
    TRY(const auto function, find_function(snapshot, name_));
    if (!session_ || session_->role_arn != function->role ||
        today() > session_->expires - kSessionRestMs) {
      TRY(session_, new_session());
    }
    filters_.clear();
    for (const std::string& pattern : mapping_.filters) {
      TRY(EventFilter filter, EventFilter::parse(pattern));
      filters_.push_back(std::move(filter));
    }
    return Done{};
  }

  Result<Session> new_session() const {
    TRY(const auto function, find_function(ports_.store->snapshot(), name_));
    return assume_execution_role(ports_, *function, kPollSessionS);
  }
  Result<json::object> ask(std::string_view operation, const json::object& body) {
    Request request;
    request.method = "POST";
    request.body = json::serialize(body);
    const Response answer = call_as(ports_, *session_, "dynamodb", operation, std::move(request));
    TRY(json::object out, parse_json_object(answer.body));
    if (answer.status == 200) return out;
    return Error{answer.status, code_of(out), text_of(out, "message"), {}};
  }
  Result<Done> begin_reading() {
    TRY(const json::object described, ask("DescribeStream", {{"StreamArn", mapping_.stream_arn}}));
    const json::array& shards =
        described.at("StreamDescription").get_object().at("Shards").get_array();
    if (shards.empty()) return Error{400, "ResourceNotFoundException", "no shard", {}};
    shard_ = text_of(shards.front().get_object(), "ShardId");
    const auto progress = ports_.store->snapshot().get(progress_key(mapping_.uuid));
    const std::string after = progress ? progress->after : "";
    json::object wanted{{"StreamArn", mapping_.stream_arn},
                        {"ShardId", shard_},
                        {"ShardIteratorType", "TRIM_HORIZON"}};
    const json::object from_the_oldest = wanted;
    if (!after.empty()) {
      wanted["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER";
      wanted["SequenceNumber"] = after;
    }
    auto begun = ask("GetShardIterator", wanted);
    if (!begun && begun.error().code == "TrimmedDataAccessException") {
      spdlog::warn(
          "the event source mapping {} was behind for more than a day: it goes on with the oldest "
          "record that is left",
          mapping_.uuid);
      begun = ask("GetShardIterator", from_the_oldest);
    }
    if (!begun) return begun.error();
    iterator_ = text_of(*begun, "ShardIterator");
    return Done{};
  }

  // What is there for one round: as many records as all batches take, or fewer. It waits for the
  // first one, and then for more until the window of the mapping closes.
  Result<Done> read(std::vector<json::object>& records) {
    const auto position = [this] {
      return ports_.change_streams->now_at(mapping_.stream_arn, ports_.store->snapshot());
    };
    const auto wait_past = [&](const std::string& after, auto until) {
      return ports_.change_streams->wait_past(mapping_.stream_arn, after, until,
                                              [&] { return ends() || !position(); });
    };
    // Whatever ends the wait, what follows is asked behind it: for a stream that is gone there is
    // no wait, and only an error keeps this from beginning anew at once.
    if (!idle_at_.empty()) wait_past(idle_at_, std::chrono::steady_clock::now() + kIdleWait);
    idle_at_.clear();
    const auto most = static_cast<size_t>(mapping_.batch_size * mapping_.parallel);
    std::optional<std::chrono::steady_clock::time_point> closes;
    size_t bytes = 0;
    while (!ends()) {
      if (iterator_.empty()) CHECK(begin_reading());
      TRY(const std::string here, position());
      auto got = ask("GetRecords", {{"ShardIterator", iterator_},
                                    {"Limit", std::min(most - records.size(), kRecordsAtOnceMax)}});
      if (!got) {
        iterator_.clear();
        if (got.error().code == "ExpiredIteratorException" && records.empty()) continue;
        return got.error();
      }
      json::array& page = got->at("Records").get_array();
      for (json::value& one : page) {
        records.push_back(std::move(one.get_object()));
        bytes += static_cast<size_t>(int_of(change_of(records.back()), "SizeBytes"));
      }
      iterator_ = text_of(*got, "NextShardIterator");
      shard_ended_ = iterator_.empty();
      const auto now = std::chrono::steady_clock::now();
      if (!records.empty() && !closes) closes = now + std::chrono::seconds(mapping_.window_s);
      if (records.size() >= most || bytes >= kBatchBytesMax || shard_ended_ ||
          (closes && now >= *closes))
        return Done{};
      if (!page.empty()) continue;
      if (!closes) {
        idle_at_ = here;
        return Done{};
      }
      if (!wait_past(here, *closes)) return Done{};
    }
    return Done{};
  }

  // False: it was not done, because the server stops or the mapping is over. After an error the
  // records are to be read again.
  Result<bool> deliver(std::vector<json::object> records) {
    std::vector<std::vector<json::object>> lanes(static_cast<size_t>(mapping_.parallel));
    for (json::object& record : records) {
      if (!is_wanted(record)) continue;
      const size_t lane =
          lanes.size() == 1
              ? 0
              : std::hash<std::string>{}(json::serialize(change_of(record).at("Keys"))) %
                    lanes.size();
      lanes[lane].push_back(shown(std::move(record)));
    }
    std::atomic<bool> done = true, broken = false;
    const auto run_lane = [&](const std::vector<json::object>& lane) {
      try {
        if (!deliver_lane(lane)) done = false;
      } catch (const std::exception& bug) {  // a thread that ends by one ends the server
        spdlog::error("event source mapping {}: {}", asked_.uuid, bug.what());
        broken = true;
      }
    };
    {
      std::vector<std::jthread> others;  // all are joined here
      for (size_t i = 1; i < lanes.size(); ++i) {
        if (lanes[i].empty()) continue;
        try {
          others.emplace_back(run_lane, std::cref(lanes[i]));
        } catch (const std::system_error&) {  // there is no thread to be had
          run_lane(lanes[i]);
        }
      }
      run_lane(lanes[0]);
    }
    if (broken) return Error{500, "InternalError", "A batch could not be handed over.", {}};
    return done.load();
  }
  bool is_wanted(const json::object& record) const {
    return filters_.empty() ||
           std::any_of(filters_.begin(), filters_.end(),
                       [&](const EventFilter& filter) { return filter.matches(record); });
  }
  // The record as functions get it.
  json::object shown(json::object out) const {
    out["eventSourceARN"] = mapping_.stream_arn;
    if (json::value* by = out.if_contains("userIdentity")) {
      const json::object identity = by->as_object();
      *by =
          json::object{{"type", identity.at("Type")}, {"principalId", identity.at("PrincipalId")}};
    }
    return out;
  }

  // The records of a lane, batch by batch.
  bool deliver_lane(Records records) {
    while (!records.empty()) {
      size_t count = 0, bytes = 0;
      while (count < records.size() && count < static_cast<size_t>(mapping_.batch_size)) {
        bytes += json::serialize(records[count]).size() + 1;
        if (count && bytes > kBatchBytesMax) break;
        ++count;
      }
      if (!deliver_batch(records.first(count))) return false;
      records = records.subspan(count);
    }
    return true;
  }

  // What came of one attempt: how many records of the batch were taken, from the first one on.
  struct Attempt {
    size_t taken = 0;
    bool counts = true;  // false: the function was not run, so that it is no attempt of the batch
    FunctionRunner::Outcome outcome;
  };
  Attempt attempt(Records batch) {
    auto outcome =
        runner_.run_and_keep(name_.name, name_.qualifier, payload_of(batch), random_uuid());
    if (!outcome) return {0, false, {outcome.error().message, "Unhandled", {}, {}}};
    if (!outcome->function_error.empty()) return {0, true, *std::move(outcome)};
    const size_t taken = mapping_.reports_failures ? taken_of(batch, outcome->body) : batch.size();
    return {taken, true, *std::move(outcome)};
  }
  // ReportBatchItemFailures: the answer names the records that failed, and all before the first of
  // them were taken. An answer that cannot be understood is a failure of the whole batch.
  static size_t taken_of(Records batch, const std::string& body) {
    const auto parsed = parse_json(body);
    if (!parsed) return 0;
    if (parsed->is_null()) return batch.size();
    const json::object* answer = parsed->if_object();
    const json::value* listed = answer ? answer->if_contains("batchItemFailures") : nullptr;
    if (answer && (!listed || listed->is_null())) return batch.size();
    const json::array* failures = listed ? listed->if_array() : nullptr;
    if (!failures) return 0;
    size_t taken = batch.size();
    for (const json::value& failure : *failures) {
      const json::object* one = failure.if_object();
      const json::value* id = one ? one->if_contains("itemIdentifier") : nullptr;
      if (!id || !id->is_string()) return 0;
      const auto named = std::find_if(batch.begin(), batch.end(), [&](const json::object& record) {
        return sequence_of(record) == std::string_view(id->get_string());
      });
      if (named == batch.end()) return 0;
      taken = std::min(taken, static_cast<size_t>(named - batch.begin()));
    }
    return taken;
  }

  bool deliver_batch(Records batch) {
    int64_t attempts = 0;
    auto pause = kRetryFirst;
    while (!batch.empty()) {
      if (const size_t old = too_old(batch)) {
        if (!give_up(batch.first(old), "RecordAgeExceeded", attempts, {})) return false;
        batch = batch.subspan(old);
        continue;
      }
      const Attempt made = attempt(batch);
      if (made.taken == batch.size()) return true;
      if (ends()) return false;
      batch = batch.subspan(made.taken);
      if (made.taken) attempts = 0;
      if (mapping_.bisects && batch.size() > 1 && made.counts) {
        const size_t half = batch.size() / 2;
        return deliver_batch(batch.first(half)) && deliver_batch(batch.subspan(half));
      }
      if (made.counts && !made.taken) ++attempts;
      if (mapping_.retries_max >= 0 && attempts > mapping_.retries_max)
        return give_up(batch, "RetryAttemptsExhausted", attempts, made.outcome);
      note_problem("Function call failed");
      if (!wait(pause)) return false;
      pause = std::min<std::chrono::seconds>(pause * 2, kRetryLongest);
    }
    return true;
  }
  // How many records, from the first one on, are older than the mapping wants them, or than the
  // stream keeps them.
  size_t too_old(Records batch) const {
    constexpr int64_t kStreamKeepsS = 24 * 3600;
    const int64_t age_max_s =
        mapping_.age_max_s < 0 ? kStreamKeepsS : std::min(mapping_.age_max_s, kStreamKeepsS);
    size_t count = 0;
    while (count < batch.size() && today() - arrived(batch[count]) > age_max_s * 1000) ++count;
    return count;
  }
  // False: the mapping is over, or the server stops.
  bool wait(std::chrono::milliseconds how_long) const {
    constexpr auto kStep = std::chrono::milliseconds(50);
    const auto until = std::chrono::steady_clock::now() + how_long;
    while (std::chrono::steady_clock::now() < until) {
      if (ends()) return false;
      std::this_thread::sleep_for(kStep);
    }
    return true;
  }

  // The batch goes to the bucket, or its loss is told. A bucket that cannot be written to is tried
  // again: nothing is lost in silence.
  bool give_up(Records batch, const char* condition, int64_t attempts,
               const FunctionRunner::Outcome& last) {
    if (mapping_.on_failure.empty()) return tell_loss(batch, condition);
    const Time now = today();
    const std::string time = iso_millis(now), id = random_uuid();
    const json::object record{
        {"requestContext",
         json::object{{"requestId", id},
                      {"functionArn",
                       function_arn(ports_.store->scope(),
                                    name_.name + ":" +
                                        (name_.qualifier.empty() ? "$LATEST" : name_.qualifier))},
                      {"condition", condition},
                      {"approximateInvokeCount", attempts}}},
        {"responseContext", json::object{{"statusCode", 200},
                                         {"executedVersion", last.version},
                                         {"functionError", last.function_error}}},
        {"version", "1.0"},
        {"timestamp", time},
        {"DDBStreamBatchInfo",
         json::object{{"shardId", shard_},
                      {"startSequenceNumber", sequence_of(batch.front())},
                      {"endSequenceNumber", sequence_of(batch.back())},
                      {"approximateArrivalOfFirstRecord", iso_millis(arrived(batch.front()))},
                      {"approximateArrivalOfLastRecord", iso_millis(arrived(batch.back()))},
                      {"batchSize", batch.size()},
                      {"streamArn", mapping_.stream_arn}}},
        {"payload", payload_of(batch)}};
    std::string day = time.substr(0, 10), second = time.substr(0, 19);
    std::replace(day.begin(), day.end(), '-', '/');
    std::replace(second.begin(), second.end(), ':', '.');
    const std::string key =
        "aws/lambda/" + mapping_.uuid + "/" + shard_ + "/" + day + "/" + second + "-" + id;
    auto pause = kRetryFirst;
    Result<Session> newer = Error{};  // none yet
    while (true) {
      const auto put =
          put_failed(ports_, newer ? *newer : *session_, mapping_.on_failure, key, record);
      if (put) return true;
      note_problem("The on-failure destination " + mapping_.on_failure +
                   " cannot be written to: " + put.error().message);
      if (!wait(pause)) return false;
      newer = new_session();  // the role may be another one by now
      pause = std::min<std::chrono::seconds>(pause * 2, kRetryLongest);
    }
  }
  bool tell_loss(Records batch, const char* condition) {
    const std::string what = std::to_string(batch.size()) + " records of " + mapping_.stream_arn +
                             ", " + sequence_of(batch.front()) + " to " +
                             sequence_of(batch.back()) + ", are dropped (" + condition +
                             "): the event source mapping " + mapping_.uuid +
                             " has no on-failure destination.";
    spdlog::warn("{}", what);
    Staged staged = ports_.store->stage();
    if (ports_.journal)
      ports_.journal->append(staged, "/aws/lambda/" + name_.name, "sluice/dropped-events",
                             {{now(), "DROPPED " + what}});
    if (auto told = ports_.store->commit(std::move(staged), {}); !told)
      spdlog::error("it could not be told in the function's log: {}", told.error().message);
    return true;
  }

  // nullptr: it is as far as before. Nothing is written for a mapping that is deleted.
  Result<Done> write_progress(const Position* last, const std::string& result) {
    while (true) {
      Staged staged = ports_.store->stage();
      if (!staged.look(event_source_key(asked_.uuid))) return Done{};
      auto progress = staged.get(progress_key(asked_.uuid)).value_or(EventSourceProgress{});
      if (!last && progress.result == result) return Done{};
      progress.result = result;
      if (last) {
        progress.after = last->sequence;
        if (ports_.meter)
          ports_.meter->record(staged, "AWS/Lambda", "IteratorAge", {{"FunctionName", name_.name}},
                               static_cast<double>(std::max<Time>(0, today() - last->arrived)),
                               "Milliseconds", today());
      }
      staged.put(progress_key(asked_.uuid), progress);
      const auto committed = ports_.store->commit(std::move(staged), {});
      if (committed) return Done{};
      if (committed.error().code != "Conflict") return committed.error();
    }
  }

  const Ports& ports_;
  FunctionRunner& runner_;
  const EventSourceEvent asked_;
  const Stopping& stopping_;
  EventSource mapping_;
  FunctionName name_;
  std::optional<Session> session_;
  std::vector<EventFilter> filters_;
  std::string shard_, iterator_;
  std::string idle_at_;  // the position past which nothing had come yet; "": not known
  bool shard_ended_ = false;
};
}  // namespace

void StreamPoller::serve() {
  ports_.store->jobs().serve(
      {.name = std::string(kEventSourceQueue),
       .concurrency = static_cast<size_t>(kEventSourcesMax),
       .work = [this](const Job& job, const Stopping& stopping) { return work(job, stopping); }});
}

std::shared_ptr<void> StreamPoller::begin(const std::string& uuid) {
  const MutexLock lock(mutex_);
  if (!running_.insert(uuid).second) return nullptr;
  return {this, [uuid](StreamPoller* self) {
            const MutexLock ends(self->mutex_);
            self->running_.erase(uuid);
          }};
}

JobResult StreamPoller::work(const Job& job, const Stopping& stopping) {
  const auto asked = members_from<EventSourceEvent>(job.event);
  const auto running = begin(asked.uuid);
  if (!running) return JobResult::park("an earlier run of the mapping has not ended yet");
  Reader reader(ports_, runner_, asked, stopping);
  reader.run();
  if (!reader.is_over()) return JobResult::finished();  // the server stops: it goes on later
  Staged staged = ports_.store->stage();
  staged.finish(job);
  (void)ports_.store->commit(std::move(staged), {}).has_value();  // else the job is done again
  return JobResult::finished();
}

}  // namespace sluice::lambda
