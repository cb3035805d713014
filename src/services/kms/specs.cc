// SPDX-License-Identifier: Apache-2.0
#include "services/kms/specs.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"

namespace sluice::kms {
namespace {
using Family = KeySpec::Family;
constexpr std::string_view kRsaUsages = "ENCRYPT_DECRYPT SIGN_VERIFY",
                           kRsaEncryption = "RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256",
                           kRsaSigning =
                               "RSASSA_PKCS1_V1_5_SHA_256 RSASSA_PKCS1_V1_5_SHA_384 "
                               "RSASSA_PKCS1_V1_5_SHA_512 RSASSA_PSS_SHA_256 RSASSA_PSS_SHA_384 "
                               "RSASSA_PSS_SHA_512";
constexpr KeySpec kSpecs[] = {
    {"SYMMETRIC_DEFAULT", Family::symmetric, 32, "", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "",
     ""},
    {"HMAC_224", Family::hmac, 28, "", "GENERATE_VERIFY_MAC", "", "", "HMAC_SHA_224"},
    {"HMAC_256", Family::hmac, 32, "", "GENERATE_VERIFY_MAC", "", "", "HMAC_SHA_256"},
    {"HMAC_384", Family::hmac, 48, "", "GENERATE_VERIFY_MAC", "", "", "HMAC_SHA_384"},
    {"HMAC_512", Family::hmac, 64, "", "GENERATE_VERIFY_MAC", "", "", "HMAC_SHA_512"},
    {"RSA_2048", Family::rsa, 2048, "", kRsaUsages, kRsaEncryption, kRsaSigning, ""},
    {"RSA_3072", Family::rsa, 3072, "", kRsaUsages, kRsaEncryption, kRsaSigning, ""},
    {"RSA_4096", Family::rsa, 4096, "", kRsaUsages, kRsaEncryption, kRsaSigning, ""},
    {"ECC_NIST_P256", Family::curve, 0, "P-256", "SIGN_VERIFY", "", "ECDSA_SHA_256", ""},
    {"ECC_NIST_P384", Family::curve, 0, "P-384", "SIGN_VERIFY", "", "ECDSA_SHA_384", ""},
    {"ECC_NIST_P521", Family::curve, 0, "P-521", "SIGN_VERIFY", "", "ECDSA_SHA_512", ""},
    {"ECC_SECG_P256K1", Family::curve, 0, "secp256k1", "SIGN_VERIFY", "", "ECDSA_SHA_256", ""},
};
constexpr std::string_view kNotBuilt[] = {"SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87",
                                          "ECC_NIST_EDWARDS25519"};

bool among(std::string_view list, std::string_view word) {
  const auto words = split(list, ' ');
  return std::ranges::find(words, word) != words.end();
}
}  // namespace

Result<const KeySpec*> spec_named(const std::string& name) {
  for (const KeySpec& spec : kSpecs)
    if (spec.name == name) return &spec;
  if (std::ranges::find(kNotBuilt, name) != std::end(kNotBuilt))
    return Error{400,
                 "UnsupportedOperationException",
                 "The key spec " + name + " is not implemented by Sluice.",
                 {}};
  std::string all;
  for (const KeySpec& spec : kSpecs) all += (all.empty() ? "" : ", ") + std::string(spec.name);
  return Error{400,
               "ValidationException",
               "1 validation error detected: Value '" + name.substr(0, 50) +
                   "' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value "
                   "set: [" +
                   all + "]",
               {}};
}
const KeySpec& spec_of(const KmsKey& key) {
  for (const KeySpec& spec : kSpecs)
    if (spec.name == key.spec) return spec;
  static constexpr KeySpec kOfNoUse{"", Family::symmetric, 0, "", "", "", "", ""};
  return kOfNoUse;  // a newer program wrote it: no algorithm is its own
}
bool is_symmetric(const KmsKey& key) { return key.spec == kSpecs[0].name; }

KeyPair make_pair(const KeySpec& spec) {
  return spec.curve.empty() ? make_rsa_pair(spec.size) : make_curve_pair(spec.curve);
}

Result<std::string> usage_for(const KeySpec& spec, const std::optional<std::string>& asked) {
  const auto invalid = [](std::string text) {
    return Error{400, "ValidationException", std::move(text), {}};
  };
  if (!asked && spec.family != Family::symmetric)
    return invalid(
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption "
        "keys.");
  const std::string usage = asked.value_or("ENCRYPT_DECRYPT");
  if (usage == "KEY_AGREEMENT")
    return Error{400,
                 "UnsupportedOperationException",
                 "The key usage KEY_AGREEMENT is not implemented by Sluice.",
                 {}};
  if (!among("ENCRYPT_DECRYPT SIGN_VERIFY GENERATE_VERIFY_MAC", usage))
    return invalid("1 validation error detected: Value '" + usage.substr(0, 50) +
                   "' at 'keyUsage' failed to satisfy constraint: Member must satisfy enum value "
                   "set: [SIGN_VERIFY, ENCRYPT_DECRYPT, GENERATE_VERIFY_MAC, KEY_AGREEMENT]");
  if (!among(spec.usages, usage))
    return invalid("KeyUsage " + usage + " is not compatible with KeySpec " +
                   std::string(spec.name));
  return usage;
}

std::pair<std::string_view, std::string_view> algorithms_of(const KmsKey& key) {
  const KeySpec& spec = spec_of(key);
  if (key.usage == "SIGN_VERIFY") return {"SigningAlgorithms", spec.signing};
  if (key.usage == "GENERATE_VERIFY_MAC") return {"MacAlgorithms", spec.mac};
  return {"EncryptionAlgorithms", spec.encryption};
}
Result<Done> check_algorithm(const KmsKey& key, const std::string& algorithm) {
  if (among(algorithms_of(key).second, algorithm)) return Done{};
  return Error{
      400,
      "InvalidKeyUsageException",
      "Algorithm " + algorithm.substr(0, 50) + " is incompatible with key spec " + key.spec + ".",
      {}};
}
Result<Done> check_usage(const KmsKey& key, std::string_view usage, std::string_view operation,
                         const Scope& scope) {
  if (key.usage == usage) return Done{};
  return Error{400,
               "InvalidKeyUsageException",
               key_arn(scope, key.id) + " key usage is " + key.usage + " which is not valid for " +
                   std::string(operation) + ".",
               {}};
}
bool grantable(const KmsKey& key, std::string_view operation) {
  if (among("CreateGrant DescribeKey RetireGrant", operation)) return true;
  if (key.usage == "SIGN_VERIFY") return among("Sign Verify GetPublicKey", operation);
  if (key.usage == "GENERATE_VERIFY_MAC") return among("GenerateMac VerifyMac", operation);
  if (among("Encrypt Decrypt ReEncryptFrom ReEncryptTo", operation)) return true;
  return is_symmetric(key) ? operation.starts_with("GenerateDataKey") : operation == "GetPublicKey";
}
const char* hash_of(std::string_view algorithm) {
  if (algorithm.ends_with("_SHA_1")) return "SHA1";
  if (algorithm.ends_with("_SHA_224")) return "SHA224";
  if (algorithm.ends_with("_SHA_384")) return "SHA384";
  return algorithm.ends_with("_SHA_512") ? "SHA512" : "SHA256";
}

}  // namespace sluice::kms
