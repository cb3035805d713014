// SPDX-License-Identifier: Apache-2.0
#pragma once
// How buckets and objects are stored. docs/on-disk.md
//   meta    s3.bucket (name)                 the bucket and its configurations
//   objects s3.current (bucket, key)         the newest version, as listings show it:
//   {"Sort","Size","ETag","Modified","Marker"} objects s3.version (bucket, key, sort)   every
//   version, newest first: `sort` counts down with time objects s3.null (bucket, key) the sort of
//   the version whose id is "null"
#include "base/xml.h"
#include "services/s3/s3.h"

namespace sluice::s3 {

inline Key bucket_key(std::string_view bucket) {
  return schema::key(Family::meta, "s3.bucket", {bucket});
}
inline Key current_key(std::string_view bucket, std::string_view key) {
  return schema::key(Family::objects, "s3.current", {bucket, key});
}
inline Key version_key(std::string_view bucket, std::string_view key, std::string_view sort) {
  return schema::key(Family::objects, "s3.version", {bucket, key, sort});
}
inline Key null_key(std::string_view bucket, std::string_view key) {
  return schema::key(Family::objects, "s3.null", {bucket, key});
}

constexpr std::string_view kXmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
constexpr size_t kSortCharacters = 24;  // 16 hex digits that count down, 8 random ones

Error malformed_xml();
Error no_such_bucket(const std::string& bucket);
Error no_such_key(const std::string& key);
Result<json::object> find_bucket(const Snapshot& snapshot, const std::string& bucket);
Result<json::object> tracked_bucket(Staged& staged, const std::string& bucket);
inline bool versioned(const json::object& bucket) {
  return text_of(bucket, "Versioning") == "Enabled";
}
// x-amz-expected-bucket-owner: "" or an account id. Errors: InvalidBucketOwnerAWSAccountID,
// AccessDenied when it is not ours.
Result<Done> check_owner(const std::string& expected, const Snapshot& snapshot);

// A version's record: its facts, and behind them the sealed body when it is small. On disk: 4 bytes
// of length, big-endian, the facts as JSON, the body.
struct Version {
  json::object facts;
  std::string sealed;
  std::string pack() const;
  static std::optional<Version> unpack(std::string_view record);
  static std::optional<json::object> unpack_facts(std::string_view record);
};
// A missing record is nullopt; one that cannot be read is a broken store, an exception.
std::optional<Version> version_at(const Snapshot& snapshot, const std::string& bucket,
                                  const std::string& key, std::string_view sort);
std::optional<Version> version_at(Staged& staged, const std::string& bucket, const std::string& key,
                                  std::string_view sort);
// The sort of a version by its id, the current one for "". nullopt: there is none.
std::optional<std::string> sort_of(const Snapshot& snapshot, const std::string& bucket,
                                   const std::string& key, const std::string& version_id);

// A need on an object or bucket with the bucket's policy.
Need bucket_need(std::string_view action, const std::string& bucket, const Snapshot& snapshot,
                 policy::Context context = {});
Need object_need(std::string_view action, const std::string& bucket, const std::string& key,
                 const Snapshot& snapshot, policy::Context context = {});

// Encryption of a new object: what the request says, else the bucket's default.
struct Encryption {
  std::string algorithm, key_reference;
};  // "aws:kms" or "AES256"
json::object encryption_context(const std::string& bucket, const std::string& key);
json::object encryption_context(
    const std::string& bucket, const std::string& key,
    const json::object& facts);  // of a version: with what its request added
std::string via_s3(const Scope& scope);
Error kms_error(Error error);  // "KMS.DisabledException"

// Who changes an object: for the event.
struct Actor {
  std::string request_id, source_ip, principal_id;
};
template <class In>
Actor actor(const Authorized<In>& in) {
  return {in.request_id(), in.source_ip(), in.caller().user_id()};
}

// Makes `version` the newest of its key: writes its record and the current one, replaces the null
// version when the bucket is not versioned, and stages the event. `version` gets its Id. Error:
// AccessDenied, the version it would replace is locked.
Result<Done> add_version(Staged& staged, const json::object& bucket, const std::string& key,
                         Version& version, std::string_view event_name, const Actor& actor);
// Removes one version for good and lets the next one become current. False: there was none. Error:
// AccessDenied, it is locked; `bypass` lifts governance, nothing lifts compliance and legal hold
// (object_lock.h).
Result<bool> remove_version(Staged& staged, const std::string& bucket, const std::string& key,
                            const std::string& sort, bool bypass);
void emit_event(Staged& staged, const json::object& bucket, const std::string& key,
                const json::object& facts, std::string_view event_name, const Actor& actor);

}  // namespace sluice::s3
