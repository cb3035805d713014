// SPDX-License-Identifier: Apache-2.0
#pragma once
// EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand and
// ListKeyRotations. A period has 90 to 2560 days, and 365 when none is given; a key has at most 25
// rotations on demand. Old material decrypts for ever. Errors: DisabledException,
// KMSInvalidStateException, LimitExceededException.
//
//   constexpr auto rows = table<EnableKeyRotation, RotateKeyOnDemand>();   // kms.cc
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
