// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/imports.h"

#include "base/bytes.h"
#include "base/gzip.h"
#include "base/random.h"
#include "base/xml.h"
#include "request/on_behalf.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/csv.h"
#include "services/dynamodb/exports.h"
#include "services/dynamodb/filling.h"
#include "services/dynamodb/schema.h"
#include "services/dynamodb/table_work.h"
#include "store/jobs.h"

namespace sluice::dynamodb {
namespace {
constexpr std::string_view kImportQueue = "dynamodb.import", kDynamoDb = "dynamodb.amazonaws.com";
constexpr const char* kLogGroup = "/aws-dynamodb/imports";

// The event of a job of the queue "dynamodb.import".
struct ImportEvent {
  std::string table, id, token;
  static constexpr auto members() {
    return std::tuple{member("Table", &ImportEvent::table), member("Id", &ImportEvent::id),
                      member("Token", &ImportEvent::token)};
  }
};

constexpr WorkKind kImport{"Import", "PageSize", "ImportSummaryList"};
std::string log_group_arn(const Scope& scope) {
  return make_arn(scope, "logs", std::string("log-group:") + kLogGroup + ":*");
}
json::object shown_import(const ImportRecord& i, const Scope& scope) {
  json::object d{{"ImportArn", work_arn(kImport, scope, i.table, i.id)},
                 {"ImportStatus", i.status},
                 {"TableArn", table_arn(scope, i.table)},
                 {"TableId", i.table_id},
                 {"ClientToken", i.client_token},
                 {"CloudWatchLogGroupArn", log_group_arn(scope)},
                 {"ErrorCount", i.errors},
                 {"StartTime", in_seconds(i.started)},
                 {"ProcessedSizeBytes", i.bytes},
                 {"ProcessedItemCount", i.processed},
                 {"ImportedItemCount", i.imported}};
  for (const char* same : {"S3BucketSource", "InputFormat", "InputFormatOptions",
                           "InputCompressionType", "TableCreationParameters"})
    if (const json::value* asked = i.request.if_contains(same)) d[same] = *asked;
  if (!d.contains("InputCompressionType")) d["InputCompressionType"] = "NONE";
  if (i.ended) d["EndTime"] = in_seconds(i.ended);
  if (!i.failure_code.empty()) {
    d["FailureCode"] = i.failure_code;
    d["FailureMessage"] = i.failure_message;
  }
  return d;
}

// What the objects hold.
struct Source {
  std::string bucket, prefix;
  bool csv = false, packed = false;
  char delimiter = ',';
  std::vector<std::string> header;  // of CSV; empty: the first row of each object
};
Result<Source> asked_source(const json::object& body) {
  const Fields fields(body);
  Source source;
  Constraints constraints;
  TRY(const json::object* from, fields.object("S3BucketSource"));
  TRY(const auto format, fields.text("InputFormat"));
  TRY(const auto packed, fields.text("InputCompressionType"));
  TRY(const auto token, fields.text("ClientToken"));
  TRY(const json::object* parameters, fields.object("TableCreationParameters"));
  constraints.not_null(from != nullptr, "s3BucketSource");
  constraints.not_null(format.has_value(), "inputFormat");
  constraints.not_null(parameters != nullptr, "tableCreationParameters");
  if (from) {
    TRY(const auto bucket, Fields(*from).text("S3Bucket"));
    TRY(const auto prefix, Fields(*from).text("S3KeyPrefix"));
    constraints.not_null(bucket.has_value(), "s3BucketSource.s3Bucket");
    if (bucket) constraints.bucket(*bucket, "s3BucketSource.s3Bucket");
    if (prefix) constraints.length(*prefix, "s3BucketSource.s3KeyPrefix", 0, 1024);
    source.bucket = bucket.value_or("");
    source.prefix = prefix.value_or("");
  }
  if (format) constraints.one_of(*format, "inputFormat", {"ION", "CSV", "DYNAMODB_JSON"});
  if (packed) constraints.one_of(*packed, "inputCompressionType", {"GZIP", "NONE", "ZSTD"});
  if (token) constraints.length(*token, "clientToken", 1, 128);
  CHECK(constraints.met());
  if (format == "ION")
    return validation("InputFormat ION is not implemented by Sluice: use DYNAMODB_JSON or CSV.");
  if (packed == "ZSTD")
    return validation("InputCompressionType ZSTD is not implemented by Sluice: use GZIP or NONE.");
  source.csv = format == "CSV";
  source.packed = packed == "GZIP";
  TRY(const json::object* options, fields.object("InputFormatOptions"));
  TRY(const json::object* csv,
      options ? Fields(*options).object("Csv") : Result<const json::object*>(nullptr));
  if (!csv) return source;
  if (!source.csv) return validation("InputFormatOptions can only be given with InputFormat CSV");
  TRY(const auto delimiter, Fields(*csv).text("Delimiter"));
  if (delimiter && (delimiter->size() != 1 ||
                    std::string_view(",;:|\t ").find((*delimiter)[0]) == std::string_view::npos))
    return validation("Delimiter must be a comma, semicolon, colon, pipe, tab or space");
  source.delimiter = delimiter ? (*delimiter)[0] : ',';
  TRY(source.header, Fields(*csv).texts("HeaderList"));
  if (source.header.size() > kCsvHeaderMax)
    return validation("HeaderList can have at most " + std::to_string(kCsvHeaderMax) + " names");
  return source;
}
const json::object& parameters_of(const json::object& body) {
  return body.at("TableCreationParameters").get_object();
}
// What of the request is kept.
json::object known_members(const json::object& body) {
  json::object kept, table;
  for (const char* name :
       {"S3BucketSource", "InputFormat", "InputFormatOptions", "InputCompressionType"})
    if (const json::value* value = Fields(body).find(name)) kept[name] = *value;
  for (const char* name : {"TableName", "AttributeDefinitions", "KeySchema", "BillingMode",
                           "ProvisionedThroughput", "SSESpecification", "GlobalSecondaryIndexes"})
    if (const json::value* value = Fields(parameters_of(body)).find(name)) table[name] = *value;
  kept["TableCreationParameters"] = std::move(table);
  return kept;
}
}  // namespace

Result<TableIn> ImportTable::parse(const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  CHECK(asked_source(in.body));
  const json::object& parameters = parameters_of(in.body);
  TRY(in.table, table_name_of(parameters));
  TableRecord scratch;
  CHECK(read_table(parameters, scratch));
  return in;
}
Result<std::vector<Need>> ImportTable::needs(const In& in, const Snapshot& s, const Ports& ports) {
  std::vector<Need> needs{table_need(action, in.table, s)};
  CHECK(add_new_key_needs(needs, {in.table, parameters_of(in.body)}, s, ports));
  return needs;
}
Result<JsonOut> ImportTable::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  CHECK(check_bucket_owner(in->body.at("S3BucketSource").get_object(), scope));
  ImportRecord i{
      .table = in->table, .id = new_work_id(in.time()), .request = known_members(in->body)};
  i.client_token = text_of(in->body, "ClientToken");
  i.fingerprint = fingerprint_of(in->body);
  TRY(const auto known, known_work(kImport, i, staged.snapshot(), in.time()));
  if (known) return JsonOut{{{"ImportTableDescription", shown_import(*known, scope)}}};
  TRY(TableRecord table,
      new_table(in->table, parameters_of(in->body), in.time(), in.ports(), staged));
  TRY(const std::string token, token_to_keep(in.facts()));
  if (i.client_token.empty()) i.client_token = random_uuid();
  table.filled_by = "import";
  i.table_id = table.id;
  i.started = in.time();
  staged.put(table_key(in->table), table);
  staged.put(import_key(i.table, i.id), i);
  staged.enqueue({.queue = kImportQueue, .event = members_of(ImportEvent{i.table, i.id, token})});
  return JsonOut{{{"ImportTableDescription", shown_import(i, scope)}}};
}

