// SPDX-License-Identifier: Apache-2.0
#include "request/authenticator.h"

#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "request/form.h"
#include "request/sigv4.h"

namespace sluice {
namespace {

using SharedSession = std::shared_ptr<const sigv4::KnownSession>;

// Signed with the key of a session: in the Authorization header, or in the query of a presigned
// URL.
class SignedRequest : public Evidence {
 public:
  SignedRequest(sigv4::Claim claim, SharedSession session)
      : claim_(std::move(claim)), session_(std::move(session)) {}
  Proof proof() const override { return claim_.presigned ? Proof::presigned_url : Proof::header; }
  std::string account() const override { return claim_.access_key_id; }
  const Session* session() const override { return &session_->session; }
  std::string payload_hash(const Request& request) const override {
    return sigv4::signed_payload_hash(request, claim_).value_or("");
  }
  Result<std::shared_ptr<const Caller>> verify(Request& request, const Service& service,
                                               const Ports& ports) const override {
    TRY(const std::string hash, canonical_payload_hash(request, service));
    TRY(auto caller,
        Gate::signed_caller(sigv4::verify(request, claim_, *session_, hash, service, ports),
                            session_));
    request.session_token = claim_.token;
    return caller;
  }
  Result<std::shared_ptr<BodySource>> payload(BodySource& raw,
                                              const Request& request) const override {
    return sigv4::verified_payload(raw, request, claim_, session_->signing_key(claim_));
  }

 private:
  // As the canonical request names it. S3's clients say it in a header, or leave it open in a URL.
  Result<std::string> canonical_payload_hash(const Request& request, const Service& service) const {
    if (service.protocol != Protocol::rest_xml) {
      const std::string named = payload_hash(request);
      return named.empty() ? hex(sha256(request.body)) : named;
    }
    std::string said = request.headers.get("x-amz-content-sha256");
    if (said.empty() && claim_.presigned) said = payload_hash_of(request);
    if (said.empty())
      return Error{400,
                   "InvalidRequest",
                   "Missing required header for this request: x-amz-content-sha256",
                   {}};
    return said;
  }
  const sigv4::Claim claim_;
  const SharedSession session_;
};

// Every session that was used lately is known to both authenticators that take one.
class Signatures : public Authenticator {
 public:
  explicit Signatures(std::shared_ptr<sigv4::KnownSessions> sessions)
      : sessions_(std::move(sessions)) {}
  bool knows(const Request&, const Service&) const override { return true; }
  Result<std::unique_ptr<Evidence>> open(Request& request, BodySource&, const Service& service,
                                         const Ports& ports) override {
    TRY(sigv4::Claim claim, sigv4::parse(request, service));
    TRY(SharedSession session, sessions_->find(claim, service, ports, request.time));
    return std::unique_ptr<Evidence>(
        std::make_unique<SignedRequest>(std::move(claim), std::move(session)));
  }

 private:
  const std::shared_ptr<sigv4::KnownSessions> sessions_;
};

// An upload from an HTML form, whose policy is what was signed.
class SignedForm : public Evidence {
 public:
  SignedForm(std::shared_ptr<FormUpload> form, sigv4::Claim claim, SharedSession session)
      : form_(std::move(form)), claim_(std::move(claim)), session_(std::move(session)) {}
  Proof proof() const override { return Proof::form; }
  std::string account() const override { return claim_.access_key_id; }
  const Session* session() const override { return &session_->session; }
  std::string payload_hash(const Request&) const override { return ""; }
  Result<std::shared_ptr<const Caller>> verify(Request&, const Service& service,
                                               const Ports& ports) const override {
    return Gate::signed_caller(sigv4::verify_form(*form_, claim_, *session_, service, ports),
                               session_);
  }
  Result<std::shared_ptr<BodySource>> payload(BodySource&, const Request&) const override {
    return std::shared_ptr<BodySource>(form_->file);
  }

 private:
  const std::shared_ptr<FormUpload> form_;
  const sigv4::Claim claim_;
  const SharedSession session_;
};

class Forms : public Authenticator {
 public:
  explicit Forms(std::shared_ptr<sigv4::KnownSessions> sessions) : sessions_(std::move(sessions)) {}
  bool knows(const Request& request, const Service& service) const override {
    return service.protocol == Protocol::rest_xml && is_form_upload(request);
  }
  Result<std::unique_ptr<Evidence>> open(Request& request, BodySource& raw, const Service& service,
                                         const Ports& ports) override {
    TRY(request.form, open_form(request, raw));
    TRY(sigv4::Claim claim, sigv4::parse_form(*request.form, service));
    TRY(SharedSession session, sessions_->find(claim, service, ports, request.time));
    return std::unique_ptr<Evidence>(
        std::make_unique<SignedForm>(request.form, std::move(claim), std::move(session)));
  }

