// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trust anchors: the certificate authorities whose certificates get sessions, as PEM bundles.
// Source: IAM Roles Anywhere API Reference.
//
//   constexpr auto rows = table<CreateTrustAnchor, GetTrustAnchor>();   // rolesanywhere.cc
#include "services/rolesanywhere/resource.h"

namespace sluice::rolesanywhere {

constexpr size_t kBundleBytesMax = 32 * 1024;
constexpr size_t kBundleCertificatesMax = 10;

struct TrustAnchorIn {
  std::string id, name, certificates;
  bool enabled = false;
};
struct CreateTrustAnchor : OnOne<CreateTrustAnchor, TrustAnchor> {
  static constexpr std::string_view name = "CreateTrustAnchor",
                                    action = "rolesanywhere:CreateTrustAnchor";
  static constexpr Match match{"POST", "/trustanchors", "", ""};
  using In = TrustAnchorIn;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UpdateTrustAnchor : OnOne<UpdateTrustAnchor, TrustAnchor> {
  static constexpr std::string_view name = "UpdateTrustAnchor",
                                    action = "rolesanywhere:UpdateTrustAnchor";
  static constexpr Match match{"PATCH", "/trustanchor/{trustAnchorId}", "", ""};
  using In = TrustAnchorIn;  // "": stays as it is
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct GetTrustAnchor : GetOne<GetTrustAnchor, TrustAnchor> {
  static constexpr std::string_view name = "GetTrustAnchor",
                                    action = "rolesanywhere:GetTrustAnchor";
  static constexpr Match match{"GET", "/trustanchor/{trustAnchorId}", "", ""};
};
struct ListTrustAnchors : ListAll<ListTrustAnchors, TrustAnchor> {
  static constexpr std::string_view name = "ListTrustAnchors",
                                    action = "rolesanywhere:ListTrustAnchors";
  static constexpr Match match{"GET", "/trustanchors", "", ""};
};
// Its revocation lists go with it.
struct DeleteTrustAnchor : OnOne<DeleteTrustAnchor, TrustAnchor> {
  static constexpr std::string_view name = "DeleteTrustAnchor",
                                    action = "rolesanywhere:DeleteTrustAnchor";
  static constexpr Match match{"DELETE", "/trustanchor/{trustAnchorId}", "", ""};
  static Result<Out> run(const Authorized<ById>& in, Staged& staged);
};
struct EnableTrustAnchor : Switch<EnableTrustAnchor, TrustAnchor, true> {
  static constexpr std::string_view name = "EnableTrustAnchor",
                                    action = "rolesanywhere:EnableTrustAnchor";
  static constexpr Match match{"POST", "/trustanchor/{trustAnchorId}/enable", "", ""};
};
struct DisableTrustAnchor : Switch<DisableTrustAnchor, TrustAnchor, false> {
  static constexpr std::string_view name = "DisableTrustAnchor",
                                    action = "rolesanywhere:DisableTrustAnchor";
  static constexpr Match match{"POST", "/trustanchor/{trustAnchorId}/disable", "", ""};
};

}  // namespace sluice::rolesanywhere
