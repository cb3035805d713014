// SPDX-License-Identifier: Apache-2.0
#include "request/role_session.h"

#include "base/bytes.h"
#include "policy/policy_text.h"
#include "request/tag_text.h"

namespace sluice {
namespace {
constexpr size_t kTagKeyMax = 128, kTagValueMax = 256;
constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-";

Error invalid(std::string text) { return {400, "ValidationError", std::move(text), {}}; }
Error bad_value(std::string text) { return {400, "InvalidParameterValue", std::move(text), {}}; }

Error not_allowed(const std::string& role_arn) {
  return {403, "AccessDenied", "The role " + role_arn + " does not exist any more.", {}};
}

// The texts of the session's policies, each as it is now.
Result<Done> add_policies(const Assume& in, const Ports& ports, const Snapshot& snapshot,
                          SessionMarks& marks) {
  size_t size = characters_in(in.policy);
  if (!in.policy.empty()) marks.policies.emplace_back("session policy", in.policy);
  for (const std::string& arn : in.policy_arns) {
    const auto stored = ports.identities->managed_policy(arn, snapshot);
    if (stored.empty()) return invalid("The policy " + arn + " of PolicyArns does not exist.");
    size += characters_in(stored.text());
    marks.policies.emplace_back(arn, stored);
  }
  if (size > kSessionPolicyCharsMax)
    return Error{400,
                 "PackedPolicyTooLarge",
                 "The session policies have " + std::to_string(size) +
                     " characters together; 2048 are allowed.",
                 {}};
  return Done{};
}
}  // namespace

Result<Done> check_session_name(const std::string& text, const std::string& member) {
  const std::string failed = "1 validation error detected: Value '" + text.substr(0, 100) +
                             "' at '" + member + "' failed to satisfy constraint: Member must ";
  if (text.size() < 2) return invalid(failed + "have length greater than or equal to 2");
  if (text.size() > 64) return invalid(failed + "have length less than or equal to 64");
  if (text.find_first_not_of(kNameCharacters) != text.npos)
    return invalid(failed + "satisfy regular expression pattern: [\\w+=,.@-]*");
  return Done{};
}

Result<Done> check_session_policy(const std::string& text) {
  if (text.empty() || characters_in(text) > kSessionPolicyCharsMax)
    return invalid(
        "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member "
        "must have length between 1 and 2048");
  if (!policy::is_policy_text(text))
    return Error{400, "MalformedPolicyDocument", "The policy has characters past U+00FF.", {}};
  CHECK(policy::parse(text, policy::Kind::identity));
  return Done{};
}

bool is_tag(std::string_view key, std::string_view value) {
  return is_tag_text(key, 1, kTagKeyMax) && is_tag_text(value, 0, kTagValueMax);
}

Result<Done> add_tag(Assume& in, const std::string& key, const std::string& value) {
  if (!is_tag_text(key, 1, kTagKeyMax))
    return invalid(
        "The key of a session tag has 1 to 128 letters, digits, blanks and characters of "
        "_.:/=+-@");
  if (!is_tag_text(value, 0, kTagValueMax))
    return invalid(
        "The value of a session tag has up to 256 letters, digits, blanks and characters of "
        "_.:/=+-@");
  if (lower(key).starts_with("aws:"))
    return bad_value("The tag key " + key + " begins with aws:, which is reserved.");
  for (const auto& [known, other] : in.tags)
    if (equals_ignore_case(known, key))
      return bad_value("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  if (in.tags.size() == kSessionTagsMax)
    return invalid(
        "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must "
        "have length less than or equal to 50");
  in.tags[key] = value;
  return Done{};
}

Result<Done> check_transitive(const Assume& in) {
  for (const std::string& key : in.transitive) {
    bool found = false;
    for (const auto& [known, value] : in.tags) found = found || equals_ignore_case(known, key);
    if (!found)
      return bad_value("The specified transitive tag key must be included in the requested tags.");
  }
  return Done{};
}

std::vector<Need> assume_needs(std::string_view action, const Assume& in, const Snapshot& snapshot,
                               const Ports& ports, const policy::Context& more) {
  const policy::Attached trusts_nobody{
      policy::Kind::trust, in.role_arn,
      std::make_shared<policy::Document>(policy::Document{policy::Kind::trust, false, {}})};
  const auto role = ports.identities->role(in.role_name, snapshot);
  Need need{std::string(action), in.role_arn, more,
            role && role->arn == in.role_arn ? role->trust_policy.on(in.role_arn)
                                             : std::vector{trusts_nobody},
            "AWS::IAM::Role"};
  if (role)
    for (const auto& [key, value] : role->tags)
      for (const char* prefix : {"aws:resourcetag/", "iam:resourcetag/"})
        need.context[prefix + lower(key)] = {value};
  need.context["sts:rolesessionname"] = {in.session_name};
  if (!in.source_identity.empty()) need.context["sts:sourceidentity"] = {in.source_identity};
  std::vector<std::string> keys;
  for (const auto& [key, value] : in.tags) {
    need.context["aws:requesttag/" + lower(key)] = {value};
    keys.push_back(key);
  }
  if (!keys.empty()) need.context["aws:tagkeys"] = keys;
  if (!in.transitive.empty()) need.context["sts:transitivetagkeys"] = in.transitive;
  std::vector<Need> needs{need};
  if (!in.tags.empty()) {
    need.action = "sts:TagSession";
    needs.push_back(need);
  }
  if (!in.source_identity.empty()) {
    need.action = "sts:SetSourceIdentity";
    needs.push_back(need);
  }
  return needs;
}

Result<Assumed> assume(const Assume& in, SessionMarks marks, const Ports& ports,
                       const Snapshot& snapshot) {
  const auto role = ports.identities->role(in.role_name, snapshot);
  if (!role) return not_allowed(in.role_arn);
  if (in.duration_s > role->max_session_s)
    return invalid(
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  marks.tags.insert(in.tags.begin(), in.tags.end());
  marks.transitive.insert(marks.transitive.end(), in.transitive.begin(), in.transitive.end());
  if (!in.source_identity.empty()) marks.source_identity = in.source_identity;
  CHECK(add_policies(in, ports, snapshot, marks));
  TRY(const int64_t percent, packed_size(marks));
  const bool packed = !marks.policies.empty() || !marks.tags.empty();
  Session session =
      ports.sessions->mint(role->arn, role->id, in.session_name, in.duration_s, std::move(marks));
  std::string arn = session.arn(snapshot.scope());
  return Assumed{std::move(session), std::move(arn), packed ? percent : 0};
}

}  // namespace sluice
