// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon Simple Storage Service. Every object is encrypted, with SSE-KMS or with AES256 under a key
// of the service. Buckets begin private: ACLs are off and public access is blocked. Sources: S3 API
// Reference 2006-03-01; S3 User Guide.
//
//   const std::unique_ptr<Buckets> buckets = s3::buckets();
//   Ports ports{.services = {&s3::service}};
//   ports.buckets = buckets.get();
#include "request/ports.h"

namespace sluice::s3 {

constexpr uint64_t kPutBytesMax = 5ull << 30;  // of one PUT; larger objects come in parts
constexpr size_t kInlineBytesMax = 64 * 1024;  // a body up to this size stands in the store
constexpr size_t kMetadataBytesMax = 2048, kKeyBytesMax = 1024, kPolicyBytesMax = 20 * 1024,
                 kListMax = 1000, kPartsMax = 10000;
constexpr uint64_t kPartBytesMin = 5 << 20;

extern const Service service;
void verify(const Ports& ports, Verification& found);
std::unique_ptr<Buckets> buckets();

}  // namespace sluice::s3