Result<TableIn> DescribeImport::parse(const Request& request) {
  return parse_describe_work(kImport, request);
}
Result<std::vector<Need>> DescribeImport::needs(const In& in, const Snapshot& s) {
  return describe_work_needs(kImport, action, in, s);
}
Result<JsonOut> DescribeImport::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const auto i, find_work<ImportRecord>(kImport, in->body, s));
  return JsonOut{{{"ImportTableDescription", shown_import(*i, s.scope())}}};
}

Result<TableIn> ListImports::parse(const Request& request) {
  return parse_list_work(kImport, request);
}
Result<std::vector<Need>> ListImports::needs(const In& in, const Snapshot& s) {
  return list_work_needs(action, in, s);
}
Result<JsonOut> ListImports::run(const Authorized<In>& in, const Snapshot& s) {
  return list_work<ImportRecord>(kImport, *in, s, [&](const ImportRecord& i) {
    const json::object shown = shown_import(i, s.scope());
    json::object summary;
    for (const char* member : {"ImportArn", "ImportStatus", "TableArn", "S3BucketSource",
                               "CloudWatchLogGroupArn", "InputFormat", "StartTime", "EndTime"})
      if (const json::value* value = shown.if_contains(member)) summary[member] = *value;
    return summary;
  });
}

namespace {
// Reads the objects of one import and fills its table.
class Importing {
 public:
  Importing(const Ports& ports, ImportRecord& i, const Source& source, const Table& table,
            const Caller& owner, const Stopping& stopping)
      : ports_(ports),
        i_(i),
        source_(source),
        table_(table),
        filler_(ports, table, i.table),
        owner_(owner),
        stopping_(stopping),
        header_(source.header) {}

