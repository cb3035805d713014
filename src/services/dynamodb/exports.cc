// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/exports.h"

#include "base/bytes.h"
#include "base/gzip.h"
#include "base/random.h"
#include "request/on_behalf.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/filling.h"
#include "services/dynamodb/recovery.h"
#include "services/dynamodb/table_work.h"
#include "store/jobs.h"

namespace sluice::dynamodb {
namespace {
constexpr std::string_view kExportQueue = "dynamodb.export", kDynamoDb = "dynamodb.amazonaws.com";
constexpr size_t kFileBytesMax = 32 << 20;  // of a data file, before gzip

// The event of a job of the queue "dynamodb.export".
struct ExportEvent {
  std::string table, id, token;
  static constexpr auto members() {
    return std::tuple{member("Table", &ExportEvent::table), member("Id", &ExportEvent::id),
                      member("Token", &ExportEvent::token)};
  }
};

constexpr WorkKind kExport{"Export", "MaxResults", "ExportSummaries"};
json::object shown_export(const ExportRecord& e, const Scope& scope) {
  json::object d{{"ExportArn", work_arn(kExport, scope, e.table, e.id)},
                 {"ExportStatus", e.status},
                 {"StartTime", in_seconds(e.started)},
                 {"TableArn", table_arn(scope, e.table)},
                 {"TableId", e.table_id},
                 {"ClientToken", e.client_token},
                 {"S3Bucket", e.bucket},
                 {"S3SseAlgorithm", e.sse_algorithm},
                 {"ExportFormat", "DYNAMODB_JSON"},
                 {"ExportType", e.to ? "INCREMENTAL_EXPORT" : "FULL_EXPORT"}};
  if (!e.prefix.empty()) d["S3Prefix"] = e.prefix;
  if (!e.sse_key.empty()) d["S3SseKmsKeyId"] = e.sse_key;
  if (e.to)
    d["IncrementalExportSpecification"] = json::object{{"ExportFromTime", in_seconds(e.from)},
                                                       {"ExportToTime", in_seconds(e.to)},
                                                       {"ExportViewType", e.view}};
  else
    d["ExportTime"] = in_seconds(e.at);
  if (e.ended) d["EndTime"] = in_seconds(e.ended);
  if (e.status == "COMPLETED") {
    d["ExportManifest"] = e.manifest;
    d["ItemCount"] = e.items;
    d["BilledSizeBytes"] = e.bytes;
  }
  if (!e.failure_code.empty()) {
    d["FailureCode"] = e.failure_code;
    d["FailureMessage"] = e.failure_message;
  }
  return {{"ExportDescription", std::move(d)}};
}

// Reads what the request asks for. What depends on the time of the call is checked in run().
Result<ExportRecord> asked_export(const json::object& body) {
  const Fields fields(body);
  ExportRecord e;
  Constraints constraints;
  TRY(const auto bucket, fields.text("S3Bucket"));
  TRY(const auto prefix, fields.text("S3Prefix"));
  TRY(const auto format, fields.text("ExportFormat"));
  TRY(const auto type, fields.text("ExportType"));
  TRY(const auto algorithm, fields.text("S3SseAlgorithm"));
  TRY(const auto key, fields.text("S3SseKmsKeyId"));
  TRY(const auto token, fields.text("ClientToken"));
  constraints.not_null(fields.find("TableArn"), "tableArn");
  constraints.not_null(bucket.has_value(), "s3Bucket");
  if (bucket) constraints.bucket(*bucket, "s3Bucket");
  if (prefix) constraints.length(*prefix, "s3Prefix", 0, 1024);
  if (format) constraints.one_of(*format, "exportFormat", {"ION", "DYNAMODB_JSON"});
  if (type) constraints.one_of(*type, "exportType", {"INCREMENTAL_EXPORT", "FULL_EXPORT"});
  if (algorithm) constraints.one_of(*algorithm, "s3SseAlgorithm", {"KMS", "AES256"});
  if (key) constraints.length(*key, "s3SseKmsKeyId", 1, 2048);
  if (token) constraints.length(*token, "clientToken", 1, 128);
  CHECK(constraints.met());
  if (format == "ION")
    return validation("ExportFormat ION is not implemented by Sluice: use DYNAMODB_JSON.");
  if (key && algorithm.value_or("") != "KMS")
    return validation("S3SseKmsKeyId can only be given with S3SseAlgorithm KMS");
  e.bucket = *bucket;
  e.prefix = prefix.value_or("");
  while (e.prefix.ends_with('/')) e.prefix.pop_back();
  e.sse_algorithm = algorithm.value_or("AES256");
  e.sse_key = key.value_or("");
  e.client_token = token.value_or("");
  TRY(const json::object* increment, fields.object("IncrementalExportSpecification"));
  const bool incremental = type == "INCREMENTAL_EXPORT";
  if (increment && !incremental)
    return validation(
        "IncrementalExportSpecification can only be given with ExportType INCREMENTAL_EXPORT");
  if (incremental && fields.find("ExportTime"))
    return validation("ExportTime can not be given with ExportType INCREMENTAL_EXPORT");
  const json::object none;
  const json::object& between = increment ? *increment : none;
  TRY(const auto view, Fields(between).text("ExportViewType"));
  if (view) CHECK(one_of(between, "ExportViewType", {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}));
  e.view = incremental ? view.value_or("NEW_AND_OLD_IMAGES") : "";
  return e;
}
Error bad_time(const std::string& why) { return {400, "InvalidExportTimeException", why, {}}; }
// A moment of a request that the table's log reaches.
Result<Time> export_time(const json::object& body, const char* member, Time otherwise,
                         const TableRecord& table, Time now) {
  TRY(const auto asked, Fields(body).number(member));
  if (!asked) return otherwise;
  const auto at = *asked >= 0 && *asked < 1e11 ? static_cast<Time>(*asked * 1000) : Time{-1};
  if (at < earliest_recoverable(table, now) || at > now)
    return bad_time(std::string(member) +
                    " must be between EarliestRestorableDateTime and the present");
  return at;
}
Result<Done> set_times(ExportRecord& e, const json::object& body, const TableRecord& table,
                       Time now) {
  if (e.view.empty()) {
    TRY(e.at, export_time(body, "ExportTime", now, table, now));
    return Done{};
  }
  TRY(const json::object* increment, Fields(body).object("IncrementalExportSpecification"));
  const json::object none;
  const json::object& between = increment ? *increment : none;
  if (!Fields(between).find("ExportFromTime"))
    return validation("ExportFromTime must be given for an incremental export");
  TRY(e.from, export_time(between, "ExportFromTime", 0, table, now));
  TRY(e.to, export_time(between, "ExportToTime", now, table, now));
  if (e.to <= e.from) return bad_time("ExportToTime must be after ExportFromTime");
  if (e.to - e.from > kIncrementMaxMs)
    return bad_time("An incremental export covers at most 24 hours");
  return Done{};
}
}  // namespace

Result<Done> check_bucket_owner(const json::object& holder, const Scope& scope) {
  TRY(const auto owner, Fields(holder).text("S3BucketOwner"));
  if (!owner || *owner == scope.account_id) return Done{};
  return validation("The S3BucketOwner is not the account of the bucket");
}

Result<TableIn> ExportTableToPointInTime::parse(const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  CHECK(asked_export(in.body));
  TRY(const auto arn, Fields(in.body).text("TableArn"));
  TRY(in.table, table_name_of({{"TableName", arn.value_or("")}}));
  return in;
}
// The caller needs the key of the table, whose items he gets.
Result<std::vector<Need>> ExportTableToPointInTime::needs(const In& in, const Snapshot& s,
                                                          const Ports& ports) {
  std::vector<Need> needs{table_need(action, in.table, s)};
  CHECK(add_key_need(needs, in.table, s, ports));
  return needs;
}
Result<JsonOut> ExportTableToPointInTime::run(const Authorized<In>& in, Staged& staged) {
  CHECK(check_bucket_owner(in->body, staged.snapshot().scope()));
  auto table = staged.get(table_key(in->table));
  if (!table || !table->filled_by.empty())
    return Error{400, "TableNotFoundException", "Table not found: " + in->table, {}};
  if (!table->recovery.since) return no_recovery(in->table);
  TRY(ExportRecord e, asked_export(in->body));
  e.table = table->name;
  e.fingerprint = fingerprint_of(in->body);
  TRY(const auto known, known_work(kExport, e, staged.snapshot(), in.time()));
  if (known) return JsonOut{shown_export(*known, staged.snapshot().scope())};
  CHECK(set_times(e, in->body, *table, in.time()));
  TRY(const std::string token, token_to_keep(in.facts()));
  if (e.client_token.empty()) e.client_token = random_uuid();
  e.table_id = table->id;
  e.id = new_work_id(in.time());
  e.started = in.time();
  // Of two requests at once with one token the second is run again, since the first has changed
  // the table, and finds the export of the first.
  table->last_export = e.id;
  staged.put(table_key(in->table), *table);
  staged.put(export_key(e.table, e.id), e);
  staged.enqueue({.queue = kExportQueue, .event = members_of(ExportEvent{e.table, e.id, token})});
  return JsonOut{shown_export(e, staged.snapshot().scope())};
}

Result<TableIn> DescribeExport::parse(const Request& request) {
  return parse_describe_work(kExport, request);
}
Result<std::vector<Need>> DescribeExport::needs(const In& in, const Snapshot& s) {
  return describe_work_needs(kExport, action, in, s);
}
Result<JsonOut> DescribeExport::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const auto e, find_work<ExportRecord>(kExport, in->body, s));
  return JsonOut{shown_export(*e, s.scope())};
}

