// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/recovery.h"

#include <spdlog/spdlog.h>

#include "base/bytes.h"
#include "base/random.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/history.h"
#include "services/dynamodb/schema.h"
#include "services/dynamodb/write_item.h"
#include "store/jobs.h"

namespace sluice::dynamodb {
namespace {
constexpr Time kDayMs = 24 * 3600 * 1000;
constexpr std::string_view kRestoreQueue = "dynamodb.restore";

Error table_not_found(const std::string& table) {
  return {400, "TableNotFoundException", "Table not found: " + table, {}};
}
double in_seconds(Time time) { return static_cast<double>(time) / 1000; }

struct AskedRecovery {
  bool enabled = false;
  int64_t days = kRecoveryDaysMax;
};
Result<AskedRecovery> asked_recovery(const json::object& body) {
  Constraints constraints;
  TRY(const json::object* asked, Fields(body).object("PointInTimeRecoverySpecification"));
  constraints.not_null(asked != nullptr, "pointInTimeRecoverySpecification");
  CHECK(constraints.met());
  TRY(const auto enabled, Fields(*asked).boolean("PointInTimeRecoveryEnabled"));
  TRY(const auto days, Fields(*asked).integer("RecoveryPeriodInDays"));
  const std::string where = "pointInTimeRecoverySpecification.";
  constraints.not_null(enabled.has_value(), where + "pointInTimeRecoveryEnabled");
  if (days) {
    const std::string shown = std::to_string(*days), at = where + "recoveryPeriodInDays";
    constraints.check(*days >= 1, shown, at, "Member must have value greater than or equal to 1");
    constraints.check(*days <= kRecoveryDaysMax, shown, at,
                      "Member must have value less than or equal to 35");
  }
  CHECK(constraints.met());
  return AskedRecovery{*enabled, days.value_or(kRecoveryDaysMax)};
}
json::object shown_backups(const TableRecord& table, Time now) {
  json::object recovery{
      {"PointInTimeRecoveryStatus", table.recovery.since ? "ENABLED" : "DISABLED"}};
  if (table.recovery.since) {
    // A table is restored to a whole second.
    const Time earliest = (earliest_recoverable(table, now) + 999) / 1000 * 1000;
    recovery["EarliestRestorableDateTime"] = in_seconds(earliest);
    recovery["LatestRestorableDateTime"] = in_seconds(now);
    recovery["RecoveryPeriodInDays"] = table.recovery.days;
  }
  return {{"ContinuousBackupsDescription",
           json::object{{"ContinuousBackupsStatus", "ENABLED"},
                        {"PointInTimeRecoveryDescription", std::move(recovery)}}}};
}
}  // namespace

Time earliest_recoverable(const TableRecord& table, Time now) {
  return std::max(table.recovery.since, now - table.recovery.days * kDayMs);
}
Error no_recovery(const std::string& table) {
  return {400,
          "PointInTimeRecoveryUnavailableException",
          "Point in time recovery is not enabled for table '" + table + "'",
          {}};
}

Result<TableIn> UpdateContinuousBackups::parse(const Request& request) {
  TRY(TableIn in, parse_table_in(request));
  CHECK(asked_recovery(in.body));
  return in;
}
// The writers of the table read its record, so that each of them either keeps its change or came
// before.
Result<JsonOut> UpdateContinuousBackups::run(const Authorized<In>& in, Staged& staged) {
  auto table = staged.get(table_key(in->table));
  if (!table) return table_not_found(in->table);
  TRY(const AskedRecovery asked, asked_recovery(in->body));
  if (!asked.enabled)
    table->recovery = {};
  else if (!table->recovery.since)
    table->recovery = {in.time(), asked.days};
  else
    table->recovery.days = asked.days;
  staged.put(table_key(in->table), *table);
  return JsonOut{shown_backups(*table, in.time())};
}
Result<JsonOut> DescribeContinuousBackups::run(const Authorized<In>& in, const Snapshot& s) {
  const auto table = s.get(table_key(in->table));
  if (!table) return table_not_found(in->table);
  return JsonOut{shown_backups(*table, in.time())};
}

namespace {
// The event of a job of the queue "dynamodb.restore".
struct RestoreEvent {
  std::string source, source_id, target, target_id;
  Time at = 0;
  std::string next_base64;  // the key of the source where it goes on; "": at the first
  static constexpr auto members() {
    return std::tuple{
        member("Source", &RestoreEvent::source), member("SourceId", &RestoreEvent::source_id),
        member("Target", &RestoreEvent::target), member("TargetId", &RestoreEvent::target_id),
        member("At", &RestoreEvent::at),         member("Next", &RestoreEvent::next_base64)};
  }
};
// Which moment the request asks for. A part of a second does not count.
Result<Time> restore_time(const TableRecord& table, const json::object& body, Time now) {
  TRY(const auto latest, Fields(body).boolean("UseLatestRestorableTime"));
  TRY(const auto asked, Fields(body).number("RestoreDateTime"));
  if (latest.value_or(false) == asked.has_value())
    return validation(
        "Exactly one of RestoreDateTime and UseLatestRestorableTime must be specified");
  if (!asked) return now;
  const auto at = static_cast<Time>(*asked) * 1000;
  if (!(*asked >= 0 && *asked < 1e11) || at < earliest_recoverable(table, now) || at > now)
    return Error{400,
                 "InvalidRestoreTimeException",
                 "RestoreDateTime must be between EarliestRestorableDateTime and "
                 "LatestRestorableDateTime",
                 {}};
  return at;
}
// The settings of the source that its copy has, and those that the request wants otherwise.
json::object target_body(const TableRecord& source, const json::object& body, const Scope& scope) {
  json::object out = creation_of(source, scope);
  for (const auto& [override, member] : {std::pair("BillingModeOverride", "BillingMode"),
                                         {"ProvisionedThroughputOverride", "ProvisionedThroughput"},
                                         {"GlobalSecondaryIndexOverride", "GlobalSecondaryIndexes"},
                                         {"LocalSecondaryIndexOverride", "LocalSecondaryIndexes"},
                                         {"SSESpecificationOverride", "SSESpecification"}}) {
    const json::value* asked = Fields(body).find(override);
    if (!asked) continue;
    const json::array* list = asked->if_array();
    if (list && list->empty())
      out.erase(member);
    else
      out[member] = *asked;
    if (member == std::string_view("BillingMode") && *asked == "PAY_PER_REQUEST")
      out.erase("ProvisionedThroughput");
  }
  keep_used_definitions(out);
  return out;
}
}  // namespace

Result<RestoreTableToPointInTime::In> RestoreTableToPointInTime::parse(const Request& request) {
  In in;
  TRY(in.body, parse_json_object(request.body));
  const Fields fields(in.body);
  if (!!fields.find("SourceTableName") == !!fields.find("SourceTableArn"))
    return validation("Exactly one of SourceTableName and SourceTableArn must be specified");
  TRY(in.table, table_name_of({{"TableName", *(fields.find("SourceTableName")
                                                   ? fields.find("SourceTableName")
                                                   : fields.find("SourceTableArn"))}}));
  TRY(const auto target, fields.text("TargetTableName"));
  TRY(in.target, table_name_of(target ? json::object{{"TableName", *target}} : json::object{}));
  return in;
}
Result<std::vector<Need>> RestoreTableToPointInTime::needs(const In& in, const Snapshot& s,
                                                           const Ports& ports) {
  std::vector<Need> needs{table_need(action, in.table, s)};
  for (const char* reads :
       {"dynamodb:Scan", "dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem",
        "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"})
    needs.push_back(table_need(reads, in.target, s));
  // The record lists each table once.
  for (size_t i = 2; i < needs.size(); ++i) needs[i].resource_type.clear();
  CHECK(add_key_need(needs, in.table, s, ports));
  if (const auto source = s.get(table_key(in.table)))
    CHECK(
        add_new_key_needs(needs, {in.target, target_body(*source, in.body, s.scope())}, s, ports));
  return needs;
}
Result<JsonOut> RestoreTableToPointInTime::run(const Authorized<In>& in, Staged& staged) {
  const auto source = staged.look(table_key(in->table));
  if (!source || !source->filled_by.empty()) return table_not_found(in->table);
  if (!source->recovery.since) return no_recovery(in->table);
  TRY(const Time at, restore_time(*source, in->body, in.time()));
  if (staged.look(table_key(in->target)))
    return Error{400, "TableAlreadyExistsException", "Table already exists: " + in->target, {}};
  const Scope& scope = staged.snapshot().scope();
  TRY(TableRecord target,
      new_table(in->target, target_body(*source, in->body, scope), in.time(), in.ports(), staged));
  target.filled_by = "restore";
  target.restored = {table_arn(scope, in->table), at};
  staged.put(table_key(in->target), target);
  staged.enqueue({.queue = kRestoreQueue,
                  .event = members_of(
                      RestoreEvent{source->name, source->id, target.name, target.id, at, ""})});
  return JsonOut{{{"TableDescription", described(target, staged.snapshot())}}};
}

namespace {
constexpr size_t kRestoreBatchMax = 200;

// Puts items into a table that is being filled.
class Filling {
 public:
  Filling(const Ports& ports, Job job, RestoreEvent progress)
      : ports_(ports), job_(std::move(job)), progress_(std::move(progress)) {}

