// SPDX-License-Identifier: Apache-2.0
#pragma once
// What S3 stores: buckets with their configurations, versions of objects, and uploads in progress.
//
//   const std::shared_ptr<const Bucket> bucket = snapshot.get(bucket_key(name));   // nullptr: none
//   staged.put(current_key(bucket->name, key), Current{.sort = sort, .size = facts.size});
#include <array>

#include "policy/policy_set.h"
#include "store/record.h"

namespace sluice::s3 {

// Four flags. A flag without value is off; all are so when the configuration was deleted.
struct PublicAccessBlock {
  std::optional<bool> block_public_acls, ignore_public_acls, block_public_policy,
      restrict_public_buckets;
  static constexpr auto members() {
    return std::array{member("BlockPublicAcls", &PublicAccessBlock::block_public_acls),
                      member("IgnorePublicAcls", &PublicAccessBlock::ignore_public_acls),
                      member("BlockPublicPolicy", &PublicAccessBlock::block_public_policy),
                      member("RestrictPublicBuckets", &PublicAccessBlock::restrict_public_buckets)};
  }
  bool operator==(const PublicAccessBlock&) const = default;
};

// Which function is told which events of which keys.
struct Notification {
  std::string id, arn;
  std::vector<std::string> events;  // "s3:ObjectCreated:Put", "s3:ObjectCreated:*"
  std::string prefix, suffix;       // that the keys have; "": any
  static constexpr auto members() {
    return std::tuple{member("Id", &Notification::id), member("Arn", &Notification::arn),
                      member("Events", &Notification::events),
                      member("Prefix", &Notification::prefix),
                      member("Suffix", &Notification::suffix)};
  }
  bool operator==(const Notification&) const = default;
};

struct CorsRule {
  std::optional<std::string> id;
  std::vector<std::string> origins, methods, headers, exposed;
  std::optional<int64_t> max_age_s;
  static constexpr auto members() {
    return std::tuple{member("ID", &CorsRule::id),
                      member("AllowedOrigin", &CorsRule::origins),
                      member("AllowedMethod", &CorsRule::methods),
                      member("AllowedHeader", &CorsRule::headers),
                      member("ExposeHeader", &CorsRule::exposed),
                      member("MaxAgeSeconds", &CorsRule::max_age_s)};
  }
  bool operator==(const CorsRule&) const = default;
};

// The retention that new versions of a bucket get. Either `days` or `years` is not 0.
struct DefaultRetention {
  std::string mode;  // GOVERNANCE or COMPLIANCE; "": none
  int64_t days = 0, years = 0;
  static constexpr auto members() {
    return std::tuple{member("Mode", &DefaultRetention::mode),
                      member("Days", &DefaultRetention::days),
                      member("Years", &DefaultRetention::years)};
  }
  bool operator==(const DefaultRetention&) const = default;
};

struct Bucket {
  static constexpr RecordType record{Family::meta, "s3.bucket", 1};
  std::string name;
  Time created = 0;
  std::string versioning;          // Enabled, Suspended; "": it was never enabled
  std::string algorithm, kms_key;  // when an object names none; kms_key "": S3's own key
  bool bucket_key = false;
  policy::Stored<policy::Kind::resource> policy;  // its roles pinned to their ids
  PublicAccessBlock public_access_block;
  std::vector<Notification> notifications;
  std::vector<CorsRule> cors;
  std::optional<DefaultRetention> object_lock;  // has a value when Object Lock is enabled
  json::object tags;                            // texts, in their order
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &Bucket::name),
                      member("Created", &Bucket::created),
                      member("Versioning", &Bucket::versioning),
                      member("Algorithm", &Bucket::algorithm),
                      member("KmsKey", &Bucket::kms_key),
                      member("BucketKey", &Bucket::bucket_key),
                      member("Policy", &Bucket::policy),
                      member("PublicAccessBlock", &Bucket::public_access_block),
                      member("Notifications", &Bucket::notifications),
                      member("Cors", &Bucket::cors),
                      member("ObjectLock", &Bucket::object_lock),
                      member("Tags", &Bucket::tags)};
  }
  bool operator==(const Bucket&) const = default;
};
inline RecordKey<Bucket> bucket_key(std::string_view bucket) { return {bucket}; }
inline bool versioned(const Bucket& bucket) { return bucket.versioning == "Enabled"; }

// What is said of an object besides its bytes. All of it is texts in their order.
struct Described {
  json::object headers;  // content-type and others
  json::object meta;     // x-amz-meta-*, by the rest of the name
  json::object tags;
  bool operator==(const Described&) const = default;
};
// The Object Lock of a version.
struct Retention {
  std::string lock_mode;  // GOVERNANCE or COMPLIANCE; "": none
  Time lock_until = 0;
  bool operator==(const Retention&) const = default;
};
struct Lock : Retention {
  std::string legal_hold;  // ON, OFF; "": it was never set
  bool operator==(const Lock&) const = default;
};

// A sealed file with bytes of an object.
struct SealedFile {
  std::string id;
  uint64_t bytes = 0;          // of the plaintext
  std::string wrapped;         // its data key, sealed by KMS, in base64
  std::string checksum_value;  // of a part, in base64
  BlobRef ref() const { return {id, bytes}; }
  static constexpr auto members() {
    return std::tuple{member("Id", &SealedFile::id), member("Bytes", &SealedFile::bytes),
                      member("Wrapped", &SealedFile::wrapped),
                      member("ChecksumValue", &SealedFile::checksum_value)};
  }
  bool operator==(const SealedFile&) const = default;
};

