// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/recovery.h"

#include <spdlog/spdlog.h>

#include "base/bytes.h"
#include "base/random.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/filling.h"
#include "services/dynamodb/schema.h"
#include "store/jobs.h"

namespace sluice::dynamodb {
namespace {
constexpr Time kDayMs = 24 * 3600 * 1000;
constexpr Time kSweptMeanwhileMs = 60'000;
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
  CHECK(check_active(*table));
  if (!asked.enabled)
    table->recovery = {};
  else if (!table->recovery.since)
    table->recovery = {in.time(), asked.days};
  else
    // What the days so far did not cover may be gone, and never comes back.
    table->recovery = {std::max(table->recovery.since,
                                in.time() - table->recovery.days * kDayMs + kSweptMeanwhileMs),
                       asked.days};
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
  const Time at = *asked >= 0 && *asked < 1e11 ? static_cast<Time>(*asked) * 1000 : -1;
  if (at < earliest_recoverable(table, now) || at > now)
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
                  .lane = target.id,
                  .event = members_of(
                      RestoreEvent{source->name, source->id, target.name, target.id, at, ""})});
  return JsonOut{{{"TableDescription", described(target, staged.snapshot())}}};
}

namespace {
// A snapshot keeps old versions of everything and the files that it names, so that a new one is
// taken every few minutes.
constexpr int64_t kSnapshotMaxUs = 3 * 60 * 1'000'000;

// True: what is left, from the key on, is for the next snapshot.
using Stop = std::function<bool(std::string_view key)>;
Result<Done> over_snapshots(
    const Ports& ports, const TableRecord& source, Time at, std::string start,
    const std::function<Result<Done>(const History&, const std::string& start, const Stop&)>& go) {
  while (true) {
    const Snapshot snapshot = ports.store->snapshot();
    const auto record = snapshot.get(table_key(source.name));
    const Time now = ports.store->jobs().clock().calendar();
    if (!record || record->id != source.id || !record->recovery.since ||
        at < earliest_recoverable(*record, now))
      return Error{400, "TableNotFound", "What the table held then is no longer kept.", {}};
    TRY(const Table table, Table::open(record, snapshot, ports));
    const int64_t ends_us = monotonic_us() + kSnapshotMaxUs;
    std::string next;
    CHECK(go(History(table, snapshot, at), start, [&](std::string_view key) {
      if (monotonic_us() < ends_us || key == start) return false;
      next = key;
      return true;
    }));
    if (next.empty()) return Done{};
    start = next;
  }
}
}  // namespace

Result<Done> each_item_at(const Ports& ports, const TableRecord& source, Time at,
                          const std::string& start, const History::Each& fn) {
  return over_snapshots(ports, source, at, start,
                        [&](const History& history, const std::string& from, const Stop& stop) {
                          return history.each(from, [&](std::string_view key, const auto& item) {
                            return !stop(key) && fn(key, item);
                          });
                        });
}
Result<Done> each_change_between(const Ports& ports, const TableRecord& source, Time from, Time to,
                                 const History::EachChange& fn) {
  return over_snapshots(ports, source, from, "",
                        [&](const History& history, const std::string& start, const Stop& stop) {
                          return history.each_change(
                              to, start, [&](std::string_view key, const NetChange& change) {
                                return !stop(key) && fn(key, change);
                              });
                        });
}

namespace {
Result<Done> fill_from_source(const Ports& ports, Job job, RestoreEvent progress,
                              const Stopping& stopping) {
  const Snapshot snapshot = ports.store->snapshot();
  const auto source = snapshot.get(table_key(progress.source));
  const auto target = snapshot.get(table_key(progress.target));
  if (!target || target->id != progress.target_id) return Done{};  // it was deleted
  if (!source || source->id != progress.source_id) return no_table(progress.source);
  TRY(const Table table, Table::open(target, snapshot, ports));
  Filler filler(ports, table, progress.target);
  std::optional<Error> failed;
  const auto write = [&](std::string_view next) {
    progress.next_base64 = base64(next);
    job.event = members_of(progress);
    return filler.write([&](Staged& staged) { staged.update(job); });
  };
  CHECK(each_item_at(ports, *source, progress.at, unbase64(progress.next_base64).value_or(""),
                     [&](std::string_view key, const json::object& item) {
                       auto done = filler.full() ? write(key) : Result<Done>(Done{});
                       if (done) done = filler.add(item);
                       if (!done) failed = done.error();
                       return !failed && !stopping();
                     }));
  if (failed) return *failed;
  return stopping() ? Result<Done>(Done{}) : filler.write([](Staged&) {});
}

JobResult restore(const Ports& ports, const Job& job, const Stopping& stopping) {
  const auto asked = members_from<RestoreEvent>(job.event);
  const auto filled = fill_from_source(ports, job, asked, stopping);
  if (stopping() || ports.store->failed()) return JobResult::finished();  // it goes on later
  if (!filled)
    spdlog::error("the table {} is not restored, and goes: {} {}", asked.target,
                  filled.error().code, filled.error().message);
  (void)end_filling(ports, asked.target, asked.target_id, filled.has_value(), [&](Staged& staged) {
    staged.finish(job);
  }).has_value();  // else it is done again
  return JobResult::finished();
}
}  // namespace

void start_restores(Ports& ports) {
  constexpr size_t kAtOnce = 2;
  ports.store->jobs().serve({.name = std::string(kRestoreQueue),
                             .concurrency = kAtOnce,
                             .work = [&ports](const Job& job, const Stopping& stopping) {
                               return restore(ports, job, stopping);
                             }});
}

}  // namespace sluice::dynamodb
