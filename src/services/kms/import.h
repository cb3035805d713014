// SPDX-License-Identifier: Apache-2.0
#pragma once
// Key material of one's own, for keys of origin EXTERNAL: GetParametersForImport, ImportKeyMaterial
// and DeleteImportedKeyMaterial. Errors: UnsupportedOperationException,
// InvalidImportTokenException, ExpiredImportTokenException, InvalidCiphertextException,
// IncorrectKeyMaterialException.
//
//   constexpr auto rows = table<GetParametersForImport, ImportKeyMaterial>();   // kms.cc
//
// An import token is the private key that the material is to be encrypted for, sealed together with
// the id of the key, the algorithm and the end of its time. So nothing about it is stored.
#include "services/kms/operation.h"

namespace sluice::kms {

constexpr int64_t kImportTokenHoursMax = 24, kImportValidDaysMax = 365;

struct GetParametersForImport : OnKey<GetParametersForImport> {
  static constexpr std::string_view name = "GetParametersForImport",
                                    action = "kms:GetParametersForImport";
  static void add_context(policy::Context& context, const json::object& body) {
    context["kms:wrappingalgorithm"] = {text_of(body, "WrappingAlgorithm")};
    context["kms:wrappingkeyspec"] = {text_of(body, "WrappingKeySpec")};
  }
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct ImportKeyMaterial : ChangesKey<ImportKeyMaterial> {
  static constexpr std::string_view name = "ImportKeyMaterial", action = "kms:ImportKeyMaterial";
  static void add_context(policy::Context& context, const json::object& body);
  static Result<In> parse(const Request& request);
  static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                             json::object& out);
};
SLUICE_KMS_CHANGE(DeleteImportedKeyMaterial);

}  // namespace sluice::kms
