// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tags of IAM: at most 50 of a role or a policy. Their keys are kept as they were written, but two
// that differ by case alone are one key. Source: IAM User Guide, "Tagging IAM resources".
//
//   TRY(const Tags added, tags_of(request));
//   add_request_tags(need.context, added);
//   CHECK(put_tags(policy.tags, added, "Policy"));
#include <map>

#include "base/json.h"
#include "base/xml.h"
#include "policy/context.h"
#include "request/message.h"

namespace sluice::iam {

using Tags = std::map<std::string, std::string>;
constexpr size_t kTagsMax = 50, kTagKeyMax = 128, kTagValueMax = 256;

// Tags.member.N.Key and Value; TagKeys.member.N. Errors: ValidationError; InvalidInput for a key
// that comes twice, or begins with "aws:".
Result<Tags> tags_of(const Request& request);
Result<std::vector<std::string>> tag_keys_of(const Request& request);
// Errors: LimitExceeded, which names the quota of `kind`, "Role" or "Policy".
Result<Done> put_tags(Tags& into, const Tags& added, std::string_view kind);
void take_tags(Tags& from, const std::vector<std::string>& keys);

// The Tags of a request that may have none.
Result<Tags> optional_tags_of(const Request& request);
void write_tags(XmlWriter& xml, const Tags& tags);
json::array shown_tags(const Tags& tags);  // as audit records show them
// Tags from the one after `marker` on, at most `max`. Returns the marker of the next page.
std::string page_of_tags(const Tags& tags, const std::string& marker, size_t max, Tags& page);

// Condition keys: aws:RequestTag/<k> and aws:TagKeys; aws:TagKeys; aws:ResourceTag/<k> and
// iam:ResourceTag/<k>.
void add_request_tags(policy::Context& context, const Tags& tags);
void add_tag_keys(policy::Context& context, const std::vector<std::string>& keys);
void add_resource_tags(policy::Context& context, const Tags& tags);

}  // namespace sluice::iam
