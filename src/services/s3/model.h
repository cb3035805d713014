// SPDX-License-Identifier: Apache-2.0
#pragma once
// How buckets and objects are read and changed. What is stored of them stands in records.h.
//
//   TRY(const auto bucket, tracked_bucket(staged, in->bucket));
//   CHECK(add_version(staged, *bucket, in->key, version, "ObjectCreated:Put", actor(in)));
#include "base/xml.h"
#include "services/s3/records.h"
#include "services/s3/s3.h"

namespace sluice::s3 {

constexpr std::string_view kXmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
constexpr size_t kSortCharacters = 24;  // 16 hex digits that count down, 8 random ones

Error malformed_xml();
Error no_such_bucket(const std::string& bucket);
Error no_such_key(const std::string& key);
// The bucket, never null. Errors: NoSuchBucket.
Result<std::shared_ptr<const Bucket>> find_bucket(const Snapshot& snapshot,
                                                  const std::string& bucket);
// The same; the commit fails with a conflict when the bucket is changed meanwhile.
Result<std::shared_ptr<const Bucket>> tracked_bucket(Staged& staged, const std::string& bucket);
// The same as a copy that can be changed.
Result<Bucket> bucket_to_change(Staged& staged, const std::string& bucket);
// Checks x-amz-expected-bucket-owner, which is "" or an account id. Errors:
// InvalidBucketOwnerAWSAccountID; AccessDenied when it is not our account.
Result<Done> check_owner(const std::string& expected, const Snapshot& snapshot);

// A version: its facts and, when it is small, its sealed body. On disk: the length of the facts in
// 4 bytes, big-endian, the facts as a record, the body.
struct Version {
  VersionFacts facts;
  std::string sealed;
  std::string pack() const;
  // The exception of both is UnreadableRecord.
  static Version unpack(std::string value);
  static VersionFacts unpack_facts(std::string_view value);
};
// A version as it stands in a snapshot; nullptr when there is none. One that cannot be read means a
// broken store: UnreadableRecord is thrown.
std::shared_ptr<const Version> version_at(const Snapshot& snapshot, const std::string& bucket,
                                          const std::string& key, std::string_view sort);
// The same, or only the facts, as a Staged shows it.
std::optional<Version> version_at(Staged& staged, const std::string& bucket, const std::string& key,
                                  std::string_view sort);
std::optional<VersionFacts> facts_at(Staged& staged, const std::string& bucket,
                                     const std::string& key, std::string_view sort);
// The `sort` of the version with this id, or of the current one for ""; nullopt when there is none.
std::optional<std::string> sort_of(const Snapshot& snapshot, const std::string& bucket,
                                   const std::string& key, const std::string& version_id);

// A need on a bucket or an object, with the policy of the bucket.
Need bucket_need(std::string_view action, const std::string& bucket, const Snapshot& snapshot,
                 policy::Context context = {});
Need object_need(std::string_view action, const std::string& bucket, const std::string& key,
                 const Snapshot& snapshot, policy::Context context = {});

// How a new object is encrypted: as the request says, or as the bucket does by default.
struct Encryption {
  // `algorithm` is "aws:kms" or "AES256".
  std::string algorithm, key_reference;
};
// `added` is what the request that made the version has added.
json::object encryption_context(const std::string& bucket, const std::string& key,
                                const json::object& added = {});
std::string via_s3(const Scope& scope);
// An error of KMS as S3 gives it: "KMS.DisabledException".
Error kms_error(Error error);

// Who changes an object, as its event tells it.
struct Actor {
  std::string request_id, source_ip, principal_id;
};
template <class In>
Actor actor(const Authorized<In>& in) {
  return {in.request_id(), in.source_ip(), in.caller().user_id()};
}

// Makes `version` the newest of its key: it gets its id, its record and that of the current version
// are written, the null version is replaced when the bucket is not versioned, and the event is
// staged. Errors: AccessDenied when the version that it would replace is locked.
Result<Done> add_version(Staged& staged, const Bucket& bucket, const std::string& key,
                         Version& version, std::string_view event_name, const Actor& actor);
// Removes a version for good, and makes the next one current. Its facts must have been read by
// `staged`. Errors: AccessDenied when it is locked. `bypass` lifts governance; nothing lifts
// compliance or a legal hold (object_lock.h).
Result<Done> remove_version(Staged& staged, const std::string& bucket, const std::string& key,
                            const std::string& sort, const VersionFacts& facts, bool bypass);
void emit_event(Staged& staged, const Bucket& bucket, const std::string& key,
                const VersionFacts& facts, std::string_view event_name, const Actor& actor);

}  // namespace sluice::s3
