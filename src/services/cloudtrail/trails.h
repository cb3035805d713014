// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trails and their tags. Errors of all: TrailNotFoundException, InvalidTrailNameException,
// CloudTrailARNInvalidException.
#include "request/audit.h"
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

// CreateTrail, UpdateTrail.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html In: Name
// (3-128 of A-Za-z0-9._-), S3BucketName, S3KeyPrefix (200), CloudWatchLogsLogGroupArn with
// CloudWatchLogsRoleArn, KmsKeyId, flags, TagsList (50). Needs: the operation on the trail,
// iam:PassRole on the role. Does not start logging. At most 5 trails. Errors:
// TrailAlreadyExistsException, MaximumNumberOfTrailsExceededException,
// S3BucketDoesNotExistException, InsufficientS3BucketPolicyException, KmsKeyNotFoundException,
// KmsKeyDisabledException, InsufficientEncryptionPolicyException,
// InvalidCloudWatchLogsLogGroupArnException, InvalidCloudWatchLogsRoleArnException. Differs:
// SnsTopicName and organization trails are refused; one Region, so a multi-Region trail is like any
// other.
struct CreateTrail : OnTrail<CreateTrail> {
  static constexpr std::string_view name = "CreateTrail", action = "cloudtrail:CreateTrail",
                                    member = "Name";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit_result(const Out& out) { return camel_case(out); }
};
// Members that are sent replace; an empty text takes prefix, log group, role or key away.
struct UpdateTrail : OnTrail<UpdateTrail> {
  static constexpr std::string_view name = "UpdateTrail", action = "cloudtrail:UpdateTrail",
                                    member = "Name";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit_result(const Out& out) { return camel_case(out); }
};
// What was recorded before is still delivered, and a last digest with it. The bucket's files stay.
struct DeleteTrail : OnTrail<DeleteTrail> {
  static constexpr std::string_view name = "DeleteTrail", action = "cloudtrail:DeleteTrail",
                                    member = "Name";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct GetTrail : OnTrail<GetTrail> {
  static constexpr std::string_view name = "GetTrail", action = "cloudtrail:GetTrail",
                                    member = "Name";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
// Trails that do not exist are left out.
struct DescribeTrails : OnAccount<DescribeTrails> {
  static constexpr std::string_view name = "DescribeTrails", action = "cloudtrail:DescribeTrails";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct ListTrails : OnAccount<ListTrails> {
  static constexpr std::string_view name = "ListTrails", action = "cloudtrail:ListTrails";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct GetTrailStatus : OnTrail<GetTrailStatus> {
  static constexpr std::string_view name = "GetTrailStatus", action = "cloudtrail:GetTrailStatus",
                                    member = "Name";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
// From its own record on. Starting what is started changes nothing.
struct StartLogging : OnTrail<StartLogging> {
  static constexpr std::string_view name = "StartLogging", action = "cloudtrail:StartLogging",
                                    member = "Name";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// Up to and with its own record; the files and a last digest follow at once.
struct StopLogging : OnTrail<StopLogging> {
  static constexpr std::string_view name = "StopLogging", action = "cloudtrail:StopLogging",
                                    member = "Name";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// Tags: 50 a trail, keys of 128 and values of 256 characters. Errors: TagsLimitExceededException,
// InvalidTagParameterException.
struct AddTags : OnTrail<AddTags> {
  static constexpr std::string_view name = "AddTags", action = "cloudtrail:AddTags",
                                    member = "ResourceId";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct RemoveTags : OnTrail<RemoveTags> {
  static constexpr std::string_view name = "RemoveTags", action = "cloudtrail:RemoveTags",
                                    member = "ResourceId";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct ListTags {
  static constexpr std::string_view name = "ListTags", action = "cloudtrail:ListTags";
  struct In {
    std::vector<std::string> names;
  };
  using Out = json::object;
  static json::value audit(const Request& request) { return shown_body(request); }
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_json(out); }
};

}  // namespace sluice::cloudtrail
