// SPDX-License-Identifier: Apache-2.0
#include "services/kms/rotation.h"

#include <algorithm>

#include "base/bytes.h"
#include "services/kms/specs.h"

namespace sluice::kms {
namespace {
// Only symmetric material that KMS makes is rotated.
Result<Done> rotates(const KmsKey& key, const Scope& scope) {
  if (is_symmetric(key) && key.origin == "AWS_KMS") return Done{};
  return Error{400,
               "UnsupportedOperationException",
               key_arn(scope, key.id) + " with key spec " + key.spec + " and origin " + key.origin +
                   " cannot be rotated.",
               {}};
}
}  // namespace

Result<Done> EnableKeyRotation::change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                                       json::object&) {
  CHECK(rotates(key, staged.snapshot().scope()));
  CHECK(usable(key, staged.snapshot().scope()));
  TRY(const auto days, Fields(in->body).integer("RotationPeriodInDays"));
  if (days && (*days < kRotationDaysMin || *days > kRotationDaysMax))
    return invalid("RotationPeriodInDays must be 90 to 2560");
  if (!key.rotation_days) key.rotated_at = in.time();  // the first period begins now
  key.rotation_days = days.value_or(kRotationDaysDefault);
  return Done{};
}
Result<Done> DisableKeyRotation::change(KmsKey& key, const Authorized<In>&, Staged& staged,
                                        json::object&) {
  CHECK(rotates(key, staged.snapshot().scope()));
  CHECK(usable(key, staged.snapshot().scope()));
  key.rotation_days = 0;
  return Done{};
}

Result<Done> RotateKeyOnDemand::change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                                       json::object& out) {
  CHECK(rotates(key, staged.snapshot().scope()));
  CHECK(usable(key, staged.snapshot().scope()));
  const int64_t on_demand = std::ranges::count(key.rotations, "ON_DEMAND", &Rotation::type);
  if (on_demand >= kRotationsOnDemandMax)
    return Error{400,
                 "LimitExceededException",
                 "The on-demand rotation limit of 25 was reached for the key " +
                     key_arn(staged.snapshot().scope(), key.id),
                 {}};
  rotate(key, wrapping_key(staged.snapshot()), "ON_DEMAND", in.time());
  out = {{"KeyId", key.id}};
  return Done{};
}

Result<JsonOut> GetKeyRotationStatus::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, find_key(snapshot, in->key_id));
  CHECK(rotates(*key, snapshot.scope()));
  const int64_t days = key->rotation_days;
  JsonOut out{{{"KeyRotationEnabled", days > 0}, {"KeyId", key->id}}};
  if (days) {
    out.body["RotationPeriodInDays"] = days;
    out.body["NextRotationDate"] =
        static_cast<double>(key->rotated_at) / 1000 + static_cast<double>(days) * 86400;
  }
  return out;
}

Result<JsonOut> ListKeyRotations::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, find_key(snapshot, in->key_id));
  CHECK(rotates(*key, snapshot.scope()));
  TRY(const Page page, page_of(in->body, 1000, 100));
  TRY(const auto include, Fields(in->body).text("IncludeKeyMaterial"));
  const bool all = include.value_or("") == "ALL_KEY_MATERIAL";
  if (include && !all && *include != "ROTATIONS_ONLY")
    return invalid("1 validation error detected: Value '" + include->substr(0, 50) +
                   "' at 'includeKeyMaterial' failed to satisfy constraint: Member must satisfy "
                   "enum value set: [ALL_KEY_MATERIAL, ROTATIONS_ONLY]");
  const auto marker = page.marker.empty() ? std::optional<int64_t>(0) : parse_int(page.marker);
  if (!marker || *marker < 0)
    return Error{
        400, "InvalidMarkerException", "The marker is not one that a call before this gave", {}};
  const uint64_t current = key->current_version();
  json::array shown;
  std::string next;
  for (uint64_t version = std::max<uint64_t>(static_cast<uint64_t>(*marker), all ? 0 : 1);
       version <= current; ++version) {
    if (shown.size() == page.limit) {
      next = std::to_string(version);
      break;
    }
    json::object one{{"KeyId", key->id},
                     {"KeyMaterialId", material_id(*key, version)},
                     {"KeyMaterialState", version == current ? "CURRENT" : "NON_CURRENT"}};
    if (version) {
      const Rotation& rotation = key->rotations.at(version - 1);
      one["RotationDate"] = static_cast<double>(rotation.at) / 1000;
      one["RotationType"] = rotation.type;
    }
    shown.push_back(std::move(one));
  }
  JsonOut out{{{"Rotations", std::move(shown)}}};
  end_page(out.body, next);
  return out;
}

}  // namespace sluice::kms
