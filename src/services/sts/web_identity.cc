// SPDX-License-Identifier: Apache-2.0
#include "services/sts/web_identity.h"

#include <algorithm>

#include "base/bytes.h"
#include "services/sts/sts.h"

namespace sluice::sts {
namespace {
constexpr std::string_view kScheme = "https://";
constexpr std::string_view kTagsClaim = "https://aws.amazon.com/tags",
                           kSourceIdentityClaim = "https://aws.amazon.com/source_identity";

Error invalid(std::string text) { return {400, "InvalidIdentityToken", std::move(text), {}}; }

// For whom the token was made: azp where the token has it, else the first audience that the
// provider is registered for.
Result<std::string> audience_of(const Jwt& token, const std::vector<std::string>& client_ids) {
  const auto known = [&](const std::string& id) {
    return std::find(client_ids.begin(), client_ids.end(), id) != client_ids.end();
  };
  if (token.claims.contains("azp")) {
    std::string party = token.text("azp");
    if (known(party)) return party;
    return invalid("Incorrect token audience");
  }
  for (std::string& audience : token.audiences())
    if (known(audience)) return std::move(audience);
  return invalid("Incorrect token audience");
}

// The claim of AWS's for session tags: {"principal_tags": {"Team": ["red"]},
// "transitive_tag_keys": ["Team"]}.
Result<Done> read_tags(const json::value& claim, WebIdentity& out) {
  const Error wrong = invalid("The claim https://aws.amazon.com/tags is malformed.");
  if (!claim.is_object()) return wrong;
  if (const json::value* tags = claim.get_object().if_contains("principal_tags")) {
    if (!tags->is_object() || tags->get_object().size() > kSessionTagsMax) return wrong;
    for (const auto& [key, values] : tags->get_object()) {
      if (!values.is_array() || values.get_array().size() != 1 ||
          !values.get_array()[0].is_string())
        return wrong;
      out.tags.emplace_back(key, values.get_array()[0].get_string());
    }
  }
  if (const json::value* keys = claim.get_object().if_contains("transitive_tag_keys")) {
    if (!keys->is_array() || keys->get_array().size() > kSessionTagsMax) return wrong;
    for (const json::value& key : keys->get_array()) {
      if (!key.is_string()) return wrong;
      out.transitive.emplace_back(key.get_string());
    }
  }
  return Done{};
}

class RegisteredIdentities : public WebIdentities {
 public:
  explicit RegisteredIdentities(const Identities& identities) : identities_(identities) {}

  Result<WebIdentity> verify(std::string_view text, Time now,
                             const Snapshot& snapshot) const override {
    TRY(const Jwt token, parse_jwt(text));
    const std::string issuer = token.text("iss");
    if (!issuer.starts_with(kScheme)) return no_provider();
    WebIdentity out;
    out.issuer = issuer.substr(kScheme.size());
    const auto provider = identities_.oidc_provider(out.issuer, snapshot);
    if (!provider) return no_provider();
    const auto registered = snapshot.get(oidc_keys_key(out.issuer));
    if (!registered)
      return invalid("No keys of the provider " + issuer +
                     " are registered; see: sluice oidc keys --help");
    const auto keys = parse_jwks(registered->jwks);
    if (!keys) return invalid("The keys of the provider cannot be read.");
    CHECK(verify_jwt(token, *keys));
    CHECK(check_times(token, now));
    out.provider_arn = provider->arn;
    out.subject = token.text("sub");
    if (out.subject.empty() || out.subject.size() > kSubjectBytesMax)
      return invalid("Missing a required claim: sub must have 1 to 255 bytes.");
    TRY(out.audience, audience_of(token, provider->client_ids));
    if (const json::value* tags = token.claims.if_contains(kTagsClaim))
      CHECK(read_tags(*tags, out));
    out.source_identity = token.text(kSourceIdentityClaim);
    return out;
  }

 private:
  static constexpr size_t kSubjectBytesMax = 255;
  static Error no_provider() {
    return invalid("No OpenIDConnect provider found in your account for the token's issuer");
  }
  const Identities& identities_;
};
}  // namespace

std::unique_ptr<WebIdentities> web_identities(const Identities& identities) {
  return std::make_unique<RegisteredIdentities>(identities);
}

// The token itself was read by the authenticator, which put what it says of the session into the
// request's proof.
Result<Assume> AssumeRoleWithWebIdentity::parse(const Request& request) {
  TRY(Assume in, read_assume(request));
  if (request.query_value("ProviderId"))
    return Error{400,
                 "ValidationError",
                 "ProviderId is for OAuth 2.0 access tokens, which Sluice does not take.",
                 {}};
  if (request.web_identity) {
    for (const auto& [key, value] : request.web_identity->tags) CHECK(add_tag(in, key, value));
    in.transitive = request.web_identity->transitive;
    CHECK(check_transitive(in));
    in.source_identity = request.web_identity->source_identity;
    if (!in.source_identity.empty())
      CHECK(check_session_name(in.source_identity, "sourceIdentity"));
  }
  return in;
}

Result<AssumeRoleWithWebIdentity::Out> AssumeRoleWithWebIdentity::run(const Authorized<In>& in,
                                                                      Staged& staged) {
  const auto& identity = in.facts().web_identity;
  if (!identity) return invalid("The request has no token.");
  SessionMarks marks;
  marks.federated_provider = identity->provider_arn;
  TRY(Assumed assumed, assume(*in, std::move(marks), in.ports(), staged.snapshot()));
  return Out{std::move(assumed), identity->subject, identity->audience, identity->provider_arn};
}

Response AssumeRoleWithWebIdentity::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  write_assumed(xml, out.assumed);
  xml.element("SubjectFromWebIdentityToken", out.subject)
      .element("Audience", out.audience)
      .element("Provider", out.provider);
  return {200, {}, xml.take(), nullptr, 0};
}

json::value AssumeRoleWithWebIdentity::audit_result(const Out& out) {
  json::object shown = shown_assumed(out.assumed);
  shown["subjectFromWebIdentityToken"] = out.subject;
  shown["audience"] = out.audience;
  shown["provider"] = out.provider;
  return shown;
}

Result<RegisterOidcKeys::In> RegisterOidcKeys::parse(const Request& request) {
  constexpr size_t kIssuerBytesMax = 255;
  std::string issuer = request.query_text("Issuer");
  if (!issuer.starts_with(kScheme) || issuer.size() == kScheme.size() ||
      issuer.size() > kIssuerBytesMax || !is_utf8(issuer))
    return Error{400, "InvalidInput", "An issuer is a URL that begins with https://", {}};
  TRY(const auto keys, parse_jwks(request.body));
  return In{issuer.substr(kScheme.size()), request.body, static_cast<int64_t>(keys.size())};
}

Result<RegisterOidcKeys::Out> RegisterOidcKeys::run(const Authorized<In>& in, Staged& staged) {
  staged.put(oidc_keys_key(in->issuer),
             OidcKeys{.issuer = in->issuer, .jwks = in->jwks, .registered = in.time()});
  return *in;
}

Response RegisterOidcKeys::render(const Out& out) {
  return {200,
          {},
          json::serialize(json::object{{"issuer", "https://" + out.issuer}, {"keys", out.keys}}),
          nullptr,
          0};
}

}  // namespace sluice::sts
