// SPDX-License-Identifier: Apache-2.0
#include "services/sts/sts.h"

#include "base/bytes.h"
#include "base/xml.h"
#include "request/audit.h"
#include "services/sts/devices.h"
#include "services/sts/web_identity.h"

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
// RoleSessionName 2-64 of [\w+=,.@-]; DurationSeconds 900 to the role's maximum; Policy and
// PolicyArns, of 2048 characters together; up to 50 Tags; TransitiveTagKeys; SourceIdentity;
// ExternalId. Needs: sts:AssumeRole by the role's trust policy; with tags sts:TagSession, with a
// source identity sts:SetSourceIdentity, also for those that the caller's session hands on. Errors:
// AccessDenied (also for a role that does not exist), ValidationError, InvalidParameterValue,
// MalformedPolicyDocument, PackedPolicyTooLarge. Differs: no SerialNumber and no ProvidedContexts;
// every caller already holds a role's session, so the one-hour limit of role chaining holds for all
// but the operator.
struct AssumeRole {
  static constexpr std::string_view name = "AssumeRole", action = "sts:AssumeRole";
  static constexpr bool read_only = true;
  struct In {
    Assume assume;
    std::string external_id;
  };
  using Out = Assumed;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot,
                                         const Ports& ports) {
    policy::Context more;
    if (!in.external_id.empty()) more["sts:externalid"] = {in.external_id};
    return assume_needs(action, in.assume, snapshot, ports, more);
  }
  static Result<Out> run(const Authorized<In>& in,
                         Staged& staged);  // stages nothing; so its answer is recorded
  static Response render(const Out& out) {
    XmlWriter xml{XmlWriter::Fragment{}};
    write_assumed(xml, out);
    return {200, {}, xml.take(), nullptr, 0};
  }
  static json::value audit(const Request& request) { return shown_assume(request); }
  static json::value audit_result(const Out& out) { return shown_assumed(out); }
};

Result<AssumeRole::In> AssumeRole::parse(const Request& request) {
  In in;
  TRY(in.assume, read_assume(request));
  CHECK(read_marks(request, in.assume));
  in.external_id = request.query_text("ExternalId");
  if (request.query_value("ExternalId") &&
      (in.external_id.size() < 2 || in.external_id.size() > 1224 ||
       in.external_id.find_first_not_of(
           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@:/-") !=
           std::string::npos))
    return Error{
        400,
        "ValidationError",
        "1 validation error detected: Value at 'externalId' failed to satisfy constraint: Member "
        "must have 2 to 1224 characters of [\\w+=,.@:\\/-]",
        {}};
  // What narrows or marks a session and is not built is refused, never left out.
  for (const auto& [field, value] : request.query)
    if (field.starts_with("ProvidedContexts") || field == "SerialNumber" || field == "TokenCode")
      return Error{400, "ValidationError", field + " is not implemented by Sluice yet.", {}};
  return in;
}

// What the caller's session hands on to the one that is taken with it: its transitive tags and its
// source identity, which nobody further down can replace. The trust policy must allow both.
Result<SessionMarks> inherited(const Authorized<AssumeRole::In>& in, const Snapshot& snapshot) {
  SessionMarks marks;
  const SessionMarks* own = in.caller().marks();
  if (!own) return marks;
  AssumeRole::In asking = *in;
  Assume& asked = asking.assume;
  for (const std::string& key : own->transitive) {
    const std::string* known = own->tag_key(key);
    if (!known) continue;
    for (const auto& [tag, value] : asked.tags)
      if (equals_ignore_case(tag, key))
        return Error{400,
                     "InvalidParameterValue",
                     "One of the specified transitive tag keys can't be set because it conflicts "
                     "with a transitive tag key from the calling session.",
                     {}};
    marks.tags[*known] = own->tags.at(*known);
    marks.transitive.push_back(*known);
  }
  marks.source_identity = own->source_identity;
  if (!asked.source_identity.empty() && !own->source_identity.empty() &&
      asked.source_identity != own->source_identity)
    return Error{403,
                 "AccessDenied",
                 "The source identity of a session cannot be changed by the sessions that are "
                 "taken with it.",
                 {}};
  const bool identity = asked.source_identity.empty() && !marks.source_identity.empty();
  asked.tags.insert(marks.tags.begin(), marks.tags.end());
  asked.transitive.insert(asked.transitive.end(), marks.transitive.begin(), marks.transitive.end());
  if (identity) asked.source_identity = marks.source_identity;
  if (!marks.tags.empty() || identity) {
    TRY(const auto needs, AssumeRole::needs(asking, snapshot, in.ports()));
    CHECK(in.ask(needs, snapshot));
  }
  return marks;
}

Result<Assumed> AssumeRole::run(const Authorized<In>& in, Staged& staged) {
  const Snapshot& snapshot = staged.snapshot();
  TRY(SessionMarks marks, inherited(in, snapshot));
  const policy::Principal& caller = in.caller().principal();
  const bool chained = caller.type == policy::Principal::Type::assumed_role &&
                       caller.role_arn != operator_arn(snapshot.scope());
  if (chained && in->assume.duration_s > kChainedMaxS)
    return Error{400,
                 "ValidationError",
                 "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
                 "by role chaining",
                 {}};
  return assume(in->assume, std::move(marks), in.ports(), snapshot);
}

// GetSessionToken, GetFederationToken: for the long-lived keys of users, which Sluice does not
// have. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html In: nothing
// that counts. Needs: a valid session. Errors: AccessDenied, as AWS answers whoever holds a
// session.
template <class Name>
struct ForUsers {
  static constexpr std::string_view name = Name::name, action = Name::action;
  static constexpr bool refuses = true, read_only = true;
  struct In {};
  struct Out {};
  static json::value audit(const Request& request) {
    return shown_fields(request, {"DurationSeconds", "Name"});
  }
  static Result<In> parse(const Request&) { return In{}; }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{no_need()};
  }
  static Result<Out> run(const Authorized<In>&, Staged&) {
    return Error{
        403, "AccessDenied", "Cannot call " + std::string(name) + " with session credentials", {}};
  }
  static Response render(const Out&) { return {}; }
};
struct GetSessionTokenName {
  static constexpr std::string_view name = "GetSessionToken", action = "sts:GetSessionToken";
};
struct GetFederationTokenName {
  static constexpr std::string_view name = "GetFederationToken", action = "sts:GetFederationToken";
};
using GetSessionToken = ForUsers<GetSessionTokenName>;
using GetFederationToken = ForUsers<GetFederationTokenName>;