  // False: it is to be tried again.
  bool run(const Stopping& stopping) {
    const Snapshot snapshot = ports_.store->snapshot();
    const auto source_record = snapshot.get(table_key(progress_.source));
    const auto target_record = snapshot.get(table_key(progress_.target));
    if (!target_record || target_record->id != progress_.target_id) return finish(false);
    const Time now = ports_.store->jobs().clock().calendar();
    if (!source_record || source_record->id != progress_.source_id ||
        !source_record->recovery.since ||
        progress_.at < earliest_recoverable(*source_record, now)) {
      spdlog::error(
          "the table {} is not restored and goes: what its source {} held then is no longer kept",
          progress_.target, progress_.source);
      return finish(true);
    }
    const auto source = Table::open(source_record, snapshot, ports_);
    const auto target = Table::open(target_record, snapshot, ports_);
    if (!source || !target) return false;
    std::vector<json::object> batch;
    bool kept = true;
    const History history(*source, snapshot, progress_.at);
    const auto read = history.each(unbase64(progress_.next_base64).value_or(""),
                                   [&](std::string_view key, const json::object& item) {
                                     if (stopping()) return kept = false;
                                     if (batch.size() == kRestoreBatchMax)
                                       kept = put(*target, batch, std::string(key));
                                     batch.push_back(item);
                                     return kept;
                                   });
    return read && kept && put(*target, batch, "") && finish(false);
  }

