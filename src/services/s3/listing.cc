// SPDX-License-Identifier: Apache-2.0
#include "services/s3/listing.h"

#include "base/bytes.h"
#include "services/s3/walk.h"

namespace sluice::s3 {
std::string shown(bool encode, const std::string& text) {
  return encode ? percent_encode(text, true) : text;
}
Result<bool> parse_encoding(const std::string& text) {
  if (text.empty()) return false;
  if (text != "url")
    return Error{400,
                 "InvalidArgument",
                 "Invalid Encoding Method specified in Request",
                 {{"ArgumentName", "encoding-type"}, {"ArgumentValue", text}}};
  return true;
}

void write_checksum(XmlWriter& xml, const std::string& name, const std::string& type) {
  if (!name.empty()) xml.element("ChecksumAlgorithm", name).element("ChecksumType", type);
}

namespace {
void write_prefixes(XmlWriter& xml, const ListIn& in, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes)
    xml.open("CommonPrefixes").element("Prefix", shown(in.encode, prefix)).close("CommonPrefixes");
}

Text list_versions(const ListIn& in, const Snapshot& snapshot) {
  // A page names its last version by its `sort`. A client may also give the id "null".
  const auto null_sort =
      in.version_after == "null" ? snapshot.get(null_key(in.bucket, in.after)) : std::nullopt;
  const auto page = walk<VersionFacts>({in.bucket, in.prefix, in.delimiter, in.after,
                                        null_sort ? *null_sort : in.version_after, in.max_keys},
                                       snapshot);
  XmlWriter xml;
  xml.open("ListVersionsResult", kXmlns)
      .element("Name", in.bucket)
      .element("Prefix", shown(in.encode, in.prefix))
      .element("KeyMarker", shown(in.encode, in.after))
      .element("VersionIdMarker", in.version_after)
      .element("MaxKeys", std::to_string(in.max_keys));
  if (!in.delimiter.empty()) xml.element("Delimiter", shown(in.encode, in.delimiter));
  if (in.encode) xml.element("EncodingType", "url");
  xml.element("IsTruncated", page.truncated ? "true" : "false");
  if (page.truncated) xml.element("NextKeyMarker", shown(in.encode, page.last));
  if (page.truncated && !page.last_tail.empty()) xml.element("NextVersionIdMarker", page.last_tail);
  for (const auto& r : page.records) {
    const VersionFacts& facts = r.record;
    const char* element = facts.marker ? "DeleteMarker" : "Version";
    xml.open(element)
        .element("Key", shown(in.encode, r.key))
        .element("VersionId", facts.id)
        .element("IsLatest", r.first_of_key ? "true" : "false")
        .element("LastModified", iso_millis(facts.modified));
    if (!facts.marker) {
      xml.element("ETag", "\"" + facts.etag + "\"")
          .element("Size", std::to_string(facts.size))
          .element("StorageClass", "STANDARD");
      write_checksum(xml, facts.checksum, facts.checksum_type);
    }
    write_owner(xml, "Owner", snapshot);
    xml.close(element);
  }
  write_prefixes(xml, in, page.prefixes);
  xml.close("ListVersionsResult");
  return xml_text(xml);
}

Text list_objects(const ListIn& in, const Snapshot& snapshot, bool v2) {
  const auto page = walk<Current>(
      {in.bucket, in.prefix, in.delimiter,
       in.token.empty() ? in.after : unbase64url(in.token).value_or(""), "", in.max_keys},
      snapshot);
  XmlWriter xml;
  xml.open("ListBucketResult", kXmlns)
      .element("Name", in.bucket)
      .element("Prefix", shown(in.encode, in.prefix))
      .element("MaxKeys", std::to_string(in.max_keys))
      .element("IsTruncated", page.truncated ? "true" : "false");
  if (!in.delimiter.empty()) xml.element("Delimiter", shown(in.encode, in.delimiter));
  if (in.encode) xml.element("EncodingType", "url");
  if (v2) {
    xml.element("KeyCount", std::to_string(page.count()));
    if (!in.after.empty()) xml.element("StartAfter", shown(in.encode, in.after));
    if (in.has_token) xml.element("ContinuationToken", in.token);
    if (page.truncated) xml.element("NextContinuationToken", base64url(page.last));
  } else {
    xml.element("Marker", shown(in.encode, in.after));
    if (page.truncated && !in.delimiter.empty())
      xml.element("NextMarker", shown(in.encode, page.last));
  }
  for (const auto& r : page.records) {
    xml.open("Contents")
        .element("Key", shown(in.encode, r.key))
        .element("LastModified", iso_millis(r.record.modified))
        .element("ETag", "\"" + r.record.etag + "\"")
        .element("Size", std::to_string(r.record.size))
        .element("StorageClass", "STANDARD");
    write_checksum(xml, r.record.checksum, r.record.checksum_type);
    if (in.fetch_owner) write_owner(xml, "Owner", snapshot);
    xml.close("Contents");
  }
  write_prefixes(xml, in, page.prefixes);
  xml.close("ListBucketResult");
  return xml_text(xml);
}
}  // namespace

