// SPDX-License-Identifier: Apache-2.0
#include "services/iam/tags.h"

#include <algorithm>

#include "base/bytes.h"
#include "request/query_list.h"
#include "request/tag_text.h"

namespace sluice::iam {
namespace {
Error invalid(const std::string& text) { return {400, "ValidationError", text, {}}; }

Result<std::vector<ListMember>> list_of(const Request& request, std::string_view list) {
  TRY(auto members, list_members(request, list, kTagsMax));
  if (members.empty())
    return invalid("1 validation error detected: Value null at '" + std::string(list) +
                   "' failed to satisfy constraint: Member must not be null");
  return members;
}

Result<std::string> tag_key(const std::string& key) {
  if (!is_tag_text(key, 1, kTagKeyMax))
    return invalid(
        "The key of a tag has 1 to 128 letters, digits, blanks and characters of _.:/=+-@");
  return key;
}
auto find_key(Tags& tags, const std::string& key) {
  return std::find_if(tags.begin(), tags.end(),
                      [&](const auto& tag) { return equals_ignore_case(tag.first, key); });
}
}  // namespace

Result<Tags> tags_of(const Request& request) {
  Tags tags;
  TRY(const auto list, list_of(request, "Tags"));
  for (const ListMember& member : list) {
    const auto key = member.find("Key"), value = member.find("Value");
    if (key == member.end() || value == member.end())
      return invalid("A tag must have a Key and a Value.");
    CHECK(tag_key(key->second));
    if (!is_tag_text(value->second, 0, kTagValueMax))
      return invalid(
          "The value of a tag has up to 256 letters, digits, blanks and characters of _.:/=+-@");
    if (lower(key->second).starts_with("aws:"))
      return Error{
          400, "InvalidInput", "Caller is an end user and not allowed to mutate system tags", {}};
    if (find_key(tags, key->second) != tags.end())
      return Error{400,
                   "InvalidInput",
                   "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                   {}};
    tags[key->second] = value->second;
  }
  return tags;
}
Result<std::vector<std::string>> tag_keys_of(const Request& request) {
  std::vector<std::string> keys;
  TRY(const auto list, list_of(request, "TagKeys"));
  for (const ListMember& member : list) {
    const auto key = member.find("");
    if (key == member.end()) return invalid("The list TagKeys is malformed.");
    TRY(std::string checked, tag_key(key->second));
    keys.push_back(std::move(checked));
  }
  return keys;
}
Result<Done> put_tags(Tags& into, const Tags& added, std::string_view kind) {
  for (const auto& [key, value] : added) {
    if (const auto same = find_key(into, key); same != into.end()) into.erase(same);
    into[key] = value;
  }
  if (into.size() > kTagsMax)
    return Error{
        409, "LimitExceeded", "Cannot exceed quota for TagsPer" + std::string(kind) + ": 50", {}};
  return Done{};
}
void take_tags(Tags& from, const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (const auto found = find_key(from, key); found != from.end()) from.erase(found);
}

Result<Tags> optional_tags_of(const Request& request) {
  for (const auto& [field, value] : request.query)
    if (field.starts_with("Tags.")) return tags_of(request);
  return Tags();
}
void write_tags(XmlWriter& xml, const Tags& tags) {
  xml.open("Tags");
  for (const auto& [key, value] : tags)
    xml.open("member").element("Key", key).element("Value", value).close("member");
  xml.close("Tags");
}
json::array shown_tags(const Tags& tags) {
  json::array shown;
  for (const auto& [key, value] : tags)
    shown.push_back(json::object{{"key", key}, {"value", value}});
  return shown;
}
std::string page_of_tags(const Tags& tags, const std::string& marker, size_t max, Tags& page) {
  for (auto tag = tags.upper_bound(marker); tag != tags.end(); ++tag) {
    if (page.size() == max) return page.rbegin()->first;
    page.insert(*tag);
  }
  return "";
}

void add_request_tags(policy::Context& context, const Tags& tags) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : tags) {
    context["aws:requesttag/" + lower(key)] = {value};
    keys.push_back(key);
  }
  add_tag_keys(context, keys);
}
void add_tag_keys(policy::Context& context, const std::vector<std::string>& keys) {
  if (!keys.empty()) context["aws:tagkeys"] = keys;
}
void add_resource_tags(policy::Context& context, const Tags& tags) {
  for (const auto& [key, value] : tags) {
    context["aws:resourcetag/" + lower(key)] = {value};
    context["iam:resourcetag/" + lower(key)] = {value};
  }
}

}  // namespace sluice::iam
