// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lists in a form of the protocol awsQuery: Tags.member.1.Key=a&Tags.member.1.Value=b. Source:
// Smithy 2.0, "AWS query protocol", serialization of lists.
//
//   TRY(const auto tags, list_members(request, "Tags", 50));
//   for (const ListMember& tag : tags) use(tag.at("Key"));
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "request/message.h"

namespace sluice {

// The fields of a member; of a member that is a text, that is the field "".
using ListMember = std::map<std::string, std::string>;
// In the order of their numbers. Errors: ValidationError 400 for a number that is none, and for
// more than `max` members.
Result<std::vector<ListMember>> list_members(const Request& request, std::string_view list,
                                             size_t max);

}  // namespace sluice