  // An error becomes the failure of the import.
  Result<Done> run() {
    std::string token;
    do {
      std::vector<std::string> keys;
      CHECK(list(token, keys));
      for (const std::string& key : keys) {
        CHECK(read_object(key));
        if (stopping_()) return Done{};
      }
    } while (!token.empty());
    return write_batch();
  }

 private:
  Response ask(const char* operation, std::string target) {
    Request request;
    request.method = "GET";
    request.target = std::move(target);
    request.source_ip = kDynamoDb;
    request.headers.add("user-agent", std::string(kDynamoDb));
    return ports_.dispatcher->call("s3", operation, std::move(request), owner_);
  }
  static Error failed(const Response& answer) {
    return {answer.status,
            answer.status == 404   ? "S3NoSuchBucket"
            : answer.status == 403 ? "S3AccessDenied"
                                   : "S3Error",
            answer.body,
            {}};
  }
  // The next page of the objects' keys. `token` becomes that of the page after it; "": none.
  Result<Done> list(std::string& token, std::vector<std::string>& keys) {
    std::string target = "/" + source_.bucket +
                         "?list-type=2&encoding-type=url&prefix=" + percent_encode(source_.prefix);
    if (!token.empty()) target += "&continuation-token=" + percent_encode(token);
    const Response answer = ask("ListObjectsV2", std::move(target));
    if (answer.status != 200) return failed(answer);
    pugi::xml_document page;
    page.load_buffer(answer.body.data(), answer.body.size());
    const auto result = page.child("ListBucketResult");
    for (const auto one : result.children("Contents"))
      keys.push_back(percent_decode(one.child_value("Key")).value_or(""));
    token = result.child_value("NextContinuationToken");
    return Done{};
  }

  Result<Done> read_object(const std::string& key) {
    if (key.ends_with('/')) return Done{};  // a folder, as some tools make them
    object_ = key;
    row_ = 0;
    if (source_.csv && source_.header.empty()) header_.clear();
    Response answer = ask("GetObject", "/" + source_.bucket + "/" + percent_encode(key, true));
    if (answer.status != 200) return failed(answer);
    CsvReader csv(source_.delimiter, [this](CsvRow&& row) { return take_row(std::move(row)); });
    const auto take = [&](std::string_view plain) -> Result<Done> {
      if (stopping_()) return Done{};
      return source_.csv ? csv.write(plain) : take_lines(plain);
    };
    Inflater inflater(take);
    const auto take_piece = [&](std::string_view piece) {
      i_.bytes += static_cast<int64_t>(piece.size());
      return source_.packed ? inflater.write(piece) : take(piece);
    };
    auto read = answer.stream ? Result<Done>(Done{}) : take_piece(answer.body);
    while (read && answer.stream && !stopping_()) {
      const auto piece = answer.stream->next();
      if (!piece) return piece.error();
      if (piece->empty()) break;
      read = take_piece(*piece);
    }
    if (stopping_()) return Done{};
    if (read && source_.packed) read = inflater.finish();
    if (!read && read.error().code != "MalformedGzip") return read;
    if (!read) CHECK(count_error(read.error().message));
    return source_.csv ? csv.finish() : end_line();
  }

  Result<Done> take_lines(std::string_view text) {
    while (!text.empty()) {
      const size_t end = text.find('\n');
      const std::string_view part = text.substr(0, end);
      if (line_.size() + part.size() > kImportLineBytesMax)
        too_large_ = true;
      else
        line_ += part;
      if (end == std::string_view::npos) return Done{};
      CHECK(end_line());
      text.remove_prefix(end + 1);
    }
    return Done{};
  }
  Result<Done> end_line() {
    const std::string line = std::exchange(line_, {});
    const bool too_large = std::exchange(too_large_, false);
    ++row_;
    if (!too_large && line.find_first_not_of(" \t\r") == std::string::npos) return Done{};
    ++i_.processed;
    if (too_large) return count_error("the line is larger than 4 MB");
    auto parsed = parse_json_object(line);
    if (!parsed) return count_error(parsed.error().message);
    json::value* item = parsed->if_contains("Item");
    if (!item || !item->is_object()) return count_error("there is no Item in this line");
    return add_item(std::move(item->as_object()));
  }
  Result<Done> take_row(CsvRow&& row) {
    ++row_;
    if (!row.broken && !std::all_of(row.fields.begin(), row.fields.end(), is_utf8))
      row.broken = "the row is not UTF-8";
    if (header_.empty()) {
      if (row.broken) return Error{400, "InvalidHeader", object_ + ": " + row.broken, {}};
      header_ = std::move(row.fields);
      return Done{};
    }
    ++i_.processed;
    if (row.broken) return count_error(row.broken);
    if (row.fields.size() > header_.size())
      return count_error("the row has more fields than the header");
    json::object item;
    for (size_t at = 0; at < row.fields.size(); ++at)
      if (!row.fields[at].empty())
        item[header_[at]] = json::object{{type_of_column(header_[at]), row.fields[at]}};
    return add_item(std::move(item));
  }
  // All is text but the attributes of keys, which have types.
  std::string type_of_column(const std::string& name) const {
    const auto is = [&](const KeyAttribute& one) { return one.name == name; };
    for (const KeyAttribute* one : {&table_.keys().hash, &table_.keys().range})
      if (is(*one)) return one->type;
    for (const IndexRecord& index : table_.indexes())
      for (const KeyAttribute& one :
           {KeyAttribute{index.hash, index.hash_type}, KeyAttribute{index.range, index.range_type}})
        if (is(one)) return one.type;
    return "S";
  }

