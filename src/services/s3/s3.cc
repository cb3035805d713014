// SPDX-License-Identifier: Apache-2.0
#include "services/s3/s3.h"

#include "services/s3/acl.h"
#include "services/s3/copy_object.h"
#include "services/s3/cors.h"
#include "services/s3/delete_objects.h"
#include "services/s3/listing.h"
#include "services/s3/multipart.h"
#include "services/s3/object_lock.h"
#include "services/s3/objects.h"
#include "services/s3/post_object.h"
#include "services/s3/tagging.h"

namespace sluice::s3 {
namespace {
constexpr auto rows =
    table<ListBuckets, CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation,
          PutBucketVersioning, GetBucketVersioning, PutBucketEncryption, GetBucketEncryption,
          DeleteBucketEncryption, PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy,
          GetBucketPolicyStatus, PutPublicAccessBlock, GetPublicAccessBlock,
          DeletePublicAccessBlock, PutBucketNotificationConfiguration,
          GetBucketNotificationConfiguration, PutBucketOwnershipControls,
          GetBucketOwnershipControls, PutBucketAcl, GetBucketAcl, PutBucketTagging,
          GetBucketTagging, DeleteBucketTagging, GetBucketLifecycleConfiguration, PutBucketCors,
          GetBucketCors, DeleteBucketCors, GetBucketWebsite, GetBucketReplication, GetBucketLogging,
          GetBucketAccelerateConfiguration, GetBucketRequestPayment, PutObjectLockConfiguration,
          GetObjectLockConfiguration, PutObject, PostObject, CopyObject, GetObject, HeadObject,
          DeleteObject, DeleteObjects, PutObjectAcl, GetObjectAcl, GetObjectAttributes,
          PutObjectTagging, GetObjectTagging, DeleteObjectTagging, PutObjectRetention,
          GetObjectRetention, PutObjectLegalHold, GetObjectLegalHold, ListObjects, ListObjectsV2,
          ListObjectVersions, CreateMultipartUpload, UploadPart, UploadPartCopy,
          CompleteMultipartUpload, AbortMultipartUpload, ListParts, ListMultipartUploads>();
// Subresources of S3. When Sluice has no operation for one, the answer is NotImplemented, and never
// the object or the bucket itself.
constexpr std::string_view kUnsupported[] = {"acl",
                                             "accelerate",
                                             "analytics",
                                             "attributes",
                                             "cors",
                                             "delete",
                                             "encryption",
                                             "intelligent-tiering",
                                             "inventory",
                                             "legal-hold",
                                             "lifecycle",
                                             "location",
                                             "logging",
                                             "metadataTable",
                                             "metadataConfiguration",
                                             "metrics",
                                             "notification",
                                             "object-lock",
                                             "ownershipControls",
                                             "policy",
                                             "policyStatus",
                                             "publicAccessBlock",
                                             "replication",
                                             "requestPayment",
                                             "restore",
                                             "retention",
                                             "select",
                                             "session",
                                             "tagging",
                                             "torrent",
                                             "uploadId",
                                             "uploads",
                                             "versioning",
                                             "versions",
                                             "website",
                                             "append",
                                             "renameObject"};
}  // namespace

const Service service{"s3", "s3.amazonaws.com", Protocol::rest_xml, "", kXmlns, rows,
                      "",   kUnsupported};

}  // namespace sluice::s3
