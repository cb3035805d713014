// SPDX-License-Identifier: Apache-2.0
#include "services/sts/sts.h"

#include "base/bytes.h"
#include "base/xml.h"
#include "request/audit.h"

namespace sluice::sts {
namespace {
std::string operator_arn(const Scope& scope) {
  return iam_arn(scope, "role/" + std::string(kOperatorRole));
}

// GetCallerIdentity: who am I.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html In: nothing.
// Needs: a valid session. Errors: none of its own. Differs: no.
struct GetCallerIdentity {
  static constexpr std::string_view name = "GetCallerIdentity", action = "sts:GetCallerIdentity";
  struct In {};
  struct Out {
    std::string arn, user_id, account;
  };
  static Result<In> parse(const Request&) { return In{}; }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{no_need()};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    return Out{in.caller().principal().arn, in.caller().user_id(), s.scope().account_id};
  }
  static Response render(const Out& out) {
    XmlWriter xml{XmlWriter::Fragment{}};
    xml.element("Arn", out.arn).element("UserId", out.user_id).element("Account", out.account);
    return {200, {}, xml.take(), nullptr, 0};
  }
};

// AssumeRole: a session of a role.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html In: RoleArn 20-2048;
// RoleSessionName 2-64 of [\w+=,.@-]; DurationSeconds 900 to the role's maximum. Needs:
// sts:AssumeRole by the role's trust policy. Errors: AccessDenied (also for a role that does not
// exist), ValidationError. Differs: no Policy, Tags, SerialNumber; every caller already holds a
// role's session, so the one-hour limit of role chaining holds for all but the operator.
struct AssumeRole {
  static constexpr std::string_view name = "AssumeRole", action = "sts:AssumeRole";
  static constexpr bool read_only = true;
  struct In {
    std::string role_arn, role_name, session_name, external_id;
    int64_t duration_s = kDurationDefaultS;
  };
  struct Out {
    Session session;
    std::string arn;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot,
                                         const Ports& ports);
  static Result<Out> run(const Authorized<In>& in,
                         Staged& staged);  // stages nothing; so its answer is recorded
  static Response render(const Out& out);
  static json::value audit(const Request& request) {
    return shown_fields(request, {"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"});
  }
  // AWS shows the session token too; a record that many can read is no place for it
  // (docs/differences.md).
  static json::value audit_result(const Out& out) {
    return json::object{
        {"credentials", json::object{{"accessKeyId", out.session.access_key_id},
                                     {"expiration", long_date(out.session.expires)}}},
        {"assumedRoleUser",
         json::object{{"assumedRoleId", out.session.role_id + ":" + out.session.session_name},
                      {"arn", out.arn}}}};
  }
};

Result<AssumeRole::In> AssumeRole::parse(const Request& request) {
  const auto invalid = [](std::string text) {
    return Error{400, "ValidationError", std::move(text), {}};
  };
  In in{request.query_text("RoleArn"),
        {},
        request.query_text("RoleSessionName"),
        request.query_text("ExternalId"),
        kDurationDefaultS};
  const auto arn = parse_arn(in.role_arn);
  if (!arn || arn->service != "iam" || !arn->resource.starts_with("role/"))
    return invalid(in.role_arn + " is invalid");
  in.role_name = arn->resource.substr(arn->resource.rfind('/') + 1);
  if (in.role_arn.size() < 20 || in.role_arn.size() > 2048)
    return invalid(
        "1 validation error detected: Value at 'roleArn' failed to satisfy constraint: Member must "
        "have length between 20 and 2048");
  if (in.session_name.size() < 2)
    return invalid("1 validation error detected: Value '" + in.session_name +
                   "' at 'roleSessionName' failed to satisfy constraint: Member must have length "
                   "greater than or equal to 2");
  if (in.session_name.size() > 64 ||
      in.session_name.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-") !=
          std::string::npos)
    return invalid("1 validation error detected: Value '" + in.session_name.substr(0, 100) +
                   "' at 'roleSessionName' failed to satisfy constraint: Member must satisfy "
                   "regular expression pattern: [\\w+=,.@-]*");
  if (const std::string* text = request.query_value("DurationSeconds")) {
    const auto value = parse_int(*text);
    if (!value || *value < kDurationMinS || *value > kDurationMaxS)
      return invalid(
          "1 validation error detected: Value '" + text->substr(0, 20) +
          "' at 'durationSeconds' failed to satisfy constraint: Member must have value " +
          (value && *value > kDurationMaxS ? "less than or equal to 43200"
                                           : "greater than or equal to 900"));
    in.duration_s = *value;
  }
  if (request.query_value("ExternalId") &&
      (in.external_id.size() < 2 || in.external_id.size() > 1224 ||
       in.external_id.find_first_not_of(
           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@:/-") !=
           std::string::npos))
    return invalid(
        "1 validation error detected: Value at 'externalId' failed to satisfy constraint: Member "
        "must have 2 to 1224 characters of [\\w+=,.@:\\/-]");
  // What narrows or marks a session and is not built is refused, never left out.
  for (const auto& [field, value] : request.query)
    if (field == "Policy" || field.starts_with("PolicyArns") || field.starts_with("Tags") ||
        field.starts_with("TransitiveTagKeys") || field.starts_with("ProvidedContexts") ||
        field == "SerialNumber" || field == "TokenCode" || field == "SourceIdentity")
      return invalid(field + " is not implemented by Sluice yet.");
  return in;
}
Result<std::vector<Need>> AssumeRole::needs(const In& in, const Snapshot& snapshot,
                                            const Ports& ports) {
  // A role that does not exist is denied in the same words as one that does not trust the caller.
  const policy::Attached trusts_nobody{
      policy::Kind::trust, in.role_arn,
      std::make_shared<policy::Document>(policy::Document{policy::Kind::trust, false, {}})};
  const auto role = ports.identities->role(in.role_name, snapshot);
  Need need{std::string(action),
            in.role_arn,
            {{"sts:rolesessionname", {in.session_name}}},
            role && role->arn == in.role_arn ? role->trust_policy.on(in.role_arn)
                                             : std::vector{trusts_nobody},
            "AWS::IAM::Role"};
  if (!in.external_id.empty()) need.context["sts:externalid"] = {in.external_id};
  return std::vector<Need>{std::move(need)};
}
Result<AssumeRole::Out> AssumeRole::run(const Authorized<In>& in, Staged& staged) {
  const Snapshot& snapshot = staged.snapshot();
  const auto role = in.ports().identities->role(in->role_name, snapshot);
  if (!role)
    return Error{403,
                 "AccessDenied",
                 "User: " + in.caller().principal().arn +
                     " is not authorized to perform: sts:AssumeRole on resource: " + in->role_arn,
                 {}};
  if (in->duration_s > role->max_session_s)
    return Error{400,
                 "ValidationError",
                 "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                 {}};
  const bool chained = in.caller().principal().role_arn != operator_arn(snapshot.scope());
  if (chained && in->duration_s > 3600)
    return Error{400,
                 "ValidationError",
                 "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
                 "by role chaining",
                 {}};
  Session session =
      in.ports().sessions->mint(role->arn, role->id, in->session_name, in->duration_s);
  std::string arn = session.arn(snapshot.scope());
  return Out{std::move(session), std::move(arn)};
}
Response AssumeRole::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Credentials")
      .element("AccessKeyId", out.session.access_key_id)
      .element("SecretAccessKey", out.session.secret_access_key.expose())
      .element("SessionToken", out.session.token)
      .element("Expiration", iso_seconds(out.session.expires))
      .close("Credentials");
  xml.open("AssumedRoleUser")
      .element("AssumedRoleId", out.session.role_id + ":" + out.session.session_name)
      .element("Arn", out.arn)
      .close("AssumedRoleUser");
  return {200, {}, xml.take(), nullptr, 0};
}

// OperatorSession: a session of sluice-operator for the owner of the server's process, in the form
// that the AWS CLI's credential_process reads. It is Sluice's own, asked for at the Unix socket
// alone, and recorded as the AssumeRole that it is. In: DurationSeconds 900 to 3600. Needs: to be
// the user whom the kernel names as the server's. Errors: ValidationError; InternalFailure.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
struct OperatorSession {
  static constexpr std::string_view name = "AssumeRole", action = "sts:AssumeRole";
  static constexpr Match match{"POST", "/session", "", ""};
  static constexpr Proof proofs[] = {Proof::unix_peer};
  static constexpr bool read_only = true;
  struct In {
    std::string session_name;
    int64_t duration_s;
  };
  using Out = AssumeRole::Out;
  static Result<In> parse(const Request& request) {
    const auto duration = parse_int(request.query_text("DurationSeconds"));
    if (!duration || *duration < kDurationMinS || *duration > kOperatorDurationMaxS)
      return Error{400, "ValidationError", "the duration of a session is 900 to 3600 seconds", {}};
    return In{"uid-" + std::to_string(request.unix_uid), *duration};
  }
  static Result<std::vector<Need>> needs(const In&, const Snapshot& snapshot) {
    Need need = no_need();
    need.resource = operator_arn(snapshot.scope());
    need.resource_type = "AWS::IAM::Role";
    return std::vector<Need>{std::move(need)};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged) {
    const auto role = in.ports().identities->role(kOperatorRole, staged.snapshot());
    if (!role) return Error{500, "InternalFailure", "The role sluice-operator is missing.", {}};
    Session session =
        in.ports().sessions->mint(role->arn, role->id, in->session_name, in->duration_s);
    std::string arn = session.arn(staged.snapshot().scope());
    return Out{std::move(session), std::move(arn)};
  }
  static Response render(const Out& out) {
    const Session& session = out.session;
    const json::object shown{{"Version", 1},
                             {"AccessKeyId", session.access_key_id},
                             {"SecretAccessKey", session.secret_access_key.expose()},
                             {"SessionToken", session.token},
                             {"Expiration", iso_seconds(session.expires)}};
    return {200, {}, json::serialize(shown), nullptr, 0};
  }
  static json::value audit(const In& in, const Snapshot& snapshot) {
    return json::object{{"roleArn", operator_arn(snapshot.scope())},
                        {"roleSessionName", in.session_name},
                        {"durationSeconds", in.duration_s}};
  }
  static json::value audit_result(const Out& out) { return AssumeRole::audit_result(out); }

 private:
  static constexpr int64_t kOperatorDurationMaxS = 3600;
};

constexpr auto rows = table<GetCallerIdentity, AssumeRole>();
constexpr auto operator_rows = table<OperatorSession>();
}  // namespace

const Service service{"sts",
                      "sts.amazonaws.com",
                      Protocol::query,
                      "2011-06-15",
                      "https://sts.amazonaws.com/doc/2011-06-15/",
                      rows,
                      ""};
const Service operator_service{
    "operator", "sts.amazonaws.com", Protocol::rest_json, "", "", operator_rows, ""};

}  // namespace sluice::sts
