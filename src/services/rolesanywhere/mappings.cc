// SPDX-License-Identifier: Apache-2.0
#include "services/rolesanywhere/mappings.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::rolesanywhere {
namespace {
Result<Done> check(const MappingIn& in) {
  if (!default_mappings().contains(in.field))
    return invalid("certificateField must be x509Subject, x509Issuer or x509SAN.");
  if (in.specifiers.size() > kSpecifiersMax)
    return invalid("A certificate field has at most " + std::to_string(kSpecifiersMax) +
                   " mapping rules.");
  for (const std::string& one : in.specifiers)
    if (one.empty() || one.size() > kSpecifierMax ||
        one.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./*") != one.npos)
      return invalid(
          "A specifier is the name of a part of the field, as CN, DNS or Name/OU; * for every "
          "part.");
  return Done{};
}

Result<Profile> profile_of(const MappingIn& in, Staged& staged) {
  auto profile = staged.get(key_of<Profile>(in.id));
  if (!profile) return not_found<Profile>();
  return *std::move(profile);
}
}  // namespace

bool maps(const Profile& profile, const std::string& field, std::string_view part) {
  const auto rules = profile.mappings.find(field);
  if (rules == profile.mappings.end()) return false;
  return std::ranges::any_of(rules->second, [&](const std::string& one) {
    if (!one.ends_with('*')) return equals_ignore_case(one, part);
    const std::string_view begin = std::string_view(one).substr(0, one.size() - 1);
    return equals_ignore_case(part.substr(0, begin.size()), begin);
  });
}

Result<MappingIn> PutAttributeMapping::parse(const Request& request) {
  TRY(const ById one, (OnOne<PutAttributeMapping, Profile>::parse(request)));
  TRY(const json::object body, body_of(request));
  const Fields fields(body);
  TRY(const auto field, fields.text("certificateField"));
  TRY(const json::array* rules, fields.array("mappingRules"));
  In in{one.id, field.value_or(""), {}};
  if (!rules || rules->empty()) return invalid("mappingRules must have at least one rule.");
  for (const json::value& rule : *rules) {
    if (!rule.is_object()) return invalid("A mapping rule must have a specifier.");
    TRY(const auto specifier, Fields(rule.get_object()).text("specifier"));
    in.specifiers.push_back(specifier.value_or(""));
  }
  CHECK(check(in));
  return in;
}
Result<Shown> PutAttributeMapping::run(const Authorized<In>& in, Staged& staged) {
  TRY(Profile profile, profile_of(*in, staged));
  std::vector<std::string>& rules = profile.mappings[in->field];
  rules.clear();
  for (const std::string& one : in->specifiers)
    if (std::ranges::find(rules, one) == rules.end()) rules.push_back(one);
  profile.updated = in.time();
  staged.put(key_of<Profile>(in->id), profile);
  return answer(profile, staged.snapshot().scope());
}

Result<MappingIn> DeleteAttributeMapping::parse(const Request& request) {
  TRY(const ById one, (OnOne<DeleteAttributeMapping, Profile>::parse(request)));
  In in{one.id, request.query_text("certificateField"), {}};
  for (const auto& [parameter, value] : request.query)
    if (parameter == "specifiers") in.specifiers.push_back(value);
  CHECK(check(in));
  return in;
}
Result<Shown> DeleteAttributeMapping::run(const Authorized<In>& in, Staged& staged) {
  TRY(Profile profile, profile_of(*in, staged));
  const auto rules = profile.mappings.find(in->field);
  for (const std::string& one : in->specifiers)
    if (rules == profile.mappings.end() || std::erase(rules->second, one) == 0)
      return Error{404,
                   "ResourceNotFoundException",
                   "The profile has no mapping rule " + one + " of " + in->field + ".",
                   {}};
  if (rules != profile.mappings.end() && (in->specifiers.empty() || rules->second.empty()))
    profile.mappings.erase(rules);
  profile.updated = in.time();
  staged.put(key_of<Profile>(in->id), profile);
  return answer(profile, staged.snapshot().scope());
}
json::value DeleteAttributeMapping::audit(const Request& request) {
  json::object out{{"profileId", request.param("profileId")},
                   {"certificateField", request.query_text("certificateField")}};
  for (const auto& [parameter, value] : request.query)
    if (parameter == "specifiers") {
      if (!out.contains(parameter)) out[parameter] = json::array{};
      out[parameter].as_array().emplace_back(value);
    }
  return out;
}

}  // namespace sluice::rolesanywhere
