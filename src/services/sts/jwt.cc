// SPDX-License-Identifier: Apache-2.0
#include "services/sts/jwt.h"

#include <cmath>

#include "base/bytes.h"

namespace sluice::sts {
namespace {
constexpr size_t kHeaderDepthMax = 8, kClaimsDepthMax = 16, kKeyIdMax = 256;

Error invalid(std::string text) { return {400, "InvalidIdentityToken", std::move(text), {}}; }

Result<json::object> part_of(std::string_view encoded, size_t depth_max) {
  const auto text = unbase64url(encoded);
  if (!text || !is_utf8(*text)) return invalid("The token is not made of base64url and UTF-8.");
  auto parsed = parse_json_strict(*text, depth_max);
  if (!parsed || !parsed->is_object()) return invalid("A part of the token is no JSON object.");
  return std::move(parsed->get_object());
}

// nullopt: not a key for signatures, or of another algorithm.
std::optional<PublicKey> key_of(const json::object& jwk) {
  const std::string use = text_of(jwk, "use"), algorithm = text_of(jwk, "alg"),
                    type = text_of(jwk, "kty");
  if (!use.empty() && use != "sig") return std::nullopt;
  const auto bytes = [&](const char* name) { return unbase64url(text_of(jwk, name)).value_or(""); };
  if (type == "RSA" && (algorithm.empty() || algorithm == "RS256"))
    return PublicKey::rsa(bytes("n"), bytes("e"));
  if (type == "EC" && text_of(jwk, "crv") == "P-256" && (algorithm.empty() || algorithm == "ES256"))
    return PublicKey::p256(bytes("x"), bytes("y"));
  return std::nullopt;
}

bool signed_by(const Jwt& token, const PublicKey& key) {
  return token.algorithm == Jwt::Algorithm::rs256
             ? key.verify_rs256(token.signed_text, token.signature)
             : key.verify_es256(token.signed_text, token.signature);
}
}  // namespace

std::string Jwt::text(std::string_view claim) const {
  const json::value* value = claims.if_contains(claim);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<int64_t> Jwt::time(std::string_view claim) const {
  constexpr int64_t kLatest = 253402300799;  // 9999-12-31
  const json::value* value = claims.if_contains(claim);
  if (!value || !value->is_number()) return std::nullopt;
  const double seconds = value->to_number<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > static_cast<double>(kLatest))
    return std::nullopt;
  return static_cast<int64_t>(seconds);
}

std::vector<std::string> Jwt::audiences() const {
  std::vector<std::string> out;
  const json::value* value = claims.if_contains("aud");
  if (value && value->is_string()) out.emplace_back(value->get_string());
  if (value && value->is_array())
    for (const json::value& one : value->get_array())
      if (one.is_string()) out.emplace_back(one.get_string());
  return out;
}

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.size() < kJwtBytesMin || token.size() > kJwtBytesMax)
    return invalid("The token must have 4 to 20000 characters.");
  const auto parts = split(token, '.');
  if (parts.size() != 3) return invalid("The token must have three parts with a dot between them.");
  TRY(const json::object header, part_of(parts[0], kHeaderDepthMax));
  Jwt out;
  const std::string algorithm = text_of(header, "alg");
  if (algorithm == "ES256")
    out.algorithm = Jwt::Algorithm::es256;
  else if (algorithm != "RS256")
    return invalid("The token must be signed with RS256 or ES256.");
  // An extension that must be understood, and is not (RFC 7515, 4.1.11).
  if (header.contains("crit")) return invalid("The token's header has a member crit.");
  out.key_id = text_of(header, "kid");
  if (out.key_id.size() > kKeyIdMax) return invalid("The token's kid is too long.");
  TRY(out.claims, part_of(parts[1], kClaimsDepthMax));
  const auto signature = unbase64url(parts[2]);
  if (!signature || signature->empty()) return invalid("The token has no signature.");
  out.signature = *signature;
  out.signed_text = token.substr(0, token.rfind('.'));
  return out;
}

Result<std::vector<Jwk>> parse_jwks(std::string_view text) {
  const auto wrong = [](std::string why) { return Error{400, "InvalidInput", std::move(why), {}}; };
  if (text.size() > kJwksBytesMax) return wrong("A JWKS has at most 65536 bytes.");
  const auto parsed = parse_json_strict(text, kHeaderDepthMax);
  const json::value* list =
      parsed && parsed->is_object() ? parsed->get_object().if_contains("keys") : nullptr;
  if (!list || !list->is_array()) return wrong("A JWKS is a JSON object with a list of keys.");
  if (list->get_array().size() > kJwksKeysMax) return wrong("A JWKS has at most 32 keys.");
  std::vector<Jwk> out;
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) return wrong("A key of the JWKS is no JSON object.");
    const std::string id = text_of(one.get_object(), "kid");
    if (id.size() > kKeyIdMax) return wrong("A kid of the JWKS is longer than 256 bytes.");
    if (auto key = key_of(one.get_object())) out.push_back({id, *std::move(key)});
  }
  if (out.empty())
    return wrong("The JWKS has no key for RS256 (RSA of 2048 to 8192 bits) or ES256 (P-256).");
  return out;
}

// A token that names a key is verified with that key alone.
Result<Done> verify_jwt(const Jwt& token, const std::vector<Jwk>& keys) {
  const auto refused = [] {
    return invalid("The signature of the token is not that of a registered key of its issuer.");
  };
  for (const Jwk& one : keys) {
    if (!token.key_id.empty() && one.id != token.key_id) continue;
    if (signed_by(token, one.key)) return Done{};
  }
  return refused();
}

Result<Done> check_times(const Jwt& token, Time now) {
  const int64_t at = now / 1000;
  const auto expires = token.time("exp"), issued = token.time("iat");
  if (!expires || !issued) return invalid("Missing a required claim: exp and iat must be numbers.");
  if (at >= *expires + kJwtLeewayS)
    return Error{400,
                 "ExpiredTokenException",
                 "Token expired: current date/time " + std::to_string(at) +
                     " must be before the expiration date/time " + std::to_string(*expires),
                 {}};
  const auto early = [&](std::string_view claim) {
    return Error{403,
                 "IDPRejectedClaim",
                 "The token is not valid yet: its " + std::string(claim) + " lies in the future.",
                 {}};
  };
  if (*issued > at + kJwtLeewayS) return early("iat");
  if (token.claims.contains("nbf")) {
    const auto begins = token.time("nbf");
    if (!begins) return invalid("The claim nbf must be a number.");
    if (*begins > at + kJwtLeewayS) return early("nbf");
  }
  return Done{};
}

}  // namespace sluice::sts
