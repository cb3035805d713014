// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the events of a group are kept. The store encrypts them all; those of a group with a KMS key
// are sealed under a data key of it besides. CloudWatch Logs User Guide, "Encrypt log data in
// CloudWatch Logs using AWS KMS".
//
//   const Sealing sealing(group, snapshot, ports);
//   TRY(std::string stored, sealing.seal(key.bytes, message));
//   TRY(const std::string message, sealing.open(key, stored));
#include "services/logs/model.h"

namespace sluice::logs {

// How often a group may change its key; each of its events tells by its number which it needs.
constexpr size_t kGroupKeysMax = 100;

class Sealing {
 public:
  // Logs itself must be let use the key by its policy, now and not only when it was chosen.
  Sealing(const Group& group, const Snapshot& snapshot, const Ports& ports);

  // Errors: AccessDeniedException, when the key of the group cannot be used.
  Result<std::string> seal(std::string_view event_key, std::string_view message) const;
  // Errors: AccessDeniedException, when the key of this event cannot be used.
  Result<std::string> open(std::string_view event_key, std::string_view stored) const;

 private:
  std::vector<Result<Secret>> keys_;  // as in the group
  bool sealed_ = false;               // whether what is written now is
};

// Makes this key the group's: what is written from now on is sealed under it.
// Errors: AccessDeniedException, InvalidParameterException, LimitExceededException.
Result<Done> use_key(Group& group, const std::string& key_arn, Staged& staged, const Ports& ports);

}  // namespace sluice::logs
