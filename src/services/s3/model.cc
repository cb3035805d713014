#include "services/s3/model.h"

#include <fmt/format.h>

#include <atomic>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::s3 {

std::string new_sort() {
  static std::atomic<uint64_t> last{0};
  uint64_t seen = last, mine = 0;
  do { mine = std::max(seen + 1, static_cast<uint64_t>(now()) << 16); } while (!last.compare_exchange_weak(seen, mine));
  return hex(big_endian64(~mine)) + random_hex(kSortCharacters - 16);
}

Error no_such_bucket(const std::string& bucket) { return {404, "NoSuchBucket", "The specified bucket does not exist", {{"BucketName", bucket}}}; }
Error no_such_key(const std::string& key) { return {404, "NoSuchKey", "The specified key does not exist.", {{"Key", key}}}; }

Result<json::object> find_bucket(const Snapshot& snapshot, const std::string& bucket) {
  auto found = snapshot.get_json(bucket_key(bucket));
  if (!found) return no_such_bucket(bucket);
  return *std::move(found);
}
Result<json::object> tracked_bucket(Staged& staged, const std::string& bucket) {
  auto found = staged.get_json(bucket_key(bucket));
  if (!found) return no_such_bucket(bucket);
  return *std::move(found);
}

std::optional<std::string> sort_of(const Snapshot& snapshot, const std::string& bucket, const std::string& key, const std::string& version_id) {
  if (version_id == "null") return snapshot.get(null_key(bucket, key));
  if (!version_id.empty()) return version_id.size() == kSortCharacters ? std::optional(version_id) : std::nullopt;
  const auto current = snapshot.get_json(current_key(bucket, key));
  return current ? std::optional(text_of(*current, "Sort")) : std::nullopt;
}

Need bucket_need(std::string_view action, const std::string& bucket, const Snapshot& snapshot, policy::Context context) {
  const auto record = snapshot.get_json(bucket_key(bucket));
  return {std::string(action), s3_arn(bucket), std::move(context), {{policy::Kind::resource, record ? text_of(*record, "Policy") : ""}}, "AWS::S3::Bucket"};
}
Need object_need(std::string_view action, const std::string& bucket, const std::string& key, const Snapshot& snapshot, policy::Context context) {
  Need need = bucket_need(action, bucket, snapshot, std::move(context));
  need.resource = s3_arn(bucket + "/" + key);
  need.resource_type = "AWS::S3::Object";
  return need;
}

json::object encryption_context(const std::string& bucket, const std::string& key) { return {{"aws:s3:arn", s3_arn(bucket + "/" + key)}}; }
std::string via_s3(const Scope& scope) { return "s3." + scope.region + ".amazonaws.com"; }
Error kms_error(Error error) {
  if (error.code == "DisabledException" || error.code == "KMSInvalidStateException" || error.code == "NotFoundException") error.code = "KMS." + error.code;
  return error;
}

void release_blobs(Staged& staged, const json::object& version) {
  const json::value* blobs = version.if_contains("Blobs");
  if (!blobs) return;
  for (const json::value& b : blobs->as_array()) staged.release({text_of(b.as_object(), "Id"), static_cast<uint64_t>(int_of(b.as_object(), "Bytes"))});
}

namespace {
bool matches_event(std::string_view wanted, std::string_view event) { return wanted.ends_with('*') ? event.starts_with(wanted.substr(0, wanted.size() - 1)) : wanted == event; }
json::object current_record(const std::string& sort, const json::object& version) {
  return {{"Sort", sort}, {"Size", int_of(version, "Size")}, {"ETag", text_of(version, "ETag")}, {"Modified", int_of(version, "Modified")}, {"Marker", bool_of(version, "Marker")}};
}
}  // namespace

