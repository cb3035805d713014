// SPDX-License-Identifier: Apache-2.0
#include "services/s3/model.h"

#include <atomic>
#include <charconv>

#include "base/bytes.h"
#include "base/random.h"
#include "request/async_event.h"
#include "services/s3/object_lock.h"
#include "store/log.h"

namespace sluice::s3 {
namespace {
constexpr size_t kLengthBytes = 4;

uint64_t time_of(std::string_view sort) {
  uint64_t value = 0;
  const std::string_view digits = sort.substr(0, 16);
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return ~value;
}
struct LastSort {
  std::atomic<uint64_t> value{0};
};
// Newer than every one that the server made and than `newest`, wherever the clock stands.
std::string new_sort(std::string_view newest, const Snapshot& snapshot) {
  std::atomic<uint64_t>& last = snapshot.attached<LastSort>().value;
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

Result<std::shared_ptr<const Bucket>> find_bucket(const Snapshot& snapshot,
                                                  const std::string& bucket) {
  auto found = snapshot.get(bucket_key(bucket));
  if (!found) return no_such_bucket(bucket);
  return found;
}
Result<std::shared_ptr<const Bucket>> tracked_bucket(Staged& staged, const std::string& bucket) {
  auto found = staged.look(bucket_key(bucket));
  if (!found) return no_such_bucket(bucket);
  return found;
}
Result<Bucket> bucket_to_change(Staged& staged, const std::string& bucket) {
  TRY(const auto found, tracked_bucket(staged, bucket));
  return *found;
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
  const std::string record = encode(facts);
  std::string value;
  value.reserve(kLengthBytes + record.size() + sealed.size());
  return value.append(big_endian64(record.size()), 8 - kLengthBytes).append(record).append(sealed);
}
namespace {
// The record of the facts in the value of a version. When the end of the value is missing it is "",
// which is no record.
std::string_view record_in(std::string_view value) {
  if (value.size() < kLengthBytes) return {};
  const uint64_t size =
      from_big_endian64(std::string(8 - kLengthBytes, '\0').append(value.substr(0, kLengthBytes)));
  value.remove_prefix(kLengthBytes);
  return size > value.size() ? std::string_view() : value.substr(0, size);
}
}  // namespace
VersionFacts Version::unpack_facts(std::string_view value) {
  return decode<VersionFacts>(record_in(value));
}
Version Version::unpack(std::string value) {
  const std::string_view record = record_in(value);
  Version version{decode<VersionFacts>(record), {}};
  value.erase(0, kLengthBytes + record.size());
  version.sealed = std::move(value);
  return version;
}

std::shared_ptr<const Version> version_at(const Snapshot& snapshot, const std::string& bucket,
                                          const std::string& key, std::string_view sort) {
  return snapshot.unpacked<Version>(version_key(bucket, key, sort));
}
std::optional<Version> version_at(Staged& staged, const std::string& bucket, const std::string& key,
                                  std::string_view sort) {
  auto value = staged.get(version_key(bucket, key, sort));
  return value ? std::optional(Version::unpack(*std::move(value))) : std::nullopt;
}
std::optional<VersionFacts> facts_at(Staged& staged, const std::string& bucket,
                                     const std::string& key, std::string_view sort) {
  const auto value = staged.get(version_key(bucket, key, sort));
  return value ? std::optional(Version::unpack_facts(*value)) : std::nullopt;
}

std::optional<std::string> sort_of(const Snapshot& snapshot, const std::string& bucket,
                                   const std::string& key, const std::string& version_id) {
  if (version_id == "null") return snapshot.get(null_key(bucket, key));
  if (!version_id.empty())
    return version_id.size() == kSortCharacters ? std::optional(version_id) : std::nullopt;
  const auto current = snapshot.get(current_key(bucket, key));
  return current ? std::optional(current->sort) : std::nullopt;
}

Need bucket_need(std::string_view action, const std::string& bucket, const Snapshot& snapshot,
                 policy::Context context) {
  const auto record = snapshot.get(bucket_key(bucket));
  return {std::string(action), s3_arn(bucket), std::move(context),
          record ? record->policy.on(s3_arn(bucket)) : std::vector<policy::Attached>(),
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
                                const json::object& added) {
  json::object context{{"aws:s3:arn", s3_arn(bucket + "/" + key)}};
  for (const auto& [name, value] : added) context.emplace(name, value);
  return context;
}
std::string via_s3(const Scope& scope) { return "s3." + scope.region + ".amazonaws.com"; }
Error kms_error(Error error) {
  if (error.code == "DisabledException" || error.code == "KMSInvalidStateException" ||
      error.code == "InvalidKeyUsageException" || error.code == "NotFoundException")
    error.code = "KMS." + error.code;
  return error;
}

namespace {
// A key as events have it: a blank becomes '+'.
std::string form_encode(const std::string& key) {
  std::string out = percent_encode(key, true);
  for (size_t at = 0; (at = out.find("%20", at)) != std::string::npos;) out.replace(at, 3, "+");
  return out;
}
bool matches_event(std::string_view wanted, std::string_view event) {
  return wanted.ends_with('*') ? event.starts_with(wanted.substr(0, wanted.size() - 1))
                               : wanted == event;
}
Current current_of(const std::string& sort, const VersionFacts& facts) {
  return {sort,         facts.size,     facts.etag,          facts.modified,
          facts.marker, facts.checksum, facts.checksum_type, {}};
}
// Only this removes the record of a version.
Result<Done> erase_version(Staged& staged, const std::string& bucket, const std::string& key,
                           const std::string& sort, const VersionFacts& facts, bool bypass) {
  CHECK(removable(facts, bypass));
  for (const SealedFile& file : facts.files) staged.release(file.ref());
  staged.erase(version_key(bucket, key, sort));
  return Done{};
}
}  // namespace

namespace {
// The order of an event among those of its key. It grows from commit to commit: who writes a key
// has read what the commit before wrote, so his number is larger. Requests of one commit that see
// each other's writes differ by their place, and the events of one request by their number. The
// first digits make it larger than those of earlier versions of Sluice, which had a time there.
std::string sequencer(const Staged& staged) {
  constexpr int kCommitBits = 38, kPlaceBits = 7, kEventBits = 11;  // 56 in all: 14 digits
  const auto bits = [](uint64_t number, int count) {
    return number & ((uint64_t{1} << count) - 1);
  };
  const uint64_t place = bits(staged.snapshot().newest(kAuditLog), kCommitBits) << kPlaceBits |
                         bits(staged.place(), kPlaceBits);
  return "02" + hex(big_endian64(place << kEventBits | bits(staged.jobs(), kEventBits))).substr(2);
}

// The `sort` of the version of this key whose id is "null".
std::optional<std::string> null_sort(Staged& staged, const Bucket& bucket, const std::string& key,
                                     const Current* current) {
  // A bucket that never was versioned has one version of a key, and no delete markers.
  if (bucket.versioning.empty()) return current ? std::optional(current->sort) : std::nullopt;
  return staged.get(null_key(bucket.name, key));
}
}  // namespace

void emit_event(Staged& staged, const Bucket& bucket, const std::string& key,
                const VersionFacts& facts, std::string_view event_name, const Actor& actor) {
  const Scope& scope = staged.snapshot().scope();
  const std::string event = "s3:" + std::string(event_name);
  for (const Notification& one : bucket.notifications) {
    const bool wanted =
        std::any_of(one.events.begin(), one.events.end(),
                    [&](const std::string& pattern) { return matches_event(pattern, event); });
    if (!wanted || !key.starts_with(one.prefix) || !key.ends_with(one.suffix)) continue;
    json::object object{{"key", form_encode(key)}, {"sequencer", sequencer(staged)}};
    if (!facts.marker && !event_name.starts_with("ObjectRemoved:")) {
      object["size"] = facts.size;
      object["eTag"] = facts.etag;
    }
    if (!bucket.versioning.empty()) object["versionId"] = facts.id;
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
                   {"configurationId", one.id},
                   {"bucket",
                    json::object{{"name", bucket.name},
                                 {"ownerIdentity", json::object{{"principalId", scope.account_id}}},
                                 {"arn", s3_arn(bucket.name)}}},
                   {"object", std::move(object)}}}};
    staged.enqueue({.queue = kAsyncQueue,
                    .lane = one.arn,
                    .event = members_of(AsyncEvent{
                        .function = one.arn,
                        .payload = json::object{{"Records", json::array{std::move(record)}}},
                        .source = "s3.amazonaws.com",
                        .source_arn = s3_arn(bucket.name),
                        .source_account = scope.account_id,
                        .request_id = random_uuid(),
                        .queued = now()})});
  }
}

Result<Done> add_version(Staged& staged, const Bucket& bucket, const std::string& key,
                         Version& version, std::string_view event_name, const Actor& actor) {
  const std::string& name = bucket.name;
  // This is read, so that of two writers at the same time the one that commits last is also the
  // newest by its `sort`.
  const auto current = staged.look(current_key(name, key));
  const std::string sort = new_sort(current ? current->sort : "", staged.snapshot());
  version.facts.id = versioned(bucket) ? sort : "null";
  if (!versioned(bucket)) {  // a key has one null version, so the old one goes
    if (const auto old = null_sort(staged, bucket, key, current.get()))
      if (const auto replaced = facts_at(staged, name, key, *old)) {
        CHECK(erase_version(staged, name, key, *old, *replaced, false));
      }
    staged.put(null_key(name, key), sort);
  }
  staged.put(version_key(name, key, sort), version.pack());
  staged.put(current_key(name, key), current_of(sort, version.facts));
  emit_event(staged, bucket, key, version.facts, event_name, actor);
  return Done{};
}

Result<Done> remove_version(Staged& staged, const std::string& bucket, const std::string& key,
                            const std::string& sort, const VersionFacts& facts, bool bypass) {
  CHECK(erase_version(staged, bucket, key, sort, facts, bypass));
  if (facts.id == "null") staged.erase(null_key(bucket, key));
  const auto current = staged.look(current_key(bucket, key));
  if (!current || current->sort != sort) return Done{};
  staged.erase(current_key(bucket, key));
  staged.snapshot().scan(schema::prefix(Family::objects, "s3.version", {bucket, key}), "", false,
                         [&](std::string_view bytes, std::string_view) {
                           const std::string other = schema::parts(bytes).at(2);
                           // It is read through `staged`: when somebody removes it meanwhile, the
                           // current record must not name it.
                           const auto next = facts_at(staged, bucket, key, other);
                           if (next) staged.put(current_key(bucket, key), current_of(other, *next));
                           return !next;
                         });
  return Done{};
}

}  // namespace sluice::s3
