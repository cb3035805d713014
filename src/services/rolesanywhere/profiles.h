// SPDX-License-Identifier: Apache-2.0
#pragma once
// Profiles: which roles a certificate may get sessions of, for how long, and within which policies.
// Source: IAM Roles Anywhere API Reference.
//
//   constexpr auto rows = table<CreateProfile, GetProfile>();   // rolesanywhere.cc
#include "services/rolesanywhere/resource.h"

namespace sluice::rolesanywhere {

constexpr size_t kProfileRolesMax = 50;
constexpr int64_t kProfileDurationMinS = 900, kProfileDurationMaxS = 43200;

struct ProfileIn {
  std::string id;
  std::optional<std::string> name, session_policy;
  std::optional<std::vector<std::string>> roles, managed_policies;
  std::optional<int64_t> duration_s;
  std::optional<bool> accepts_session_name, enabled;
};
// The profile, and iam:PassRole for each role that it is given.
std::vector<Need> profile_needs(std::string_view action, const std::string& resource,
                                const ProfileIn& in);
struct CreateProfile : OnOne<CreateProfile, Profile> {
  static constexpr std::string_view name = "CreateProfile", action = "rolesanywhere:CreateProfile";
  static constexpr Match match{"POST", "/profiles", "", ""};
  using In = ProfileIn;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot&) {
    return profile_needs(action, "*", in);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UpdateProfile : OnOne<UpdateProfile, Profile> {
  static constexpr std::string_view name = "UpdateProfile", action = "rolesanywhere:UpdateProfile";
  static constexpr Match match{"PATCH", "/profile/{profileId}", "", ""};
  using In = ProfileIn;  // nullopt: stays as it is
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return profile_needs(action, arn_of<Profile>(s.scope(), in.id), in);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct GetProfile : GetOne<GetProfile, Profile> {
  static constexpr std::string_view name = "GetProfile", action = "rolesanywhere:GetProfile";
  static constexpr Match match{"GET", "/profile/{profileId}", "", ""};
};
struct ListProfiles : ListAll<ListProfiles, Profile> {
  static constexpr std::string_view name = "ListProfiles", action = "rolesanywhere:ListProfiles";
  static constexpr Match match{"GET", "/profiles", "", ""};
};
struct DeleteProfile : DeleteOne<DeleteProfile, Profile> {
  static constexpr std::string_view name = "DeleteProfile", action = "rolesanywhere:DeleteProfile";
  static constexpr Match match{"DELETE", "/profile/{profileId}", "", ""};
};
struct EnableProfile : Switch<EnableProfile, Profile, true> {
  static constexpr std::string_view name = "EnableProfile", action = "rolesanywhere:EnableProfile";
  static constexpr Match match{"POST", "/profile/{profileId}/enable", "", ""};
};
struct DisableProfile : Switch<DisableProfile, Profile, false> {
  static constexpr std::string_view name = "DisableProfile",
                                    action = "rolesanywhere:DisableProfile";
  static constexpr Match match{"POST", "/profile/{profileId}/disable", "", ""};
};

}  // namespace sluice::rolesanywhere
