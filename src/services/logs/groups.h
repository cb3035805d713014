// SPDX-License-Identifier: Apache-2.0
#pragma once
// Log groups and log streams.
//
//   struct DeleteLogGroup : OnGroup<DeleteLogGroup> {
//     static constexpr std::string_view name = "DeleteLogGroup", action = "logs:DeleteLogGroup";
//     static Result<Out> run(const Authorized<In>& in, Staged& staged);
//   };
#include "request/audit.h"
#include "services/logs/model.h"

namespace sluice::logs {

template <class Self, bool with_stream = false>
struct OnGroup {
  using In = logs::In;
  using Out = json::object;
  static Result<In> parse(const Request& request) { return parse_in(request, with_stream); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{with_stream ? stream_need(Self::action, in.group, in.stream, s.scope())
                                         : group_need(Self::action, in.group, s.scope())};
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) { return in.body; }
};

// CreateLogGroup:
//   https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
// Errors: ResourceAlreadyExistsException, InvalidParameterException, AccessDeniedException (of the
// key). It differs from AWS's: tags and other classes than STANDARD are refused.
struct CreateLogGroup : OnGroup<CreateLogGroup> {
  static constexpr std::string_view name = "CreateLogGroup", action = "logs:CreateLogGroup";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// DescribeLogGroups: in the order of their names, 50 a page. storedBytes counts at most 20,000
// events of a group.
struct DescribeLogGroups {
  static constexpr std::string_view name = "DescribeLogGroups", action = "logs:DescribeLogGroups";
  struct In {
    std::string prefix, part, after;
    int64_t limit = kDescribeMax;
  };
  using Out = json::object;
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown_body(request); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot& s) {
    return std::vector<Need>{group_need(action, "", s.scope())};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_json(out); }
};
// DeleteLogGroup: the group is gone at once. Its events can no longer be read, and are erased in
// the background.
struct DeleteLogGroup : OnGroup<DeleteLogGroup> {
  static constexpr std::string_view name = "DeleteLogGroup", action = "logs:DeleteLogGroup";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// PutRetentionPolicy: retentionInDays is one of AWS's values. Older events are hidden at once and
// erased within an hour.
struct PutRetentionPolicy : OnGroup<PutRetentionPolicy> {
  static constexpr std::string_view name = "PutRetentionPolicy", action = "logs:PutRetentionPolicy";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DeleteRetentionPolicy : OnGroup<DeleteRetentionPolicy> {
  static constexpr std::string_view name = "DeleteRetentionPolicy",
                                    action = "logs:DeleteRetentionPolicy";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// AssociateKmsKey, DisassociateKmsKey: for what is written from now on. What was written before
// stays as it is, and needs the key of that time.
struct AssociateKmsKey : OnGroup<AssociateKmsKey> {
  static constexpr std::string_view name = "AssociateKmsKey", action = "logs:AssociateKmsKey";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DisassociateKmsKey : OnGroup<DisassociateKmsKey> {
  static constexpr std::string_view name = "DisassociateKmsKey", action = "logs:DisassociateKmsKey";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// ListTagsForResource: always empty, because tags cannot be set.
struct ListTagsForResource {
  static constexpr std::string_view name = "ListTagsForResource",
                                    action = "logs:ListTagsForResource";
  struct In {
    std::string group;
  };
  using Out = json::object;
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown_body(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{group_need(action, in.group, s.scope())};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_json(out); }
};
struct CreateLogStream : OnGroup<CreateLogStream, true> {
  static constexpr std::string_view name = "CreateLogStream", action = "logs:CreateLogStream";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// DescribeLogStreams: in the order of their names, or of the time of their last event. A stream
// without events counts as the oldest.
struct DescribeLogStreams : OnGroup<DescribeLogStreams> {
  static constexpr std::string_view name = "DescribeLogStreams", action = "logs:DescribeLogStreams";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct DeleteLogStream : OnGroup<DeleteLogStream, true> {
  static constexpr std::string_view name = "DeleteLogStream", action = "logs:DeleteLogStream";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

}  // namespace sluice::logs
