// SPDX-License-Identifier: Apache-2.0
#pragma once
// Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext and GenerateRandom.
// A plaintext has 1 to 4096 bytes, a ciphertext up to 6144, a data key 1 to 1024. Errors:
// DisabledException, KMSInvalidStateException, InvalidCiphertextException, IncorrectKeyException,
// NotFoundException.
//
//   constexpr auto rows = table<Encrypt, Decrypt, ReEncrypt, GenerateDataKey>();   // kms.cc
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
// Brings a ciphertext under another key or another encryption context. The plaintext stays inside.
// It needs kms:ReEncryptFrom and kms:ReEncryptTo.
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
