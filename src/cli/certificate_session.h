// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a machine does that holds a certificate: it asks the server, wherever that is, for a session
// (CreateSession of IAM Roles Anywhere), as aws_signing_helper does.
//
//   TRY(const Credentials session, certificate_credentials(asked));
#include "cli/client.h"

namespace sluice::cli {

struct CertificateAsked {
  std::string certificate, private_key, intermediates;  // PEM files; the last may be ""
  std::string endpoint, ca_file, region;
  std::string trust_anchor, profile, role;  // ARNs
  int64_t duration_s = 3600;
};
Result<Credentials> certificate_credentials(const CertificateAsked& asked);

}  // namespace sluice::cli