// DecodeAuthorizationMessage: what an encoded message of a denial says.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html In:
// EncodedMessage 1-10240. Needs: sts:DecodeAuthorizationMessage. Errors:
// InvalidAuthorizationMessageException, always: no error here carries such a message.
struct DecodeAuthorizationMessage {
  static constexpr std::string_view name = "DecodeAuthorizationMessage",
                                    action = "sts:DecodeAuthorizationMessage";
  static constexpr bool refuses = true, read_only = true;
  struct In {};
  struct Out {};
  static json::value audit(const Request& request) {
    return shown_fields(request, {"EncodedMessage"});
  }
  static Result<In> parse(const Request&) { return In{}; }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>&, Staged&) {
    return Error{400,
                 "InvalidAuthorizationMessageException",
                 "No error of Sluice carries an encoded message: why a call was denied stands in "
                 "the error's text, and in its audit record as determiningStatements.",
                 {}};
  }
  static Response render(const Out&) { return {}; }
};

// What the sessions have in common that are asked for at a Unix socket.
constexpr int64_t kSocketDurationMaxS = 3600;
Result<int64_t> socket_duration(const Request& request) {
  const auto duration = parse_int(request.query_text("DurationSeconds"));
  if (!duration || *duration < kDurationMinS || *duration > kSocketDurationMaxS)
    return Error{400, "ValidationError", "the duration of a session is 900 to 3600 seconds", {}};
  return *duration;
}
std::string socket_session_name(const Request& request) {
  return "uid-" + std::to_string(request.unix_uid);
}
// In the form that credential_process reads.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
Response process_credentials(const Session& session) {
  const json::object shown{{"Version", 1},
                           {"AccessKeyId", session.access_key_id},
                           {"SecretAccessKey", session.secret_access_key.expose()},
                           {"SessionToken", session.token},
                           {"Expiration", iso_seconds(session.expires)}};
  return {200, {}, json::serialize(shown), nullptr, 0};
}

// OperatorSession: a session of sluice-operator for the owner of the server's process. It is
// Sluice's own, asked for at the Unix socket alone, and recorded as the AssumeRole that it is. In:
// DurationSeconds 900 to 3600. Needs: to be the user whom the kernel names as the server's. Errors:
// ValidationError; InternalFailure.
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
    TRY(const int64_t duration_s, socket_duration(request));
    return In{socket_session_name(request), duration_s};
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
    return Out{std::move(session), std::move(arn), 0};
  }
  static Response render(const Out& out) { return process_credentials(out.session); }
  static json::value audit(const In& in, const Snapshot& snapshot) {
    return json::object{{"roleArn", operator_arn(snapshot.scope())},
                        {"roleSessionName", in.session_name},
                        {"durationSeconds", in.duration_s}};
  }
  static json::value audit_result(const Out& out) { return AssumeRole::audit_result(out); }
};

// UserSession: a session of the role that the owner has given to another user of his machine
// (sluice serve --user), asked for at a Unix socket and recorded as the AssumeRole that it is. In:
// DurationSeconds 900 to 3600. Needs: to be a user whom the kernel names and the owner lets in;
// sts:AssumeRole by the role's trust policy, which must trust the account. Errors: AccessDenied
// (also for a role that does not exist), ValidationError.
struct UserSession {
  static constexpr std::string_view name = "AssumeRole", action = "sts:AssumeRole";
  static constexpr Match match{"POST", "/user-session", "", ""};
  static constexpr Proof proofs[] = {Proof::local_user};
  static constexpr bool read_only = true;
  using In = Assume;
  using Out = Assumed;
  static Result<In> parse(const Request& request) {
    In in;
    in.role_name = request.local_role;
    in.session_name = socket_session_name(request);
    TRY(in.duration_s, socket_duration(request));
    return in;
  }
  static Assume of_role(Assume in, const Snapshot& snapshot, const Ports& ports) {
    const auto role = ports.identities->role(in.role_name, snapshot);
    in.role_arn = role ? role->arn : iam_arn(snapshot.scope(), "role/" + in.role_name);
    return in;
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot,
                                         const Ports& ports) {
    return assume_needs(action, of_role(in, snapshot, ports), snapshot, ports);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged) {
    return assume(of_role(*in, staged.snapshot(), in.ports()), {}, in.ports(), staged.snapshot());
  }
  static Response render(const Out& out) { return process_credentials(out.session); }
  static json::value audit(const In& in) {
    return json::object{{"roleName", in.role_name},
                        {"roleSessionName", in.session_name},
                        {"durationSeconds", in.duration_s}};
  }
  static json::value audit_result(const Out& out) { return AssumeRole::audit_result(out); }
};

constexpr auto rows = table<GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity,
                            GetSessionToken, GetFederationToken, DecodeAuthorizationMessage>();
constexpr auto operator_rows = table<OperatorSession, UserSession, RegisterOidcKeys,
                                     IssueDeviceCertificate, RevokeDeviceCertificate>();
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
