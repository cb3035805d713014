// SPDX-License-Identifier: Apache-2.0
#pragma once
// TagResource, UntagResource and ListTagsOfResource. A table may have 50 tags, whose keys have 1 to
// 128 characters, and whose values up to 256. Errors: ResourceNotFoundException,
// ValidationException.
//
//   TRY(const Tags tags, tags_of(in->body));   // of CreateTable
//   add_request_tags(need.context, tags);
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

using Tags = std::map<std::string, std::string>;
constexpr size_t kTagsMax = 50, kTagKeyMax = 128, kTagValueMax = 256, kTagsPage = 10;

// The member Tags of a request, empty when it is absent.
Result<Tags> tags_of(const json::object& body);
// Condition keys: aws:RequestTag/<key> and aws:TagKeys.
void add_request_tags(policy::Context& context, const Tags& tags);
// The table that the member ResourceArn names.
Result<TableIn> parse_resource(const Request& request);
Error no_resource(const json::object& body);

// The operations that name their table by ResourceArn.
template <class Self>
struct OnResource : OnTable<Self> {
  static Result<TableIn> parse(const Request& request) { return parse_resource(request); }
};
struct TagResource : OnResource<TagResource> {
  static constexpr std::string_view name = "TagResource", action = "dynamodb:TagResource";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UntagResource : OnResource<UntagResource> {
  static constexpr std::string_view name = "UntagResource", action = "dynamodb:UntagResource";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct ListTagsOfResource : OnResource<ListTagsOfResource> {
  static constexpr std::string_view name = "ListTagsOfResource",
                                    action = "dynamodb:ListTagsOfResource";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::dynamodb
