// SPDX-License-Identifier: Apache-2.0
#pragma once
// How keys are found and used.
//
//   TRY(const auto key, find_key(snapshot, "alias/orders"));
//   CHECK(usable(*key, snapshot.scope()));
//   const std::string ciphertext = encrypt(*key, the_wrapping_key(), plain, context);
//
// A ciphertext is the format byte 1, 36 characters of key id, 8 bytes of material version, a nonce
// and the sealed bytes. The key id, the version and the encryption context are bound to it as
// additional data.
#include "services/kms/kms.h"
#include "services/kms/records.h"

namespace sluice::kms {

std::string key_arn(const Scope& scope, std::string_view id);
Error not_found(const std::string& arn);
// `reference` is an id, an ARN, or the name or the ARN of an alias. The record is never null.
// Errors: NotFoundException.
Result<std::shared_ptr<const KmsKey>> find_key(const Snapshot& snapshot,
                                               std::string_view reference);
// KeyState. A key whose material has expired, or was deleted, is PendingImport.
std::string state_of(const KmsKey& key);
// Whether the key can be used. Errors: DisabledException, KMSInvalidStateException.
Result<Done> usable(const KmsKey& key, const Scope& scope);

// An enabled symmetric key without material.
KmsKey new_key(const std::string& policy, const std::string& description, std::string_view manager);
// Makes the first material of a key by its spec.
void make_material(KmsKey& key, const Secret& wrapping);
// Adds a version of the material, which becomes the current one.
void add_material(KmsKey& key, const Secret& wrapping, const Secret& material);
// Whether a version of the material is authentic.
bool opens(const KmsKey& key, const Secret& wrapping, uint64_t version);
// Takes imported material away, for good: nothing of it stays in the files of the store.
void destroy_material(KmsKey& key, Staged& staged);
// Asks, in this commit, that what it erases or overwrites of keys is taken off the disk as well.
void scrub_after(Staged& staged);
// The current material: 32 bytes of a symmetric key, the bytes of an HMAC key, PKCS #8 of a pair.
Secret current_material(const KmsKey& key, const Secret& wrapping);
// Adds a version and makes it the current one. `type` is AUTOMATIC or ON_DEMAND.
void rotate(KmsKey& key, const Secret& wrapping, std::string_view type, Time at);
bool rotation_due(const KmsKey& key, Time at);
bool deletion_due(const KmsKey& key, Time at);
bool expiry_due(const KmsKey& key, Time at);
// KeyMaterialId: 64 hex digits.
std::string material_id(const KmsKey& key, uint64_t version);
std::string encrypt(const KmsKey& key, const Secret& wrapping, std::string_view plain,
                    const json::object& context);
struct Opened {
  std::string key_id;
  uint64_t version = 0;
};
// Under which key a ciphertext is. It does not show that the ciphertext is authentic.
std::optional<Opened> peek(std::string_view ciphertext);
std::optional<Secret> decrypt(const KmsKey& key, const Secret& wrapping,
                              std::string_view ciphertext, const json::object& context);
// Allows everything to the root of the account, so that IAM policies decide.
std::string default_policy(const Scope& scope);
// A need on a key, with its policy and its grants, and with the condition keys of the encryption
// context.
Need key_need(std::string_view action, const KmsKey& key, const json::object& context,
              const Snapshot& snapshot);
// The condition keys of what a key is, also of one that CreateKey will make.
policy::Context kind_of_key(const KmsKey& key, const Scope& scope);
// Errors: InvalidKeyUsageException for a key that is not a symmetric one for encryption.
Result<Done> makes_data_keys(const KmsKey& key, std::string_view operation, const Scope& scope);
// Under which the material of keys is sealed.
const Secret& wrapping_key(const Snapshot& snapshot);

// Rotates the keys whose period is over, and destroys keys whose deletion date has come, and
// imported material that has expired.
void sweep_once(Store& store, Time at);

}  // namespace sluice::kms
