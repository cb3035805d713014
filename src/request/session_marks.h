// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a session was given when its role was assumed: policies that bound it, tags, a source
// identity. It stands sealed in the session's token, so it is bounded. Source: IAM User Guide,
// "Session policies", "Pass session tags in AWS STS", "Monitor and control actions taken with
// assumed roles".
//
//   TRY(const int64_t percent, packed_size(marks));
//   Session session = sessions.mint(role.arn, role.id, "reader", 3600, marks);
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "policy/policy_set.h"

namespace sluice {

struct SessionMarks {
  // Each with its name: the ARN of a managed policy, whose text is taken when the role is assumed.
  // None: the session may do what its role may.
  std::vector<std::pair<std::string, policy::Stored<policy::Kind::identity>>> policies;
  std::map<std::string, std::string> tags;  // keys as they were written
  // Keys of those tags that a session inherits which is taken with this one.
  std::vector<std::string> transitive;
  std::string source_identity;
  std::string federated_provider;  // aws:FederatedProvider

  // As decide() asks for them; nullptr: there are none.
  std::shared_ptr<const std::vector<policy::Attached>> session_policies() const;
  // Tags whose keys differ by case alone are one: as it was written, or nullptr.
  const std::string* tag_key(std::string_view key) const;
};
json::object packed(const SessionMarks& marks);
SessionMarks unpacked(const json::object& members);

// How much of the room in a token the marks take, in percent. Errors: PackedPolicyTooLarge 400.
constexpr size_t kPackedBytesMax = 5 * 1024;  // of policies and tags of a session, as JSON
Result<int64_t> packed_size(const SessionMarks& marks);

}  // namespace sluice
