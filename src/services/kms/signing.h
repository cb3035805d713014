// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sign, Verify and GetPublicKey. A message has 1 to 4096 bytes; a longer one is signed by its
// digest. Errors: DisabledException, KMSInvalidStateException, InvalidKeyUsageException,
// KMSInvalidSignatureException, UnsupportedOperationException.
//
//   constexpr auto rows = table<Sign, Verify, GetPublicKey>();   // kms.cc
#include "services/kms/operation.h"

namespace sluice::kms {

inline void add_signing(policy::Context& context, const json::object& body) {
  const std::string type = text_of(body, "MessageType");
  context["kms:signingalgorithm"] = {text_of(body, "SigningAlgorithm")};
  context["kms:messagetype"] = {type.empty() ? "RAW" : type};
}
struct Sign : OnKey<Sign> {
  static constexpr std::string_view name = "Sign", action = "kms:Sign";
  static void add_context(policy::Context& context, const json::object& body) {
    add_signing(context, body);
  }
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct Verify : OnKey<Verify> {
  static constexpr std::string_view name = "Verify", action = "kms:Verify";
  static void add_context(policy::Context& context, const json::object& body) {
    add_signing(context, body);
  }
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
SLUICE_KMS_READ(GetPublicKey);

}  // namespace sluice::kms