 private:
  const std::shared_ptr<sigv4::KnownSessions> sessions_;
};

// The owner of the process at a Unix socket: the kernel names the peer (SO_PEERCRED), so there is
// nothing to sign and nothing to store.
class UnixPeer : public Evidence {
 public:
  Proof proof() const override { return Proof::unix_peer; }
  std::string account() const override { return "unix"; }
  const Session* session() const override { return nullptr; }
  std::string payload_hash(const Request&) const override { return ""; }
  Result<std::shared_ptr<const Caller>> verify(Request& request, const Service&,
                                               const Ports& ports) const override {
    if (request.unix_uid != static_cast<int64_t>(geteuid()))
      return Error{403,
                   "AccessDenied",
                   "Only the user who runs the server (uid " + std::to_string(geteuid()) +
                       ") may take the operator's session, and nobody has let in uid " +
                       std::to_string(request.unix_uid) +
                       ": the owner does so with sluice serve --user UID=ROLE.",
                   {}};
    return Gate::owner_caller(request.unix_uid, ports.store->scope());
  }
  Result<std::shared_ptr<BodySource>> payload(BodySource&, const Request&) const override {
    return std::shared_ptr<BodySource>();
  }
};

// Another user of the machine whom the owner lets in, for one role. He proves another thing than
// the owner, so that no row that is for the owner runs for him.
class LocalUser : public Evidence {
 public:
  Proof proof() const override { return Proof::local_user; }
  std::string account() const override { return "local users"; }
  const Session* session() const override { return nullptr; }
  std::string payload_hash(const Request&) const override { return ""; }
  Result<std::shared_ptr<const Caller>> verify(Request& request, const Service&,
                                               const Ports& ports) const override {
    request.local_role = ports.local_users.at(request.unix_uid);
    return Gate::local_user_caller(request.unix_uid, ports.store->scope());
  }
  Result<std::shared_ptr<BodySource>> payload(BodySource&, const Request&) const override {
    return std::shared_ptr<BodySource>();
  }
};

class UnixPeers : public Authenticator {
 public:
  bool knows(const Request& request, const Service&) const override {
    return request.unix_uid >= 0;
  }
  Result<std::unique_ptr<Evidence>> open(Request& request, BodySource&, const Service&,
                                         const Ports& ports) override {
    if (ports.local_users.contains(request.unix_uid))
      return std::unique_ptr<Evidence>(std::make_unique<LocalUser>());
    return std::unique_ptr<Evidence>(std::make_unique<UnixPeer>());
  }
};

// A field of a request of the query protocol: of its query, else of its form. It is the one that
// the operation will read.
std::string field_of(const Request& request, std::string_view name) {
  if (const std::string* value = request.query_value(name)) return *value;
  for (const auto field : split(request.body, '&')) {
    const size_t equals = field.find('=');
    if (equals == field.npos || percent_decode(field.substr(0, equals), true) != name) continue;
    return percent_decode(field.substr(equals + 1), true).value_or("");
  }
  return {};
}

// Nothing is signed: the token in the form is the proof. The form may also ask for something else,
// and is then refused like any request without a proof.
class BearerOfToken : public Evidence {
 public:
  static constexpr size_t kFormBytesMax = 64 * 1024;
  explicit BearerOfToken(std::string account) : account_(std::move(account)) {}
  Proof proof() const override { return Proof::web_identity; }
  std::string account() const override { return account_; }
  size_t body_bytes_max() const override { return kFormBytesMax; }
  const Session* session() const override { return nullptr; }
  std::string payload_hash(const Request&) const override { return ""; }
  Result<std::shared_ptr<const Caller>> verify(Request& request, const Service& service,
                                               const Ports& ports) const override {
    if (field_of(request, "Action") != kAction || !ports.web_identities)
      return sigv4::fault(sigv4::Fault::none_given, service);
    TRY(WebIdentity identity, ports.web_identities->verify(field_of(request, "WebIdentityToken"),
                                                           request.time, ports.store->snapshot()));
    request.web_identity = std::make_shared<const WebIdentity>(std::move(identity));
    return Gate::web_identity_caller(*request.web_identity, ports.store->scope());
  }
  Result<std::shared_ptr<BodySource>> payload(BodySource&, const Request&) const override {
    return std::shared_ptr<BodySource>();
  }
  static constexpr std::string_view kAction = "AssumeRoleWithWebIdentity";

