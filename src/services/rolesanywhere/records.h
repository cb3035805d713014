// SPDX-License-Identifier: Apache-2.0
#pragma once
// What IAM Roles Anywhere stores: trust anchors, profiles, and revocation lists. Nothing is stored
// of a device but what its CA signed.
//
//   const auto anchor = snapshot.get(key_of<TrustAnchor>(id));   // nullptr: none
#include "base/clock.h"
#include "store/record.h"

namespace sluice::rolesanywhere {

struct TrustAnchor {
  static constexpr RecordType record{Family::meta, "rolesanywhere.trust-anchor", 1};
  std::string id, name;
  std::string certificates;  // PEM
  bool enabled = false;
  Time created = 0, updated = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &TrustAnchor::id),
                      member("Name", &TrustAnchor::name),
                      member("Certificates", &TrustAnchor::certificates),
                      member("Enabled", &TrustAnchor::enabled),
                      member("Created", &TrustAnchor::created),
                      member("Updated", &TrustAnchor::updated)};
  }
  bool operator==(const TrustAnchor&) const = default;
};
// By certificate field, which of its parts tell who the holder is.
using Mappings = std::map<std::string, std::vector<std::string>>;
inline const Mappings& default_mappings() {
  static const Mappings kDefault{
      {"x509Subject", {"*"}}, {"x509Issuer", {"*"}}, {"x509SAN", {"DNS", "URI", "Name/*"}}};
  return kDefault;
}

struct Profile {
  static constexpr RecordType record{Family::meta, "rolesanywhere.profile", 2};
  std::string id, name;
  std::vector<std::string> roles, managed_policies;  // ARNs
  std::string session_policy;                        // "": none
  int64_t duration_s = 3600;
  bool accepts_session_name = false, enabled = false;
  Time created = 0, updated = 0;
  std::string created_by;
  Mappings mappings = default_mappings();
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &Profile::id),
                      member("Name", &Profile::name),
                      member("Roles", &Profile::roles),
                      member("ManagedPolicies", &Profile::managed_policies),
                      member("SessionPolicy", &Profile::session_policy),
                      member("Duration", &Profile::duration_s),
                      member("AcceptsSessionName", &Profile::accepts_session_name),
                      member("Enabled", &Profile::enabled),
                      member("Created", &Profile::created),
                      member("Updated", &Profile::updated),
                      member("CreatedBy", &Profile::created_by),
                      member("Mappings", &Profile::mappings)};
  }
  bool operator==(const Profile&) const = default;
};
struct Crl {
  static constexpr RecordType record{Family::meta, "rolesanywhere.crl", 1};
  std::string id, name, anchor;  // anchor: the id of the trust anchor whose CA issued it
  std::string data;              // base64, as it was imported
  bool enabled = false;
  Time created = 0, updated = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &Crl::id),           member("Name", &Crl::name),
                      member("Anchor", &Crl::anchor),   member("Data", &Crl::data),
                      member("Enabled", &Crl::enabled), member("Created", &Crl::created),
                      member("Updated", &Crl::updated)};
  }
  bool operator==(const Crl&) const = default;
};
template <class R>
RecordKey<R> key_of(std::string_view id) {
  return {id};
}

}  // namespace sluice::rolesanywhere
