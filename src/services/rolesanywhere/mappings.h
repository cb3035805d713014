// SPDX-License-Identifier: Apache-2.0
#pragma once
// The attribute mappings of a profile: which parts of a certificate become tags of the session, and
// can be asked about in a role's trust policy. Source: IAM Roles Anywhere User Guide, "Certificate
// attribute mapping".
//
//   constexpr auto rows = table<PutAttributeMapping, DeleteAttributeMapping>();   //
//   rolesanywhere.cc if (maps(*profile, "x509Subject", "OU")) tags["x509Subject/OU"] = value;
#include "services/rolesanywhere/resource.h"

namespace sluice::rolesanywhere {

constexpr size_t kSpecifierMax = 60, kSpecifiersMax = 50;  // of a certificate field

// Whether the profile maps this part of this field. "*" maps every part of a name, and "Name/*"
// every part of a directory name among the alternative names.
bool maps(const Profile& profile, const std::string& field, std::string_view part);

struct MappingIn {
  std::string id, field;
  std::vector<std::string> specifiers;  // none: when mappings are deleted, all of the field
};
// The rules of the field are those of the call, instead of the ones that there were.
struct PutAttributeMapping : OnOne<PutAttributeMapping, Profile> {
  static constexpr std::string_view name = "PutAttributeMapping",
                                    action = "rolesanywhere:PutAttributeMapping";
  static constexpr Match match{"PUT", "/profiles/{profileId}/mappings", "", ""};
  using In = MappingIn;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DeleteAttributeMapping : OnOne<DeleteAttributeMapping, Profile> {
  static constexpr std::string_view name = "DeleteAttributeMapping",
                                    action = "rolesanywhere:DeleteAttributeMapping";
  static constexpr Match match{"DELETE", "/profiles/{profileId}/mappings", "", ""};
  using In = MappingIn;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit(const Request& request);
};

}  // namespace sluice::rolesanywhere
