// SPDX-License-Identifier: Apache-2.0
#pragma once
// What KMS stores: keys and their grants. Beside them stands, for each alias (alias_key), the id of
// its key.
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
  static constexpr RecordType record{Family::meta, "kms.key", 2};
  std::string id;
  Time created = 0;
  std::string description;
  // Enabled, Disabled, PendingDeletion or PendingImport. An Enabled key whose material has expired
  // is PendingImport as well: ask state_of (keys.h).
  std::string state;
  std::string spec = "SYMMETRIC_DEFAULT", usage = "ENCRYPT_DECRYPT", origin = "AWS_KMS";
  policy::Stored<policy::Kind::key> policy;  // the roles pinned to their ids
  std::string manager;                       // AWS or CUSTOMER
  int64_t rotation_days = 0;                 // 0: it does not rotate by itself
  Time rotated_at = 0;                       // what the period counts from
  Time delete_at = 0;                        // 0: its deletion is not scheduled
  std::vector<std::string> versions;  // each one's material, sealed, in base64; the last is current
  std::vector<Rotation> rotations;    // one for each version but the first
  std::string public_key;             // of a key pair, SubjectPublicKeyInfo in base64
  // Of origin EXTERNAL: when the material is to be deleted (0: never), and by what it is known
  // again, so that no other can be imported afterwards.
  Time valid_to = 0;
  std::string fingerprint;
  std::map<std::string, std::string> tags;
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
                      member("Rotations", &KmsKey::rotations),
                      member("Spec", &KmsKey::spec),
                      member("Usage", &KmsKey::usage),
                      member("Origin", &KmsKey::origin),
                      member("PublicKey", &KmsKey::public_key),
                      member("ValidTo", &KmsKey::valid_to),
                      member("Fingerprint", &KmsKey::fingerprint),
                      member("Tags", &KmsKey::tags)};
  }
  bool operator==(const KmsKey&) const = default;
  uint64_t current_version() const { return versions.size() - 1; }
};
inline RecordKey<KmsKey> record_key(std::string_view id) { return {id}; }

inline Key alias_key(std::string_view name) {
  return schema::key(Family::meta, "kms.alias", {name});
}

// A right to use a key, given to one principal beside the policies.
struct Grant {
  static constexpr RecordType record{Family::meta, "kms.grant", 1};
  std::string key_id, id;  // id: 64 hex digits
  Time created = 0;
  std::string name;
  std::string grantee, retiring;        // a role by its id, any other principal by its ARN
  std::vector<std::string> operations;  // "Decrypt"
  // The constraints: pairs that the encryption context must have, all of them or among others.
  std::map<std::string, std::string> context_equals, context_subset;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("KeyId", &Grant::key_id),
                      member("Id", &Grant::id),
                      member("Created", &Grant::created),
                      member("Name", &Grant::name),
                      member("Grantee", &Grant::grantee),
                      member("Retiring", &Grant::retiring),
                      member("Operations", &Grant::operations),
                      member("ContextEquals", &Grant::context_equals),
                      member("ContextSubset", &Grant::context_subset)};
  }
  bool operator==(const Grant&) const = default;
};
inline RecordKey<Grant> grant_key(std::string_view key_id, std::string_view id) {
  return {key_id, id};
}
// An entry for each grant, without a value, by whom it is for and by who may retire it.
inline Key grantee_key(const Grant& grant) {
  return schema::key(Family::meta, "kms.grantee", {grant.key_id, grant.grantee, grant.id});
}
inline Key retirable_key(const Grant& grant) {
  return schema::key(Family::meta, "kms.retirable", {grant.retiring, grant.key_id, grant.id});
}
// How many grants a key has, in digits. Whoever makes or ends one reads and writes it.
inline Key grant_count_key(std::string_view key_id) {
  return schema::key(Family::meta, "kms.grants", {key_id});
}

}  // namespace sluice::kms
