// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/tags.h"

#include "base/bytes.h"
#include "request/tag_text.h"
#include "services/dynamodb/constraints.h"

namespace sluice::dynamodb {
namespace {
Error invalid(const std::string& why) {
  return validation("One or more parameter values were invalid: " + why);
}
Result<Done> check_key(const std::string& key) {
  if (!is_tag_text(key, 1, kTagKeyMax))
    return invalid("A tag key must have 1 to 128 characters, of those that tags may have");
  if (lower(key).starts_with("aws:"))
    return invalid("Tag keys that begin with aws: are reserved for system use");
  return Done{};
}
// Policies do not tell keys apart that differ by case alone, so there are no two such.
Result<Done> add_tag(Tags& tags, const std::string& key, const std::string& value) {
  for (const auto& [known, other] : tags)
    if (known != key && equals_ignore_case(known, key))
      return invalid("The tag keys " + known + " and " + key + " differ by case alone");
  tags[key] = value;
  return Done{};
}
Result<Done> check_count(const Tags& tags) {
  if (tags.size() > kTagsMax) return invalid("A table can have at most 50 tags");
  return Done{};
}
// Without TagKeys there is nothing to take away.
Result<std::vector<std::string>> tag_keys_of(const json::object& body) {
  TRY(std::vector<std::string> keys, Fields(body).texts("TagKeys"));
  if (keys.empty()) return validation("Atleast one Tag Key needs to be provided as Input.");
  for (const std::string& key : keys) CHECK(check_key(key));
  return keys;
}
}  // namespace

Result<Tags> tags_of(const json::object& body) {
  Tags tags;
  TRY(const json::array* list, Fields(body).array("Tags"));
  if (!list) return tags;
  for (const json::value& one : *list) {
    if (!one.is_object()) return Error{400, "SerializationException", "Expected a structure", {}};
    TRY(const auto key, Fields(one.get_object()).text("Key"));
    TRY(const auto value, Fields(one.get_object()).text("Value"));
    CHECK(check_key(key.value_or("")));
    if (!value || !is_tag_text(*value, 0, kTagValueMax))
      return invalid("A tag value must have up to 256 characters, of those that tags may have");
    if (tags.contains(*key)) return invalid("Duplicate tag key: " + *key);
    CHECK(add_tag(tags, *key, *value));
  }
  CHECK(check_count(tags));
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

Result<TableIn> parse_resource(const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const auto given, Fields(in.body).text("ResourceArn"));
  Constraints constraints;
  constraints.not_null(given.has_value(), "resourceArn");
  CHECK(constraints.met());
  const auto arn = parse_arn(*given);
  if (!arn || arn->service != "dynamodb" || !arn->resource.starts_with("table/"))
    return validation("Invalid TableArn: Invalid ResourceArn provided as input " +
                      given->substr(0, 1024));
  TRY(in.table, table_name_of({{"TableName", *given}}));
  return in;
}
Error no_resource(const json::object& body) {
  return {400,
          "ResourceNotFoundException",
          "Requested resource not found: ResourcArn: " +
              text_of(body, "ResourceArn").substr(0, 1024) + " not found",
          {}};
}

Result<TableIn> TagResource::parse(const Request& request) {
  TRY(TableIn in, parse_resource(request));
  TRY(const Tags tags, tags_of(in.body));
  if (tags.empty()) return validation("Atleast one Tag needs to be provided as Input.");
  return in;
}
Result<std::vector<Need>> TagResource::needs(const In& in, const Snapshot& s) {
  TRY(const Tags tags, tags_of(in.body));
  policy::Context context;
  add_request_tags(context, tags);
  return std::vector<Need>{table_need(action, in.table, s, std::move(context))};
}
Result<JsonOut> TagResource::run(const Authorized<In>& in, Staged& staged) {
  auto table = staged.get(table_key(in->table));
  if (!table) return no_resource(in->body);
  TRY(const Tags tags, tags_of(in->body));
  for (const auto& [key, value] : tags) CHECK(add_tag(table->tags, key, value));
  CHECK(check_count(table->tags));
  staged.put(table_key(in->table), *table);
  return JsonOut{};
}

Result<TableIn> UntagResource::parse(const Request& request) {
  TRY(TableIn in, parse_resource(request));
  CHECK(tag_keys_of(in.body));
  return in;
}
Result<std::vector<Need>> UntagResource::needs(const In& in, const Snapshot& s) {
  TRY(auto keys, tag_keys_of(in.body));
  return std::vector<Need>{table_need(action, in.table, s, {{"aws:tagkeys", std::move(keys)}})};
}
Result<JsonOut> UntagResource::run(const Authorized<In>& in, Staged& staged) {
  auto table = staged.get(table_key(in->table));
  if (!table) return no_resource(in->body);
  TRY(const auto keys, tag_keys_of(in->body));
  for (const std::string& key : keys) table->tags.erase(key);
  staged.put(table_key(in->table), *table);
  return JsonOut{};
}

// The token of a page is the last key of the page before.
Result<JsonOut> ListTagsOfResource::run(const Authorized<In>& in, const Snapshot& s) {
  const auto table = s.get(table_key(in->table));
  if (!table) return no_resource(in->body);
  TRY(const auto after, Fields(in->body).text("NextToken"));
  json::array shown;
  JsonOut out;
  for (auto tag = after ? table->tags.upper_bound(*after) : table->tags.begin();
       tag != table->tags.end(); ++tag) {
    if (shown.size() == kTagsPage) {
      out.body["NextToken"] = std::prev(tag)->first;
      break;
    }
    shown.push_back(json::object{{"Key", tag->first}, {"Value", tag->second}});
  }
  out.body["Tags"] = std::move(shown);
  return out;
}

}  // namespace sluice::dynamodb
