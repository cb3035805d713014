#include "services/s3/listing.h"

#include "base/bytes.h"
#include "services/s3/objects.h"

namespace sluice::s3 {
namespace {
std::string shown(const ListIn& in, const std::string& text) { return in.encode ? percent_encode(text, true) : text; }

struct Page { std::vector<std::pair<std::string, json::object>> entries; std::vector<std::string> prefixes; bool truncated = false; std::string last; };

// Walks current records; what shares a delimiter is counted once and skipped over.
Page collect(const ListIn& in, const Snapshot& snapshot) {
  Page page;
  const Key all = schema::prefix(Family::objects, "s3.current", {in.bucket});
  std::string start = std::max(in.after, in.prefix), skip_prefix;
  bool exclusive = start == in.after && !in.after.empty();
  if (!in.delimiter.empty() && exclusive && in.after.ends_with(in.delimiter)) skip_prefix = in.after;     // the marker was a common prefix
  const auto from = [&](const std::string& key) { std::string b = current_key(in.bucket, key).bytes; b.resize(b.size() - 2); return b; };
  for (bool again = in.max_keys > 0; again;) {
    again = false;
    snapshot.scan(all, start.empty() ? "" : from(start), false, [&](std::string_view bytes, std::string_view value) {
      const std::string key = schema::parts(bytes).at(1);
      if (key < start || (exclusive && key == in.after)) return true;
      if (!skip_prefix.empty() && key.starts_with(skip_prefix)) return true;
      if (!key.starts_with(in.prefix)) return key < in.prefix;
      auto record = parse_json_object(value);
      if (!record || bool_of(*record, "Marker")) return true;
      if (page.entries.size() + page.prefixes.size() == static_cast<size_t>(in.max_keys)) { page.truncated = true; return false; }
      const size_t cut = in.delimiter.empty() ? std::string::npos : key.find(in.delimiter, in.prefix.size());
      if (cut == std::string::npos) { page.entries.emplace_back(key, *std::move(record)); page.last = key; return true; }
      const std::string common = key.substr(0, cut + in.delimiter.size());
      page.prefixes.push_back(common);
      page.last = skip_prefix = common;
      start = common + "\xff";                             // seek past everything under it
      again = true;
      return false;
    });
    if (page.truncated) break;
  }
  return page;
}

void write_entries(XmlWriter& xml, const ListIn& in, const Page& page, const std::string& owner) {
  for (const auto& [key, record] : page.entries) {
    xml.open("Contents").element("Key", shown(in, key)).element("LastModified", iso_millis(int_of(record, "Modified"))).element("ETag", "\"" + text_of(record, "ETag") + "\"").element("Size", std::to_string(int_of(record, "Size"))).element("StorageClass", "STANDARD");
    if (in.fetch_owner) xml.open("Owner").element("ID", owner).close("Owner");
    xml.close("Contents");
  }
  for (const std::string& prefix : page.prefixes) xml.open("CommonPrefixes").element("Prefix", shown(in, prefix)).close("CommonPrefixes");
}

void write_version(XmlWriter& xml, const ListIn& in, const std::string& key, const json::object& v, bool latest, const std::string& owner) {
  const char* element = bool_of(v, "Marker") ? "DeleteMarker" : "Version";
  xml.open(element).element("Key", shown(in, key)).element("VersionId", text_of(v, "Id")).element("IsLatest", latest ? "true" : "false").element("LastModified", iso_millis(int_of(v, "Modified")));
  if (!bool_of(v, "Marker")) xml.element("ETag", "\"" + text_of(v, "ETag") + "\"").element("Size", std::to_string(int_of(v, "Size"))).element("StorageClass", "STANDARD");
  xml.open("Owner").element("ID", owner).close("Owner").close(element);
}

Text list_versions(const ListIn& in, const Snapshot& snapshot) {
  XmlWriter xml;
  xml.open("ListVersionsResult", kXmlns).element("Name", in.bucket).element("Prefix", shown(in, in.prefix)).element("KeyMarker", shown(in, in.after)).element("VersionIdMarker", in.version_after).element("MaxKeys", std::to_string(in.max_keys));
  if (in.encode) xml.element("EncodingType", "url");
  if (!in.delimiter.empty()) xml.element("Delimiter", shown(in, in.delimiter));
  XmlWriter entries{XmlWriter::Fragment{}};
  std::string last_key, last_id, seen_key, seen_prefix;
  int64_t count = 0;
  bool truncated = false;
  const Key all = schema::prefix(Family::objects, "s3.version", {in.bucket});
  std::string start = std::max(in.after, in.prefix);
  std::string seek = start.empty() ? "" : schema::prefix(Family::objects, "s3.version", {in.bucket, start}).bytes;
  if (!seek.empty()) seek.resize(seek.size() - 2);
  snapshot.scan(all, seek, false, [&](std::string_view bytes, std::string_view value) {
    const auto parts = schema::parts(bytes);
    const std::string &key = parts[1], &sort = parts[2];
    const bool first_of_key = key != seen_key;
    seen_key = key;
    if (!in.after.empty() && (key < in.after || (key == in.after && (in.version_after.empty() || sort <= in.version_after)))) return true;
    if (!key.starts_with(in.prefix)) return key < in.prefix;
    const size_t cut = in.delimiter.empty() ? std::string::npos : key.find(in.delimiter, in.prefix.size());
    if (cut != std::string::npos && key.substr(0, cut + in.delimiter.size()) == seen_prefix) return true;
    if (count == in.max_keys) { truncated = count > 0; return false; }
    ++count;
    if (cut != std::string::npos) {
      seen_prefix = key.substr(0, cut + in.delimiter.size());
      entries.open("CommonPrefixes").element("Prefix", shown(in, seen_prefix)).close("CommonPrefixes");
      last_key = seen_prefix + "\xff";
      last_id.clear();
      return true;
    }
    if (auto version = parse_json_object(value)) write_version(entries, in, key, *version, first_of_key, snapshot.scope().account_id);
    last_key = key;
    last_id = sort;
    return true;
  });
  xml.element("IsTruncated", truncated ? "true" : "false");
  if (truncated) xml.element("NextKeyMarker", shown(in, last_key)).element("NextVersionIdMarker", last_id);
  return {200, xml.take() + entries.take() + "</ListVersionsResult>", "application/xml"};
}
}  // namespace

template <class Self>
Result<ListIn> Lists<Self>::parse(const Request& request) {
  ListIn in;
  in.bucket = request.param("Bucket");
  in.prefix = request.query_text("prefix");
  in.delimiter = request.query_text("delimiter");
  in.v2 = std::is_same_v<Self, ListObjectsV2>;
  in.encode = request.query_text("encoding-type") == "url";
  in.fetch_owner = request.query_text("fetch-owner") == "true" || std::is_same_v<Self, ListObjects>;
  in.after = request.query_text(in.v2 ? "start-after" : std::is_same_v<Self, ListObjects> ? "marker" : "key-marker");
  in.version_after = request.query_text("version-id-marker");
  if (const std::string* text = request.query_value("max-keys")) {
    const auto value = parse_int(*text);
    if (!value || *value < 0) return Error{400, "InvalidArgument", "Provided max-keys not an integer or within integer range", {{"ArgumentName", "max-keys"}, {"ArgumentValue", *text}}};
    in.max_keys = std::min<int64_t>(*value, kListMax);
  }
  in.token = request.query_text("continuation-token");
  if (in.v2 && !in.token.empty()) {
    const auto after = unbase64url(in.token);
    if (!after) return Error{400, "InvalidArgument", "The continuation token provided is incorrect", {{"ArgumentName", "continuation-token"}}};
    in.after = *after;
  }
  return in;
}
template <class Self>
Result<std::vector<Need>> Lists<Self>::needs(const In& in, const Snapshot& s) {
  policy::Context context{{"s3:prefix", {in.prefix}}, {"s3:max-keys", {std::to_string(in.max_keys)}}};
  if (!in.delimiter.empty()) context["s3:delimiter"] = {in.delimiter};
  return std::vector<Need>{bucket_need(Self::action, in.bucket, s, std::move(context))};
}
template <class Self>
Result<Text> Lists<Self>::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_bucket(snapshot, in->bucket));
  if (std::is_same_v<Self, ListObjectVersions>) return list_versions(*in, snapshot);
  const Page page = collect(*in, snapshot);
  XmlWriter xml;
  xml.open("ListBucketResult", kXmlns).element("Name", in->bucket).element("Prefix", shown(*in, in->prefix)).element("MaxKeys", std::to_string(in->max_keys)).element("IsTruncated", page.truncated ? "true" : "false");
  if (!in->delimiter.empty()) xml.element("Delimiter", shown(*in, in->delimiter));
  if (in->encode) xml.element("EncodingType", "url");
  if (in->v2) {
    xml.element("KeyCount", std::to_string(page.entries.size() + page.prefixes.size()));
    if (!in->token.empty()) xml.element("ContinuationToken", in->token);
    if (page.truncated) xml.element("NextContinuationToken", base64url(page.last));
  } else {
    xml.element("Marker", shown(*in, in->after));
    if (page.truncated && !in->delimiter.empty()) xml.element("NextMarker", shown(*in, page.last));
  }
  write_entries(xml, *in, page, snapshot.scope().account_id);
  xml.close("ListBucketResult");
  return Text{200, xml.take(), "application/xml"};
}
template struct Lists<ListObjects>;
template struct Lists<ListObjectsV2>;
template struct Lists<ListObjectVersions>;

