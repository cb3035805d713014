// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/model.h"

#include <algorithm>

namespace sluice::cloudtrail {
namespace {
Error bad_name(std::string text) { return {400, "InvalidTrailNameException", std::move(text), {}}; }
bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// CloudTrail User Guide, "Naming requirements".
Result<Done> check_name(std::string_view name) {
  if (name.size() < kNameMin)
    return bad_name(
        "Trail name too short. Minimum allowed length: 3 characters. Specified name length: " +
        std::to_string(name.size()) + " characters.");
  if (name.size() > kNameMax)
    return bad_name(
        "Trail name too long. Maximum allowed length: 128 characters. Specified name length: " +
        std::to_string(name.size()) + " characters.");
  if (!is_letter_or_digit(name.front()) || !is_letter_or_digit(name.back()))
    return bad_name("Trail name must start and end with a letter or a number.");
  bool marked = false, letters = false;
  for (const char c : name) {
    const bool mark = c == '.' || c == '_' || c == '-';
    if (!mark && !is_letter_or_digit(c))
      return bad_name(
          "Trail name or ARN can have uppercase letters, lowercase letters, numbers, periods (.), "
          "hyphens (-), and underscores (_).");
    if (mark && marked)
      return bad_name("Trail name must not have adjacent periods, underscores or hyphens.");
    marked = mark;
    letters = letters || (c != '.' && (c < '0' || c > '9'));
  }
  if (!letters && split(name, '.').size() == 4)
    return bad_name("Trail name must not be an IP address.");
  return Done{};
}

Error bucket_error(const std::string& bucket, const Error& why) {
  if (why.code == "NoSuchBucket")
    return {400, "S3BucketDoesNotExistException", "S3 bucket " + bucket + " does not exist!", {}};
  return {400,
          "InsufficientS3BucketPolicyException",
          "Incorrect S3 bucket policy is detected for bucket: " + bucket,
          {}};
}

Result<Done> check_bucket(const Trail& trail, const Ports& ports, const Snapshot& snapshot,
                          const Request& request, const Caller& caller) {
  const std::string& bucket = trail.bucket;
  const auto policies = ports.buckets->policies(bucket, snapshot);
  if (!policies) return bucket_error(bucket, policies.error());
  const std::vector<Need> needs{
      {"s3:GetBucketAcl", s3_arn(bucket), {}, *policies, ""},
      {"s3:PutObject",
       s3_arn(bucket + "/" + logs_prefix(trail, snapshot.scope()) + "CloudTrail/check"),
       {{"s3:x-amz-acl", {"bucket-owner-full-control"}}},
       *policies,
       ""}};
  if (const auto allowed = Gate::authorize(needs, request, caller, ports, snapshot); !allowed)
    return bucket_error(bucket, allowed.error());
  return Done{};
}

Result<Done> check_key(const Trail& trail, const Ports& ports, const Snapshot& snapshot,
                       const Request& request, const Caller& caller) {
  const std::string& key = trail.kms_key;
  if (key.empty()) return Done{};
  const Error refused{
      400,
      "InsufficientEncryptionPolicyException",
      "Insufficient permissions to access S3 bucket " + trail.bucket + " or KMS key " + key + ".",
      {}};
  const auto view = ports.data_keys->find(key, snapshot);
  if (!view) return Error{400, "KmsKeyNotFoundException", "KMS key " + key + " is not found.", {}};
  if (view->state != "Enabled")
    return Error{400, "KmsKeyDisabledException", "KMS key " + key + " is not enabled.", {}};
  if (!view->encrypts)
    return Error{400,
                 "KmsException",
                 "KMS key " + key +
                     " is not a symmetric key for encryption, the only kind that "
                     "CloudTrail uses.",
                 {}};
  const std::string arn = trail_arn(snapshot.scope(), trail.name);
  const json::object context{
      {"aws:cloudtrail:arn", arn},
      {"aws:s3:arn",
       s3_arn(trail.bucket + "/" + logs_prefix(trail, snapshot.scope()) + "CloudTrail/check")}};
  TRY(const auto need,
      ports.data_keys->need("kms:GenerateDataKey", key, context,
                            "s3." + snapshot.scope().region + ".amazonaws.com", snapshot));
  if (!need || !Gate::authorize({*need}, request, caller, ports, snapshot))
    return refused;  // a key of AWS's has no policy that could name CloudTrail
  return Done{};
}

Result<Done> check_role(const Trail& trail, const Ports& ports, const Snapshot& snapshot,
                        const Request& request) {
  const std::string &group = trail.log_group, &role_arn = trail.role;
  if (group.empty() && role_arn.empty()) return Done{};
  const Scope& scope = snapshot.scope();
  const Error bad_group{400,
                        "InvalidCloudWatchLogsLogGroupArnException",
                        "CloudTrail cannot validate the specified log group ARN.",
                        {}};
  const Error bad_role{400,
                       "InvalidCloudWatchLogsRoleArnException",
                       "CloudTrail cannot validate the specified role ARN.",
                       {}};
  const auto arn = parse_arn(group);
  if (!arn || arn->service != "logs" || arn->region != scope.region ||
      arn->account_id != scope.account_id || !arn->resource.starts_with("log-group:"))
    return bad_group;
  const auto role = ports.identities->role(role_arn.substr(role_arn.rfind('/') + 1), snapshot);
  if (!role || role->arn != role_arn) return bad_role;
  std::string stream = arn->resource;
  if (stream.ends_with(":*")) stream.resize(stream.size() - 2);
  stream = make_arn(scope, "logs",
                    stream + ":log-stream:" + scope.account_id + "_CloudTrail_" + scope.region);
  const Caller caller =
      Gate::role_caller(ports.sessions->mint(role->arn, role->id, "CloudTrail", 900), scope);
  if (!Gate::authorize(
          {{"logs:CreateLogStream", stream, {}, {}, ""}, {"logs:PutLogEvents", stream, {}, {}, ""}},
          request, caller, ports, snapshot))
    return Error{400,
                 "InvalidCloudWatchLogsRoleArnException",
                 "Access denied. Check the permissions for your role.",
                 {}};
  return Done{};
}
}  // namespace

std::string trail_arn(const Scope& scope, std::string_view name) {
  return make_arn(scope, "cloudtrail", "trail/" + std::string(name));
}
std::string logs_prefix(const Trail& trail, const Scope& scope) {
  return (trail.prefix.empty() ? "" : trail.prefix + "/") + "AWSLogs/" + scope.account_id + "/";
}

Result<std::string> name_of(const std::string& text) {
  if (!text.starts_with("arn:")) {
    CHECK(check_name(text));
    return text;
  }
  const auto arn = parse_arn(text);
  if (!arn || arn->partition != "aws" || arn->service != "cloudtrail" ||
      arn->account_id.size() != 12 || !arn->resource.starts_with("trail/"))
    return Error{400,
                 "CloudTrailARNInvalidException",
                 "The ARN " + (is_utf8(text) ? text.substr(0, 256) : "") +
                     " is not that of a trail: arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME",
                 {}};
  const std::string name = arn->resource.substr(6);
  CHECK(check_name(name));
  return name;
}

Request own_request(std::string_view method, const std::string& target, Time time) {
  Request request;
  request.method = method;
  request.target = target;
  request.source_ip = kPrincipal;
  request.tls_version = "TLSv1.3";  // it never leaves the process
  request.headers.add("user-agent", std::string(kPrincipal));
  request.time = time;
  return request;
}

Result<Done> check_destination(const Trail& trail, const Ports& ports, const Snapshot& snapshot,
                               Time time) {
  const Request request = own_request("PUT", "/", time);
  const Caller caller =
      Gate::service_caller(kPrincipal, snapshot.scope(), trail_arn(snapshot.scope(), trail.name));
  CHECK(check_bucket(trail, ports, snapshot, request, caller));
  CHECK(check_key(trail, ports, snapshot, request, caller));
  return check_role(trail, ports, snapshot, request);
}

namespace {
template <class Source>
Result<Trail> find(Source& source, const Scope& scope, const OnTrailIn& in) {
  const std::string arn = trail_arn(scope, in.name);
  // An ARN of elsewhere names no trail of ours.
  if (in.arn.empty() || in.arn == arn)
    if (const auto found = source.get(trail_key(in.name))) return *found;
  return Error{
      400,
      "TrailNotFoundException",
      "Unknown trail: " + (in.arn.empty() ? arn : in.arn) + " for the user: " + scope.account_id,
      {}};
}
}  // namespace
Result<Trail> find_trail(const Snapshot& snapshot, const OnTrailIn& in) {
  return find(snapshot, snapshot.scope(), in);
}
Result<Trail> find_trail(Staged& staged, const OnTrailIn& in) {
  return find(staged, staged.snapshot().scope(), in);
}

Result<OnTrailIn> parse_on_trail(const Request& request, std::string_view member) {
  OnTrailIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const auto text, Fields(in.body).text(member));
  if (!text) return bad_name("Trail name cannot be blank!");
  TRY(in.name, name_of(*text));
  if (text->starts_with("arn:")) in.arn = *text;
  return in;
}

}  // namespace sluice::cloudtrail
