// SPDX-License-Identifier: Apache-2.0
// Log files: which records, under which key, committed with how far the trail is delivered.
#include <zlib.h>

#include "base/random.h"
#include "base/xml.h"
#include "crypto/crypto.h"
#include "services/cloudtrail/delivery.h"
#include "services/cloudtrail/selectors.h"

namespace sluice::cloudtrail {
namespace {
bool is_own(const json::object& record) {
  const json::value* identity = record.if_contains("userIdentity");
  return identity && identity->is_object() &&
         text_of(identity->get_object(), "invokedBy") == kPrincipal;
}
// "[prefix/]AWSLogs/A/CloudTrail/R/YYYY/MM/DD/A_CloudTrail_R_YYYYMMDDTHHmmZ_<16>.json.gz"
std::string new_key(const json::object& trail, const Scope& scope, Time time) {
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
  std::vector<json::object> earlier;  // {"Selectors","Until"}, those that hold from `position` on
  if (const json::value* all = work.session.if_contains("Earlier"))
    for (const json::value& one : all->as_array())
      if (const uint64_t through = position_of(one.as_object(), "Through");
          !through || through > position)
        earlier.push_back(one.as_object());
  const json::object current = selectors_of(work.trail);
  const std::string until = text_of(work.session, "Until");
  std::string from = text_of(work.session, "From");
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
    if (chooses(era < earlier.size() ? earlier[era].at("Selectors").as_object() : current,
                *record)) {
      batch.taken.push_back({sequence, text_of(*record, "eventTime"), std::string(text)});
      batch.bytes += text.size() + 1;
      batch.alien = batch.alien || !is_own(*record);
    }
    if (era < earlier.size() && request_id == text_of(earlier[era], "Until"))
      batch.changes.emplace_back(request_id, sequence);
    batch.ended = !until.empty() && request_id == until;
    batch.full = ++seen >= kRecordsPerFileMax || batch.taken.size() >= count_max;
    return !batch.ended && !batch.full;
  });
  return batch;
}

void pass_selectors(json::object& session, const Batch& batch, uint64_t through) {
  json::value* all = session.if_contains("Earlier");
  if (!all) return;
  uint64_t behind = position_of(session, "Position");
  if (session.contains("LogsPosition"))
    behind = std::min(behind, position_of(session, "LogsPosition"));
  json::array kept;
  for (json::value& one : all->as_array()) {
    json::object& earlier = one.as_object();
    for (const auto& [request_id, sequence] : batch.changes)
      if (sequence <= through && request_id == text_of(earlier, "Until"))
        earlier["Through"] = sequence;
    if (const uint64_t at = position_of(earlier, "Through"); !at || at > behind)
      kept.push_back(std::move(one));
  }
  if (kept.empty())
    session.erase("Earlier");
  else
    session["Earlier"] = std::move(kept);
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  std::string out;
  if (deflateInit2(&stream, 4, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return out;
  out.resize(deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

Result<Done> put_object(const Ports& ports, const Work& work, const std::string& bucket,
                        const std::string& key, const Headers& headers, std::string body, Time time,
                        const Rider& rider) {
  // A bucket that is gone has no policy, so S3 would say AccessDenied to a service.
  CHECK(ports.buckets->policy(bucket, ports.store->snapshot()));
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

Result<json::object> same_session(Staged& staged, const Work& work) {
  auto session = staged.get_json(work.key());
  if (!session || *session != work.session) return conflict();
  if (work.deleted) return *std::move(session);
  const auto trail = staged.get_json(trail_key(work.name));
  if (!trail || *trail != work.trail) return conflict();
  return *std::move(session);
}
void note_status(Staged& staged, const Work& work, std::string_view member,
                 std::string_view error_member, Time time) {
  if (work.deleted) return;
  json::object status = staged.get_json(status_key(work.name)).value_or(json::object());
  status[member] = time;
  status["Attempted"] = time;
  status.erase(error_member);
  staged.put_json(status_key(work.name), status);
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
  if (bool_of(work.session, "Ended")) return false;  // what comes after is of other spans
  Store& store = *ports.store;
  const uint64_t position = position_of(work.session, "Position");
  const Batch batch = collect(store, work, position, 0, kFileBytesMax, kRecordsPerFileMax);
  const bool any = !batch.taken.empty(),
             writes = any && (batch.alien || eager || batch.full || batch.ended);
  // Own records that wait for company stay ahead of the position.
  const uint64_t through = any && !writes ? batch.taken.front().sequence - 1 : batch.through;
  if (through <= position) return false;
  const auto advance = [&](Staged& staged) -> Result<json::object> {
    TRY(json::object session, same_session(staged, work));
    session["Position"] = through;
    if (batch.began) {
      session["From"] = "";
      if (session.contains("LogsPosition")) session["LogsPosition"] = batch.began - 1;
    }
    if (batch.ended) session["Ended"] = true;
    pass_selectors(session, batch, through);
    return session;
  };
  if (!writes) {
    Staged staged = store.stage();
    TRY(json::object session, advance(staged));
    staged.put_json(work.key(), session);
    CHECK(store.commit(std::move(staged), {}));
    return batch.full;
  }
  const Time time = std::max(
      now(), int_of(work.session, "DigestEnd"));  // a clock set back does not turn the files' order
  const File file = file_of(batch);
  const std::string bucket = text_of(work.trail, "S3BucketName"),
                    key = new_key(work.trail, store.scope(), time),
                    kms_key = text_of(work.trail, "KmsKeyId");
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
    TRY(json::object session, advance(staged));
    staged.put_json(work.key(), session);
    staged.put_json(file_key(work.name, work.id, through),
                    json::object{{"Bucket", bucket},
                                 {"Key", key},
                                 {"Hash", hex(sha256(file.text))},
                                 {"First", position + 1},
                                 {"Last", through},
                                 {"Count", batch.taken.size()},
                                 {"Oldest", file.oldest},
                                 {"Newest", file.newest},
                                 {"Validated", session.contains("ChainStart")}});
    note_status(staged, work, "Delivered", "LatestDeliveryError", time);
    return Done{};
  };
  CHECK(put_object(ports, work, bucket, key, headers, gzip(file.text), time, rider));
  return batch.full;
}

}  // namespace sluice::cloudtrail
