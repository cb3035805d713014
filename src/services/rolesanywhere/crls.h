// SPDX-License-Identifier: Apache-2.0
#pragma once
// Revocation lists of trust anchors: what they name gets no session any more. Source: IAM Roles
// Anywhere API Reference.
//
//   constexpr auto rows = table<ImportCrl, GetCrl, DeleteCrl>();   // rolesanywhere.cc
#include "services/rolesanywhere/resource.h"

namespace sluice::rolesanywhere {

struct CrlIn {
  std::string id, name, anchor, data;  // data: base64
  bool enabled = false;
};
struct ImportCrl : OnOne<ImportCrl, Crl> {
  static constexpr std::string_view name = "ImportCrl", action = "rolesanywhere:ImportCrl";
  static constexpr Match match{"POST", "/crls", "", ""};
  using In = CrlIn;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UpdateCrl : OnOne<UpdateCrl, Crl> {
  static constexpr std::string_view name = "UpdateCrl", action = "rolesanywhere:UpdateCrl";
  static constexpr Match match{"PATCH", "/crl/{crlId}", "", ""};
  using In = CrlIn;  // "": stays as it is
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct GetCrl : GetOne<GetCrl, Crl> {
  static constexpr std::string_view name = "GetCrl", action = "rolesanywhere:GetCrl";
  static constexpr Match match{"GET", "/crl/{crlId}", "", ""};
};
struct ListCrls : ListAll<ListCrls, Crl> {
  static constexpr std::string_view name = "ListCrls", action = "rolesanywhere:ListCrls";
  static constexpr Match match{"GET", "/crls", "", ""};
};
struct DeleteCrl : DeleteOne<DeleteCrl, Crl> {
  static constexpr std::string_view name = "DeleteCrl", action = "rolesanywhere:DeleteCrl";
  static constexpr Match match{"DELETE", "/crl/{crlId}", "", ""};
};
struct EnableCrl : Switch<EnableCrl, Crl, true> {
  static constexpr std::string_view name = "EnableCrl", action = "rolesanywhere:EnableCrl";
  static constexpr Match match{"POST", "/crl/{crlId}/enable", "", ""};
};
struct DisableCrl : Switch<DisableCrl, Crl, false> {
  static constexpr std::string_view name = "DisableCrl", action = "rolesanywhere:DisableCrl";
  static constexpr Match match{"POST", "/crl/{crlId}/disable", "", ""};
};

}  // namespace sluice::rolesanywhere
