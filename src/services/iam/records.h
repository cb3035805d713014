// SPDX-License-Identifier: Apache-2.0
#pragma once
// What IAM stores: roles. The text of each inline policy stands beside them (policy_key).
//
//   const std::shared_ptr<const Role> role = snapshot.get(role_key(name));   // nullptr: none
//   staged.put(policy_key(role->name, policy_name), document);
#include "policy/policy_set.h"
#include "store/record.h"

namespace sluice::iam {

struct Role {
  static constexpr RecordType record{Family::meta, "iam.role", 1};
  std::string name, path, id, arn;
  Time created = 0;
  policy::Stored<policy::Kind::trust> trust;  // its roles pinned to their ids
  std::string description;
  int64_t max_session_s = 3600;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("RoleName", &Role::name),
                      member("Path", &Role::path),
                      member("RoleId", &Role::id),
                      member("Arn", &Role::arn),
                      member("CreateDate", &Role::created),
                      member("Trust", &Role::trust),
                      member("Description", &Role::description),
                      member("MaxSession", &Role::max_session_s)};
  }
  bool operator==(const Role&) const = default;
};
inline RecordKey<Role> role_key(std::string_view name) { return {name}; }

inline Key policy_key(std::string_view role, std::string_view name) {
  return schema::key(Family::meta, "iam.role-policy", {role, name});
}

}  // namespace sluice::iam
