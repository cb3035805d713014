// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the calls that give a session of a role share: AssumeRole and AssumeRoleWithWebIdentity read
// the same fields, ask the role's trust policy, and answer with credentials.
//
//   TRY(in.assume, read_assume(request));
//   std::vector<Need> needs = assume_needs("sts:AssumeRole", in.assume, snapshot, ports);
//   TRY(Assumed out, assume(in->assume, marks, duration_max_s, authorized.ports(), snapshot));
//   write_assumed(xml, out);
#include <map>
#include <string>
#include <vector>

#include "base/xml.h"
#include "request/ports.h"

namespace sluice::sts {

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
// RoleArn, RoleSessionName, DurationSeconds, Policy and PolicyArns. Errors: ValidationError,
// MalformedPolicyDocument.
Result<Assume> read_assume(const Request& request);
// Tags, TransitiveTagKeys and SourceIdentity. Errors: ValidationError, InvalidParameterValue.
Result<Done> read_marks(const Request& request, Assume& in);
// The rules for tags, wherever they come from. Errors: InvalidParameterValue.
Result<Done> add_tag(Assume& in, const std::string& key, const std::string& value);
Result<Done> check_transitive(const Assume& in);
Result<Done> check_source_identity(const std::string& text);

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
void write_assumed(XmlWriter& xml, const Assumed& out);
// For the audit record: requestParameters and responseElements. AWS shows the session token too; a
// record that many can read is no place for it (docs/differences.md).
json::object shown_assume(const Request& request);
json::object shown_assumed(const Assumed& out);

}  // namespace sluice::sts
