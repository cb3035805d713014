// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS Key Management Service: symmetric keys (SYMMETRIC_DEFAULT, AES-256-GCM). Source: KMS API
// Reference 2014-11-01. Key material: 32 random bytes a version, sealed under a key derived from
// the root key; every version is kept for decryption.
#include "request/ports.h"
#include "store/jobs.h"

namespace sluice::kms {

constexpr size_t kPlaintextBytesMax = 4096, kCiphertextBytesMax = 6144, kPolicyBytesMax = 32768,
                 kDescriptionMax = 8192, kAliasesMax = 50;
constexpr int64_t kRotationsOnDemandMax = 25, kRotationDaysMin = 90, kRotationDaysMax = 2560,
                  kRotationDaysDefault = 365;
extern const Service service;
std::unique_ptr<DataKeys> data_keys(Store& store);

// Rotation by period and deletion at its date: at start and every hour.
void start_sweep(Store& store);

}  // namespace sluice::kms
