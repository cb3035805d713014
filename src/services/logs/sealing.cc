// SPDX-License-Identifier: Apache-2.0
#include "services/logs/sealing.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "request/operation.h"

namespace sluice::logs {
namespace {
// No text in UTF-8 begins with it: a sealed event does, and the number of its key follows.
constexpr char kSealed = '\xff';
constexpr size_t kHeadBytes = 2;

json::object context_of(const Scope& scope, const Group& group) {
  return {{"aws:logs:arn", group_arn(scope, group.name)}};
}

// Whether the key's policy lets Logs do this with it for the group.
Result<Done> check_use(std::string_view action, const std::string& key, const Group& group,
                       const Snapshot& snapshot, const Ports& ports) {
  const Scope& scope = snapshot.scope();
  const Error refused{
      400,
      "AccessDeniedException",
      "The specified KMS key does not exist or is not allowed to be used with LogGroup '" +
          group_arn(scope, group.name) + "'",
      {}};
  const auto need = ports.data_keys->need(action, key, context_of(scope, group), "", snapshot);
  if (!need || !*need) return refused;  // a key of AWS's has no policy that could name Logs
  const std::string principal = "logs." + scope.region + ".amazonaws.com";
  Request request;
  request.source_ip = principal;
  request.tls_version = "TLSv1.3";  // it never leaves the process
  request.time = now();
  const Caller logs = Gate::service_caller(principal, scope, group_arn(scope, group.name));
  if (!Gate::authorize({**need}, request, logs, ports, snapshot)) return refused;
  return Done{};
}

Result<Secret> unwrap(const GroupKey& one, const Group& group, const Snapshot& snapshot,
                      const Ports& ports) {
  CHECK(check_use("kms:Decrypt", one.key, group, snapshot, ports));
  auto plain = ports.data_keys->unwrap(unbase64(one.wrapped).value_or(""),
                                       context_of(snapshot.scope(), group), snapshot);
  if (plain) return plain;
  return Error{400,
               "AccessDeniedException",
               "The KMS key of the log group cannot be used: " + plain.error().code + " " +
                   plain.error().message,
               {}};
}
}  // namespace

Sealing::Sealing(const Group& group, const Snapshot& snapshot, const Ports& ports)
    : sealed_(!group.kms_key.empty()) {
  for (const GroupKey& one : group.keys) keys_.push_back(unwrap(one, group, snapshot, ports));
}

Result<std::string> Sealing::seal(std::string_view event_key, std::string_view message) const {
  if (!sealed_) return std::string(message);
  if (!keys_.back()) return keys_.back().error();
  return std::string{kSealed, static_cast<char>(keys_.size() - 1)} +
         aead_seal_random(*keys_.back(), message, event_key);
}

Result<std::string> Sealing::open(std::string_view event_key, std::string_view stored) const {
  if (!stored.starts_with(kSealed)) return std::string(stored);
  const Error broken{500, "InternalFailure", "The event's seal is broken. Run: sluice verify", {}};
  if (stored.size() < kHeadBytes) return broken;
  const size_t number = static_cast<unsigned char>(stored[1]);
  if (number >= keys_.size()) return broken;
  if (!keys_[number]) return keys_[number].error();
  auto plain = aead_open_random(*keys_[number], stored.substr(kHeadBytes), event_key);
  if (!plain) return broken;
  return *std::move(plain);
}

Result<Done> use_key(Group& group, const std::string& key_arn, Staged& staged, const Ports& ports) {
  const auto arn = parse_arn(key_arn);
  if (!arn || arn->service != "kms" || !arn->resource.starts_with("key/"))
    return invalid("kmsKeyId must be the ARN of a KMS key.");
  if (group.kms_key == key_arn) return Done{};
  if (group.keys.size() == kGroupKeysMax)
    return Error{
        400, "LimitExceededException", "The key of a log group was changed too often.", {}};
  for (const char* action : {"kms:GenerateDataKey", "kms:Decrypt"})
    CHECK(check_use(action, key_arn, group, staged.snapshot(), ports));
  auto key =
      ports.data_keys->generate(key_arn, context_of(staged.snapshot().scope(), group), staged);
  if (!key)
    return invalid("The specified KMS key cannot be used: " + key.error().code + " " +
                   key.error().message);
  group.keys.push_back({key_arn, base64(key->wrapped)});
  group.kms_key = key_arn;
  return Done{};
}

}  // namespace sluice::logs
