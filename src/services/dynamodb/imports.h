// SPDX-License-Identifier: Apache-2.0
#pragma once
// ImportTable, DescribeImport and ListImports: a new table is filled from the objects of a bucket,
// which are DynamoDB JSON as an export writes it, or CSV, plain or gzip. Source: Developer Guide,
// "DynamoDB data import from Amazon S3".
//
//   dynamodb::start_imports(ports);   // from now on, and those that a restart has left
//
// The objects are read in the name of the caller, who needs s3:ListBucket and s3:GetObject. What is
// no item is counted, and told in the log group /aws-dynamodb/imports. The table is CREATING until
// all is done, and goes when it cannot be. Errors: ResourceInUseException, ImportConflictException,
// ImportNotFoundException, ValidationException.
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

constexpr size_t kCsvHeaderMax = 255;
constexpr size_t kImportLineBytesMax = 4 << 20;  // an item of 400 KB may be larger as text
constexpr int64_t kImportErrorsShownMax = 10'000;

struct ImportTable : OnTable<ImportTable> {
  static constexpr std::string_view name = "ImportTable", action = "dynamodb:ImportTable";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DescribeImport : OnTable<DescribeImport> {
  static constexpr std::string_view name = "DescribeImport", action = "dynamodb:DescribeImport";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct ListImports : OnTable<ListImports> {
  static constexpr std::string_view name = "ListImports", action = "dynamodb:ListImports";
  static Result<In> parse(const Request& request);  // `table` "": of all
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

// From now on tables are filled that are being imported. One that a restart cuts off begins anew.
void start_imports(Ports& ports);

}  // namespace sluice::dynamodb
