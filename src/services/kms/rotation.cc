// SPDX-License-Identifier: Apache-2.0
#include "services/kms/rotation.h"

#include "base/bytes.h"

namespace sluice::kms {

Result<Done> EnableKeyRotation::change(json::object& key, const Authorized<In>& in, Staged& staged,
                                       json::object&) {
  CHECK(usable(key, staged.snapshot().scope()));
  TRY(const auto days, Fields(in->body).integer("RotationPeriodInDays"));
  if (days && (*days < kRotationDaysMin || *days > kRotationDaysMax))
    return invalid("RotationPeriodInDays must be 90 to 2560");
  if (!int_of(key, "Rotation")) key["RotatedAt"] = in.time();  // the first period begins now
  key["Rotation"] = days.value_or(kRotationDaysDefault);
  return Done{};
}
Result<Done> DisableKeyRotation::change(json::object& key, const Authorized<In>&, Staged& staged,
                                        json::object&) {
  CHECK(usable(key, staged.snapshot().scope()));
  key["Rotation"] = 0;
  return Done{};
}

namespace {
const json::array& rotations_of(const json::object& key) { return key.at("Rotations").as_array(); }
}  // namespace

Result<Done> RotateKeyOnDemand::change(json::object& key, const Authorized<In>& in, Staged& staged,
                                       json::object& out) {
  CHECK(usable(key, staged.snapshot().scope()));
  int64_t on_demand = 0;
  for (const json::value& one : rotations_of(key))
    on_demand += text_of(one.as_object(), "Type") == "ON_DEMAND";
  if (on_demand >= kRotationsOnDemandMax)
    return Error{400,
                 "LimitExceededException",
                 "The on-demand rotation limit of 25 was reached for the key " +
                     key_arn(staged.snapshot().scope(), text_of(key, "Id")),
                 {}};
  rotate(key, the_wrapping_key(), "ON_DEMAND", in.time());
  out = {{"KeyId", text_of(key, "Id")}};
  return Done{};
}

Result<JsonOut> GetKeyRotationStatus::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object key, find_key(snapshot, in->key_id));
  const int64_t days = int_of(key, "Rotation");
  JsonOut out{{{"KeyRotationEnabled", days > 0}, {"KeyId", text_of(key, "Id")}}};
  if (days) {
    out.body["RotationPeriodInDays"] = days;
    out.body["NextRotationDate"] =
        static_cast<double>(int_of(key, "RotatedAt")) / 1000 + static_cast<double>(days) * 86400;
  }
  return out;
}

Result<JsonOut> ListKeyRotations::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object key, find_key(snapshot, in->key_id));
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
  const uint64_t current = current_version(key);
  json::array shown;
  std::string next;
  for (uint64_t version = std::max<uint64_t>(static_cast<uint64_t>(*marker), all ? 0 : 1);
       version <= current; ++version) {
    if (shown.size() == page.limit) {
      next = std::to_string(version);
      break;
    }
    json::object one{{"KeyId", text_of(key, "Id")},
                     {"KeyMaterialId", material_id(key, version)},
                     {"KeyMaterialState", version == current ? "CURRENT" : "NON_CURRENT"}};
    if (version) {
      const json::object& rotation = rotations_of(key).at(version - 1).as_object();
      one["RotationDate"] = static_cast<double>(int_of(rotation, "At")) / 1000;
      one["RotationType"] = text_of(rotation, "Type");
    }
    shown.push_back(std::move(one));
  }
  JsonOut out{{{"Rotations", std::move(shown)}}};
  end_page(out.body, next);
  return out;
}

}  // namespace sluice::kms
