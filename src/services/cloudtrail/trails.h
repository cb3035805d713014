// SPDX-License-Identifier: Apache-2.0
#pragma once
// The operations on trails and their tags. All of them have the errors TrailNotFoundException,
// InvalidTrailNameException and CloudTrailARNInvalidException.
//
//   constexpr auto rows = table<CreateTrail, UpdateTrail, DeleteTrail>();   // cloudtrail.cc
#include "request/audit.h"
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

// CreateTrail:
//   https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
// A request has Name (3 to 128 of A-Za-z0-9._-), S3BucketName, S3KeyPrefix (200 characters),
// CloudWatchLogsLogGroupArn with CloudWatchLogsRoleArn, KmsKeyId, flags and TagsList (50 tags). It
// needs the operation on the trail, and iam:PassRole on the role. There may be 5 trails. A new
// trail does not log yet. Errors: TrailAlreadyExistsException,
// MaximumNumberOfTrailsExceededException, S3BucketDoesNotExistException,
// InsufficientS3BucketPolicyException, KmsKeyNotFoundException, KmsKeyDisabledException,
// InsufficientEncryptionPolicyException, InvalidCloudWatchLogsLogGroupArnException,
// InvalidCloudWatchLogsRoleArnException. It differs from AWS's: SnsTopicName and organization
// trails are refused; there is one Region, so that a multi-Region trail is like any other.
struct CreateTrail : OnTrail<CreateTrail> {
  static constexpr std::string_view name = "CreateTrail", action = "cloudtrail:CreateTrail",
                                    member = "Name";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit_result(const Out& out) { return camel_case(out); }
};
// UpdateTrail: as CreateTrail. What the request has replaces what was there; an empty text removes
// the prefix, the log group, the role or the key.
struct UpdateTrail : OnTrail<UpdateTrail> {
  static constexpr std::string_view name = "UpdateTrail", action = "cloudtrail:UpdateTrail",
                                    member = "Name";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit_result(const Out& out) { return camel_case(out); }
};
// What was recorded before is still delivered, and a last digest after it. The files in the bucket
// stay.
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
// Leaves out trails that do not exist.
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
// The trail logs from the record of this call on. When it logs already, nothing changes.
struct StartLogging : OnTrail<StartLogging> {
  static constexpr std::string_view name = "StartLogging", action = "cloudtrail:StartLogging",
                                    member = "Name";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// The trail logs up to the record of this call, and with it. The files and a last digest are
// delivered at once.
struct StopLogging : OnTrail<StopLogging> {
  static constexpr std::string_view name = "StopLogging", action = "cloudtrail:StopLogging",
                                    member = "Name";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// A trail may have 50 tags, with keys of 128 characters and values of 256. Errors:
// TagsLimitExceededException, InvalidTagParameterException.
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
