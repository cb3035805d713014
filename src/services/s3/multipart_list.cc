// SPDX-License-Identifier: Apache-2.0
// ListParts, ListMultipartUploads, GetObjectAttributes.
#include "base/bytes.h"
#include "services/s3/listing.h"
#include "services/s3/multipart.h"
#include "services/s3/walk.h"

namespace sluice::s3 {
namespace {
using Query = std::vector<std::pair<std::string, std::string>>;
std::string query_text(const Query& query, std::string_view name) {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return {};
}
void write_part_checksum(XmlWriter& xml, const std::string& name, const SealedFile& part) {
  if (const Checksum* checksum = find_checksum(name))
    xml.element(checksum->element, part.checksum_value);
}
Result<int64_t> parse_number(const std::string& text, std::string_view name) {
  const auto value = text.empty() ? std::optional<int64_t>(0) : parse_int(text);
  if (!value || *value < 0 || *value > INT32_MAX)
    return Error{400,
                 "InvalidArgument",
                 "Argument " + std::string(name) + " must be an integer between 0 and 2147483647",
                 {{"ArgumentName", std::string(name)}, {"ArgumentValue", text}}};
  return *value;
}
}  // namespace

Result<int64_t> parse_max(const Query& query, std::string_view name) {
  const std::string text = query_text(query, name);
  TRY(const int64_t value, parse_number(text, name));
  return text.empty() ? static_cast<int64_t>(kListMax) : std::min<int64_t>(value, kListMax);
}

Result<Text> ListParts::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto upload = snapshot.get(upload_key(*in));
  if (!upload) return no_such_upload(in->upload_id);
  TRY(const int64_t max, parse_max(in->query, "max-parts"));
  TRY(const int64_t after,
      parse_number(query_text(in->query, "part-number-marker"), "part-number-marker"));
  XmlWriter parts{XmlWriter::Fragment{}};
  int64_t count = 0, last = 0;
  bool truncated = false;
  snapshot.scan(parts_of(in->upload_id),
                part_key(in->upload_id, std::min<int64_t>(after, 99999)).bytes, false,
                [&](std::string_view key, const Part& part) {
                  const int64_t number = parse_int(schema::parts(key).at(1)).value_or(0);
                  if (number <= after || max == 0) return true;
                  if (count == max) {
                    truncated = true;
                    return false;
                  }
                  ++count;
                  last = number;
                  parts.open("Part")
                      .element("PartNumber", std::to_string(number))
                      .element("LastModified", iso_millis(part.modified))
                      .element("ETag", "\"" + part.etag + "\"")
                      .element("Size", std::to_string(part.bytes));
                  write_part_checksum(parts, part.checksum, part);
                  parts.close("Part");
                  return true;
                });
  XmlWriter xml;
  xml.open("ListPartsResult", kXmlns)
      .element("Bucket", in->bucket)
      .element("Key", in->key)
      .element("UploadId", in->upload_id);
  write_owner(xml, "Initiator", snapshot);
  write_owner(xml, "Owner", snapshot);
  xml.element("StorageClass", "STANDARD");
  write_checksum(xml, upload->checksum, upload->checksum_type);
  xml.element("PartNumberMarker", std::to_string(after))
      .element("NextPartNumberMarker", std::to_string(last))
      .element("MaxParts", std::to_string(max))
      .element("IsTruncated", truncated ? "true" : "false");
  return Text{200, xml.take() + parts.take() + "</ListPartsResult>"};
}

