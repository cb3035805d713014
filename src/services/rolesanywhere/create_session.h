// SPDX-License-Identifier: Apache-2.0
#pragma once
// CreateSession: a session of a role for who holds a certificate, as aws_signing_helper asks for
// it.
//
//   constexpr auto rows = table<CreateSession, CreateTrustAnchor>();   // rolesanywhere.cc
#include "request/role_session.h"
#include "services/rolesanywhere/resource.h"

namespace sluice::rolesanywhere {

// CreateSession.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html In:
// profileArn, roleArn and trustAnchorArn in the query; durationSeconds 900 to 43200 and
// roleSessionName in the body. Needs: a certificate that leads to the trust anchor; by the role's
// trust policy sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity for
// rolesanywhere.amazonaws.com. Errors: AccessDeniedException, ResourceNotFoundException,
// ValidationException. Differs: the session is named by the certificate's serial number, and its
// source identity is the common name where that can be one.
struct CreateSession {
  static constexpr std::string_view name = "CreateSession", action = "rolesanywhere:CreateSession";
  static constexpr Match match{"POST", "/sessions", "", ""};
  static constexpr Proof proofs[] = {Proof::certificate};
  static constexpr bool read_only = true;
  struct In {
    std::string profile_arn, role_arn, session_name;
    std::optional<int64_t> duration_s;
    std::shared_ptr<const CertificateIdentity> certificate;
  };
  struct Out {
    Assumed assumed;
    std::string role_arn, subject_arn;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot,
                                         const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const Request& request);
  static json::value audit_result(const Out& out);
};

}  // namespace sluice::rolesanywhere
