// SPDX-License-Identifier: Apache-2.0
#pragma once
// What CloudTrail stores: trails and their selectors, the spans of logging and how far each is
// delivered, what was delivered, and the keys that sign digests.
//
//   if (const auto trail = snapshot.get(trail_key(name))) use(trail->bucket);
#include "base/bytes.h"
#include "store/record.h"

namespace sluice::cloudtrail {

struct DataResource {
  std::string type;                                // "AWS::S3::Object"
  std::optional<std::vector<std::string>> values;  // beginnings of ARNs, if they were sent
  static constexpr auto members() {
    return std::tuple{member("Type", &DataResource::type), member("Values", &DataResource::values)};
  }
  bool operator==(const DataResource&) const = default;
};
struct EventSelector {
  std::string read_write_type;  // All, ReadOnly, WriteOnly
  bool management_events = false;
  std::vector<DataResource> data_resources;
  std::vector<std::string> excluded_sources;  // of management events
  static constexpr auto members() {
    return std::tuple{member("ReadWriteType", &EventSelector::read_write_type),
                      member("IncludeManagementEvents", &EventSelector::management_events),
                      member("DataResources", &EventSelector::data_resources),
                      member("ExcludeManagementEventSources", &EventSelector::excluded_sources)};
  }
  bool operator==(const EventSelector&) const = default;
};
// The values of each operator, if it was sent.
struct FieldSelector {
  using Values = std::optional<std::vector<std::string>>;
  std::string field;  // "eventCategory", "resources.ARN"
  Values equals, starts_with, ends_with, not_equals, not_starts_with, not_ends_with;
  static constexpr auto members() {
    return std::tuple{member("Field", &FieldSelector::field),
                      member("Equals", &FieldSelector::equals),
                      member("StartsWith", &FieldSelector::starts_with),
                      member("EndsWith", &FieldSelector::ends_with),
                      member("NotEquals", &FieldSelector::not_equals),
                      member("NotStartsWith", &FieldSelector::not_starts_with),
                      member("NotEndsWith", &FieldSelector::not_ends_with)};
  }
  bool operator==(const FieldSelector&) const = default;
};
struct AdvancedEventSelector {
  std::optional<std::string> name;
  std::vector<FieldSelector> fields;
  static constexpr auto members() {
    return std::tuple{member("Name", &AdvancedEventSelector::name),
                      member("FieldSelectors", &AdvancedEventSelector::fields)};
  }
  bool operator==(const AdvancedEventSelector&) const = default;
};
// The selectors of a trail, which are of one kind or the other.
struct Selectors {
  std::optional<std::vector<EventSelector>> basic;
  std::optional<std::vector<AdvancedEventSelector>> advanced;
  static constexpr auto members() {
    return std::tuple{member("EventSelectors", &Selectors::basic),
                      member("AdvancedEventSelectors", &Selectors::advanced)};
  }
  bool operator==(const Selectors&) const = default;
};

struct Trail : Selectors {
  static constexpr RecordType record{Family::meta, "cloudtrail.trail", 1};
  std::string name, bucket, prefix;  // `prefix` has no slashes around it; "": none
  std::string log_group, role;       // ARNs; both or neither
  std::string kms_key;               // ARN; "": AES256
  bool global_events = false, multi_region = false, validation = false;
  json::object tags;  // texts, in their order
  bool custom_selectors = false;
  bool logging = false;
  Time started = 0, stopped = 0;  // 0: never
  std::string session;            // the newest span of logging
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &Trail::name),
                      member("S3BucketName", &Trail::bucket),
                      member("S3KeyPrefix", &Trail::prefix),
                      member("CloudWatchLogsLogGroupArn", &Trail::log_group),
                      member("CloudWatchLogsRoleArn", &Trail::role),
                      member("KmsKeyId", &Trail::kms_key),
                      member("IncludeGlobalServiceEvents", &Trail::global_events),
                      member("IsMultiRegionTrail", &Trail::multi_region),
                      member("LogFileValidationEnabled", &Trail::validation),
                      member("Tags", &Trail::tags),
                      member("EventSelectors", &Trail::basic),
                      member("AdvancedEventSelectors", &Trail::advanced),
                      member("HasCustomEventSelectors", &Trail::custom_selectors),
                      member("Logging", &Trail::logging),
                      member("Started", &Trail::started),
                      member("Stopped", &Trail::stopped),
                      member("Session", &Trail::session)};
  }
  bool operator==(const Trail&) const = default;
};
inline RecordKey<Trail> trail_key(std::string_view name) { return {name}; }

