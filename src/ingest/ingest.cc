// SPDX-License-Identifier: Apache-2.0
#include "ingest/ingest.h"

#include <cstdlib>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/gzip.h"
#include "ingest/decode.h"
#include "ingest/keys.h"
#include "ingest/quarantine.h"
#include "ingest/write.h"

namespace sluice::ingest {
namespace {
constexpr int64_t kDeadlineMarginMs = 2000;  // kept for the answer
constexpr int kDownloadTries = 3;

struct Object {
  std::string bucket, key, version;
};
struct Account {
  uint64_t read = 0, stored = 0, duplicate = 0, bytes = 0;
};

Result<std::vector<Object>> objects_of(const json::value& event) {
  const Error invalid{400,
                      "InvalidEvent",
                      "the event is not an S3 event notification: it has no Records with "
                      "s3.bucket.name and s3.object.key",
                      {}};
  if (!event.is_object()) return invalid;
  if (text_of(event.get_object(), "Event") == "s3:TestEvent") return std::vector<Object>{};
  const json::value* records = event.get_object().if_contains("Records");
  if (!records || !records->is_array()) return invalid;
  std::vector<Object> out;
  for (const json::value& one : records->get_array()) {
    const auto member = [](const json::value* v, std::string_view name) {
      return v && v->is_object() ? v->get_object().if_contains(name) : nullptr;
    };
    const json::value* s3 = member(&one, "s3");
    const json::value *bucket = member(member(s3, "bucket"), "name"),
                      *key = member(member(s3, "object"), "key"),
                      *version = member(member(s3, "object"), "versionId");
    if (!bucket || !bucket->is_string() || !key || !key->is_string()) return invalid;
    const auto decoded =
        percent_decode(std::string_view(key->get_string()), true);  // the key comes form-encoded
    if (!decoded) return invalid;
    out.push_back({std::string(bucket->get_string()), *decoded,
                   version && version->is_string() ? std::string(version->get_string()) : ""});
  }
  return out;
}

Result<Done> download(AwsClient& s3, const Object& object,
                      const std::function<Result<Done>(std::string_view)>& take) {
  AwsClient::Call call;
  call.method = "GET";
  call.path = "/" + object.bucket + "/" + percent_encode(object.key, true);
  if (!object.version.empty()) call.query = "versionId=" + percent_encode(object.version);
  TRY(const HttpReply reply, s3.send(call, &take));
  if (reply.status != 200)
    return Error{reply.status,
                 "ObjectUnreadable",
                 "S3 answered " + std::to_string(reply.status) + " " + error_code(reply) +
                     " for s3://" + object.bucket + "/" + object.key,
                 {}};
  return Done{};
}

// One pass over the object: read, decode, validate, write. Counts what became of each record.
Result<Done> process(const Object& object, const Invocation& invocation, Connections& connections,
                     const Settings& settings, Quarantine& quarantine, Account& account,
                     bool& exact) {
  SeenKeys seen;
  std::atomic<uint64_t> refused{0};
  TableWriter writer(connections, settings.table, [&](Pending&& p, const std::string& message) {
    ++refused;
    quarantine.add(p.index, p.offset, "RefusedByTable", message, p.text);
  });
  const int64_t deadline_ms = invocation.deadline_ms - kDeadlineMarginMs;
  writer.set_deadline(deadline_ms);
  Splitter splitter([&](Record&& record) -> Result<Done> {
    ++account.read;
    if (record.broken) {
      quarantine.add(record.index, record.offset, record.broken, record.why, record.text);
      return Done{};
    }
    auto judged = validate(record.text);
    if (const auto* rejection = std::get_if<Rejection>(&judged)) {
      quarantine.add(record.index, record.offset, rejection->code, rejection->message, record.text);
      return Done{};
    }
    Item& item = std::get<Item>(judged);
    const uint64_t key = key_hash(item);
    ++(seen.insert(key) ? account.stored : account.duplicate);
    return writer.write(
        {std::move(item), key, record.index, record.offset, std::move(record.text)});
  });
  Inflater inflater([&](std::string_view bytes) { return splitter.write(bytes); });
  auto done = download(connections.objects, object, [&](std::string_view bytes) {
    account.bytes += bytes.size();
    return inflater.write(bytes);
  });
  if (done) done = inflater.finish();
  const bool damaged = !done && done.error().code == "MalformedGzip";
  if (!done && !damaged) return done;
  CHECK(splitter.finish());
  if (damaged)  // what came before it counts; the rest cannot be read
    quarantine.add(account.read++, 0, "MalformedGzip", done.error().message, "");
  CHECK(writer.finish(deadline_ms));
  account.stored -= std::min<uint64_t>(refused, account.stored);
  exact = seen.exact();
  return Done{};
}

// In CloudWatch's embedded metric format: a log line and five metrics in one. Never a record's
// content.
void print_account(const Object& object, const Invocation& invocation, const Settings& settings,
                   const Account& account, uint64_t rejected, const std::string& quarantined,
                   bool exact, int64_t took_us) {
  json::array metrics;
  for (const char* name : {"RecordsRead", "RecordsStored", "RecordsDuplicate", "RecordsRejected"})
    metrics.push_back(json::object{{"Name", name}, {"Unit", "Count"}});
  metrics.push_back(json::object{{"Name", "IngestTime"}, {"Unit", "Milliseconds"}});
  json::object line{
      {"_aws", json::object{{"Timestamp", now()},
                            {"CloudWatchMetrics",
                             json::array{json::object{
                                 {"Namespace", "Sluice/Ingest"},
                                 {"Dimensions", json::array{json::array{"FunctionName"}}},
                                 {"Metrics", std::move(metrics)}}}}}},
      {"FunctionName", settings.function_name},
      {"message", "object ingested"},
      {"request_id", invocation.request_id},
      {"bucket", object.bucket},
      {"key", object.key},
      {"version_id", object.version},
      {"bytes", account.bytes},
      {"RecordsRead", account.read},
      {"RecordsStored", account.stored},
      {"RecordsDuplicate", account.duplicate},
      {"RecordsRejected", rejected},
      {"IngestTime", static_cast<double>(took_us) / 1000}};
  if (!quarantined.empty())
    line["quarantine"] = "s3://" + settings.quarantine_bucket + "/" + quarantined;
  if (!exact)
    line["duplicates_exact"] =
        false;  // more than three million keys: later repeats count as stored
  const std::string text = json::serialize(line) + "\n";
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
}
}  // namespace

Result<Settings> Settings::from_process() {
  Settings s;
  for (const auto& [name, into] :
       {std::pair("TABLE_NAME", &s.table), std::pair("QUARANTINE_BUCKET", &s.quarantine_bucket),
        std::pair("AWS_LAMBDA_FUNCTION_NAME", &s.function_name)}) {
    const char* value = getenv(name);
    if (!value || !*value)
      return Error{500,
                   "Configuration",
                   std::string("the environment variable ") + name + " must be set",
                   {}};
    *into = value;
  }
  return s;
}

Result<json::object> ingest_event(const json::value& event, const Invocation& invocation,
                                  Connections& connections, const Settings& settings) {
  TRY(const std::vector<Object> objects, objects_of(event));
  json::array done;
  for (const Object& object : objects) {
    const int64_t began_us = monotonic_us();
    for (int attempt = 1;; ++attempt) {
      Account account;
      bool exact = true;
      Quarantine quarantine(connections.quarantine, settings.quarantine_bucket, object.key,
                            object.version);
      auto processed =
          process(object, invocation, connections, settings, quarantine, account, exact);
      if (!processed) {
        if (processed.error().code == "NetworkFailure" && attempt < kDownloadTries) continue;
        return std::move(processed).error();
      }
      TRY(const std::string quarantined, quarantine.finish());
      print_account(object, invocation, settings, account, quarantine.count(), quarantined, exact,
                    monotonic_us() - began_us);
      done.push_back(json::object{
          {"bucket", object.bucket},
          {"key", object.key},
          {"versionId", object.version},
          {"read", account.read},
          {"stored", account.stored},
          {"duplicate", account.duplicate},
          {"rejected", quarantine.count()},
          {"quarantine", quarantined.empty() ? json::value() : json::value(quarantined)}});
      break;
    }
  }
  return json::object{{"objects", std::move(done)}};
}

}  // namespace sluice::ingest
