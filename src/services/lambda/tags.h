// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tags of functions. They belong to the function, not to its versions and aliases, and policies see
// them as aws:ResourceTag/KEY. Source: Lambda Developer Guide, "Using tags on Lambda functions".
//
//   TRY(function.tags, tags_of(in->body));
//   add_request_tags(need.context, function.tags);
#include "services/lambda/model.h"

namespace sluice::lambda {

constexpr size_t kTagsMax = 50;

// "Tags" of a body, checked; empty when there are none. Errors: InvalidParameterValueException.
Result<json::object> tags_of(const json::object& body);
// aws:RequestTag/KEY and aws:TagKeys.
void add_request_tags(policy::Context& context, const json::object& tags);

struct TagIn : NameIn {
  std::string resource;           // the ARN as it was asked for
  std::vector<std::string> keys;  // that are to be removed
};
// An operation on the tags of the {Resource} of a path.
template <class Self>
struct OnTags : OnFunction<Self> {
  using In = TagIn;
  static Result<In> parse(const Request& request);
  static json::value audit(const In& in);
};
// The ARN of a function. Errors: InvalidParameterValueException, ResourceNotFoundException.
Result<TagIn> parse_tag_in(const Request& request);
json::value audit_tags(const TagIn& in);
template <class Self>
Result<TagIn> OnTags<Self>::parse(const Request& request) {
  return parse_tag_in(request);
}
template <class Self>
json::value OnTags<Self>::audit(const In& in) {
  return audit_tags(in);
}

struct ListTags : OnTags<ListTags> {
  static constexpr std::string_view name = "ListTags", action = "lambda:ListTags";
  static constexpr Match match{"GET", "/2017-03-31/tags/{Resource+}", "", ""};
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct TagResource : OnTags<TagResource> {
  static constexpr std::string_view name = "TagResource", action = "lambda:TagResource";
  static constexpr Match match{"POST", "/2017-03-31/tags/{Resource+}", "", ""};
  static void add_context(policy::Context& context, const In& in, const Snapshot&);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UntagResource : OnTags<UntagResource> {
  static constexpr std::string_view name = "UntagResource", action = "lambda:UntagResource";
  static constexpr Match match{"DELETE", "/2017-03-31/tags/{Resource+}", "", ""};
  static void add_context(policy::Context& context, const In& in, const Snapshot&);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

}  // namespace sluice::lambda
