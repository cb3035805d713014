// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signature Version 4: what a request claims, and whether the claim holds. Sources: IAM User Guide,
// "Create a signed AWS API request" and "Elements of an AWS API request signature"; S3 API,
// "Signature calculations" and "sigv4-streaming".
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "request/message.h"
#include "request/operation.h"
#include "request/ports.h"
#include "base/thread_safety.h"

namespace sluice::sigv4 {

// How long each part may differ from our clock.
constexpr Time kSkewS3Ms = 15 * 60 * 1000, kSkewMs = 5 * 60 * 1000;
constexpr int64_t kPresignMaxS = 604800;

// What a request says about its signer; parsed, not yet believed.
struct Claim {
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
// AWS's error for a fault in the dialect of the service's protocol.
Error fault(Fault what, const Service& service, std::string message = {},
            std::vector<std::pair<std::string, std::string>> details = {});

Result<Claim> parse(const Request& request, const Service& service);
// A session with what follows from it alone: made at its first request and kept for the others.
class KnownSession {
 public:
  KnownSession(Session opened, const Scope& scope)
      : session(std::move(opened)), caller_(Gate::role_caller(session, scope)) {}
  const Session session;
  Secret signing_key(const Claim& claim) const;  // derived once for each date, Region and service

 private:
  friend struct sluice::Gate;  // which hands the caller out once the signature is verified
  const Caller caller_;
  mutable Mutex mutex_;
  mutable std::vector<std::pair<std::string, Secret>> keys_ SLUICE_GUARDED_BY(mutex_);
};
class KnownSessions {
 public:
  static constexpr size_t kSessionsMax = 1024;
  // The session behind the claim: its token is ours, names this key, has not expired, its role is
  // still the same role.
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
// The same for an upload from an HTML form, whose policy is what was signed.
Result<Claim> parse_form(const FormUpload& form, const Service& service);
Result<Done> verify_form(const FormUpload& form, const Claim& claim, const KnownSession& session,
                         const Service& service, const Ports& ports);
std::string canonical_request(const Request& request, const Claim& claim,
                              std::string_view payload_hash, bool s3);
std::string string_to_sign(const Claim& claim, std::string_view canonical);
std::string signing_key(const Secret& secret, const Claim& claim);
// The hash of the payload, where a signed header names it: then the head alone can be verified.
std::optional<std::string> signed_payload_hash(const Request& request, const Claim& claim);
// The signature, clock and scope; `payload_hash` as the canonical request needs it.
Result<Done> verify(const Request& request, const Claim& claim, const KnownSession& session,
                    std::string_view payload_hash, const Service& service, const Ports& ports);

// A payload whose declared mode (x-amz-content-sha256) is verified while it is read: a wrong hash,
// chunk signature, length or trailer is an Error from read(). `raw` must outlive it.
Result<std::shared_ptr<BodySource>> verified_payload(BodySource& raw, const Request& request,
                                                     const Claim& claim, const Secret& signing_key);

}  // namespace sluice::sigv4
