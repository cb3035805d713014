// SPDX-License-Identifier: Apache-2.0
#pragma once
// What exports and imports of tables have in common: long work with a record of its own, which a
// client may ask for twice by one token, and which is described and listed.
//
//   constexpr WorkKind kExport{"Export", "MaxResults", "ExportSummaries"};
//   TRY(const auto known, known_work(kExport, e, staged.snapshot(), in.time()));
//   TRY(const auto e, find_work<ExportRecord>(kExport, in->body, s));
//   return list_work<ExportRecord>(kExport, *in, s, summary_of);
//
// Errors: <Kind>ConflictException, <Kind>NotFoundException, ValidationException. Source: DynamoDB
// API Reference, ExportTableToPointInTime, ImportTable, and what describes and lists them.
#include <spdlog/spdlog.h>

#include <functional>

#include "base/bytes.h"
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

constexpr size_t kWorkPageMax = 25;
constexpr Time kWorkTokenMs = 8 * 3600 * 1000;  // how long a ClientToken is known

// How the API names one kind of work.
struct WorkKind {
  std::string_view name;         // of its ARN and its errors
  std::string_view page_member;  // how many a list is to have at most
  std::string_view list_member;  // what a list answers
  std::string arn_member() const { return std::string(name) + "Arn"; }
};
// The table and the id in an ARN of such work.
struct WorkName {
  std::string table, id;
};

inline double in_seconds(Time time) { return static_cast<double>(time) / 1000; }
// 14 digits of the time and 8 hexadecimal ones, as AWS's.
std::string new_work_id(Time now);
std::string work_arn(const WorkKind& kind, const Scope& scope, const std::string& table,
                     const std::string& id);
// What two requests with one ClientToken must have in common.
std::string fingerprint_of(const json::object& body);
// From the ARN in the body of Describe..., which must be one.
Result<WorkName> work_named(const WorkKind& kind, const json::object& body);

Error work_conflict(const WorkKind& kind);
Error no_such_work(const WorkKind& kind, const std::string& arn);

// The token of the page behind this ARN, and the ARN in one. Clients look whether a token of
// ListImports is hexadecimal, in groups of 16 digits, of which there are seven at least.
std::string page_token(const std::string& arn);
Result<std::string> arn_of_token(const std::string& token);

// Describe... and List...; a list is of one table, or of all when `table` is "".
Result<TableIn> parse_describe_work(const WorkKind& kind, const Request& request);
std::vector<Need> describe_work_needs(const WorkKind& kind, std::string_view action,
                                      const TableIn& in, const Snapshot& s);
Result<TableIn> parse_list_work(const WorkKind& kind, const Request& request);
std::vector<Need> list_work_needs(std::string_view action, const TableIn& in, const Snapshot& s);

// The work that was begun by the same token, table and parameters as `asked`; none: it is new.
template <class Record>
Result<std::optional<Record>> known_work(const WorkKind& kind, const Record& asked,
                                         const Snapshot& s, Time now) {
  std::optional<Record> found;
  if (asked.client_token.empty()) return found;
  s.scan(RecordPrefix<Record>({asked.table}), "", false, [&](std::string_view, Record&& one) {
    if (one.client_token == asked.client_token && now - one.started < kWorkTokenMs)
      found = std::move(one);
    return true;
  });
  if (found && found->fingerprint != asked.fingerprint) return work_conflict(kind);
  return found;
}

template <class Record>
Result<std::shared_ptr<const Record>> find_work(const WorkKind& kind, const json::object& body,
                                                const Snapshot& s) {
  TRY(const WorkName named, work_named(kind, body));
  const std::string asked = text_of(body, kind.arn_member());
  std::shared_ptr<const Record> found = s.get(RecordKey<Record>{named.table, named.id});
  if (!found || work_arn(kind, s.scope(), found->table, found->id) != asked)
    return no_such_work(kind, asked);
  return found;
}

// A page of the list. `summary_of(record)` is shown of each, with its ARN.
template <class Record>
Result<JsonOut> list_work(const WorkKind& kind, const TableIn& in, const Snapshot& s,
                          const std::function<json::object(const Record&)>& summary_of) {
  const std::string token = text_of(in.body, "NextToken");
  const auto most =
      static_cast<size_t>(int_of(in.body, kind.page_member, static_cast<int64_t>(kWorkPageMax)));
  std::string start, after;
  if (!token.empty()) {
    TRY(after, arn_of_token(token));
    TRY(const WorkName named, work_named(kind, {{kind.arn_member(), after}}));
    start = RecordKey<Record>{named.table, named.id}.bytes;
  }
  json::array summaries;
  std::string next;
  const auto list = [&](std::string_view, Record&& one) {
    if (work_arn(kind, s.scope(), one.table, one.id) == after) return true;
    if (summaries.size() == most) {
      next = text_of(summaries.back().as_object(), kind.arn_member());
      return false;
    }
    summaries.push_back(summary_of(one));
    return true;
  };
  if (in.table.empty())
    s.scan(RecordPrefix<Record>{}, start, false, list);
  else
    s.scan(RecordPrefix<Record>({in.table}), start, false, list);
  JsonOut out{{{kind.list_member, std::move(summaries)}}};
  if (!next.empty()) out.body["NextToken"] = page_token(next);
  return out;
}

// How the work ended, for its record. A failure is shown and told in the log.
template <class Record>
void note_end(const WorkKind& kind, Record& record, const Result<Done>& done, Time now) {
  constexpr size_t kFailureShownMax = 1000;
  record.ended = now;
  record.status = done ? "COMPLETED" : "FAILED";
  if (done) return;
  record.failure_code = done.error().code;
  record.failure_message = done.error().message.substr(0, kFailureShownMax);
  spdlog::warn("the {} {} of table {} failed: {} {}", lower(kind.name), record.id, record.table,
               record.failure_code, record.failure_message);
}

}  // namespace sluice::dynamodb
