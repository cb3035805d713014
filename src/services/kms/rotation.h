#pragma once
// EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations.
// A period of 90 to 2560 days, 365 when none is given; 25 rotations on demand a key. Old material
// decrypts for ever. Errors: DisabledException, KMSInvalidStateException, LimitExceededException.
#include "services/kms/operation.h"

namespace sluice::kms {

SLUICE_KMS_CHANGE(EnableKeyRotation);
SLUICE_KMS_CHANGE(DisableKeyRotation);
SLUICE_KMS_CHANGE(RotateKeyOnDemand);
SLUICE_KMS_READ(GetKeyRotationStatus);
SLUICE_KMS_READ(ListKeyRotations);

}  // namespace sluice::kms