Result<TableIn> ListExports::parse(const Request& request) {
  return parse_list_work(kExport, request);
}
Result<std::vector<Need>> ListExports::needs(const In& in, const Snapshot& s) {
  return list_work_needs(action, in, s);
}
Result<JsonOut> ListExports::run(const Authorized<In>& in, const Snapshot& s) {
  return list_work<ExportRecord>(kExport, *in, s, [&](const ExportRecord& e) {
    return json::object{{"ExportArn", work_arn(kExport, s.scope(), e.table, e.id)},
                        {"ExportStatus", e.status},
                        {"ExportType", e.to ? "INCREMENTAL_EXPORT" : "FULL_EXPORT"}};
  });
}

namespace {
// Writes the objects of one export.
class Exporting {
 public:
  Exporting(const Ports& ports, ExportRecord& e, const Caller& owner, const Stopping& stopping)
      : ports_(ports), e_(e), owner_(owner), stopping_(stopping) {}

  // An error becomes the failure of the export.
  Result<Done> run(const TableRecord& table) {
    CHECK(put(folder() + "_started", "", "text/plain"));
    if (e_.to)
      CHECK(write_changes(table));
    else
      CHECK(write_items(table));
    if (stopping_()) return Done{};
    CHECK(end_file());
    return write_manifests();
  }

