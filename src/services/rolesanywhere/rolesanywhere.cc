// SPDX-License-Identifier: Apache-2.0
#include "services/rolesanywhere/rolesanywhere.h"

#include "services/rolesanywhere/create_session.h"
#include "services/rolesanywhere/crls.h"
#include "services/rolesanywhere/mappings.h"
#include "services/rolesanywhere/profiles.h"
#include "services/rolesanywhere/trust_anchors.h"

namespace sluice::rolesanywhere {
namespace {
constexpr auto rows =
    table<CreateSession, CreateTrustAnchor, GetTrustAnchor, ListTrustAnchors, UpdateTrustAnchor,
          EnableTrustAnchor, DisableTrustAnchor, DeleteTrustAnchor, CreateProfile, GetProfile,
          ListProfiles, UpdateProfile, PutAttributeMapping, DeleteAttributeMapping, EnableProfile,
          DisableProfile, DeleteProfile, ImportCrl, GetCrl, ListCrls, UpdateCrl, EnableCrl,
          DisableCrl, DeleteCrl>();
}  // namespace

const Service service{
    "rolesanywhere", "rolesanywhere.amazonaws.com", Protocol::rest_json, "", "", rows, ""};

}  // namespace sluice::rolesanywhere
