// SPDX-License-Identifier: Apache-2.0
#pragma once
// A session of a role for who asks for one, whichever way he came: what he may ask the session to
// be marked with, what the role's trust policy must allow for that, and the session itself. Source:
// STS API Reference, AssumeRole; IAM User Guide, "Pass session tags in AWS STS".
//
//   CHECK(add_tag(in, "Team", "red"));
//   std::vector<Need> needs = assume_needs("sts:AssumeRole", in, snapshot, ports);
//   TRY(Assumed out, assume(in, {}, authorized.ports(), snapshot));   // once they are allowed
#include <map>
#include <string>
#include <vector>

#include "request/ports.h"

namespace sluice {

constexpr size_t kSessionPolicyCharsMax = 2048;  // of a session's policies together
constexpr size_t kSessionPolicyArnsMax = 10;
constexpr size_t kSessionTagsMax = 50;  // of one call

struct Assume {
  std::string role_arn, role_name, session_name;
  int64_t duration_s = 0;
  std::string policy;  // "": none
  std::vector<std::string> policy_arns;
  // What the caller asks to mark the session with.
  std::map<std::string, std::string> tags;
  std::vector<std::string> transitive;
  std::string source_identity;
};
// 2 to 64 of [\w+=,.@-]: a session's name, a source identity. `member` is how the error names it.
Result<Done> check_session_name(const std::string& text, const std::string& member);
// Errors: ValidationError, MalformedPolicyDocument.
Result<Done> check_session_policy(const std::string& text);
// Whether these are the key and the value of a tag.
bool is_tag(std::string_view key, std::string_view value);
// The rules for tags, wherever they come from. Errors: ValidationError, InvalidParameterValue.
Result<Done> add_tag(Assume& in, const std::string& key, const std::string& value);
Result<Done> check_transitive(const Assume& in);

// `action` on the role, and what its tags and its source identity need besides: each is for the
// role's trust policy to allow. A role that does not exist is denied in the same words as one that
// does not trust the caller.
std::vector<Need> assume_needs(std::string_view action, const Assume& in, const Snapshot& snapshot,
                               const Ports& ports, const policy::Context& more = {});

struct Assumed {
  Session session;
  std::string arn;
  int64_t packed_percent = 0;  // 0: nothing was packed
};
// `marks` is what the session inherits, and gets what `in` asks for besides. Errors: AccessDenied
// for a role that went, ValidationError, PackedPolicyTooLarge.
Result<Assumed> assume(const Assume& in, SessionMarks marks, const Ports& ports,
                       const Snapshot& snapshot);

}  // namespace sluice