 private:
  std::string base() const { return e_.prefix.empty() ? "" : e_.prefix + "/"; }
  std::string folder() const { return base() + "AWSDynamoDB/" + e_.id + "/"; }
  std::string data_folder() const {  // incremental exports share one, as on AWS
    return e_.to ? base() + "AWSDynamoDB/data/" : folder() + "data/";
  }

  Result<Done> put(const std::string& key, const std::string& body, const char* type) {
    Request request;
    request.method = "PUT";
    request.target = "/" + e_.bucket + "/" + percent_encode(key, true);
    request.source_ip = kDynamoDb;
    request.headers.add("content-type", type);
    request.headers.add("user-agent", std::string(kDynamoDb));
    request.headers.add("x-amz-server-side-encryption",
                        e_.sse_algorithm == "KMS" ? "aws:kms" : "AES256");
    if (!e_.sse_key.empty())
      request.headers.add("x-amz-server-side-encryption-aws-kms-key-id", e_.sse_key);
    request.body = body;
    const Response answer = ports_.dispatcher->call("s3", "PutObject", std::move(request), owner_);
    if (answer.status == 200) return Done{};
    return Error{answer.status,
                 answer.status == 404   ? "S3NoSuchBucket"
                 : answer.status == 403 ? "S3AccessDenied"
                                        : "S3Error",
                 answer.body,
                 {}};
  }