Result<Text> ListMultipartUploads::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  TRY(const int64_t max, parse_max(in->query, "max-uploads"));
  TRY(const bool encode, parse_encoding(query_text(in->query, "encoding-type")));
  const std::string prefix = query_text(in->query, "prefix"),
                    delimiter = query_text(in->query, "delimiter"),
                    after = query_text(in->query, "key-marker");
  const std::string id_after = after.empty() ? "" : query_text(in->query, "upload-id-marker");
  const auto page = walk<Upload>({in->bucket, prefix, delimiter, after, id_after, max}, snapshot);
  XmlWriter xml;
  xml.open("ListMultipartUploadsResult", kXmlns)
      .element("Bucket", in->bucket)
      .element("KeyMarker", shown(encode, after))
      .element("UploadIdMarker", id_after);
  if (page.truncated)
    xml.element("NextKeyMarker", shown(encode, page.last))
        .element("NextUploadIdMarker", page.last_tail);
  if (!prefix.empty()) xml.element("Prefix", shown(encode, prefix));
  if (!delimiter.empty()) xml.element("Delimiter", shown(encode, delimiter));
  if (encode) xml.element("EncodingType", "url");
  xml.element("MaxUploads", std::to_string(max))
      .element("IsTruncated", page.truncated ? "true" : "false");
  for (const auto& r : page.records) {
    xml.open("Upload").element("Key", shown(encode, r.key)).element("UploadId", r.tail);
    write_owner(xml, "Initiator", snapshot);
    write_owner(xml, "Owner", snapshot);
    xml.element("StorageClass", "STANDARD").element("Initiated", iso_millis(r.record.created));
    write_checksum(xml, r.record.checksum, r.record.checksum_type);
    xml.close("Upload");
  }
  for (const std::string& common : page.prefixes)
    xml.open("CommonPrefixes").element("Prefix", shown(encode, common)).close("CommonPrefixes");
  xml.close("ListMultipartUploadsResult");
  return xml_text(xml);
}

namespace {
void write_object_parts(XmlWriter& xml, const VersionFacts& facts, int64_t max, int64_t after) {
  const auto total = static_cast<int64_t>(facts.files.size()), end = std::min(total, after + max);
  xml.open("ObjectParts")
      .element("PartsCount", std::to_string(total))
      .element("PartNumberMarker", std::to_string(after))
      .element("NextPartNumberMarker", std::to_string(end))
      .element("MaxParts", std::to_string(max))
      .element("IsTruncated", end < total ? "true" : "false");
  for (int64_t k = after; k < end; ++k) {
    const SealedFile& part = facts.files[static_cast<size_t>(k)];
    xml.open("Part")
        .element("PartNumber", std::to_string(k + 1))
        .element("Size", std::to_string(part.bytes));
    write_part_checksum(xml, facts.checksum, part);
    xml.close("Part");
  }
  xml.close("ObjectParts");
}
}  // namespace

Result<std::vector<Need>> GetObjectAttributes::needs(const In& in, const Snapshot& s,
                                                     const Ports& ports) {
  TRY(std::vector<Need> needs, read_needs(in, s, ports, false));
  TRY(const std::vector<Need> attributes,
      version_needs("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes", in, s));
  needs.insert(needs.end(), attributes.begin(), attributes.end());
  return needs;
}
Result<Text> GetObjectAttributes::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto shown, find_version(snapshot, *in));
  const Version& version = *shown;
  const VersionFacts& facts = version.facts;
  XmlWriter xml;
  xml.open("GetObjectAttributesResponse", kXmlns);
  bool any = false;
  std::vector<std::string> wanted;
  for (const auto& [header, value] : in->headers)
    if (header == "x-amz-object-attributes")
      for (const auto one : split(value, ',')) wanted.emplace_back(trim(one));
  const auto wants = [&](std::string_view attribute) {
    const bool found = std::find(wanted.begin(), wanted.end(), attribute) != wanted.end();
    any = any || found;
    return found;
  };
  if (wants("ETag")) xml.element("ETag", facts.etag);
  if (const Checksum* checksum = find_checksum(facts.checksum); wants("Checksum") && checksum)
    xml.open("Checksum")
        .element(checksum->element, facts.checksum_value)
        .element("ChecksumType", facts.checksum_type)
        .close("Checksum");
  if (wants("ObjectParts") && facts.parts) {
    TRY(const int64_t max,
        parse_max({{"x-amz-max-parts", in->header("x-amz-max-parts")}}, "x-amz-max-parts"));
    TRY(const int64_t after,
        parse_number(in->header("x-amz-part-number-marker"), "x-amz-part-number-marker"));
    write_object_parts(xml, facts, max, std::min<int64_t>(after, facts.parts));
  }
  if (wants("StorageClass")) xml.element("StorageClass", "STANDARD");
  if (wants("ObjectSize")) xml.element("ObjectSize", std::to_string(facts.size));
  if (!any)
    return Error{400,
                 "InvalidArgument",
                 "Invalid attribute name specified.",
                 {{"ArgumentName", "x-amz-object-attributes"}}};
  xml.close("GetObjectAttributesResponse");
  Text out = xml_text(xml);
  out.headers.add("last-modified", http_date(facts.modified));
  if (facts.id != "null") out.headers.add("x-amz-version-id", facts.id);
  return out;
}

}  // namespace sluice::s3
