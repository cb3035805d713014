// SPDX-License-Identifier: Apache-2.0
#pragma once
// Encrypt, Decrypt, ReEncrypt, GenerateDataKey(Pair)(WithoutPlaintext) and GenerateRandom. A
// plaintext has 1 to 4096 bytes, a ciphertext up to 6144, a data key 1 to 1024; under an RSA key a
// plaintext has what OAEP leaves. Errors: DisabledException, KMSInvalidStateException,
// InvalidCiphertextException, InvalidKeyUsageException, IncorrectKeyException, NotFoundException.
//
//   constexpr auto rows = table<Encrypt, Decrypt, ReEncrypt, GenerateDataKey>();   // kms.cc
#include "services/kms/operation.h"

namespace sluice::kms {

struct Encrypt : OnKey<Encrypt> {
  static constexpr std::string_view name = "Encrypt", action = "kms:Encrypt";
  static void add_context(policy::Context& context, const json::object& body) {
    add_algorithm(context, body, "EncryptionAlgorithm");
  }
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
// A pair of keys for use outside; KMS keeps neither half.
struct GenerateDataKeyPair : OnKey<GenerateDataKeyPair> {
  static constexpr std::string_view name = "GenerateDataKeyPair",
                                    action = "kms:GenerateDataKeyPair";
  static void add_context(policy::Context& context, const json::object& body) {
    context["kms:datakeypairspec"] = {text_of(body, "KeyPairSpec")};
  }
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct GenerateDataKeyPairWithoutPlaintext : OnKey<GenerateDataKeyPairWithoutPlaintext> {
  static constexpr std::string_view name = "GenerateDataKeyPairWithoutPlaintext",
                                    action = "kms:GenerateDataKeyPairWithoutPlaintext";
  static void add_context(policy::Context& context, const json::object& body) {
    context["kms:datakeypairspec"] = {text_of(body, "KeyPairSpec")};
  }
  static Result<In> parse(const Request& request) { return GenerateDataKeyPair::parse(request); }
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
