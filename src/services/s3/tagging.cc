// SPDX-License-Identifier: Apache-2.0
#include "services/s3/tagging.h"

#include "base/bytes.h"
#include "request/tag_text.h"

namespace sluice::s3 {
namespace {
Result<Done> add_tag(json::object& tags, const std::string& key, const std::string& value,
                     size_t count_max) {
  const auto invalid = [&](const char* text) {
    return Error{400, "InvalidTag", text, {{"TagKey", key}}};
  };
  if (key.empty() || characters_in(key) > 128 || !is_utf8(key))
    return invalid("The TagKey you have provided is invalid");
  if (characters_in(value) > 256 || !is_utf8(value))
    return invalid("The TagValue you have provided is invalid");
  if (lower(key).starts_with("aws:"))
    return invalid("System tags cannot be added/updated by requester");
  if (tags.contains(key)) return invalid("Cannot provide multiple Tags with the same key");
  tags[key] = value;
  if (tags.size() > count_max)
    return Error{400,
                 "BadRequest",
                 count_max == kObjectTagsMax ? "Object tags cannot be greater than 10"
                                             : "Bucket tag count cannot be greater than 50",
                 {}};
  return Done{};
}
Result<json::object> parse_tag_document(const std::string& text, size_t count_max) {
  TRY(const auto document, parse_xml(text));
  const auto set = document->child("Tagging").child("TagSet");
  if (!set) return malformed_xml();
  json::object tags;
  for (const auto& tag : set.children("Tag")) {
    if (!tag.child("Key") || !tag.child("Value")) return malformed_xml();
    CHECK(add_tag(tags, tag.child_value("Key"), tag.child_value("Value"), count_max));
  }
  return tags;
}
Text tag_document(const json::object& tags) {
  XmlWriter xml;
  xml.open("Tagging", kXmlns).open("TagSet");
  for (const auto& [key, value] : tags)
    xml.open("Tag")
        .element("Key", key)
        .element("Value", std::string_view(value.as_string()))
        .close("Tag");
  xml.close("TagSet").close("Tagging");
  return xml_text(xml);
}

Result<Text> set_object_tags(const Authorized<TagIn>& in, Staged& staged, json::object tags,
                             int status) {
  CHECK(tracked_bucket(staged, in->bucket));
  CHECK(find_version(staged.snapshot(), *in));
  const std::string sort = sort_of(staged.snapshot(), in->bucket, in->key, in->version_id).value();
  Version version = version_at(staged, in->bucket, in->key, sort).value();
  version.facts.tags = std::move(tags);
  staged.put(version_key(in->bucket, in->key, sort), version.pack());
  Text out{status, ""};
  if (version.facts.id != "null") out.headers.add("x-amz-version-id", version.facts.id);
  return out;
}
}  // namespace

Result<json::object> parse_tag_header(const std::string& text) {
  json::object tags;
  for (const auto pair : split(text, '&')) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const auto key = percent_decode(pair.substr(0, equals), true),
               value = equals == pair.npos ? std::optional<std::string>("")
                                           : percent_decode(pair.substr(equals + 1), true);
    if (!key || !value)
      return Error{400,
                   "InvalidArgument",
                   "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                   "parameters without tag name duplicates.",
                   {{"ArgumentName", "x-amz-tagging"}}};
    CHECK(add_tag(tags, *key, *value, kObjectTagsMax));
  }
  return tags;
}
namespace {
void add_tags(policy::Context& context, const json::object& tags, const std::string& one,
              const std::string& names) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : tags) {
    context[one + lower(std::string(key))] = {std::string(value.as_string())};
    keys.emplace_back(key);
  }
  if (!keys.empty()) context[names] = std::move(keys);
}
}  // namespace
void add_request_tags(policy::Context& context, const json::object& tags) {
  add_tags(context, tags, "s3:requestobjecttag/", "s3:requestobjecttagkeys");
}
void add_existing_tags(policy::Context& context, const json::object& tags) {
  for (const auto& [key, value] : tags)
    context["s3:existingobjecttag/" + lower(std::string(key))] = {std::string(value.as_string())};
}

template <class Self>
Result<std::vector<Need>> OnTags<Self>::needs(const In& in, const Snapshot& s) {
  TRY(std::vector<Need> needs, version_needs(Self::action, Self::version_action, in, s));
  if (Self::match.method == "PUT")
    if (const auto tags = parse_tag_document(in.text, kObjectTagsMax))
      add_request_tags(needs[0].context, *tags);
  const auto sort = sort_of(s, in.bucket, in.key, in.version_id);
  if (const auto version = sort ? version_at(s, in.bucket, in.key, *sort) : nullptr)
    add_existing_tags(needs[0].context, version->facts.tags);
  return needs;
}
template struct OnTags<PutObjectTagging>;
template struct OnTags<GetObjectTagging>;
template struct OnTags<DeleteObjectTagging>;

Result<Text> PutObjectTagging::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object tags, parse_tag_document(in->text, kObjectTagsMax));
  return set_object_tags(in, staged, std::move(tags), 200);
}
Result<Text> DeleteObjectTagging::run(const Authorized<In>& in, Staged& staged) {
  return set_object_tags(in, staged, {}, 204);
}
Result<Text> GetObjectTagging::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto found, find_version(snapshot, *in));
  const Version& version = *found;
  Text out = tag_document(version.facts.tags);
  if (version.facts.id != "null") out.headers.add("x-amz-version-id", version.facts.id);
  return out;
}

Result<std::vector<Need>> PutBucketTagging::needs(const In& in, const Snapshot& s) {
  TRY(std::vector<Need> needs, OnBucket<PutBucketTagging>::needs(in, s));
  if (const auto tags = parse_tag_document(in.text, kBucketTagsMax))
    add_tags(needs[0].context, *tags, "aws:requesttag/", "aws:tagkeys");
  return needs;
}
Result<Text> PutBucketTagging::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  TRY(bucket.tags, parse_tag_document(in->text, kBucketTagsMax));
  staged.put(bucket_key(in->bucket), bucket);
  return Text{204, ""};
}
Result<Text> GetBucketTagging::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  if (bucket->tags.empty())
    return Error{404, "NoSuchTagSet", "The TagSet does not exist", {{"BucketName", in->bucket}}};
  return tag_document(bucket->tags);
}
Result<Text> DeleteBucketTagging::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  bucket.tags.clear();
  staged.put(bucket_key(in->bucket), bucket);
  return Text{204, ""};
}

}  // namespace sluice::s3
