// SPDX-License-Identifier: Apache-2.0
#pragma once
// Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.
// Plaintext 1-4096 bytes, ciphertext to 6144; a data key 1-1024 bytes. Errors: DisabledException,
// KMSInvalidStateException, InvalidCiphertextException, IncorrectKeyException, NotFoundException.
#include "services/kms/operation.h"

namespace sluice::kms {

struct Encrypt : OnKey<Encrypt> {
  static constexpr std::string_view name = "Encrypt", action = "kms:Encrypt";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct GenerateDataKey : OnKey<GenerateDataKey> {
  static constexpr std::string_view name = "GenerateDataKey", action = "kms:GenerateDataKey";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct GenerateDataKeyWithoutPlaintext : OnKey<GenerateDataKeyWithoutPlaintext> {
  static constexpr std::string_view name = "GenerateDataKeyWithoutPlaintext",
                                    action = "kms:GenerateDataKeyWithoutPlaintext";
  static Result<In> parse(const Request& request) { return GenerateDataKey::parse(request); }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct Decrypt : OnKey<Decrypt> {
  static constexpr std::string_view name = "Decrypt", action = "kms:Decrypt";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
// From one key or encryption context to another; the plaintext stays inside. Needs
// kms:ReEncryptFrom and kms:ReEncryptTo.
struct ReEncrypt : OnKey<ReEncrypt> {
  static constexpr std::string_view name = "ReEncrypt", action = "kms:ReEncryptFrom";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct GenerateRandom : OnKey<GenerateRandom> {
  static constexpr std::string_view name = "GenerateRandom", action = "kms:GenerateRandom";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};

}  // namespace sluice::kms
