// SPDX-License-Identifier: Apache-2.0
#pragma once
// What STS stores: the keys of identity providers, as the operator registered them. Sessions are
// not stored (request/session.h).
//
//   const auto keys = snapshot.get(oidc_keys_key("ci.example.com"));   // nullptr: none registered
#include "base/clock.h"
#include "store/record.h"

namespace sluice::sts {

struct OidcKeys {
  static constexpr RecordType record{Family::meta, "sts.oidc-keys", 1};
  std::string issuer;  // without https://
  std::string jwks;    // as it was registered
  Time registered = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Issuer", &OidcKeys::issuer), member("Jwks", &OidcKeys::jwks),
                      member("Registered", &OidcKeys::registered)};
  }
  bool operator==(const OidcKeys&) const = default;
};
inline RecordKey<OidcKeys> oidc_keys_key(std::string_view issuer) { return {issuer}; }

}  // namespace sluice::sts