// Selectors that were replaced. They hold for what was recorded up to the call that replaced them.
struct EarlierSelectors {
  Selectors selectors;
  std::string until;     // request id of that PutEventSelectors
  uint64_t through = 0;  // audit sequence of its record; 0: not delivered yet
  static constexpr auto members() {
    return std::tuple{member("Selectors", &EarlierSelectors::selectors),
                      member("Until", &EarlierSelectors::until),
                      member("Through", &EarlierSelectors::through)};
  }
  bool operator==(const EarlierSelectors&) const = default;
};
// One span of logging, from a StartLogging to a StopLogging: what of it is delivered, and the end
// of its chain of digests. After a crash the delivery goes on from here.
struct LoggingSession {
  static constexpr RecordType record{Family::meta, "cloudtrail.session", 1};
  // The request ids of the calls whose records are the first and the last. `from` becomes "" when
  // the first record was found; `until` is "" while the trail logs.
  std::string from, until;
  uint64_t position = 0;                  // files are delivered up to this audit sequence
  std::optional<uint64_t> logs_position;  // the same for the log group, when there is one
  std::vector<EarlierSelectors> earlier;  // in their order
  bool ended = false;                     // the last record is delivered
  std::optional<Trail> trail;             // its settings, once the trail is deleted
  std::optional<Time> chain_start;        // has a value when digests are wanted
  std::optional<Time> digest_end;         // this and the rest are of the newest digest
  uint64_t digested_through = 0;
  std::string digest_bucket, digest_key, digest_hash, digest_signature;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("From", &LoggingSession::from),
                      member("Until", &LoggingSession::until),
                      member("Position", &LoggingSession::position),
                      member("LogsPosition", &LoggingSession::logs_position),
                      member("Earlier", &LoggingSession::earlier),
                      member("Ended", &LoggingSession::ended),
                      member("Trail", &LoggingSession::trail),
                      member("ChainStart", &LoggingSession::chain_start),
                      member("DigestEnd", &LoggingSession::digest_end),
                      member("DigestedThrough", &LoggingSession::digested_through),
                      member("DigestBucket", &LoggingSession::digest_bucket),
                      member("DigestKey", &LoggingSession::digest_key),
                      member("DigestHash", &LoggingSession::digest_hash),
                      member("DigestSignature", &LoggingSession::digest_signature)};
  }
  bool operator==(const LoggingSession&) const = default;
};
inline RecordKey<LoggingSession> session_key(std::string_view trail, std::string_view id) {
  return {trail, id};
}

// What GetTrailStatus tells of deliveries: when each kind was done last, and which error came after
// that.
struct DeliveryStatus {
  static constexpr RecordType record{Family::meta, "cloudtrail.status", 1};
  Time delivered = 0, digested = 0, logged = 0, attempted = 0;  // 0: never
  std::string delivery_error, digest_error, logs_error;         // codes; "": none
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Delivered", &DeliveryStatus::delivered),
                      member("Digested", &DeliveryStatus::digested),
                      member("Logged", &DeliveryStatus::logged),
                      member("Attempted", &DeliveryStatus::attempted),
                      member("LatestDeliveryError", &DeliveryStatus::delivery_error),
                      member("LatestDigestDeliveryError", &DeliveryStatus::digest_error),
                      member("LatestCloudWatchLogsDeliveryError", &DeliveryStatus::logs_error)};
  }
  bool operator==(const DeliveryStatus&) const = default;
};
inline RecordKey<DeliveryStatus> status_key(std::string_view trail) { return {trail}; }

