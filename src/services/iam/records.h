// SPDX-License-Identifier: Apache-2.0
#pragma once
// What IAM stores: roles, managed policies with their versions, and identity providers. The text of
// each inline policy stands beside its role (policy_key); which roles a managed policy is attached
// to stands both in the role and under attachment_key, so that each can be read from the other; the
// same holds of permissions boundaries and boundary_key.
//
//   const std::shared_ptr<const Role> role = snapshot.get(role_key(name));   // nullptr: none
//   staged.put(policy_key(role->name, policy_name), document);
#include <map>

#include "base/bytes.h"
#include "policy/policy_set.h"
#include "store/record.h"

namespace sluice::iam {

struct Role {
  static constexpr RecordType record{Family::meta, "iam.role", 3};
  std::string name, path, id, arn;
  Time created = 0;
  policy::Stored<policy::Kind::trust> trust;  // its roles pinned to their ids
  std::string description;
  int64_t max_session_s = 3600;
  std::vector<std::string> attached;  // ARNs of managed policies, in the order of place_of
  std::string boundary;  // the ARN of the managed policy that is its permissions boundary; "": none
  std::map<std::string, std::string> tags;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("RoleName", &Role::name),
                      member("Path", &Role::path),
                      member("RoleId", &Role::id),
                      member("Arn", &Role::arn),
                      member("CreateDate", &Role::created),
                      member("Trust", &Role::trust),
                      member("Description", &Role::description),
                      member("MaxSession", &Role::max_session_s),
                      member("Attached", &Role::attached),
                      member("Boundary", &Role::boundary),
                      member("Tags", &Role::tags)};
  }
  bool operator==(const Role&) const = default;
};
inline RecordKey<Role> role_key(std::string_view name) { return {name}; }

inline Key policy_key(std::string_view role, std::string_view name) {
  return schema::key(Family::meta, "iam.role-policy", {role, name});
}

// When a session of the role was used last: milliseconds in digits.
inline Key last_use_key(std::string_view role_id) {
  return schema::key(Family::meta, "iam.role-use", {role_id});
}

struct PolicyVersion {
  int64_t number = 0;  // of v1 it is 1
  Time created = 0;
  policy::Stored<policy::Kind::identity> document;
  static constexpr auto members() {
    return std::tuple{member("Number", &PolicyVersion::number),
                      member("CreateDate", &PolicyVersion::created),
                      member("Document", &PolicyVersion::document)};
  }
  bool operator==(const PolicyVersion&) const = default;
};
struct ManagedPolicy {
  static constexpr RecordType record{Family::meta, "iam.policy", 1};
  std::string name, path, id, arn;
  Time created = 0, updated = 0;  // updated: when its newest version was made
  std::string description;
  int64_t default_version = 0, last_version = 0;  // a number is never used again
  std::vector<PolicyVersion> versions;            // the oldest first
  std::map<std::string, std::string> tags;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("PolicyName", &ManagedPolicy::name),
                      member("Path", &ManagedPolicy::path),
                      member("PolicyId", &ManagedPolicy::id),
                      member("Arn", &ManagedPolicy::arn),
                      member("CreateDate", &ManagedPolicy::created),
                      member("UpdateDate", &ManagedPolicy::updated),
                      member("Description", &ManagedPolicy::description),
                      member("DefaultVersion", &ManagedPolicy::default_version),
                      member("LastVersion", &ManagedPolicy::last_version),
                      member("Versions", &ManagedPolicy::versions),
                      member("Tags", &ManagedPolicy::tags)};
  }
  bool operator==(const ManagedPolicy&) const = default;
  const PolicyVersion* version(int64_t number) const {  // nullptr: there is none
    for (const PolicyVersion& one : versions)
      if (one.number == number) return &one;
    return nullptr;
  }
};
// Names of policies that differ by case alone are one name, as on AWS.
inline RecordKey<ManagedPolicy> managed_key(std::string_view name) { return {lower(name)}; }

struct OidcProvider {
  static constexpr RecordType record{Family::meta, "iam.oidc-provider", 1};
  std::string url;  // without https://
  std::vector<std::string> client_ids, thumbprints;
  Time created = 0;
  std::map<std::string, std::string> tags;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{
        member("Url", &OidcProvider::url), member("ClientIds", &OidcProvider::client_ids),
        member("Thumbprints", &OidcProvider::thumbprints),
        member("CreateDate", &OidcProvider::created), member("Tags", &OidcProvider::tags)};
  }
  bool operator==(const OidcProvider&) const = default;
};
inline RecordKey<OidcProvider> oidc_provider_key(std::string_view url) { return {url}; }

// Nothing stands there but the key itself. DeletePolicy expects that a policy has none: of those
// that it is attached to, and of those whose permissions boundary it is.
inline Key attachment_key(std::string_view policy_arn, std::string_view role) {
  return schema::key(Family::meta, "iam.attachment", {policy_arn, role});
}
inline Key attachments_prefix(std::string_view policy_arn) {
  return schema::prefix(Family::meta, "iam.attachment", {policy_arn});
}
inline Key boundary_key(std::string_view policy_arn, std::string_view role) {
  return schema::key(Family::meta, "iam.boundary", {policy_arn, role});
}
inline Key boundaries_prefix(std::string_view policy_arn) {
  return schema::prefix(Family::meta, "iam.boundary", {policy_arn});
}

}  // namespace sluice::iam
