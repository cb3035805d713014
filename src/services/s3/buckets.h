#pragma once
// Buckets and their configurations. Each operation's limits and errors stand beside it in buckets.cc and configurations.cc.
#include "services/s3/model.h"

namespace sluice::s3 {

struct BucketIn { std::string bucket, text; };                   // text: the document of a Put
struct Empty {};
struct Text { int status = 200; std::string body, content_type = "application/xml"; };
inline Response render_text(const Text& out) {
  Response r{out.status, {}, out.body, nullptr, 0};
  if (!out.body.empty()) r.headers.add("content-type", out.content_type);
  return r;
}
Result<BucketIn> parse_bucket_in(const Request& request);

template <class Self>
struct OnBucket {
  using In = BucketIn;
  using Out = Text;
  static Result<In> parse(const Request& request) { return parse_bucket_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) { return std::vector<Need>{bucket_need(Self::action, in.bucket, s)}; }
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return json::object{{"bucketName", in.bucket}}; }
};
#define SLUICE_S3_BUCKET(operation, permission, verb, subresource, state)                                          \
  struct operation : OnBucket<operation> {                                                                          \
    static constexpr std::string_view name = #operation, action = "s3:" permission;                                 \
    static constexpr Match match{verb, "/{Bucket}", subresource, ""};                                               \
    static Result<Out> run(const Authorized<In>& in, state);                                                        \
  }
SLUICE_S3_BUCKET(CreateBucket, "CreateBucket", "PUT", "", Staged& staged);
SLUICE_S3_BUCKET(HeadBucket, "ListBucket", "HEAD", "", const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeleteBucket, "DeleteBucket", "DELETE", "", Staged& staged);
SLUICE_S3_BUCKET(GetBucketLocation, "GetBucketLocation", "GET", "location", const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketVersioning, "PutBucketVersioning", "PUT", "versioning", Staged& staged);
SLUICE_S3_BUCKET(GetBucketVersioning, "GetBucketVersioning", "GET", "versioning", const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketEncryption, "PutEncryptionConfiguration", "PUT", "encryption", Staged& staged);
SLUICE_S3_BUCKET(GetBucketEncryption, "GetEncryptionConfiguration", "GET", "encryption", const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketPolicy, "PutBucketPolicy", "PUT", "policy", Staged& staged);
SLUICE_S3_BUCKET(GetBucketPolicy, "GetBucketPolicy", "GET", "policy", const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeleteBucketPolicy, "DeleteBucketPolicy", "DELETE", "policy", Staged& staged);
SLUICE_S3_BUCKET(GetBucketPolicyStatus, "GetBucketPolicyStatus", "GET", "policyStatus", const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutPublicAccessBlock, "PutBucketPublicAccessBlock", "PUT", "publicAccessBlock", Staged& staged);
SLUICE_S3_BUCKET(GetPublicAccessBlock, "GetBucketPublicAccessBlock", "GET", "publicAccessBlock", const Snapshot& snapshot);
SLUICE_S3_BUCKET(DeletePublicAccessBlock, "PutBucketPublicAccessBlock", "DELETE", "publicAccessBlock", Staged& staged);
SLUICE_S3_BUCKET(GetBucketOwnershipControls, "GetBucketOwnershipControls", "GET", "ownershipControls", const Snapshot& snapshot);
SLUICE_S3_BUCKET(PutBucketAcl, "PutBucketAcl", "PUT", "acl", Staged& staged);
SLUICE_S3_BUCKET(PutBucketNotificationConfiguration, "PutBucketNotification", "PUT", "notification", Staged& staged);
SLUICE_S3_BUCKET(GetBucketNotificationConfiguration, "GetBucketNotification", "GET", "notification", const Snapshot& snapshot);

struct ListBuckets {
  static constexpr std::string_view name = "ListBuckets", action = "s3:ListAllMyBuckets";
  static constexpr Match match{"GET", "/", "", ""};
  struct In {};
  using Out = Text;
  static Result<In> parse(const Request&) { return In{}; }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) { return std::vector<Need>{{std::string(action), "*", {}, {}, ""}}; }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return render_text(out); }
};

}  // namespace sluice::s3