// Only the trail may write below this prefix of a bucket.
struct Guard {
  std::string trail, prefix;
  static constexpr auto members() {
    return std::tuple{member("Trail", &Guard::trail), member("Prefix", &Guard::prefix)};
  }
  bool operator==(const Guard&) const = default;
};
struct GuardedBucket {
  static constexpr RecordType record{Family::meta, "cloudtrail.guard", 1};
  std::vector<Guard> guards;
  json::object unknown;
  static constexpr auto members() { return std::tuple{member("Guards", &GuardedBucket::guards)}; }
  bool operator==(const GuardedBucket&) const = default;
};
inline RecordKey<GuardedBucket> guard_key(std::string_view bucket) { return {bucket}; }

// A log file that was delivered.
struct LogFile {
  static constexpr RecordType record{Family::meta, "cloudtrail.file", 1};
  std::string bucket, key, hash;  // `hash` is the SHA-256 of its text, in hex
  uint64_t first = 0, last = 0;   // it is made of these audit sequences, selected or not
  uint64_t count = 0;             // of its records
  std::string oldest, newest;     // the times of its records, as they stand in them
  bool validated = false;         // the next digest lists it
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Bucket", &LogFile::bucket),      member("Key", &LogFile::key),
                      member("Hash", &LogFile::hash),          member("First", &LogFile::first),
                      member("Last", &LogFile::last),          member("Count", &LogFile::count),
                      member("Oldest", &LogFile::oldest),      member("Newest", &LogFile::newest),
                      member("Validated", &LogFile::validated)};
  }
  bool operator==(const LogFile&) const = default;
};
inline RecordKey<LogFile> file_key(std::string_view trail, std::string_view session,
                                   uint64_t last) {
  return {trail, session, big_endian64(last)};
}

// A digest that was delivered.
struct Digest {
  static constexpr RecordType record{Family::meta, "cloudtrail.digest", 1};
  std::string bucket, key, hash, signature;  // hex
  Time start = 0, end = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Bucket", &Digest::bucket), member("Key", &Digest::key),
                      member("Hash", &Digest::hash),     member("Signature", &Digest::signature),
                      member("Start", &Digest::start),   member("End", &Digest::end)};
  }
  bool operator==(const Digest&) const = default;
};
inline RecordKey<Digest> digest_key(std::string_view trail, std::string_view session, Time end) {
  return {trail, session, big_endian64(static_cast<uint64_t>(end))};
}

// The end of a trail's newest digest, of any session. It outlives the trail.
struct LastDigest {
  static constexpr RecordType record{Family::meta, "cloudtrail.last", 1};
  Time end = 0;
  json::object unknown;
  static constexpr auto members() { return std::tuple{member("End", &LastDigest::end)}; }
  bool operator==(const LastDigest&) const = default;
};
inline RecordKey<LastDigest> last_digest_key(std::string_view trail) { return {trail}; }

// A key that signs digests.
struct DigestKeyRecord {
  static constexpr RecordType record{Family::meta, "cloudtrail.key", 1};
  std::string fingerprint;   // hex
  std::string public_half;   // DER: base64
  std::string private_half;  // DER, sealed: base64
  Time from = 0, until = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Fingerprint", &DigestKeyRecord::fingerprint),
                      member("Public", &DigestKeyRecord::public_half),
                      member("Private", &DigestKeyRecord::private_half),
                      member("From", &DigestKeyRecord::from),
                      member("Until", &DigestKeyRecord::until)};
  }
  bool operator==(const DigestKeyRecord&) const = default;
};
inline RecordKey<DigestKeyRecord> digest_signing_key(Time from) {
  return {big_endian64(static_cast<uint64_t>(from))};
}

}  // namespace sluice::cloudtrail
