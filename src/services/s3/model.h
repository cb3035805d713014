// SPDX-License-Identifier: Apache-2.0
#pragma once
// How buckets and objects are read and changed; records.h says what is stored of them.
#include "base/xml.h"
#include "services/s3/records.h"
#include "services/s3/s3.h"

namespace sluice::s3 {

constexpr std::string_view kXmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
constexpr size_t kSortCharacters = 24;  // 16 hex digits that count down, 8 random ones

Error malformed_xml();
Error no_such_bucket(const std::string& bucket);
Error no_such_key(const std::string& key);
// Never null. Error: NoSuchBucket.
Result<std::shared_ptr<const Bucket>> find_bucket(const Snapshot& snapshot,
                                                  const std::string& bucket);
Result<std::shared_ptr<const Bucket>> tracked_bucket(Staged& staged, const std::string& bucket);
Result<Bucket> bucket_to_change(Staged& staged, const std::string& bucket);  // a copy
// x-amz-expected-bucket-owner: "" or an account id. Errors: InvalidBucketOwnerAWSAccountID,
// AccessDenied when it is not ours.
Result<Done> check_owner(const std::string& expected, const Snapshot& snapshot);

// A version: its facts, and the sealed body when it is small. On disk: 4 bytes of length,
// big-endian, the facts as a record, the body.
struct Version {
  VersionFacts facts;
  std::string sealed;
  std::string pack() const;
  static Version unpack(std::string value);                  // UnreadableRecord
  static VersionFacts unpack_facts(std::string_view value);  // UnreadableRecord
};
// As a Snapshot or a Staged shows them. nullopt: there is none; one that cannot be read is a broken
// store, an exception.
template <class View>
std::optional<Version> version_at(View& view, const std::string& bucket, const std::string& key,
                                  std::string_view sort) {
  auto value = view.get(version_key(bucket, key, sort));
  return value ? std::optional(Version::unpack(*std::move(value))) : std::nullopt;
}
template <class View>
std::optional<VersionFacts> facts_at(View& view, const std::string& bucket, const std::string& key,
                                     std::string_view sort) {
  const auto value = view.get(version_key(bucket, key, sort));
  return value ? std::optional(Version::unpack_facts(*value)) : std::nullopt;
}
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
// `added`: by the request that made the version.
json::object encryption_context(const std::string& bucket, const std::string& key,
                                const json::object& added = {});
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
Result<Done> add_version(Staged& staged, const Bucket& bucket, const std::string& key,
                         Version& version, std::string_view event_name, const Actor& actor);
// Removes one version for good, whose facts were read by `staged`, and lets the next one become
// current. Error: AccessDenied, it is locked; `bypass` lifts governance, nothing lifts compliance
// and legal hold (object_lock.h).
Result<Done> remove_version(Staged& staged, const std::string& bucket, const std::string& key,
                            const std::string& sort, const VersionFacts& facts, bool bypass);
void emit_event(Staged& staged, const Bucket& bucket, const std::string& key,
                const VersionFacts& facts, std::string_view event_name, const Actor& actor);

}  // namespace sluice::s3
