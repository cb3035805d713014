#pragma once
// Encrypt, Decrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.
// Plaintext 1-4096 bytes, ciphertext to 6144; a data key 1-1024 bytes. Errors: DisabledException, KMSInvalidStateException,
// InvalidCiphertextException, IncorrectKeyException, NotFoundException.
#include "services/kms/operation.h"

namespace sluice::kms {

#define SLUICE_KMS_READ(operation)                                                          \
  struct operation : OnKey<operation> {                                                     \
    static constexpr std::string_view name = #operation, action = "kms:" #operation;        \
    static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);             \
  }
SLUICE_KMS_READ(Encrypt);
SLUICE_KMS_READ(GenerateDataKey);
SLUICE_KMS_READ(GenerateDataKeyWithoutPlaintext);
struct Decrypt : OnKey<Decrypt> {
  static constexpr std::string_view name = "Decrypt", action = "kms:Decrypt";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct GenerateRandom : OnKey<GenerateRandom> {
  static constexpr std::string_view name = "GenerateRandom", action = "kms:GenerateRandom";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) { return std::vector<Need>{{std::string(action), "*", {}, {}, ""}}; }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};

}  // namespace sluice::kms
