// SPDX-License-Identifier: Apache-2.0
#include "services/rolesanywhere/profiles.h"

#include "base/random.h"
#include "request/role_session.h"

namespace sluice::rolesanywhere {
namespace {
Result<std::optional<std::vector<std::string>>> arns_of(const Fields& fields, const char* list,
                                                        size_t max, std::string_view type) {
  if (!fields.find(list)) return std::optional<std::vector<std::string>>();
  TRY(auto arns, fields.texts(list));
  if (arns.size() > max)
    return invalid(std::string(list) + " has at most " + std::to_string(max) + " ARNs.");
  for (const std::string& one : arns) {
    const auto arn = parse_arn(one);
    if (one.size() > 2048 || !arn || arn->service != "iam" || !arn->resource.starts_with(type))
      return invalid(one.substr(0, 200) + " is no ARN for " + list + ".");
  }
  return std::optional(std::move(arns));
}

Result<ProfileIn> read_profile(const Request& request) {
  TRY(const json::object body, body_of(request));
  const Fields fields(body);
  if (fields.find("tags")) return invalid("tags are not implemented by Sluice.");
  ProfileIn in;
  if (fields.find("name")) {
    TRY(in.name, name_of(fields));
  }
  TRY(in.roles, arns_of(fields, "roleArns", kProfileRolesMax, "role/"));
  TRY(in.managed_policies, arns_of(fields, "managedPolicyArns", kSessionPolicyArnsMax, "policy/"));
  TRY(in.session_policy, fields.text("sessionPolicy"));
  if (in.session_policy)
    if (const auto checked = check_session_policy(*in.session_policy); !checked)
      return invalid("sessionPolicy: " + checked.error().message);
  TRY(in.duration_s, fields.integer("durationSeconds"));
  if (in.duration_s &&
      (*in.duration_s < kProfileDurationMinS || *in.duration_s > kProfileDurationMaxS))
    return invalid("durationSeconds is a number from 900 to 43200.");
  TRY(in.accepts_session_name, fields.boolean("acceptRoleSessionName"));
  TRY(const auto properties, fields.boolean("requireInstanceProperties"));
  if (properties.value_or(false))
    return invalid("requireInstanceProperties is not implemented by Sluice.");
  TRY(in.enabled, fields.boolean("enabled"));
  return in;
}

void change(Profile& profile, const ProfileIn& in, Time now) {
  profile.name = in.name.value_or(profile.name);
  profile.roles = in.roles.value_or(profile.roles);
  profile.managed_policies = in.managed_policies.value_or(profile.managed_policies);
  profile.session_policy = in.session_policy.value_or(profile.session_policy);
  profile.duration_s = in.duration_s.value_or(profile.duration_s);
  profile.accepts_session_name = in.accepts_session_name.value_or(profile.accepts_session_name);
  profile.updated = now;
}
}  // namespace

std::vector<Need> profile_needs(std::string_view action, const std::string& resource,
                                const ProfileIn& in) {
  const bool listed = resource != "*";
  std::vector<Need> needs{{std::string(action),
                           resource,
                           {},
                           {},
                           listed ? std::string(kWords<Profile>.type) : std::string()}};
  if (in.roles)
    for (const std::string& role : *in.roles)
      needs.push_back({"iam:PassRole",
                       role,
                       {{"iam:passedtoservice", {"rolesanywhere.amazonaws.com"}}},
                       {},
                       ""});
  return needs;
}

Result<ProfileIn> CreateProfile::parse(const Request& request) {
  TRY(auto in, read_profile(request));
  if (!in.name) return invalid("name must not be null.");
  if (!in.roles) return invalid("roleArns must not be null.");
  return in;
}
Result<Shown> CreateProfile::run(const Authorized<In>& in, Staged& staged) {
  CHECK(check_room<Profile>(staged.snapshot()));
  Profile profile{.id = random_uuid(),
                  .enabled = in->enabled.value_or(false),
                  .created = in.time(),
                  .created_by = in.caller().principal().arn};
  change(profile, *in, in.time());
  staged.put(key_of<Profile>(profile.id), profile);
  return answer(profile, staged.snapshot().scope(), 201);
}

Result<ProfileIn> UpdateProfile::parse(const Request& request) {
  TRY(const ById one, (OnOne<UpdateProfile, Profile>::parse(request)));
  TRY(auto in, read_profile(request));
  in.id = one.id;
  return in;
}
Result<Shown> UpdateProfile::run(const Authorized<In>& in, Staged& staged) {
  auto profile = staged.get(key_of<Profile>(in->id));
  if (!profile) return not_found<Profile>();
  change(*profile, *in, in.time());
  staged.put(key_of<Profile>(in->id), *profile);
  return answer(*profile, staged.snapshot().scope());
}

}  // namespace sluice::rolesanywhere