  Result<Done> write_items(const TableRecord& table) {
    std::optional<Error> failed;
    CHECK(each_item_at(ports_, table, e_.at, "", [&](std::string_view, const json::object& item) {
      const auto written = add_line({{"Item", item}}, item_bytes(item));
      if (!written) failed = written.error();
      return written.has_value() && !stopping_();
    }));
    return failed ? Result<Done>(*failed) : Done{};
  }
  Result<Done> write_changes(const TableRecord& table) {
    std::optional<Error> failed;
    const auto write = [&](std::string_view, const NetChange& change) {
      json::object line{
          {"Metadata", json::object{{"WriteTimestampMicros",
                                     json::object{{"N", std::to_string(change.time * 1000)}}}}},
          {"Keys", change.keys}};
      size_t bytes = item_bytes(change.keys);
      if (change.before && e_.view == "NEW_AND_OLD_IMAGES") {
        bytes += item_bytes(*change.before);
        line["OldImage"] = *change.before;
      }
      if (change.after) {
        bytes += item_bytes(*change.after);
        line["NewImage"] = *change.after;
      }
      const auto written = add_line(std::move(line), bytes);
      if (!written) failed = written.error();
      return written.has_value() && !stopping_();
    };
    CHECK(each_change_between(ports_, table, e_.from, e_.to, write));
    return failed ? Result<Done>(*failed) : Done{};
  }
  Result<Done> add_line(json::object line, size_t bytes) {
    lines_ += json::serialize(line);
    lines_ += '\n';
    ++count_;
    ++e_.items;
    e_.bytes += static_cast<int64_t>(bytes);
    return lines_.size() < kFileBytesMax ? Result<Done>(Done{}) : end_file();
  }
  Result<Done> end_file() {
    if (lines_.empty() && !files_.empty()) return Done{};
    const std::string key = data_folder() + random_hex(26) + ".json.gz";
    const std::string packed = gzip(lines_), digest = md5(packed);
    CHECK(put(key, packed, "application/octet-stream"));
    files_ += json::serialize(json::object{{"itemCount", count_},
                                           {"md5Checksum", base64(digest)},
                                           {"etag", hex(digest)},
                                           {"dataFileS3Key", key}});
    files_ += '\n';
    lines_.clear();
    count_ = 0;
    return Done{};
  }
  Result<Done> put_manifest(const std::string& name, const std::string& text) {
    CHECK(put(folder() + name + ".json", text, "application/json"));
    return put(folder() + name + ".checksum", base64(md5(text)), "text/plain");
  }
  Result<Done> write_manifests() {
    CHECK(put_manifest("manifest-files", files_));
    const Scope& scope = ports_.store->scope();
    const auto or_null = [](const std::string& text) {
      return text.empty() ? json::value() : json::value(text);
    };
    json::object summary{{"version", e_.to ? "2023-08-01" : "2020-06-30"},
                         {"exportArn", work_arn(kExport, scope, e_.table, e_.id)},
                         {"startTime", iso_millis(e_.started)},
                         {"endTime", iso_millis(ports_.store->jobs().clock().calendar())},
                         {"tableArn", table_arn(scope, e_.table)},
                         {"tableId", e_.table_id}};
    if (e_.to) {
      summary["exportFromTime"] = iso_millis(e_.from);
      summary["exportToTime"] = iso_millis(e_.to);
    } else {
      summary["exportTime"] = iso_millis(e_.at);
    }
    summary["s3Bucket"] = e_.bucket;
    summary["s3Prefix"] = or_null(e_.prefix);
    summary["s3SseAlgorithm"] = e_.sse_algorithm;
    summary["s3SseKmsKeyId"] = or_null(e_.sse_key);
    summary["manifestFilesS3Key"] = folder() + "manifest-files.json";
    summary["billedSizeBytes"] = e_.bytes;
    summary["itemCount"] = e_.items;
    summary["outputFormat"] = "DYNAMODB_JSON";
    summary["exportType"] = e_.to ? "INCREMENTAL_EXPORT" : "FULL_EXPORT";
    if (e_.to) summary["outputView"] = e_.view;
    e_.manifest = folder() + "manifest-summary.json";
    return put_manifest("manifest-summary", json::serialize(summary));
  }

  const Ports& ports_;
  ExportRecord& e_;
  const Caller& owner_;
  const Stopping& stopping_;
  std::string lines_, files_;
  int64_t count_ = 0;
};

Result<Done> do_export(const Ports& ports, ExportRecord& e, const std::string& token,
                       const Stopping& stopping) {
  TRY(const Caller owner, on_behalf(ports, token, kDynamoDb));
  const auto record = ports.store->snapshot().get(table_key(e.table));
  if (!record || record->id != e.table_id)
    return Error{400, "TableNotFound", "The table was deleted.", {}};
  return Exporting(ports, e, owner, stopping).run(*record);
}

JobResult work(const Ports& ports, const Job& job, const Stopping& stopping) {
  const auto asked = members_from<ExportEvent>(job.event);
  const auto known = ports.store->snapshot().get(export_key(asked.table, asked.id));
  std::optional<ExportRecord> e;
  if (known && known->status == "IN_PROGRESS") {
    e = *known;
    const auto done = do_export(ports, *e, asked.token, stopping);
    if (stopping()) return JobResult::finished();  // it begins anew at the next start
    note_end(kExport, *e, done, ports.store->jobs().clock().calendar());
  }
  (void)commit_until_done(ports, [&](Staged& staged) {
    if (e) staged.put(export_key(asked.table, asked.id), *e);
    staged.finish(job);
    return Result<Done>(Done{});
  }).has_value();  // else it is done again
  return JobResult::finished();
}
}  // namespace

void start_exports(Ports& ports) {
  ports.store->jobs().serve({.name = std::string(kExportQueue),
                             .work = [&ports](const Job& job, const Stopping& stopping) {
                               return work(ports, job, stopping);
                             }});
}

}  // namespace sluice::dynamodb
