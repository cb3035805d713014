// SPDX-License-Identifier: Apache-2.0
#pragma once
// TagResource, UntagResource and ListResourceTags. A key may have 50 tags, whose keys have 1 to 128
// characters, and whose values up to 256. Errors: TagException, LimitExceededException.
//
//   TRY(const Tags tags, tags_of(in->body));   // of CreateKey
//   add_request_tags(need.context, tags);
#include "services/kms/operation.h"

namespace sluice::kms {

using Tags = std::map<std::string, std::string>;
constexpr size_t kTagsMax = 50, kTagKeyMax = 128, kTagValueMax = 256;

// The member Tags of a request, empty when it is absent.
Result<Tags> tags_of(const json::object& body);
// Condition keys: aws:RequestTag/<key> and aws:TagKeys.
void add_request_tags(policy::Context& context, const Tags& tags);

struct TagResource : ChangesKey<TagResource> {
  static constexpr std::string_view name = "TagResource", action = "kms:TagResource";
  static void add_context(policy::Context& context, const json::object& body) {
    if (const auto tags = tags_of(body)) add_request_tags(context, *tags);
  }
  static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                             json::object& out);
};
struct UntagResource : ChangesKey<UntagResource> {
  static constexpr std::string_view name = "UntagResource", action = "kms:UntagResource";
  static void add_context(policy::Context& context, const json::object& body);
  static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                             json::object& out);
};
SLUICE_KMS_READ(ListResourceTags);

}  // namespace sluice::kms