  // The log is not under the key of the table, so that no value of an item may stand there. The
  // texts about keys have none.
  Result<Done> add_item(json::object item) {
    if (!check_item(item)) return count_error("the item has a value that DynamoDB does not take");
    if (const auto added = filler_.add(std::move(item)); !added)
      return count_error(added.error().message);
    return filler_.full() ? write_batch() : Result<Done>(Done{});
  }
  Result<Done> count_error(const std::string& why) {
    constexpr size_t kLinesAtOnce = 200;
    if (++i_.errors <= kImportErrorsShownMax)
      errors_.push_back(
          {now(), json::serialize(json::object{
                      {"s3Key", object_}, {"line", row_}, {"error", why.substr(0, 1024)}})});
    return errors_.size() < kLinesAtOnce ? Result<Done>(Done{}) : write_batch();
  }
  Result<Done> write_batch() {
    const auto count = static_cast<int64_t>(filler_.count());
    CHECK(filler_.write([this](Staged& staged) {
      if (!errors_.empty() && ports_.journal)
        ports_.journal->append(staged, kLogGroup, i_.id, errors_);
    }));
    i_.imported += count;
    errors_.clear();
    return Done{};
  }

  const Ports& ports_;
  ImportRecord& i_;
  const Source& source_;
  const Table& table_;
  Filler filler_;
  const Caller& owner_;
  const Stopping& stopping_;
  std::vector<std::string> header_;
  std::string object_, line_;
  bool too_large_ = false;
  int64_t row_ = 0;
  std::vector<Journal::Line> errors_;
};

Result<Done> do_import(const Ports& ports, ImportRecord& i, const std::string& token,
                       const Stopping& stopping) {
  i.errors = i.bytes = i.processed = i.imported = 0;
  TRY(const Source source, asked_source(i.request));
  TRY(const Caller owner, on_behalf(ports, token, kDynamoDb));
  const auto record = ports.store->snapshot().get(table_key(i.table));
  if (!record || record->id != i.table_id)
    return Error{400, "TableNotFound", "The table was deleted.", {}};
  TRY(const Table table, Table::open(record, ports.store->snapshot(), ports));
  return Importing(ports, i, source, table, owner, stopping).run();
}

// The table is ACTIVE when the import is done, and goes when it failed.
JobResult work(const Ports& ports, const Job& job, const Stopping& stopping) {
  const auto asked = members_from<ImportEvent>(job.event);
  const auto known = ports.store->snapshot().get(import_key(asked.table, asked.id));
  std::optional<ImportRecord> i;
  if (known && known->status == "IN_PROGRESS") {
    i = *known;
    const auto done = do_import(ports, *i, asked.token, stopping);
    if (stopping()) return JobResult::finished();  // it begins anew at the next start
    note_end(kImport, *i, done, ports.store->jobs().clock().calendar());
  }
  // Without a record to go by there is nothing to fill, and the job is over.
  const auto note = [&](Staged& staged) {
    if (i) staged.put(import_key(asked.table, asked.id), *i);
    staged.finish(job);
  };
  const bool whole = i && i->status == "COMPLETED";
  (void)end_filling(ports, asked.table, i ? i->table_id : "", whole, note)
      .has_value();  // else it is done again
  return JobResult::finished();
}
}  // namespace

void start_imports(Ports& ports) {
  ports.store->jobs().serve({.name = std::string(kImportQueue),
                             .work = [&ports](const Job& job, const Stopping& stopping) {
                               return work(ports, job, stopping);
                             }});
}

}  // namespace sluice::dynamodb
