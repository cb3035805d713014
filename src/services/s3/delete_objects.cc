// SPDX-License-Identifier: Apache-2.0
#include "services/s3/delete_objects.h"

#include "base/bytes.h"
#include "services/s3/object_lock.h"

namespace sluice::s3 {
namespace {
// Writes one delete marker, or removes one version for good. The Permit proves that this caller
// may.
struct Deleted {
  bool marker = false;
  std::string version_id;
};
Result<Deleted> delete_one(const Permit&, Staged& staged, const Bucket& bucket,
                           const DeleteObjects::Object& object, bool bypass, const Actor& who) {
  const bool for_good = !object.version_id.empty() || bucket.versioning.empty();
  const auto current = staged.look(current_key(bucket.name, object.key));
  const auto sort = object.version_id.empty()
                        ? (current ? std::optional(current->sort) : std::nullopt)
                        : sort_of(staged.snapshot(), bucket.name, object.key, object.version_id);
  const auto facts = sort && (for_good || !object.match.empty())
                         ? facts_at(staged, bucket.name, object.key, *sort)
                         : std::nullopt;
  if (!object.match.empty()) {
    ObjectIn conditional{
        bucket.name, object.key, object.version_id, {{"if-match", object.match}}, {}};
    CHECK(check_write_conditions(conditional, facts && !facts->marker ? &facts->etag : nullptr));
  }
  if (!for_good) {
    Version marker;
    marker.facts.marker = true;
    marker.facts.modified = now();
    CHECK(
        add_version(staged, bucket, object.key, marker, "ObjectRemoved:DeleteMarkerCreated", who));
    return Deleted{true, marker.facts.id};
  }
  if (!facts) return Deleted{false, object.version_id};
  CHECK(remove_version(staged, bucket.name, object.key, *sort, *facts, bypass));
  if (!facts->marker) emit_event(staged, bucket, object.key, *facts, "ObjectRemoved:Delete", who);
  return Deleted{facts->marker, object.version_id};
}
Need delete_need(const std::string& bucket, const std::string& key, const std::string& version_id,
                 const Snapshot& snapshot) {
  if (version_id.empty()) return object_need("s3:DeleteObject", bucket, key, snapshot);
  return object_need("s3:DeleteObjectVersion", bucket, key, snapshot,
                     {{"s3:versionid", {version_id}}});
}
}  // namespace

Result<DeleteObject::Out> DeleteObject::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in->bucket));
  TRY(const Permit permit,
      in.ask({delete_need(in->bucket, in->key, in->version_id, staged.snapshot())},
             staged.snapshot()));
  const bool bypass = may_bypass(in, equals_ignore_case(in->header(kBypass), "true"), in->bucket,
                                 in->key, staged.snapshot());
  TRY(const Deleted deleted,
      delete_one(permit, staged, *bucket, {in->key, in->version_id, in->header("if-match")}, bypass,
                 actor(in)));
  Out out;
  if (deleted.marker) out.headers.add("x-amz-delete-marker", "true");
  if (!deleted.version_id.empty()) out.headers.add("x-amz-version-id", deleted.version_id);
  return out;
}

Result<DeleteObjects::In> DeleteObjects::parse(const Request& request) {
  CHECK(check_document(request, true));
  In in{request.param("Bucket"),
        request.headers.get("x-amz-expected-bucket-owner"),
        {},
        false,
        equals_ignore_case(request.headers.get(kBypass), "true")};
  if (request.headers.find("x-amz-mfa"))
    return Error{501, "NotImplemented", "MFA delete is not implemented by Sluice.", {}};
  TRY(const auto document, parse_xml(request.body));
  const auto root = document->child("Delete");
  in.quiet = std::string_view(root.child_value("Quiet")) == "true";
  for (const auto& object : root.children("Object")) {
    if (!*object.child_value("Key")) return malformed_xml();
    if (object.child("LastModifiedTime") || object.child("Size"))
      return Error{501,
                   "NotImplemented",
                   "Deletions conditional on time or size are for directory buckets, which Sluice "
                   "does not have.",
                   {}};
    in.objects.push_back(
        {object.child_value("Key"), object.child_value("VersionId"), object.child_value("ETag")});
  }
  if (in.objects.empty() || in.objects.size() > kListMax) return malformed_xml();
  return in;
}
// The call itself needs nothing. The keys are listed only for the audit record.
Result<std::vector<Need>> DeleteObjects::needs(const In& in, const Snapshot& s) {
  CHECK(check_owner(in.owner, s));
  std::vector<Need> needs;
  for (const Object& object : in.objects) {
    needs.push_back(no_need());
    needs.back().resource = s3_arn(in.bucket + "/" + object.key);
    needs.back().resource_type = "AWS::S3::Object";
  }
  return needs;
}
Result<DeleteObjects::Out> DeleteObjects::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in->bucket));
  Out out;
  XmlWriter xml;
  xml.open("DeleteResult", kXmlns);
  for (const Object& object : in->objects) {
    const auto deleted = [&]() -> Result<Deleted> {
      TRY(const Permit permit,
          in.ask({delete_need(in->bucket, object.key, object.version_id, staged.snapshot())},
                 staged.snapshot()));
      if (object.key.size() > kKeyBytesMax)
        return Error{400, "KeyTooLongError", "Your key is too long", {}};
      if (!object.version_id.empty() && object.version_id != "null" &&
          object.version_id.size() != kSortCharacters)
        return Error{404, "NoSuchVersion", "The specified version does not exist.", {}};
      return delete_one(permit, staged, *bucket, object,
                        may_bypass(in, in->bypass, in->bucket, object.key, staged.snapshot()),
                        actor(in));
    }();
    if (!deleted) {
      ++out.refused[deleted.error().code];
      xml.open("Error").element("Key", object.key);
      if (!object.version_id.empty()) xml.element("VersionId", object.version_id);
      xml.element("Code", deleted.error().code)
          .element("Message", deleted.error().message)
          .close("Error");
      continue;
    }
    if (in->quiet) continue;
    xml.open("Deleted").element("Key", object.key);
    if (!object.version_id.empty()) xml.element("VersionId", object.version_id);
    if (deleted->marker)
      xml.element("DeleteMarker", "true").element("DeleteMarkerVersionId", deleted->version_id);
    xml.close("Deleted");
  }
  xml.close("DeleteResult");
  out.text = xml_text(xml);
  return out;
}
json::value DeleteObjects::audit_result(const Out& out) {
  if (out.refused.empty()) return nullptr;
  json::object refused;
  for (const auto& [code, count] : out.refused) refused[code] = count;
  return json::object{{"errors", std::move(refused)}};
}

}  // namespace sluice::s3
