// SPDX-License-Identifier: Apache-2.0
#pragma once
// Operations on buckets and their configurations. The limits and errors of each stand beside it in
// buckets.cc, configurations.cc, notifications.cc, acl.cc, absent.cc and tagging.cc.
//
//   SLUICE_S3_BUCKET(GetBucketAcl, "GetBucketAcl", "GET", "acl", const Snapshot& snapshot);
//   Result<Text> GetBucketAcl::run(const Authorized<In>& in, const Snapshot& snapshot) {
//     TRY(const auto bucket, find_bucket(snapshot, in->bucket));
//     ...
//   }
#include "services/s3/checksum.h"
#include "services/s3/model.h"

namespace sluice::s3 {

struct BucketIn {
  // `text` is the document of a Put; `owner` is x-amz-expected-bucket-owner.
  std::string bucket, text, owner;
  HeaderList headers;
  std::vector<std::pair<std::string, std::string>> query;
};
struct Text {
  int status = 200;
  std::string body, content_type = "application/xml";
  Headers headers = {};
};
inline Response render_text(const Text& out) {
  Response r{out.status, out.headers, out.body, nullptr, 0};
  if (!out.body.empty()) r.headers.add("content-type", out.content_type);
  return r;
}
inline Text xml_text(XmlWriter& xml) { return {200, xml.take()}; }
// With `checked`, the document must prove its integrity (check_document).
Result<BucketIn> parse_bucket_in(const Request& request, bool checked);

template <class Self>
struct OnBucket {
  using In = BucketIn;
  using Out = Text;
  static Result<In> parse(const Request& request) {
    return parse_bucket_in(request, Self::match.method == "PUT" && !Self::match.flag.empty() &&
                                        Self::match.flag != "notification");
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    CHECK(check_owner(in.owner, s));
    return std::vector<Need>{bucket_need(Self::action, in.bucket, s)};
  }
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return json::object{{"bucketName", in.bucket}}; }
};
#define SLUICE_S3_BUCKET(operation, permission, verb, subresource, state)           \
  struct operation : OnBucket<operation> {                                          \
    static constexpr std::string_view name = #operation, action = "s3:" permission; \
    static constexpr Match match{verb, "/{Bucket}", subresource, ""};               \
    static Result<Out> run(const Authorized<In>& in, state);                        \
  }
