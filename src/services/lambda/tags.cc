// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/tags.h"

#include "base/bytes.h"
#include "request/tag_text.h"

namespace sluice::lambda {
namespace {
constexpr size_t kTagKeyMax = 128, kTagValueMax = 256;  // characters

Result<Done> check_tag(const std::string& key, const json::value& value) {
  if (!value.is_string())
    return Error{400, "SerializationException", "Values of tags must be strings.", {}};
  if (key.empty() || characters_in(key) > kTagKeyMax)
    return invalid("The key of a tag must be 1 to 128 characters.");
  if (characters_in(value.get_string()) > kTagValueMax)
    return invalid("The value of a tag must be at most 256 characters.");
  if (lower(key).starts_with("aws:"))
    return invalid("aws: prefixed tag key names are not allowed for external use.");
  return Done{};
}
Result<Done> check_count(const json::object& tags) {
  if (tags.size() > kTagsMax) return invalid("Number of tags exceeds resource tag limit.");
  return Done{};
}
}  // namespace

Result<json::object> tags_of(const json::object& body) {
  TRY(const json::object* tags, Fields(body).object("Tags"));
  if (!tags) return json::object{};
  for (const auto& [key, value] : *tags) CHECK(check_tag(std::string(key), value));
  CHECK(check_count(*tags));
  return json::object(*tags, json::storage_ptr());
}

void add_request_tags(policy::Context& context, const json::object& tags) {
  if (tags.empty()) return;
  policy::Context::Values keys;
  for (const auto& [key, value] : tags) {
    keys.emplace_back(key);
    context["aws:requesttag/" + lower(std::string(key))] = {std::string(value.as_string())};
  }
  context["aws:tagkeys"] = std::move(keys);
}

Result<TagIn> parse_tag_in(const Request& request) {
  TagIn in;
  in.resource = request.param("Resource");
  const auto arn = parse_arn(in.resource);
  if (!arn || arn->service != "lambda") return invalid("Resource must be the ARN of a function.");
  if (!arn->resource.starts_with("function:"))
    return Error{404,
                 "ResourceNotFoundException",
                 "The resource you requested does not exist: only functions have tags here.",
                 {}};
  TRY(static_cast<FunctionName&>(in), function_name_of(std::string_view(in.resource)));
  if (!in.qualifier.empty())
    return invalid(
        "Tags on function aliases and versions are not supported. Please specify a function ARN.");
  for (const auto& [name, value] : request.query)
    if (name == "tagKeys") in.keys.push_back(value);
  if (request.method == "DELETE" && in.keys.empty())
    return invalid("tagKeys must name at least one tag.");
  if (in.keys.size() > kTagsMax) return invalid("tagKeys must name at most 50 tags.");
  if (request.method != "POST") return in;
  TRY(in.body, parse_body(request));
  TRY(const json::object tags, tags_of(in.body));
  if (tags.empty()) return invalid("Tags must hold at least one tag.");
  return in;
}
json::value audit_tags(const TagIn& in) {
  json::object shown{{"resource", in.resource}};
  if (const json::value* tags = in.body.if_contains("Tags")) shown["tags"] = *tags;
  if (!in.keys.empty()) shown["tagKeys"] = json::array(in.keys.begin(), in.keys.end());
  return shown;
}

Result<JsonOut> ListTags::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto function = snapshot.get(function_key(in->name));
  if (!function) return not_found(snapshot.scope(), in->name);
  return JsonOut{200, {{"Tags", function->tags}}};
}
void TagResource::add_context(policy::Context& context, const In& in, const Snapshot&) {
  if (const auto tags = tags_of(in.body)) add_request_tags(context, *tags);
}
Result<JsonOut> TagResource::run(const Authorized<In>& in, Staged& staged) {
  TRY(Function function, tracked_function(staged, *in));
  TRY(const json::object tags, tags_of(in->body));
  for (const auto& [key, value] : tags) function.tags[key] = value;
  CHECK(check_count(function.tags));
  staged.put(function_key(in->name), function);
  return JsonOut{204, {}};
}
void UntagResource::add_context(policy::Context& context, const In& in, const Snapshot&) {
  context["aws:tagkeys"] = in.keys;
}
Result<JsonOut> UntagResource::run(const Authorized<In>& in, Staged& staged) {
  TRY(Function function, tracked_function(staged, *in));
  for (const std::string& key : in->keys) function.tags.erase(key);
  staged.put(function_key(in->name), function);
  return JsonOut{204, {}};
}

}  // namespace sluice::lambda
