// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads a JSON Web Token (RFC 7519) that is signed with RS256 or ES256 (RFC 7518), and says whether
// one of its issuer's keys (a JWKS, RFC 7517) signed it. Pure functions over bytes that a stranger
// wrote: bounded, parsed once, and nothing of a token is believed before its signature holds.
//
//   TRY(const Jwt token, parse_jwt(text));
//   TRY(const std::vector<Jwk> keys, parse_jwks(registered));
//   CHECK(verify_jwt(token, keys));
//   CHECK(check_times(token, now));
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "crypto/public_key.h"

namespace sluice::sts {

constexpr size_t kJwtBytesMin = 4, kJwtBytesMax = 20000;
constexpr size_t kJwksBytesMax = 64 * 1024;
constexpr size_t kJwksKeysMax = 32;
// How much the clock of an issuer may differ from ours.
constexpr int64_t kJwtLeewayS = 60;

struct Jwt {
  enum class Algorithm { rs256, es256 } algorithm = Algorithm::rs256;
  std::string key_id;  // "": the token names none
  json::object claims;
  std::string signed_text, signature;

  std::string text(std::string_view claim) const;             // "" unless it is a text
  std::optional<int64_t> time(std::string_view claim) const;  // in seconds; nullopt: not a number
  std::vector<std::string> audiences() const;                 // a text or a list of texts
};
// Errors: InvalidIdentityToken 400.
Result<Jwt> parse_jwt(std::string_view token);

struct Jwk {
  std::string id;
  PublicKey key;
};
// The keys that verify signatures with RS256 or ES256; those for other uses are left out. Errors:
// InvalidInput 400 for what is no JWKS, and when there is no such key.
Result<std::vector<Jwk>> parse_jwks(std::string_view text);

// Errors: InvalidIdentityToken.
Result<Done> verify_jwt(const Jwt& token, const std::vector<Jwk>& keys);
// exp, nbf and iat. Errors: ExpiredTokenException; IDPRejectedClaim for one that is not valid yet;
// InvalidIdentityToken when exp or iat is missing.
Result<Done> check_times(const Jwt& token, Time now);

}  // namespace sluice::sts