 private:
  // `next` "": there is no more.
  bool put(const Table& target, std::vector<json::object>& batch, const std::string& next) {
    Staged staged = ports_.store->stage();
    const auto there = staged.look(table_key(progress_.target));
    if (!there || there->id != progress_.target_id) return false;
    for (const json::object& item : batch) {
      const auto key = target.key_of(item, false);
      if (!key) return false;
      OldItem old(target, *key, staged);
      if (!write_item(old, &item)) return false;
    }
    progress_.next_base64 = base64(next);
    job_.event = members_of(progress_);
    if (!next.empty()) staged.update(job_);
    batch.clear();
    return ports_.store->commit(std::move(staged), {}).has_value();
  }
  // The table is ACTIVE, or is gone when it `failed`.
  bool finish(bool failed) {
    Staged staged = ports_.store->stage();
    auto target = staged.get(table_key(progress_.target));
    if (target && target->id == progress_.target_id) {
      if (failed) {
        erase_table(*target, staged);
      } else {
        target->filled_by.clear();
        staged.put(table_key(progress_.target), *target);
      }
    }
    staged.finish(job_);
    return ports_.store->commit(std::move(staged), {}).has_value();
  }

  const Ports& ports_;
  Job job_;
  RestoreEvent progress_;
};
}  // namespace

void start_restores(Ports& ports) {
  ports.store->jobs().serve({.name = std::string(kRestoreQueue),
                             .work = [&ports](const Job& job, const Stopping& stopping) {
                               const auto asked = members_from<RestoreEvent>(job.event);
                               if (Filling(ports, job, asked).run(stopping) || stopping())
                                 return JobResult::finished();
                               return JobResult::park("the table " + asked.target +
                                                      " cannot be restored now");
                             }});
}

}  // namespace sluice::dynamodb
