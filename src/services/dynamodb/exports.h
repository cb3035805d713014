// SPDX-License-Identifier: Apache-2.0
#pragma once
// ExportTableToPointInTime, DescribeExport and ListExports: what a table held at a moment, or what
// has changed between two, goes to a bucket as AWS lays it out: gzip files of DynamoDB JSON, an
// item a line, and manifests that name them. Source: Developer Guide, "DynamoDB data export to
// Amazon S3", "Table export output format".
//
//   dynamodb::start_exports(ports);   // from now on, and those that a restart has left
//
// The objects are put in the name of the caller, who needs s3:PutObject in the bucket. Errors:
// TableNotFoundException, PointInTimeRecoveryUnavailableException, InvalidExportTimeException,
// ExportConflictException, ExportNotFoundException, ValidationException.
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

constexpr Time kIncrementMaxMs = 24 * 3600 * 1000;

struct ExportTableToPointInTime : OnTable<ExportTableToPointInTime> {
  static constexpr std::string_view name = "ExportTableToPointInTime",
                                    action = "dynamodb:ExportTableToPointInTime";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DescribeExport : OnTable<DescribeExport> {
  static constexpr std::string_view name = "DescribeExport", action = "dynamodb:DescribeExport";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct ListExports : OnTable<ListExports> {
  static constexpr std::string_view name = "ListExports", action = "dynamodb:ListExports";
  static Result<In> parse(const Request& request);  // `table` "": of all
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

// Refuses an S3BucketOwner that is not this account, to which all buckets belong.
Result<Done> check_bucket_owner(const json::object& holder, const Scope& scope);

// From now on exports are done. One that a restart cuts off begins anew.
void start_exports(Ports& ports);

}  // namespace sluice::dynamodb
