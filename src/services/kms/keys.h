// SPDX-License-Identifier: Apache-2.0
#pragma once
// How keys are found and used. A ciphertext: format byte 1, 36 characters of key id, 8
// bytes of material version, nonce, sealed bytes; the key id, version and encryption context are
// bound to it as additional data.
#include "services/kms/kms.h"
#include "services/kms/records.h"

namespace sluice::kms {

std::string key_arn(const Scope& scope, std::string_view id);
Error not_found(const std::string& arn);
// Id, ARN, alias name or alias ARN -> record, never null. NotFoundException.
Result<std::shared_ptr<const KmsKey>> find_key(const Snapshot& snapshot,
                                               std::string_view reference);
// NotFound past its deletion date; DisabledException, KMSInvalidStateException when it cannot be
// used.
Result<Done> usable(const KmsKey& key, const Scope& scope);

KmsKey new_key(const Secret& wrapping, const std::string& policy, const std::string& description,
               std::string_view manager);
void rotate(KmsKey& key, const Secret& wrapping, std::string_view type,
            Time at);  // a new version becomes current; AUTOMATIC or ON_DEMAND
bool rotation_due(const KmsKey& key, Time at);
bool deletion_due(const KmsKey& key, Time at);
std::string material_id(const KmsKey& key, uint64_t version);  // 64 hex digits: KeyMaterialId
std::string encrypt(const KmsKey& key, const Secret& wrapping, std::string_view plain,
                    const json::object& context);
struct Opened {
  std::string key_id;
  uint64_t version = 0;
};
std::optional<Opened> peek(std::string_view ciphertext);  // which key; not yet authentic
std::optional<Secret> decrypt(const KmsKey& key, const Secret& wrapping,
                              std::string_view ciphertext, const json::object& context);
std::string default_policy(const Scope& scope);  // the account's root: IAM policies decide
// The need of an operation on a key, with its policy and the context's condition keys.
Need key_need(std::string_view action, const KmsKey& key, const json::object& context,
              const Snapshot& snapshot);
// What every key here is; CreateKey is asked for the same.
policy::Context kind_of_key(const Scope& scope);
// Under which the material of keys is sealed.
const Secret& wrapping_key(const Snapshot& snapshot);

// Rotates the keys whose period is over, and destroys the material of those whose deletion date has
// come.
void sweep_once(Store& store, Time at);

}  // namespace sluice::kms
