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
// Whether the key can be used. Errors: NotFoundException after its deletion date,
// DisabledException, KMSInvalidStateException.
Result<Done> usable(const KmsKey& key, const Scope& scope);

KmsKey new_key(const Secret& wrapping, const std::string& policy, const std::string& description,
               std::string_view manager);
// Adds a version and makes it the current one. `type` is AUTOMATIC or ON_DEMAND.
void rotate(KmsKey& key, const Secret& wrapping, std::string_view type, Time at);
bool rotation_due(const KmsKey& key, Time at);
bool deletion_due(const KmsKey& key, Time at);
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
// A need on a key, with its policy and with the condition keys of the encryption context.
Need key_need(std::string_view action, const KmsKey& key, const json::object& context,
              const Snapshot& snapshot);
// The condition keys that are the same for every key here, also for one that CreateKey will make.
policy::Context kind_of_key(const Scope& scope);
// Under which the material of keys is sealed.
const Secret& wrapping_key(const Snapshot& snapshot);

// Rotates the keys whose period is over, and destroys the material of keys whose deletion date has
// come.
void sweep_once(Store& store, Time at);

}  // namespace sluice::kms
