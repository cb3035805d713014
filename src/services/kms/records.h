// SPDX-License-Identifier: Apache-2.0
#pragma once
// What KMS stores: keys. Beside them stands, for each alias (alias_key), the id of its key.
//
//   const std::shared_ptr<const KmsKey> key = snapshot.get(record_key(id));   // nullptr: none
//   staged.put(alias_key("alias/orders"), key->id);
#include "policy/policy_set.h"
#include "store/record.h"

namespace sluice::kms {

struct Rotation {
  Time at = 0;
  std::string type;  // AUTOMATIC or ON_DEMAND
  static constexpr auto members() {
    return std::tuple{member("At", &Rotation::at), member("Type", &Rotation::type)};
  }
  bool operator==(const Rotation&) const = default;
};

struct KmsKey {
  static constexpr RecordType record{Family::meta, "kms.key", 1};
  std::string id;
  Time created = 0;
  std::string description;
  std::string state;                         // Enabled, Disabled or PendingDeletion
  policy::Stored<policy::Kind::key> policy;  // the roles pinned to their ids
  std::string manager;                       // AWS or CUSTOMER
  int64_t rotation_days = 0;                 // 0: it does not rotate by itself
  Time rotated_at = 0;                       // what the period counts from
  Time delete_at = 0;                        // 0: its deletion is not scheduled
  std::vector<std::string> versions;  // each one's material, sealed, in base64; the last is current
  std::vector<Rotation> rotations;    // one for each version but the first
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &KmsKey::id),
                      member("Created", &KmsKey::created),
                      member("Description", &KmsKey::description),
                      member("State", &KmsKey::state),
                      member("Policy", &KmsKey::policy),
                      member("Manager", &KmsKey::manager),
                      member("Rotation", &KmsKey::rotation_days),
                      member("RotatedAt", &KmsKey::rotated_at),
                      member("DeleteAt", &KmsKey::delete_at),
                      member("Versions", &KmsKey::versions),
                      member("Rotations", &KmsKey::rotations)};
  }
  bool operator==(const KmsKey&) const = default;
  uint64_t current_version() const { return versions.size() - 1; }
};
inline RecordKey<KmsKey> record_key(std::string_view id) { return {id}; }

inline Key alias_key(std::string_view name) {
  return schema::key(Family::meta, "kms.alias", {name});
}

}  // namespace sluice::kms
