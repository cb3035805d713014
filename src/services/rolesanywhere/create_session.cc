// SPDX-License-Identifier: Apache-2.0
#include "services/rolesanywhere/create_session.h"

#include <algorithm>

#include "base/bytes.h"
#include "services/rolesanywhere/profiles.h"

namespace sluice::rolesanywhere {
namespace {
Error refused(std::string text) { return {403, "AccessDeniedException", std::move(text), {}}; }

// STS's errors as this service says them.
Error in_own_words(Error error) {
  if (error.code == "ValidationError" || error.code == "InvalidParameterValue" ||
      error.code == "PackedPolicyTooLarge")
    error.code = "ValidationException";
  return error;
}

// What the certificate and the profile make of the call. The subject's name becomes the source
// identity where it can be one.
Result<Assume> assumption(const CreateSession::In& in, const Snapshot& snapshot) {
  const auto profile =
      snapshot.get(key_of<Profile>(id_in(in.profile_arn, kWords<Profile>.arn, snapshot.scope())));
  if (!profile) return not_found<Profile>();
  if (!profile->enabled) return refused("The profile is disabled.");
  if (std::find(profile->roles.begin(), profile->roles.end(), in.role_arn) == profile->roles.end())
    return refused("The role is not one of the profile's.");
  if (!in.session_name.empty() && !profile->accepts_session_name)
    return refused("The profile does not accept a roleSessionName.");
  Assume out;
  out.role_arn = in.role_arn;
  out.role_name = in.role_arn.substr(in.role_arn.rfind('/') + 1);
  out.session_name = in.session_name.empty() ? in.certificate->serial : in.session_name;
  out.duration_s = std::min(in.duration_s.value_or(profile->duration_s), profile->duration_s);
  out.policy = profile->session_policy;
  out.policy_arns = profile->managed_policies;
  out.tags = in.certificate->tags;
  const auto named = out.tags.find("x509Subject/CN");
  out.source_identity =
      named != out.tags.end() && check_session_name(named->second, "sourceIdentity")
          ? named->second
          : in.certificate->serial;
  return out;
}
}  // namespace

Result<CreateSession::In> CreateSession::parse(const Request& request) {
  TRY(const json::object body, body_of(request));
  const Fields fields(body);
  In in{
      request.query_text("profileArn"), request.query_text("roleArn"), {}, {}, request.certificate};
  if (!in.certificate) return refused("The request shows no certificate.");
  const auto role = parse_arn(in.role_arn);
  if (in.role_arn.size() > 2048 || !role || role->service != "iam" ||
      !role->resource.starts_with("role/"))
    return invalid("roleArn must be the ARN of a role.");
  TRY(in.duration_s, fields.integer("durationSeconds"));
  if (in.duration_s &&
      (*in.duration_s < kProfileDurationMinS || *in.duration_s > kProfileDurationMaxS))
    return invalid("durationSeconds is a number from 900 to 43200.");
  TRY(const auto named, fields.text("roleSessionName"));
  in.session_name = named.value_or("");
  if (!in.session_name.empty())
    if (auto checked = check_session_name(in.session_name, "roleSessionName"); !checked)
      return in_own_words(std::move(checked).error());
  return in;
}

Result<std::vector<Need>> CreateSession::needs(const In& in, const Snapshot& snapshot,
                                               const Ports& ports) {
  TRY(const Assume assumed, assumption(in, snapshot));
  return assume_needs("sts:AssumeRole", assumed, snapshot, ports);
}

Result<CreateSession::Out> CreateSession::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Assume asked, assumption(*in, staged.snapshot()));
  auto assumed = assume(asked, {}, in.ports(), staged.snapshot());
  if (!assumed) return in_own_words(std::move(assumed).error());
  return Out{*std::move(assumed), in->role_arn,
             make_arn(staged.snapshot().scope(), "rolesanywhere",
                      "subject/" + in->certificate->subject_id)};
}

Response CreateSession::render(const Out& out) {
  const Session& session = out.assumed.session;
  const json::object set{
      {"assumedRoleUser",
       json::object{{"arn", out.assumed.arn},
                    {"assumedRoleId", session.role_id + ":" + session.session_name}}},
      {"credentials", json::object{{"accessKeyId", session.access_key_id},
                                   {"secretAccessKey", session.secret_access_key.expose()},
                                   {"sessionToken", session.token},
                                   {"expiration", iso_seconds(session.expires)}}},
      {"packedPolicySize", out.assumed.packed_percent},
      {"roleArn", out.role_arn},
      {"sourceIdentity", session.marks.source_identity}};
  return {201,
          {},
          json::serialize(
              json::object{{"credentialSet", json::array{set}}, {"subjectArn", out.subject_arn}}),
          nullptr,
          0};
}

json::value CreateSession::audit(const Request& request) {
  json::object out;
  for (const char* shown : {"profileArn", "roleArn", "trustAnchorArn"})
    if (const std::string* value = request.query_value(shown)) out[shown] = *value;
  if (const auto body = parse_json_object(request.body))
    for (const char* shown : {"durationSeconds", "roleSessionName"})
      if (const json::value* value = body->if_contains(shown)) out[shown] = *value;
  return out;
}

json::value CreateSession::audit_result(const Out& out) {
  const Session& session = out.assumed.session;
  return json::object{
      {"credentialSet",
       json::array{json::object{
           {"assumedRoleUser",
            json::object{{"arn", out.assumed.arn},
                         {"assumedRoleId", session.role_id + ":" + session.session_name}}},
           {"credentials", json::object{{"accessKeyId", session.access_key_id},
                                        {"expiration", long_date(session.expires)}}},
           {"packedPolicySize", out.assumed.packed_percent},
           {"roleArn", out.role_arn},
           {"sourceIdentity", session.marks.source_identity}}}},
      {"subjectArn", out.subject_arn}};
}

}  // namespace sluice::rolesanywhere