template <class Self>
Result<ListIn> Lists<Self>::parse(const Request& request) {
  constexpr bool v2 = std::is_same_v<Self, ListObjectsV2>, v1 = std::is_same_v<Self, ListObjects>;
  ListIn in;
  in.bucket = request.param("Bucket");
  in.owner = request.headers.get("x-amz-expected-bucket-owner");
  in.prefix = request.query_text("prefix");
  in.delimiter = request.query_text("delimiter");
  TRY(in.encode, parse_encoding(request.query_text("encoding-type")));
  in.fetch_owner = request.query_text("fetch-owner") == "true" || v1;
  in.after = request.query_text(v2 ? "start-after" : v1 ? "marker" : "key-marker");
  if (!v1 && !v2) in.version_after = request.query_text("version-id-marker");
  if (!in.version_after.empty() && in.after.empty())
    return Error{400,
                 "InvalidArgument",
                 "A version-id marker cannot be specified without a key marker.",
                 {{"ArgumentName", "version-id-marker"}, {"ArgumentValue", in.version_after}}};
  if (const std::string* text = request.query_value("max-keys"); text && !text->empty()) {
    const auto value = parse_int(*text);
    if (!value)
      return Error{400,
                   "InvalidArgument",
                   "Provided max-keys not an integer or within integer range",
                   {{"ArgumentName", "max-keys"}, {"ArgumentValue", *text}}};
    if (*value < 0 || *value > INT32_MAX)
      return Error{400,
                   "InvalidArgument",
                   "Argument maxKeys must be an integer between 0 and 2147483647",
                   {{"ArgumentName", "maxKeys"}, {"ArgumentValue", *text}}};
    in.max_keys = std::min<int64_t>(*value, kListMax);
  }
  in.token = v2 ? request.query_text("continuation-token") : "";
  in.has_token = v2 && request.query_value("continuation-token");
  if (!in.token.empty() && unbase64url(in.token).value_or("").empty())
    return Error{400,
                 "InvalidArgument",
                 "The continuation token provided is incorrect",
                 {{"ArgumentName", "continuation-token"}}};
  for (const std::string* text : {&in.prefix, &in.delimiter, &in.after})
    if (!is_utf8(*text)) return Error{400, "InvalidURI", "Couldn't parse the specified URI.", {}};
  return in;
}
template <class Self>
Result<std::vector<Need>> Lists<Self>::needs(const In& in, const Snapshot& s) {
  CHECK(check_owner(in.owner, s));
  policy::Context context{{"s3:prefix", {in.prefix}},
                          {"s3:max-keys", {std::to_string(in.max_keys)}}};
  if (!in.delimiter.empty()) context["s3:delimiter"] = {in.delimiter};
  return list_of(bucket_need(Self::action, in.bucket, s, std::move(context)));
}
template <class Self>
Result<Text> Lists<Self>::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  if (std::is_same_v<Self, ListObjectVersions>) return list_versions(*in, snapshot);
  return list_objects(*in, snapshot, std::is_same_v<Self, ListObjectsV2>);
}
template struct Lists<ListObjects>;
template struct Lists<ListObjectsV2>;
template struct Lists<ListObjectVersions>;

}  // namespace sluice::s3
