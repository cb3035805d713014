// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon Simple Storage Service. Source: S3 API Reference 2006-03-01; S3 User Guide. Every object
// is encrypted (SSE-KMS, or AES256 under a key of the service), buckets begin private: ACLs off,
// public access blocked.
#include "request/ports.h"

namespace sluice::s3 {

constexpr uint64_t kPutBytesMax = 5ull << 30;  // one PUT; more by multipart
constexpr size_t kInlineBytesMax = 64 * 1024;  // up to this a body lives in the store
constexpr size_t kMetadataBytesMax = 2048, kKeyBytesMax = 1024, kPolicyBytesMax = 20 * 1024,
                 kListMax = 1000, kPartsMax = 10000;
constexpr uint64_t kPartBytesMin = 5 << 20;

extern const Service service;
void verify(const Ports& ports, Verification& found);
std::unique_ptr<Buckets> buckets();

}  // namespace sluice::s3