void emit_event(Staged& staged, const json::object& bucket, const std::string& key, const json::object& version, std::string_view event_name, const std::string& request_id, const std::string& source_ip, const std::string& principal_id) {
  const json::value* configurations = bucket.if_contains("Notifications");
  if (!configurations) return;
  const Scope& scope = staged.snapshot().scope();
  const std::string name = text_of(bucket, "Name"), event = "s3:" + std::string(event_name);
  for (const json::value& one : configurations->as_array()) {
    const json::object& c = one.as_object();
    bool wanted = false;
    for (const json::value& e : c.at("Events").as_array()) wanted = wanted || matches_event(std::string_view(e.as_string()), event);
    if (!wanted || !key.starts_with(text_of(c, "Prefix")) || !key.ends_with(text_of(c, "Suffix"))) continue;
    json::object object{{"key", percent_encode(key, true)}, {"sequencer", hex(big_endian64(static_cast<uint64_t>(int_of(version, "Modified")) << 16)).substr(0, 16) + random_hex(2)}};
    if (!bool_of(version, "Marker")) { object["size"] = int_of(version, "Size"); object["eTag"] = text_of(version, "ETag"); }
    if (!text_of(bucket, "Versioning").empty()) object["versionId"] = text_of(version, "Id");
    json::object record{{"eventVersion", "2.5"}, {"eventSource", "aws:s3"}, {"awsRegion", scope.region}, {"eventTime", iso_millis(now())}, {"eventName", event_name},
        {"userIdentity", json::object{{"principalId", "AWS:" + principal_id}}}, {"requestParameters", json::object{{"sourceIPAddress", source_ip}}}, {"responseElements", json::object{{"x-amz-request-id", request_id}, {"x-amz-id-2", request_id}}},
        {"s3", json::object{{"s3SchemaVersion", "1.0"}, {"configurationId", text_of(c, "Id")}, {"bucket", json::object{{"name", name}, {"ownerIdentity", json::object{{"principalId", scope.account_id}}}, {"arn", s3_arn(name)}}}, {"object", std::move(object)}}}};
    staged.emit("lambda.async", json::object{{"function", text_of(c, "Arn")}, {"payload", json::object{{"Records", json::array{std::move(record)}}}}, {"source", "s3.amazonaws.com"}, {"source_arn", s3_arn(name)},
                                             {"source_account", scope.account_id}, {"request_id", random_uuid()}, {"attempts", 0}, {"queued", now()}});
  }
}

Result<Done> add_version(Staged& staged, const json::object& bucket, const std::string& key, json::object& version, std::string_view event_name, const std::string& request_id, const std::string& source_ip, const std::string& principal_id) {
  const std::string name = text_of(bucket, "Name"), sort = new_sort();
  version["Id"] = versioned(bucket) ? sort : "null";
  if (!versioned(bucket)) {          // one null version a key: the old one goes
    if (const auto old = staged.get(null_key(name, key))) {
      if (const auto record = staged.get_json(version_key(name, key, *old))) release_blobs(staged, *record);
      staged.erase(version_key(name, key, *old));
    }
    staged.put(null_key(name, key), sort);
  }
  staged.put_json(version_key(name, key, sort), version);
  staged.put_json(current_key(name, key), current_record(sort, version));
  emit_event(staged, bucket, key, version, event_name, request_id, source_ip, principal_id);
  return Done{};
}

bool remove_version(Staged& staged, const std::string& bucket, const std::string& key, const std::string& sort) {
  const auto record = staged.get_json(version_key(bucket, key, sort));
  if (!record) return false;
  release_blobs(staged, *record);
  staged.erase(version_key(bucket, key, sort));
  if (text_of(*record, "Id") == "null") staged.erase(null_key(bucket, key));
  const auto current = staged.get_json(current_key(bucket, key));
  if (!current || text_of(*current, "Sort") != sort) return true;
  staged.erase(current_key(bucket, key));
  staged.snapshot().scan(schema::prefix(Family::objects, "s3.version", {bucket, key}), "", false, [&](std::string_view bytes, std::string_view value) {
    const std::string other = schema::parts(bytes).at(2);
    if (other == sort) return true;
    if (auto next = parse_json_object(value)) staged.put_json(current_key(bucket, key), current_record(other, *next));
    return false;
  });
  return true;
}

}  // namespace sluice::s3
