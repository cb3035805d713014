// SPDX-License-Identifier: Apache-2.0
#pragma once
// EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations.
// A period of 90 to 2560 days, 365 when none is given; 25 rotations on demand a key. Old material
// decrypts for ever. Errors: DisabledException, KMSInvalidStateException, LimitExceededException.
#include "services/kms/operation.h"

namespace sluice::kms {

struct EnableKeyRotation : ChangesKey<EnableKeyRotation> {
  static constexpr std::string_view name = "EnableKeyRotation", action = "kms:EnableKeyRotation";
  static void add_context(policy::Context& context, const json::object& body) {
    if (const auto days = Fields(body).integer("RotationPeriodInDays"); days && *days)
      context["kms:rotationperiodindays"] = {std::to_string(**days)};
  }
  static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                             json::object& out);
};
SLUICE_KMS_CHANGE(DisableKeyRotation);
SLUICE_KMS_CHANGE(RotateKeyOnDemand);
SLUICE_KMS_READ(GetKeyRotationStatus);
SLUICE_KMS_READ(ListKeyRotations);

}  // namespace sluice::kms
