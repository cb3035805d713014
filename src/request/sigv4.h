// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signature Version 4: reads what a request claims about its signer, and checks whether the claim
// is true. Sources: IAM User Guide, "Create a signed AWS API request" and "Elements of an AWS API
// request signature"; S3 API, "Signature calculations" and "sigv4-streaming".
//
//   TRY(const sigv4::Claim claim, sigv4::parse(request, service));
//   TRY(const auto session, known_sessions.find(claim, service, ports, request.time));
//   TRY(const auto caller, Gate::authenticate(request, service, ports, claim, session));
//   TRY(const auto payload, sigv4::verified_payload(raw, request, claim,
//   session->signing_key(claim)));
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "request/message.h"
#include "request/operation.h"
#include "request/ports.h"
#include "base/thread_safety.h"

namespace sluice::sigv4 {

// How much the clock of the signer may differ from ours.
constexpr Time kSkewS3Ms = 15 * 60 * 1000, kSkewMs = 5 * 60 * 1000;
constexpr int64_t kPresignMaxS = 604800;

constexpr std::string_view kHmac = "AWS4-HMAC-SHA256";
// Signed with the key of a certificate, whose serial number is the access key id.
constexpr std::string_view kX509 = "AWS4-X509-", kX509Rsa = "AWS4-X509-RSA-SHA256",
                           kX509Ecdsa = "AWS4-X509-ECDSA-SHA256";

// What a request says about its signer. Nothing of it is proven yet.
struct Claim {
  std::string algorithm{kHmac};
  std::string access_key_id, date, region, service, terminator, signature, token, time_text;
  std::vector<std::string> signed_headers;
  Time time = 0;
  bool presigned = false;
  int64_t expires_s = 0;
};

enum class Fault {
  none_given,
  malformed,
  unknown_key,
  mismatch,
  expired_token,
  bad_token,
  skewed,
  scope,
  wrong_region,
  expired_presign,
  unsigned_header
};
// The error that AWS has for a fault, as the service says it.
Error fault(Fault what, const Service& service, std::string message = {},
            std::vector<std::pair<std::string, std::string>> details = {});

Result<Claim> parse(const Request& request, const Service& service,
                    std::string_view algorithm = kHmac);
// A session, and what can be worked out from it alone. It is made at the first request of the
// session and kept for the next ones.
class KnownSession {
 public:
  KnownSession(Session opened, const Scope& scope)
      : session(std::move(opened)), caller_(Gate::role_caller(session, scope)) {}
  const Session session;
  // Derived once for each date, Region and service.
  Secret signing_key(const Claim& claim) const;

 private:
  friend struct sluice::Gate;  // hands the caller out once the signature is verified
  const Caller caller_;
  mutable Mutex mutex_;
  mutable std::vector<std::pair<std::string, Secret>> keys_ SLUICE_GUARDED_BY(mutex_);
};
class KnownSessions {
 public:
  static constexpr size_t kSessionsMax = 1024;
  // The session that the claim names. Its token is ours and names this key, it has not expired, and
  // its role is still the same role.
  Result<std::shared_ptr<const KnownSession>> find(const Claim& claim, const Service& service,
                                                   const Ports& ports, Time now);

 private:
  Result<std::shared_ptr<const KnownSession>> open(const std::string& token, const Ports& ports,
                                                   Time now);
  Mutex mutex_;
  // By the token's hash.
  std::unordered_map<std::string, std::shared_ptr<const KnownSession>> known_
      SLUICE_GUARDED_BY(mutex_);
};
// parse and verify for an upload from an HTML form, where the policy is what was signed.
Result<Claim> parse_form(const FormUpload& form, const Service& service);
Result<Done> verify_form(const FormUpload& form, const Claim& claim, const KnownSession& session,
                         const Service& service, const Ports& ports);
std::string canonical_request(const Request& request, const Claim& claim,
                              std::string_view payload_hash, bool s3);
std::string string_to_sign(const Claim& claim, std::string_view canonical);
std::string signing_key(const Secret& secret, const Claim& claim);
// The hash of the payload, if a signed header names it. Then the head can be verified without the
// body.
std::optional<std::string> signed_payload_hash(const Request& request, const Claim& claim);
// Checks signature, clock and scope. `payload_hash` is what the canonical request has in its last
// line.
Result<Done> verify(const Request& request, const Claim& claim, const KnownSession& session,
                    std::string_view payload_hash, const Service& service, const Ports& ports);

// The same for a signature with the key of a certificate.
Result<Done> verify_x509(const Request& request, const Claim& claim, const Certificate& certificate,
                         std::string_view payload_hash, const Service& service, const Ports& ports);

// The payload, verified while it is read in the way that x-amz-content-sha256 declares. read()
// fails when a hash, the signature of a chunk, a length or a trailer is wrong. `raw` must outlive
// it.
Result<std::shared_ptr<BodySource>> verified_payload(BodySource& raw, const Request& request,
                                                     const Claim& claim, const Secret& signing_key);

}  // namespace sluice::sigv4
