// SPDX-License-Identifier: Apache-2.0
// Log files: which records, under which key, committed with how far the trail is delivered.
#include "base/gzip.h"
#include "base/random.h"
#include "base/xml.h"
#include "crypto/crypto.h"
#include "services/cloudtrail/delivery.h"
#include "store/jobs.h"
#include "services/cloudtrail/selectors.h"

namespace sluice::cloudtrail {
namespace {
bool is_own(const json::object& record) {
  const json::value* identity = record.if_contains("userIdentity");
  return identity && identity->is_object() &&
         text_of(identity->get_object(), "invokedBy") == kPrincipal;
}
// "[prefix/]AWSLogs/A/CloudTrail/R/YYYY/MM/DD/A_CloudTrail_R_YYYYMMDDTHHmmZ_<16>.json.gz"
std::string new_key(const Trail& trail, const Scope& scope, Time time) {
  const std::string iso = iso_seconds(time),
                    day = iso.substr(0, 4) + "/" + iso.substr(5, 2) + "/" + iso.substr(8, 2),
                    basic = basic_date(time);
  return logs_prefix(trail, scope) + "CloudTrail/" + scope.region + "/" + day + "/" +
         scope.account_id + "_CloudTrail_" + scope.region + "_" + basic.substr(0, 13) + "Z_" +
         random_upper(16) + ".json.gz";
}
Error conflict() {
  return {409, "Conflict", "The trail was changed during its delivery; it is delivered again.", {}};
}
}  // namespace

Batch collect(Store& store, const Work& work, uint64_t position, uint64_t limit, size_t bytes_max,
              size_t count_max) {
  std::vector<EarlierSelectors> earlier;  // those that hold from `position` on
  for (const EarlierSelectors& one : work.session.earlier)
    if (!one.through || one.through > position) earlier.push_back(one);
  const Selectors current = selectors_of(work.trail);
  const std::string& until = work.session.until;
  std::string from = work.session.from;
  Batch batch;
  batch.through = position;
  size_t seen = 0;
  store.audit_from(store.snapshot(), position + 1, [&](uint64_t sequence, std::string_view text) {
    if (limit && sequence > limit) return false;
    if (batch.bytes + text.size() > bytes_max && !batch.taken.empty()) {
      batch.full = true;
      return false;
    }
    batch.through = sequence;
    const auto record = parse_json_object(text);
    if (!record) return true;  // damaged: `sluice verify` says so
    const std::string request_id = text_of(*record, "requestID");
    if (!from.empty()) {
      if (request_id != from) return true;
      from.clear();
      batch.began = sequence;
    }
    const size_t era = batch.changes.size();
    if (chooses(era < earlier.size() ? earlier[era].selectors : current, *record)) {
      batch.taken.push_back({sequence, text_of(*record, "eventTime"), std::string(text)});
      batch.bytes += text.size() + 1;
      batch.alien = batch.alien || !is_own(*record);
    }
    if (era < earlier.size() && request_id == earlier[era].until)
      batch.changes.emplace_back(request_id, sequence);
    batch.ended = !until.empty() && request_id == until;
    batch.full = ++seen >= kRecordsPerFileMax || batch.taken.size() >= count_max;
    return !batch.ended && !batch.full;
  });
  return batch;
}

void pass_selectors(LoggingSession& session, const Batch& batch, uint64_t through) {
  const uint64_t behind =
      std::min(session.position, session.logs_position.value_or(session.position));
  for (EarlierSelectors& one : session.earlier)
    for (const auto& [request_id, sequence] : batch.changes)
      if (sequence <= through && request_id == one.until) one.through = sequence;
  std::erase_if(session.earlier,
                [&](const EarlierSelectors& one) { return one.through && one.through <= behind; });
}

Result<Done> put_object(const Ports& ports, const Work& work, const std::string& bucket,
                        const std::string& key, const Headers& headers, std::string body, Time time,
                        const Rider& rider) {
  // A bucket that is gone has no policy, so S3 would say AccessDenied to a service.
  CHECK(ports.buckets->policies(bucket, ports.store->snapshot()));
  const Scope& scope = ports.store->scope();
  Request request =
      own_request("PUT", "/" + percent_encode(bucket) + "/" + percent_encode(key, true), time);
  request.headers.add("host", "s3." + scope.region + ".amazonaws.com");
  request.headers.add("content-type", "application/json");
  request.headers.add("content-encoding", "gzip");
  request.headers.add("x-amz-acl", "bucket-owner-full-control");
  for (const auto& [name, value] : headers.list) request.headers.add(name, value);
  request.headers.add("content-length", std::to_string(body.size()));
  request.body = std::move(body);
  const Response answer = ports.dispatcher->call(
      "s3", "PutObject", std::move(request),
      Gate::service_caller(kPrincipal, scope, trail_arn(scope, work.name)), rider);
  if (answer.status < 300) return Done{};
  const auto document = parse_xml(answer.body);
  const auto text = [&](const char* path) {
    return document ? std::string((*document)->select_node(path).node().child_value())
                    : std::string();
  };
  return Error{answer.status, text("//Code"), text("//Message"), {}};
}

Result<LoggingSession> same_session(Staged& staged, const Work& work) {
  auto session = staged.get(work.key());
  if (!session || *session != work.session) return conflict();
  if (work.deleted) return *std::move(session);
  const auto trail = staged.look(trail_key(work.name));
  if (!trail || *trail != work.trail) return conflict();
  return *std::move(session);
}
void note_status(Staged& staged, const Work& work, Time DeliveryStatus::* done,
                 std::string DeliveryStatus::* error, Time time) {
  if (work.deleted) return;
  DeliveryStatus status = staged.get(status_key(work.name)).value_or(DeliveryStatus{});
  status.*done = time;
  status.attempted = time;
  (status.*error).clear();
  staged.put(status_key(work.name), status);
}

namespace {
struct File {
  std::string text, oldest, newest;
};
File file_of(const Batch& batch) {
  File file{"{\"Records\":[", batch.taken.front().time, batch.taken.front().time};
  file.text.reserve(batch.bytes + 16);
  for (const Batch::Taken& one : batch.taken) {
    if (&one != &batch.taken.front()) file.text += ',';
    file.text += one.text;  // byte for byte what the store chains
    file.oldest = std::min(file.oldest, one.time);
    file.newest = std::max(file.newest, one.time);
  }
  file.text += "]}";
  return file;
}
}  // namespace

Result<bool> deliver_file(const Ports& ports, const Work& work, bool eager) {
  if (work.session.ended) return false;  // what comes after is of other spans
  Store& store = *ports.store;
  const uint64_t position = work.session.position;
  const Batch batch = collect(store, work, position, 0, kFileBytesMax, kRecordsPerFileMax);
  const bool any = !batch.taken.empty(),
             writes = any && (batch.alien || eager || batch.full || batch.ended);
  // Own records that wait for company stay ahead of the position.
  const uint64_t through = any && !writes ? batch.taken.front().sequence - 1 : batch.through;
  if (through <= position) return false;
  const auto advance = [&](Staged& staged) -> Result<LoggingSession> {
    TRY(LoggingSession session, same_session(staged, work));
    session.position = through;
    if (batch.began) {
      session.from.clear();
      if (session.logs_position) session.logs_position = batch.began - 1;
    }
    if (batch.ended) session.ended = true;
    pass_selectors(session, batch, through);
    return session;
  };
  if (!writes) {
    Staged staged = store.stage();
    TRY(const LoggingSession session, advance(staged));
    staged.put(work.key(), session);
    CHECK(store.commit(std::move(staged), {}));
    return batch.full;
  }
  const Time time = std::max(
      store.jobs().clock().calendar(),
      work.session.digest_end.value_or(0));  // a clock set back does not turn the files' order
  const File file = file_of(batch);
  const std::string &bucket = work.trail.bucket, &kms_key = work.trail.kms_key;
  const std::string key = new_key(work.trail, store.scope(), time);
  Headers headers;
  headers.add("x-amz-server-side-encryption", kms_key.empty() ? "AES256" : "aws:kms");
  if (!kms_key.empty()) {
    headers.add("x-amz-server-side-encryption-aws-kms-key-id", kms_key);
    headers.add(
        "x-amz-server-side-encryption-context",
        base64(json::serialize(json::object{
            {"aws:cloudtrail:arn",
             trail_arn(store.scope(), work.name)}})));  // what AWS's key policy for trails asks for
  }
  const Rider rider = [&](Staged& staged) -> Result<Done> {
    TRY(const LoggingSession session, advance(staged));
    staged.put(work.key(), session);
    staged.put(file_key(work.name, work.id, through),
               LogFile{.bucket = bucket,
                       .key = key,
                       .hash = hex(sha256(file.text)),
                       .first = position + 1,
                       .last = through,
                       .count = batch.taken.size(),
                       .oldest = file.oldest,
                       .newest = file.newest,
                       .validated = session.chain_start.has_value()});
    note_status(staged, work, &DeliveryStatus::delivered, &DeliveryStatus::delivery_error, time);
    return Done{};
  };
  CHECK(put_object(ports, work, bucket, key, headers, gzip(file.text), time, rider));
  return batch.full;
}

}  // namespace sluice::cloudtrail