Result<DeleteObjects::In> DeleteObjects::parse(const Request& request) {
  In in{request.param("Bucket"), {}, false};
  bool has_checksum = request.headers.find("content-md5") || request.headers.find("x-amz-trailer");
  for (const auto& [name, value] : request.headers.list) has_checksum = has_checksum || name.starts_with("x-amz-checksum-");
  if (!has_checksum) return Error{400, "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*", {}};
  TRY(const auto document, parse_xml(request.body));
  const auto root = document->child("Delete");
  in.quiet = std::string_view(root.child_value("Quiet")) == "true";
  for (const auto& object : root.children("Object")) in.objects.emplace_back(object.child_value("Key"), object.child_value("VersionId"));
  if (in.objects.empty() || in.objects.size() > kListMax) return Error{400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", {}};
  return in;
}
Result<std::vector<Need>> DeleteObjects::needs(const In& in, const Snapshot& s) {
  std::vector<Need> needs;
  for (const auto& [key, version] : in.objects) needs.push_back(object_need(version.empty() ? "s3:DeleteObject" : "s3:DeleteObjectVersion", in.bucket, key, s));
  return needs;
}
Result<Text> DeleteObjects::run(const Authorized<In>& in, Staged& staged) {
  TRY(const json::object bucket, tracked_bucket(staged, in->bucket));
  XmlWriter xml;
  xml.open("DeleteResult", kXmlns);
  for (const auto& [key, version] : in->objects) {
    TRY(const Deleted deleted, delete_one(staged, bucket, key, version, in.request_id(), in.source_ip(), in.caller().user_id()));
    if (in->quiet) continue;
    xml.open("Deleted").element("Key", key);
    if (!version.empty()) xml.element("VersionId", version);
    if (deleted.marker) xml.element("DeleteMarker", "true").element("DeleteMarkerVersionId", deleted.version_id);
    xml.close("Deleted");
  }
  xml.close("DeleteResult");
  return Text{200, xml.take(), "application/xml"};
}

}  // namespace sluice::s3
