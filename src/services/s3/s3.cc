#include "services/s3/s3.h"

#include "services/s3/copy_object.h"
#include "services/s3/listing.h"
#include "services/s3/multipart.h"
#include "services/s3/objects.h"

namespace sluice::s3 {
namespace {
constexpr auto rows = table<ListBuckets, CopyObject, CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation, PutBucketVersioning, GetBucketVersioning, PutBucketEncryption, GetBucketEncryption, PutBucketPolicy, GetBucketPolicy,
                            DeleteBucketPolicy, GetBucketPolicyStatus, PutPublicAccessBlock, GetPublicAccessBlock, DeletePublicAccessBlock, GetBucketOwnershipControls, PutBucketAcl, PutBucketNotificationConfiguration,
                            GetBucketNotificationConfiguration, PutObject, GetObject, HeadObject, DeleteObject, ListObjects, ListObjectsV2, ListObjectVersions, DeleteObjects, CreateMultipartUpload, UploadPart,
                            CompleteMultipartUpload, AbortMultipartUpload, ListParts, ListMultipartUploads>();
// Subresources of S3 that Sluice does not have: NotImplemented, never the object itself.
constexpr std::string_view kUnsupported[] = {"acl", "accelerate", "analytics", "attributes", "cors", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "logging", "metrics", "object-lock", "policyStatus",
                                             "replication", "requestPayment", "restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads", "website", "ownershipControls"};
}  // namespace

const Service service{"s3", "s3.amazonaws.com", Protocol::rest_xml, "", kXmlns, rows, "", kUnsupported};

}  // namespace sluice::s3
