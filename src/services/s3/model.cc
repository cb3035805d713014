// SPDX-License-Identifier: Apache-2.0
#include "services/s3/model.h"

#include <atomic>
#include <charconv>

#include "base/bytes.h"
#include "base/random.h"
#include "services/s3/object_lock.h"
#include "store/log.h"

namespace sluice::s3 {
namespace {
uint64_t time_of(std::string_view sort) {
  uint64_t value = 0;
  std::from_chars(sort.data(), sort.data() + std::min<size_t>(16, sort.size()), value, 16);
  return ~value;
}
// Newer than every one this process made and than `newest`, wherever the clock stands.
std::string new_sort(std::string_view newest) {
  static std::atomic<uint64_t> last{0};
  const uint64_t after = newest.empty() ? 0 : time_of(newest);
  uint64_t seen = last, mine = 0;
  do {
    mine = std::max({seen + 1, after + 1, static_cast<uint64_t>(now()) << 16});
  } while (!last.compare_exchange_weak(seen, mine));
  return hex(big_endian64(~mine)) + random_hex(kSortCharacters - 16);
}
}  // namespace

Error malformed_xml() {
  return {
      400,
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
      {}};
}
Error no_such_bucket(const std::string& bucket) {
  return {404, "NoSuchBucket", "The specified bucket does not exist", {{"BucketName", bucket}}};
}
Error no_such_key(const std::string& key) {
  return {404, "NoSuchKey", "The specified key does not exist.", {{"Key", key}}};
}

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
Result<Done> check_owner(const std::string& expected, const Snapshot& snapshot) {
  if (expected.empty()) return Done{};
  if (expected.size() != 12 || expected.find_first_not_of("0123456789") != std::string::npos)
    return Error{400,
                 "InvalidBucketOwnerAWSAccountID",
                 "The value of the expected bucket owner parameter must be an AWS account ID",
                 {}};
  if (expected != snapshot.scope().account_id)
    return Error{403, "AccessDenied", "Access Denied", {}};
  return Done{};
}

std::string Version::pack() const {
  const std::string text = json::serialize(facts);
  return big_endian64(text.size()).substr(4) + text + sealed;
}
namespace {
uint64_t facts_bytes(std::string_view record) {
  return record.size() < 4
             ? UINT64_MAX
             : from_big_endian64(std::string(4, '\0') + std::string(record.substr(0, 4)));
}
}  // namespace
std::optional<json::object> Version::unpack_facts(std::string_view record) {
  const uint64_t size = facts_bytes(record);
  if (record.size() < 4 || size > record.size() - 4) return std::nullopt;
  auto facts = parse_json_object(record.substr(4, size));
  return facts ? std::optional(*std::move(facts)) : std::nullopt;
}
std::optional<Version> Version::unpack(std::string_view record) {
  auto facts = unpack_facts(record);
  if (!facts) return std::nullopt;
  return Version{*std::move(facts), std::string(record.substr(4 + facts_bytes(record)))};
}
namespace {
std::optional<Version> unpacked(const std::optional<std::string>& record) {
  if (!record) return std::nullopt;
  return Version::unpack(*record).value();
}
}  // namespace
std::optional<Version> version_at(const Snapshot& snapshot, const std::string& bucket,
                                  const std::string& key, std::string_view sort) {
  return unpacked(snapshot.get(version_key(bucket, key, sort)));
}
std::optional<Version> version_at(Staged& staged, const std::string& bucket, const std::string& key,
                                  std::string_view sort) {
  return unpacked(staged.get(version_key(bucket, key, sort)));
}

std::optional<std::string> sort_of(const Snapshot& snapshot, const std::string& bucket,
                                   const std::string& key, const std::string& version_id) {
  if (version_id == "null") return snapshot.get(null_key(bucket, key));
  if (!version_id.empty())
    return version_id.size() == kSortCharacters ? std::optional(version_id) : std::nullopt;
  const auto current = snapshot.get_json(current_key(bucket, key));
  return current ? std::optional(text_of(*current, "Sort")) : std::nullopt;
}

Need bucket_need(std::string_view action, const std::string& bucket, const Snapshot& snapshot,
                 policy::Context context) {
  const auto record = snapshot.get_json(bucket_key(bucket));
  return {std::string(action),
          s3_arn(bucket),
          std::move(context),
          {{policy::Kind::resource, record ? text_of(*record, "Policy") : ""}},
          "AWS::S3::Bucket"};
}
Need object_need(std::string_view action, const std::string& bucket, const std::string& key,
                 const Snapshot& snapshot, policy::Context context) {
  Need need = bucket_need(action, bucket, snapshot, std::move(context));
  need.resource = s3_arn(bucket + "/" + key);
  need.resource_type = "AWS::S3::Object";
  return need;
}

json::object encryption_context(const std::string& bucket, const std::string& key,
                                const json::object& facts) {
  json::object context = encryption_context(bucket, key);
  if (const json::value* added = facts.if_contains("Context"))
    for (const auto& [name, value] : added->as_object()) context.emplace(name, value);
  return context;
}
json::object encryption_context(const std::string& bucket, const std::string& key) {
  return {{"aws:s3:arn", s3_arn(bucket + "/" + key)}};
}
std::string via_s3(const Scope& scope) { return "s3." + scope.region + ".amazonaws.com"; }
Error kms_error(Error error) {
  if (error.code == "DisabledException" || error.code == "KMSInvalidStateException" ||
      error.code == "NotFoundException")
    error.code = "KMS." + error.code;
  return error;
}

namespace {
void release_blobs(Staged& staged, const json::object& facts) {
  const json::value* blobs = facts.if_contains("Blobs");
  if (!blobs) return;
  for (const json::value& b : blobs->as_array())
    staged.release(
        {text_of(b.as_object(), "Id"), static_cast<uint64_t>(int_of(b.as_object(), "Bytes"))});
}
std::string form_encode(const std::string& key) {  // as events carry keys: a blank is '+'
  std::string out = percent_encode(key, true);
  for (size_t at = 0; (at = out.find("%20", at)) != std::string::npos;) out.replace(at, 3, "+");
  return out;
}
bool matches_event(std::string_view wanted, std::string_view event) {
  return wanted.ends_with('*') ? event.starts_with(wanted.substr(0, wanted.size() - 1))
                               : wanted == event;
}
json::object current_record(const std::string& sort, const json::object& facts) {
  return {{"Sort", sort},
          {"Size", int_of(facts, "Size")},
          {"ETag", text_of(facts, "ETag")},
          {"Modified", int_of(facts, "Modified")},
          {"Marker", bool_of(facts, "Marker")},
          {"Checksum", text_of(facts, "Checksum")},
          {"ChecksumType", text_of(facts, "ChecksumType")}};
}
// The one place where a version's record goes.
Result<Done> erase_version(Staged& staged, const std::string& bucket, const std::string& key,
                           const std::string& sort, const json::object& facts, bool bypass) {
  CHECK(removable(facts, bypass));
  release_blobs(staged, facts);
  staged.erase(version_key(bucket, key, sort));
  return Done{};
}
}  // namespace

namespace {
// Grows from commit to commit, so that for one key the order of the events is the order of what
// happened: who writes a key reads what the commit before wrote, and so begins behind it. Requests
// of one commit that see each other's writes are told apart by their place, events of one request
// by their number. The first digits put it behind those of earlier
// versions, which held a time.
std::string sequencer(const Staged& staged) {
  constexpr int kCommitBits = 38, kPlaceBits = 7, kEventBits = 11;  // 56: 14 digits
  const auto bits = [](uint64_t number, int count) {
    return number & ((uint64_t{1} << count) - 1);
  };
  const uint64_t place = bits(staged.snapshot().newest(kAuditLog), kCommitBits) << kPlaceBits |
                         bits(staged.place(), kPlaceBits);
  return "02" + hex(big_endian64(place << kEventBits | bits(staged.jobs(), kEventBits))).substr(2);
}
}  // namespace

void emit_event(Staged& staged, const json::object& bucket, const std::string& key,
                const json::object& facts, std::string_view event_name, const Actor& actor) {
  const json::value* configurations = bucket.if_contains("Notifications");
  if (!configurations) return;
  const Scope& scope = staged.snapshot().scope();
  const std::string name = text_of(bucket, "Name"), event = "s3:" + std::string(event_name);
  for (const json::value& one : configurations->as_array()) {
    const json::object& c = one.as_object();
    bool wanted = false;
    for (const json::value& e : c.at("Events").as_array())
      wanted = wanted || matches_event(std::string_view(e.as_string()), event);
    if (!wanted || !key.starts_with(text_of(c, "Prefix")) || !key.ends_with(text_of(c, "Suffix")))
      continue;
    json::object object{{"key", form_encode(key)}, {"sequencer", sequencer(staged)}};
    if (!bool_of(facts, "Marker") && !event_name.starts_with("ObjectRemoved:")) {
      object["size"] = int_of(facts, "Size");
      object["eTag"] = text_of(facts, "ETag");
    }
    if (!text_of(bucket, "Versioning").empty()) object["versionId"] = text_of(facts, "Id");
    json::object record{
        {"eventVersion", "2.5"},
        {"eventSource", "aws:s3"},
        {"awsRegion", scope.region},
        {"eventTime", iso_millis(now())},
        {"eventName", event_name},
        {"userIdentity", json::object{{"principalId", "AWS:" + actor.principal_id}}},
        {"requestParameters", json::object{{"sourceIPAddress", actor.source_ip}}},
        {"responseElements",
         json::object{{"x-amz-request-id", actor.request_id}, {"x-amz-id-2", actor.request_id}}},
        {"s3", json::object{
                   {"s3SchemaVersion", "1.0"},
                   {"configurationId", text_of(c, "Id")},
                   {"bucket",
                    json::object{{"name", name},
                                 {"ownerIdentity", json::object{{"principalId", scope.account_id}}},
                                 {"arn", s3_arn(name)}}},
                   {"object", std::move(object)}}}};
    staged.enqueue(
        {.queue = "lambda.async",
         .lane = text_of(c, "Arn"),
         .event = {{"function", text_of(c, "Arn")},
                   {"payload", json::object{{"Records", json::array{std::move(record)}}}},
                   {"source", "s3.amazonaws.com"},
                   {"source_arn", s3_arn(name)},
                   {"source_account", scope.account_id},
                   {"request_id", random_uuid()},
                   {"attempts", 0},
                   {"queued", now()}}});
  }
}

Result<Done> add_version(Staged& staged, const json::object& bucket, const std::string& key,
                         Version& version, std::string_view event_name, const Actor& actor) {
  const std::string name = text_of(bucket, "Name");
  // Read, so that of two racing writers the one that commits last is also the newest by its sort.
  const auto current = staged.get_json(current_key(name, key));
  const std::string sort = new_sort(current ? text_of(*current, "Sort") : "");
  version.facts["Id"] = versioned(bucket) ? sort : "null";
  if (!versioned(bucket)) {  // one null version a key: the old one goes
    if (const auto old = staged.get(null_key(name, key)))
      if (const auto replaced = version_at(staged, name, key, *old)) {
        CHECK(erase_version(staged, name, key, *old, replaced->facts, false));
      }
    staged.put(null_key(name, key), sort);
  }
  staged.put(version_key(name, key, sort), version.pack());
  staged.put_json(current_key(name, key), current_record(sort, version.facts));
  emit_event(staged, bucket, key, version.facts, event_name, actor);
  return Done{};
}

Result<bool> remove_version(Staged& staged, const std::string& bucket, const std::string& key,
                            const std::string& sort, bool bypass) {
  const auto removed = version_at(staged, bucket, key, sort);
  if (!removed) return false;
  CHECK(erase_version(staged, bucket, key, sort, removed->facts, bypass));
  if (text_of(removed->facts, "Id") == "null") staged.erase(null_key(bucket, key));
  const auto current = staged.get_json(current_key(bucket, key));
  if (!current || text_of(*current, "Sort") != sort) return true;
  staged.erase(current_key(bucket, key));
  staged.snapshot().scan(schema::prefix(Family::objects, "s3.version", {bucket, key}), "", false,
                         [&](std::string_view bytes, std::string_view) {
                           const std::string other = schema::parts(bytes).at(2);
                           // Read through `staged`: whoever removes the next one meanwhile must not
                           // leave this pointing at nothing.
                           const auto next = version_at(staged, bucket, key, other);
                           if (next)
                             staged.put_json(current_key(bucket, key),
                                             current_record(other, next->facts));
                           return !next;
                         });
  return true;
}

}  // namespace sluice::s3
