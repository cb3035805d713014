// SPDX-License-Identifier: Apache-2.0
// Configurations that Sluice does not have. Who asks for one gets S3's answer for a bucket without
// it.
#include "services/s3/buckets.h"

namespace sluice::s3 {
namespace {
Result<Text> absent(const Authorized<BucketIn>& in, const Snapshot& snapshot, const char* code,
                    const char* message) {
  CHECK(find_bucket(snapshot, in->bucket));
  return Error{404, code, message, {{"BucketName", in->bucket}}};
}
Result<Text> empty(const Authorized<BucketIn>& in, const Snapshot& snapshot,
                   std::string_view element) {
  CHECK(find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open(element, kXmlns).close(element);
  return xml_text(xml);
}
}  // namespace

Result<Text> GetBucketLifecycleConfiguration::run(const Authorized<In>& in,
                                                  const Snapshot& snapshot) {
  return absent(in, snapshot, "NoSuchLifecycleConfiguration",
                "The lifecycle configuration does not exist");
}
Result<Text> GetBucketWebsite::run(const Authorized<In>& in, const Snapshot& snapshot) {
  return absent(in, snapshot, "NoSuchWebsiteConfiguration",
                "The specified bucket does not have a website configuration");
}
Result<Text> GetBucketReplication::run(const Authorized<In>& in, const Snapshot& snapshot) {
  return absent(in, snapshot, "ReplicationConfigurationNotFoundError",
                "The replication configuration was not found");
}
Result<Text> GetBucketLogging::run(const Authorized<In>& in, const Snapshot& snapshot) {
  return empty(in, snapshot, "BucketLoggingStatus");
}
Result<Text> GetBucketAccelerateConfiguration::run(const Authorized<In>& in,
                                                   const Snapshot& snapshot) {
  return empty(in, snapshot, "AccelerateConfiguration");
}
Result<Text> GetBucketRequestPayment::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("RequestPaymentConfiguration", kXmlns)
      .element("Payer", "BucketOwner")
      .close("RequestPaymentConfiguration");
  return xml_text(xml);
}

}  // namespace sluice::s3
