// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kinds of keys, and which algorithms each of them knows. Source: KMS Developer Guide, "Key
// spec reference".
//
//   TRY(const KeySpec* spec, spec_named("RSA_2048"));
//   CHECK(check_usage(*key, "Sign", scope));
//   CHECK(check_algorithm(*key, "RSASSA_PSS_SHA_256"));
#include "crypto/key_pair.h"
#include "services/kms/keys.h"

namespace sluice::kms {

struct KeySpec {
  enum class Family { symmetric, hmac, rsa, curve };
  std::string_view name;
  Family family;
  int size;                                           // bits of RSA, bytes of HMAC
  std::string_view curve;                             // OpenSSL's name
  std::string_view usages, encryption, signing, mac;  // with a blank between them
};
// Errors: ValidationException for what AWS does not know, UnsupportedOperationException for what
// Sluice does not have.
Result<const KeySpec*> spec_named(const std::string& name);
// Of a stored key.
const KeySpec& spec_of(const KmsKey& key);
bool is_symmetric(const KmsKey& key);
// A pair of the spec, which must be one of RSA or of a curve.
KeyPair make_pair(const KeySpec& spec);
// What a key of this spec is used for, when it was asked for this. Errors: ValidationException.
Result<std::string> usage_for(const KeySpec& spec, const std::optional<std::string>& asked);
// The algorithms of a key by its usage, and under which name they are told: "SigningAlgorithms".
std::pair<std::string_view, std::string_view> algorithms_of(const KmsKey& key);
// Errors: InvalidKeyUsageException when `algorithm` is not among them.
Result<Done> check_algorithm(const KmsKey& key, const std::string& algorithm);
// Errors: InvalidKeyUsageException when the usage of the key is another.
Result<Done> check_usage(const KmsKey& key, std::string_view usage, std::string_view operation,
                         const Scope& scope);
// Whether a grant on the key may allow the operation.
bool grantable(const KmsKey& key, std::string_view operation);
// OpenSSL's name of the hash at the end of an algorithm: "SHA256" of "RSAES_OAEP_SHA_256".
const char* hash_of(std::string_view algorithm);

}  // namespace sluice::kms
