// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS Key Management Service: symmetric keys (SYMMETRIC_DEFAULT, AES-256-GCM), key pairs of RSA and
// of elliptic curves, and HMAC keys; their aliases, policies, grants and tags. The material of a
// key is sealed under a key derived from the master secret. A symmetric key has a version for each
// rotation, and all are kept for decryption. Source: KMS API Reference 2014-11-01.
//
//   const std::unique_ptr<DataKeys> data_keys = kms::data_keys(*store);
//   ports.data_keys = data_keys.get();
//   kms::start_sweep(*store);
#include "request/ports.h"
#include "store/jobs.h"

namespace sluice::kms {

constexpr size_t kPlaintextBytesMax = 4096, kCiphertextBytesMax = 6144, kPolicyBytesMax = 32768,
                 kDescriptionMax = 8192, kAliasesMax = 50;
constexpr int64_t kRotationsOnDemandMax = 25, kRotationDaysMin = 90, kRotationDaysMax = 2560,
                  kRotationDaysDefault = 365;
extern const Service service;
std::unique_ptr<DataKeys> data_keys(Store& store);

// Rotates and deletes keys when it is time: at the start and every hour.
void start_sweep(Store& store);

// For `sluice verify`.
void verify(const Ports& ports, Verification& found);

}  // namespace sluice::kms