// The facts of a version. Its value in the store may also hold the body: see Version in model.h.
struct VersionFacts : Described, Lock {
  static constexpr RecordType record{Family::objects, "s3.version", 1};
  std::string id;  // its `sort` (see version_key); "null" in a bucket that is not versioned
  uint64_t size = 0;
  std::string etag;  // without quotes
  Time modified = 0;
  bool marker = false;                                  // it is a delete marker
  std::string algorithm, key_arn;                       // "AES256", or "aws:kms" and its key
  std::string checksum, checksum_value, checksum_type;  // "CRC32", base64, "FULL_OBJECT"
  json::object context;           // what its request added to the encryption context
  std::string wrapped;            // the data key of a body that stands in the value, in base64
  std::vector<SealedFile> files;  // in their order; none when the body stands in the value
  int64_t parts = 0;              // 0: it was not uploaded in parts
  std::string upload_id;          // when it was uploaded in parts
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &VersionFacts::id),
                      member("Size", &VersionFacts::size),
                      member("ETag", &VersionFacts::etag),
                      member("Modified", &VersionFacts::modified),
                      member("Marker", &VersionFacts::marker),
                      member("Algorithm", &VersionFacts::algorithm),
                      member("KeyArn", &VersionFacts::key_arn),
                      member("Checksum", &VersionFacts::checksum),
                      member("ChecksumValue", &VersionFacts::checksum_value),
                      member("ChecksumType", &VersionFacts::checksum_type),
                      member("Context", &VersionFacts::context),
                      member("Wrapped", &VersionFacts::wrapped),
                      member("Blobs", &VersionFacts::files),
                      member("Parts", &VersionFacts::parts),
                      member("UploadId", &VersionFacts::upload_id),
                      member("Headers", &VersionFacts::headers),
                      member("Meta", &VersionFacts::meta),
                      member("Tags", &VersionFacts::tags),
                      member("LockMode", &VersionFacts::lock_mode),
                      member("LockUntil", &VersionFacts::lock_until),
                      member("LegalHold", &VersionFacts::legal_hold)};
  }
  bool operator==(const VersionFacts&) const = default;
};
// `sort` counts down with time: the newest version of a key comes first.
inline Key version_key(std::string_view bucket, std::string_view key, std::string_view sort) {
  return schema::key(Family::objects, "s3.version", {bucket, key, sort});
}
// Here stands the `sort` of the version whose id is "null".
inline Key null_key(std::string_view bucket, std::string_view key) {
  return schema::key(Family::objects, "s3.null", {bucket, key});
}

// The newest version of a key, as listings show it.
struct Current {
  static constexpr RecordType record{Family::objects, "s3.current", 1};
  std::string sort;
  uint64_t size = 0;
  std::string etag;
  Time modified = 0;
  bool marker = false;
  std::string checksum, checksum_type;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Sort", &Current::sort),
                      member("Size", &Current::size),
                      member("ETag", &Current::etag),
                      member("Modified", &Current::modified),
                      member("Marker", &Current::marker),
                      member("Checksum", &Current::checksum),
                      member("ChecksumType", &Current::checksum_type)};
  }
  bool operator==(const Current&) const = default;
};
inline RecordKey<Current> current_key(std::string_view bucket, std::string_view key) {
  return {bucket, key};
}

// A multipart upload: what CreateMultipartUpload was told.
struct Upload : Described, Lock {
  static constexpr RecordType record{Family::objects, "s3.upload", 1};
  std::string algorithm, key_reference;  // how its parts are encrypted
  Time created = 0;
  std::string checksum, checksum_type;  // "": none was named
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Algorithm", &Upload::algorithm),
                      member("KeyReference", &Upload::key_reference),
                      member("Created", &Upload::created),
                      member("Checksum", &Upload::checksum),
                      member("ChecksumType", &Upload::checksum_type),
                      member("Headers", &Upload::headers),
                      member("Meta", &Upload::meta),
                      member("Tags", &Upload::tags),
                      member("LockMode", &Upload::lock_mode),
                      member("LockUntil", &Upload::lock_until),
                      member("LegalHold", &Upload::legal_hold)};
  }
  bool operator==(const Upload&) const = default;
};
inline RecordKey<Upload> upload_key(std::string_view bucket, std::string_view key,
                                    std::string_view id) {
  return {bucket, key, id};
}

struct Part : SealedFile {
  static constexpr RecordType record{Family::objects, "s3.part", 1};
  std::string etag, checksum, key_arn;
  Time modified = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &Part::id),
                      member("Bytes", &Part::bytes),
                      member("Wrapped", &Part::wrapped),
                      member("ETag", &Part::etag),
                      member("Checksum", &Part::checksum),
                      member("ChecksumValue", &Part::checksum_value),
                      member("KeyArn", &Part::key_arn),
                      member("Modified", &Part::modified)};
  }
  bool operator==(const Part&) const = default;
};
RecordKey<Part> part_key(const std::string& upload_id, int64_t number);
inline RecordPrefix<Part> parts_of(std::string_view upload_id) { return {upload_id}; }

}  // namespace sluice::s3