// Besides s3:CreateBucket it needs PutBucketObjectLockConfiguration and PutBucketVersioning when
// the bucket is made with Object Lock, and PutBucketOwnershipControls with x-amz-object-ownership.
struct CreateBucket : OnBucket<CreateBucket> {
  static constexpr std::string_view name = "CreateBucket", action = "s3:CreateBucket";
  static constexpr Match match{"PUT", "/{Bucket}", "", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
SLUICE_S3_BUCKET(HeadBucket, "ListBucket", "HEAD", "", const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeleteBucket, "DeleteBucket", "DELETE", "", Staged& staged);
SLUICE_S3_BUCKET(GetBucketLocation, "GetBucketLocation", "GET", "location",
                 const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketVersioning, "PutBucketVersioning", "PUT", "versioning", Staged& staged);
SLUICE_S3_BUCKET(GetBucketVersioning, "GetBucketVersioning", "GET", "versioning",
                 const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketEncryption, "PutEncryptionConfiguration", "PUT", "encryption",
                 Staged& staged);
SLUICE_S3_BUCKET(GetBucketEncryption, "GetEncryptionConfiguration", "GET", "encryption",
                 const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeleteBucketEncryption, "PutEncryptionConfiguration", "DELETE", "encryption",
                 Staged& staged);
SLUICE_S3_BUCKET(PutBucketPolicy, "PutBucketPolicy", "PUT", "policy", Staged& staged);
SLUICE_S3_BUCKET(GetBucketPolicy, "GetBucketPolicy", "GET", "policy", const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeleteBucketPolicy, "DeleteBucketPolicy", "DELETE", "policy", Staged& staged);
SLUICE_S3_BUCKET(GetBucketPolicyStatus, "GetBucketPolicyStatus", "GET", "policyStatus",
                 const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutPublicAccessBlock, "PutBucketPublicAccessBlock", "PUT", "publicAccessBlock",
                 Staged& staged);
SLUICE_S3_BUCKET(GetPublicAccessBlock, "GetBucketPublicAccessBlock", "GET", "publicAccessBlock",
                 const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeletePublicAccessBlock, "PutBucketPublicAccessBlock", "DELETE",
                 "publicAccessBlock", Staged& staged);
SLUICE_S3_BUCKET(PutBucketNotificationConfiguration, "PutBucketNotification", "PUT", "notification",
                 Staged& staged);
SLUICE_S3_BUCKET(GetBucketNotificationConfiguration, "GetBucketNotification", "GET", "notification",
                 const Snapshot& snapshot);
// ACLs are off (BucketOwnerEnforced): they can be read, never put.
SLUICE_S3_BUCKET(GetBucketOwnershipControls, "GetBucketOwnershipControls", "GET",
                 "ownershipControls", const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketOwnershipControls, "PutBucketOwnershipControls", "PUT",
                 "ownershipControls", Staged& staged);
SLUICE_S3_BUCKET(GetBucketAcl, "GetBucketAcl", "GET", "acl", const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketAcl, "PutBucketAcl", "PUT", "acl", Staged& staged);
struct PutBucketTagging : OnBucket<PutBucketTagging> {
  static constexpr std::string_view name = "PutBucketTagging", action = "s3:PutBucketTagging";
  static constexpr Match match{"PUT", "/{Bucket}", "tagging", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
SLUICE_S3_BUCKET(GetBucketTagging, "GetBucketTagging", "GET", "tagging", const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeleteBucketTagging, "PutBucketTagging", "DELETE", "tagging", Staged& staged);
// Sluice does not have these configurations. A Get says truthfully that there is none, and a Put is
// NotImplemented.
SLUICE_S3_BUCKET(GetBucketLifecycleConfiguration, "GetLifecycleConfiguration", "GET", "lifecycle",
                 const Snapshot& snapshot);
SLUICE_S3_BUCKET(GetBucketWebsite, "GetBucketWebsite", "GET", "website", const Snapshot& snapshot);
SLUICE_S3_BUCKET(GetBucketReplication, "GetReplicationConfiguration", "GET", "replication",
                 const Snapshot& snapshot);
SLUICE_S3_BUCKET(GetBucketLogging, "GetBucketLogging", "GET", "logging", const Snapshot& snapshot);
SLUICE_S3_BUCKET(GetBucketAccelerateConfiguration, "GetAccelerateConfiguration", "GET",
                 "accelerate", const Snapshot& snapshot);
SLUICE_S3_BUCKET(GetBucketRequestPayment, "GetBucketRequestPayment", "GET", "requestPayment",
                 const Snapshot& snapshot);

// Takes max-buckets (1 to 10,000), continuation-token, prefix and bucket-region.
struct ListBuckets {
  static constexpr std::string_view name = "ListBuckets", action = "s3:ListAllMyBuckets";
  static constexpr Match match{"GET", "/", "", ""};
  static constexpr int64_t kBucketPageMax = 10'000;
  struct In {
    std::string prefix, region, after;
    int64_t max;
  };
  using Out = Text;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return render_text(out); }
};

// Writes <Owner> or <Initiator>: both are the account.
inline void write_owner(XmlWriter& xml, std::string_view element, const Snapshot& snapshot) {
  xml.open(element).element("ID", snapshot.scope().account_id).close(element);
}
Error acl_not_supported();
// Allows in x-amz-acl and x-amz-grant-* only what the full control of the bucket's owner says
// already.
Result<Done> check_acl_headers(const HeaderList& headers);

}  // namespace sluice::s3
