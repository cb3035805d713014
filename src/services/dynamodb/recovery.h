// SPDX-License-Identifier: Apache-2.0
#pragma once
// Point-in-time recovery: UpdateContinuousBackups, DescribeContinuousBackups and
// RestoreTableToPointInTime. A table that has it keeps all changes of its items for 1 to 35 days,
// and another table can be made of what it held at any second since. Source: Developer Guide,
// "Point-in-time backups for DynamoDB".
//
//   CHECK(each_item_at(ports, *table, yesterday, "", [](std::string_view key, const json::object&)
//   {
//     ...; return true; }));
//   dynamodb::start_restores(ports);   // from now on, and those that a restart has left
//
// Errors: TableNotFoundException, TableAlreadyExistsException, InvalidRestoreTimeException,
// PointInTimeRecoveryUnavailableException, ValidationException.
#include "services/dynamodb/history.h"
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

constexpr int64_t kRecoveryDaysMax = 35;

// The oldest moment that can be restored.
Time earliest_recoverable(const TableRecord& table, Time now);
Error no_recovery(const std::string& table);
// What the table held at a moment, and what has changed between two (history.h), over as many
// snapshots as it takes. Errors: TableNotFound when that is no longer kept.
Result<Done> each_item_at(const Ports& ports, const TableRecord& source, Time at,
                          const std::string& start, const History::Each& fn);
Result<Done> each_change_between(const Ports& ports, const TableRecord& source, Time from, Time to,
                                 const History::EachChange& fn);

struct UpdateContinuousBackups : OnTable<UpdateContinuousBackups> {
  static constexpr std::string_view name = "UpdateContinuousBackups",
                                    action = "dynamodb:UpdateContinuousBackups";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DescribeContinuousBackups : OnTable<DescribeContinuousBackups> {
  static constexpr std::string_view name = "DescribeContinuousBackups",
                                    action = "dynamodb:DescribeContinuousBackups";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct RestoreTableToPointInTime : OnTable<RestoreTableToPointInTime> {
  static constexpr std::string_view name = "RestoreTableToPointInTime",
                                    action = "dynamodb:RestoreTableToPointInTime";
  struct In : TableIn {  // `table` is the source
    std::string target;
  };
  static Result<In> parse(const Request& request);
  // Reading the source and writing the target are permissions of their own, as on AWS.
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

// From now on tables are filled that are being restored. A restart goes on where it was.
void start_restores(Ports& ports);

}  // namespace sluice::dynamodb
