// SPDX-License-Identifier: Apache-2.0
#pragma once
// GenerateMac and VerifyMac, of messages of 1 to 4096 bytes. Errors: DisabledException,
// KMSInvalidStateException, InvalidKeyUsageException, KMSInvalidMacException.
//
//   constexpr auto rows = table<GenerateMac, VerifyMac>();   // kms.cc
#include "services/kms/operation.h"

namespace sluice::kms {

struct GenerateMac : OnKey<GenerateMac> {
  static constexpr std::string_view name = "GenerateMac", action = "kms:GenerateMac";
  static void add_context(policy::Context& context, const json::object& body) {
    context["kms:macalgorithm"] = {text_of(body, "MacAlgorithm")};
  }
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct VerifyMac : OnKey<VerifyMac> {
  static constexpr std::string_view name = "VerifyMac", action = "kms:VerifyMac";
  static void add_context(policy::Context& context, const json::object& body) {
    context["kms:macalgorithm"] = {text_of(body, "MacAlgorithm")};
  }
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};

}  // namespace sluice::kms
