// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the calls that give a session of a role share: AssumeRole and AssumeRoleWithWebIdentity read
// the same fields, and answer with credentials.
//
//   TRY(in.assume, read_assume(request));
//   write_assumed(xml, out);
#include "base/xml.h"
#include "request/role_session.h"

namespace sluice::sts {

// RoleArn, RoleSessionName, DurationSeconds, Policy and PolicyArns. Errors: ValidationError,
// MalformedPolicyDocument.
Result<Assume> read_assume(const Request& request);
// Tags, TransitiveTagKeys and SourceIdentity. Errors: ValidationError, InvalidParameterValue.
Result<Done> read_marks(const Request& request, Assume& in);

void write_assumed(XmlWriter& xml, const Assumed& out);
// For the audit record: requestParameters and responseElements. AWS shows the session token too; a
// record that many can read is no place for it (docs/differences.md).
json::object shown_assume(const Request& request);
json::object shown_assumed(const Assumed& out);

}  // namespace sluice::sts