 private:
  const std::string account_;
};

class BearersOfTokens : public Authenticator {
 public:
  bool knows(const Request& request, const Service& service) const override {
    if (service.name != "sts" || request.headers.find("authorization") ||
        request.query_value("X-Amz-Algorithm") || request.query_value("X-Amz-Signature"))
      return false;
    if (request.query_text("Action") == BearerOfToken::kAction) return true;
    const auto bytes = parse_int(request.headers.get("content-length"));
    return request.method == "POST" && bytes && *bytes > 0 &&
           *bytes <= static_cast<int64_t>(BearerOfToken::kFormBytesMax);
  }
  Result<std::unique_ptr<Evidence>> open(Request& request, BodySource&, const Service&,
                                         const Ports&) override {
    return std::unique_ptr<Evidence>(
        std::make_unique<BearerOfToken>("web-identity " + request.source_ip));
  }
};

// Signed with the key of a certificate, which leads to a trust anchor that the request names.
class CertificateHolder : public Evidence {
 public:
  static constexpr size_t kBodyBytesMax = 16 * 1024;
  CertificateHolder(sigv4::Claim claim, CertificateClaim shown, std::string account)
      : claim_(std::move(claim)), shown_(std::move(shown)), account_(std::move(account)) {}
  Proof proof() const override { return Proof::certificate; }
  std::string account() const override { return account_; }
  size_t body_bytes_max() const override { return kBodyBytesMax; }
  const Session* session() const override { return nullptr; }
  std::string payload_hash(const Request&) const override { return ""; }
  Result<std::shared_ptr<const Caller>> verify(Request& request, const Service& service,
                                               const Ports& ports) const override {
    CHECK(sigv4::verify_x509(request, claim_, shown_.leaf, hex(sha256(request.body)), service,
                             ports));
    TRY(CertificateIdentity identity,
        ports.certificates->verify(shown_, request.time, ports.store->snapshot()));
    request.certificate = std::make_shared<const CertificateIdentity>(std::move(identity));
    return Gate::certificate_caller(*request.certificate, ports.store->scope());
  }
  Result<std::shared_ptr<BodySource>> payload(BodySource&, const Request&) const override {
    return std::shared_ptr<BodySource>();
  }

 private:
  const sigv4::Claim claim_;
  const CertificateClaim shown_;
  const std::string account_;
};

class CertificateHolders : public Authenticator {
 public:
  static constexpr size_t kChainMax = 5;
  bool knows(const Request& request, const Service& service) const override {
    return service.name == "rolesanywhere" &&
           request.headers.get("authorization").starts_with(sigv4::kX509);
  }
  Result<std::unique_ptr<Evidence>> open(Request& request, BodySource&, const Service& service,
                                         const Ports& ports) override {
    const std::string authorization = request.headers.get("authorization");
    const std::string algorithm = authorization.substr(0, authorization.find(' '));
    if ((algorithm != sigv4::kX509Rsa && algorithm != sigv4::kX509Ecdsa) || !ports.certificates)
      return sigv4::fault(sigv4::Fault::malformed, service,
                          "Unsupported authorization type; expecting AWS4-X509-RSA-SHA256 or "
                          "AWS4-X509-ECDSA-SHA256.");
    TRY(sigv4::Claim claim, sigv4::parse(request, service, algorithm));
    const auto leaf = certificate(request.headers.get("x-amz-x509"));
    if (!leaf) return malformed("X-Amz-X509");
    CertificateClaim shown{
        request.query_text("trustAnchorArn"), request.query_text("profileArn"), *leaf, {}};
    if (const std::string* chain = request.headers.find("x-amz-x509-chain"))
      for (const auto part : split(*chain, ',')) {
        const auto one = certificate(trim(part));
        if (!one || shown.between.size() == kChainMax) return malformed("X-Amz-X509-Chain");
        shown.between.push_back(*one);
      }
    return std::unique_ptr<Evidence>(std::make_unique<CertificateHolder>(
        std::move(claim), std::move(shown), "x509 " + request.source_ip));
  }

 private:
  static std::optional<Certificate> certificate(std::string_view text) {
    const auto der = unbase64(text);
    return der ? Certificate::from_der(*der) : std::nullopt;
  }
  static Error malformed(const std::string& header) {
    return {400,
            "ValidationException",
            header + " must be DER in base64: one certificate, in the chain up to five.",
            {}};
  }
};
}  // namespace

Authenticators all_authenticators() {
  const auto sessions = std::make_shared<sigv4::KnownSessions>();
  Authenticators all;
  all.push_back(std::make_unique<UnixPeers>());
  all.push_back(std::make_unique<BearersOfTokens>());
  all.push_back(std::make_unique<CertificateHolders>());
  all.push_back(std::make_unique<Forms>(sessions));
  all.push_back(std::make_unique<Signatures>(sessions));
  return all;
}

Result<std::unique_ptr<Evidence>> open_evidence(const Authenticators& authenticators,
                                                Request& request, BodySource& raw,
                                                const Service& service, const Ports& ports) {
  const auto& found = *std::find_if(
      authenticators.begin(), authenticators.end(),
      [&](const std::unique_ptr<Authenticator>& one) { return one->knows(request, service); });
  return found->open(request, raw, service, ports);
}

Result<Done> check_proof(const Row& row, Proof proof) {
  if (std::find(row.proofs.begin(), row.proofs.end(), proof) != row.proofs.end()) return Done{};
  return Error{403,
               "AccessDenied",
               std::string(row.name) + " does not take this way of proving who asks.",
               {}};
}

}  // namespace sluice
