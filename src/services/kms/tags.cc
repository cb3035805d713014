// SPDX-License-Identifier: Apache-2.0
#include "services/kms/tags.h"

#include "base/bytes.h"
#include "request/tag_text.h"

namespace sluice::kms {
namespace {
Error bad_tag(std::string text) { return {400, "TagException", std::move(text), {}}; }
Result<Done> check_key(const std::string& key) {
  if (const size_t characters = characters_in(key); characters < 1 || characters > kTagKeyMax)
    return invalid("A tag key must have 1 to 128 characters");
  if (lower(key).starts_with("aws:")) return bad_tag("Tag keys must not begin with aws:");
  if (!is_tag_text(key, 1, kTagKeyMax))
    return bad_tag("A tag key has a character that tags cannot have");
  return Done{};
}
// Policies do not tell keys apart that differ by case alone, so there are no two such.
Result<Done> check_one_of_its_case(const Tags& tags, const std::string& key) {
  for (const auto& [known, value] : tags)
    if (known != key && equals_ignore_case(known, key))
      return bad_tag("The tag keys " + known + " and " + key + " differ by case alone");
  return Done{};
}
}  // namespace

Result<Tags> tags_of(const json::object& body) {
  TRY(const json::array* list, Fields(body).array("Tags"));
  Tags tags;
  if (!list) return tags;
  for (const json::value& one : *list) {
    if (!one.is_object())
      return Error{400, "SerializationException", "A tag must be a structure", {}};
    TRY(const auto key, Fields(one.get_object()).text("TagKey"));
    TRY(const auto value, Fields(one.get_object()).text("TagValue"));
    CHECK(check_key(key.value_or("")));
    if (!value || characters_in(*value) > kTagValueMax)
      return invalid("A tag must have a value of at most 256 characters");
    if (!is_tag_text(*value, 0, kTagValueMax))
      return bad_tag("A tag value has a character that tags cannot have");
    CHECK(check_one_of_its_case(tags, *key));
    if (!tags.emplace(*key, *value).second) return bad_tag("Duplicate tag keys");
  }
  if (tags.size() > kTagsMax)
    return Error{400, "LimitExceededException", "A key can have at most 50 tags", {}};
  return tags;
}
void add_request_tags(policy::Context& context, const Tags& tags) {
  std::vector<std::string> names;
  for (const auto& [name, value] : tags) {
    context["aws:requesttag/" + lower(name)] = {value};
    names.push_back(name);
  }
  if (!names.empty()) context["aws:tagkeys"] = std::move(names);
}

Result<Done> TagResource::change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                                 json::object&) {
  CHECK(not_pending(key, staged.snapshot().scope()));
  TRY(const json::array* given, Fields(in->body).array("Tags"));
  if (!given)
    return invalid(
        "1 validation error detected: Value null at 'tags' failed to satisfy constraint: Member "
        "must not be null");
  TRY(const Tags tags, tags_of(in->body));
  for (const auto& [tag, value] : tags) {
    CHECK(check_one_of_its_case(key.tags, tag));
    key.tags[tag] = value;
  }
  if (key.tags.size() > kTagsMax)
    return Error{400, "LimitExceededException", "A key can have at most 50 tags", {}};
  return Done{};
}

void UntagResource::add_context(policy::Context& context, const json::object& body) {
  if (auto names = Fields(body).texts("TagKeys"); names && !names->empty())
    context["aws:tagkeys"] = *std::move(names);
}
Result<Done> UntagResource::change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                                   json::object&) {
  CHECK(not_pending(key, staged.snapshot().scope()));
  TRY(const auto names, Fields(in->body).texts("TagKeys"));
  if (names.empty())
    return invalid(
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member "
        "must not be null");
  for (const std::string& tag : names) {
    CHECK(check_key(tag));
    key.tags.erase(tag);
  }
  return Done{};
}

Result<JsonOut> ListResourceTags::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, find_key(snapshot, in->key_id));
  TRY(const Page page, page_of(in->body, kTagsMax, kTagsMax));
  json::array tags;
  std::string next;
  for (auto tag = key->tags.upper_bound(page.marker); tag != key->tags.end(); ++tag) {
    if (tags.size() == page.limit) {
      next = std::prev(tag)->first;
      break;
    }
    tags.push_back(json::object{{"TagKey", tag->first}, {"TagValue", tag->second}});
  }
  JsonOut out{{{"Tags", std::move(tags)}}};
  end_page(out.body, next);
  return out;
}

}  // namespace sluice::kms
