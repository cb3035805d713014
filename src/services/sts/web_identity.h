// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who comes with the token of an OpenID Connect provider: AssumeRoleWithWebIdentity, and the keys
// that the operator registered for the provider. Source: STS API Reference; IAM User Guide, "OIDC
// federation".
//
//   constexpr auto rows = table<GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity>();
#include "services/sts/assume.h"
#include "services/sts/jwt.h"
#include "services/sts/records.h"

namespace sluice::sts {

// AssumeRoleWithWebIdentity: a session of a role for who has a token.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html In:
// RoleArn; RoleSessionName; WebIdentityToken of 4 to 20000 characters; DurationSeconds; Policy and
// PolicyArns. Tags and a source identity come from the token's claims. Needs:
// sts:AssumeRoleWithWebIdentity by the role's trust policy, which names the provider. It is not
// signed: the token is the proof. Errors: InvalidIdentityToken, ExpiredTokenException,
// IDPRejectedClaim, AccessDenied, ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge.
// Differs: no ProviderId.
struct AssumeRoleWithWebIdentity {
  static constexpr std::string_view name = "AssumeRoleWithWebIdentity",
                                    action = "sts:AssumeRoleWithWebIdentity";
  static constexpr bool read_only = true;
  static constexpr Proof proofs[] = {Proof::web_identity};
  using In = Assume;
  struct Out {
    Assumed assumed;
    std::string subject, audience, provider;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot,
                                         const Ports& ports) {
    return assume_needs(action, in, snapshot, ports);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const Request& request) { return shown_assume(request); }
  static json::value audit_result(const Out& out);
};

// RegisterOidcKeys: the keys of an identity provider, from its owner's JWKS. It is Sluice's own,
// asked for at the operator's Unix socket alone. In: Issuer, the URL of the provider; the body is
// the JWKS, of at most 64 KiB. It replaces what was registered. Needs: to be the user whom the
// kernel names as the server's. Errors: InvalidInput.
struct RegisterOidcKeys {
  static constexpr std::string_view name = "RegisterOidcKeys", action = "sts:RegisterOidcKeys";
  static constexpr Match match{"PUT", "/oidc-keys", "", ""};
  static constexpr Proof proofs[] = {Proof::unix_peer};
  struct In {
    std::string issuer, jwks;
    int64_t keys = 0;
  };
  using Out = In;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{no_need()};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const In& in) {
    return json::object{{"issuer", "https://" + in.issuer}, {"keys", in.keys}};
  }
};

}  // namespace sluice::sts
