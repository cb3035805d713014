#pragma once
// AWS Key Management Service: symmetric keys (SYMMETRIC_DEFAULT, AES-256-GCM). Source: KMS API Reference 2014-11-01.
// Key material: 32 random bytes a version, sealed under a key derived from the root key; every version is kept for decryption.
#include "request/ports.h"

namespace sluice::kms {

constexpr size_t kPlaintextBytesMax = 4096, kCiphertextBytesMax = 6144, kPolicyBytesMax = 32768;
extern const Service service;
std::unique_ptr<DataKeys> data_keys(Store& store);

}  // namespace sluice::kms
