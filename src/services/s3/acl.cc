// SPDX-License-Identifier: Apache-2.0
#include "services/s3/acl.h"

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
Text full_control(const Snapshot& snapshot) {
  XmlWriter xml;
  xml.open("AccessControlPolicy", kXmlns);
  write_owner(xml, "Owner", snapshot);
  xml.open("AccessControlList")
      .open("Grant")
      .open(
          "Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
          "xsi:type=\"CanonicalUser\"")
      .element("ID", snapshot.scope().account_id)
      .close("Grantee");
  xml.element("Permission", "FULL_CONTROL")
      .close("Grant")
      .close("AccessControlList")
      .close("AccessControlPolicy");
  return xml_text(xml);
}
}  // namespace

Error acl_not_supported() {
  return {400, "AccessControlListNotSupported", "The bucket does not allow ACLs", {}};
}
Result<Done> check_acl_headers(const HeaderList& headers) {
  for (const auto& [name, value] : headers) {
    if (name == "x-amz-acl" && value != "private" && value != "bucket-owner-full-control")
      return acl_not_supported();
    if (name.starts_with("x-amz-grant-")) return acl_not_supported();
  }
  return Done{};
}

Result<Text> GetBucketAcl::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  return full_control(snapshot);
}
Result<Text> PutBucketAcl::run(const Authorized<In>& in, Staged& staged) {
  CHECK(tracked_bucket(staged, in->bucket));
  return acl_not_supported();
}
Result<Text> GetObjectAcl::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_version(snapshot, *in));
  return full_control(snapshot);
}
Result<Text> PutObjectAcl::run(const Authorized<In>& in, Staged& staged) {
  CHECK(find_version(staged.snapshot(), *in));
  return acl_not_supported();
}

Result<Text> GetBucketOwnershipControls::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("OwnershipControls", kXmlns)
      .open("Rule")
      .element("ObjectOwnership", "BucketOwnerEnforced")
      .close("Rule")
      .close("OwnershipControls");
  return xml_text(xml);
}
Result<Text> PutBucketOwnershipControls::run(const Authorized<In>& in, Staged& staged) {
  CHECK(tracked_bucket(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const std::string ownership =
      document->child("OwnershipControls").child("Rule").child_value("ObjectOwnership");
  if (ownership == "BucketOwnerPreferred" || ownership == "ObjectWriter")
    return Error{501,
                 "NotImplemented",
                 "Sluice has no ACLs: object ownership is always BucketOwnerEnforced.",
                 {}};
  if (ownership != "BucketOwnerEnforced") return malformed_xml();
  return Text{};
}

}  // namespace sluice::s3
