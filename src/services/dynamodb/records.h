// SPDX-License-Identifier: Apache-2.0
#pragma once
// What DynamoDB stores: tables, and the job that erases the items of a deleted table. An item has a
// binary form of its own (codec.h). It is sealed under the data key of its table and bound to its
// key.
//
//   if (const auto table = snapshot.get(table_key(name))) use(table->id);
//   snapshot.scan(items_of(table->id), "", false, fn);
#include "policy/policy_set.h"
#include "store/record.h"

namespace sluice::dynamodb {

// What a table can do per second, as somebody once said; it is shown, and bounds nothing.
struct ThroughputRecord {
  int64_t read = 0, write = 0;
  static constexpr auto members() {
    return std::tuple{member("Read", &ThroughputRecord::read),
                      member("Write", &ThroughputRecord::write)};
  }
  bool operator==(const ThroughputRecord&) const = default;
};
// Which items expire: those whose attribute is a time that has passed.
struct ExpiryRecord {
  std::string attribute;  // "": none
  Time changed = 0;
  static constexpr auto members() {
    return std::tuple{member("Attribute", &ExpiryRecord::attribute),
                      member("Changed", &ExpiryRecord::changed)};
  }
  bool operator==(const ExpiryRecord&) const = default;
};

// A secondary index. Its entries stand beside the items, under an id of its own.
struct IndexRecord {
  std::string name, id;
  bool global = false;
  std::string hash, hash_type, range, range_type;  // range "": the index has no sort key
  std::string projection;                          // ALL, KEYS_ONLY or INCLUDE
  std::vector<std::string> included;               // of INCLUDE, besides the keys
  bool backfilling = false;                        // the items from before it have no entries yet
  ThroughputRecord throughput;
  static constexpr auto members() {
    return std::tuple{member("Name", &IndexRecord::name),
                      member("Id", &IndexRecord::id),
                      member("Global", &IndexRecord::global),
                      member("Hash", &IndexRecord::hash),
                      member("HashType", &IndexRecord::hash_type),
                      member("Range", &IndexRecord::range),
                      member("RangeType", &IndexRecord::range_type),
                      member("Projection", &IndexRecord::projection),
                      member("Included", &IndexRecord::included),
                      member("Backfilling", &IndexRecord::backfilling),
                      member("Throughput", &IndexRecord::throughput)};
  }
  bool operator==(const IndexRecord&) const = default;
};

// The stream of a table.
struct StreamSetting {
  std::string id;           // "": it has none now
  std::string label, view;  // of the latest one; "": it never had one
  static constexpr auto members() {
    return std::tuple{member("Id", &StreamSetting::id), member("Label", &StreamSetting::label),
                      member("View", &StreamSetting::view)};
  }
  bool operator==(const StreamSetting&) const = default;
};

// Point-in-time recovery of a table.
struct RecoverySetting {
  Time since = 0;     // it keeps all changes since then; 0: it is off
  int64_t days = 35;  // how long it keeps them
  static constexpr auto members() {
    return std::tuple{member("Since", &RecoverySetting::since),
                      member("Days", &RecoverySetting::days)};
  }
  bool operator==(const RecoverySetting&) const = default;
};

// What a table was made of by RestoreTableToPointInTime.
struct RestoredSetting {
  std::string source_arn;  // "": it was not
  Time at = 0;
  static constexpr auto members() {
    return std::tuple{member("Source", &RestoredSetting::source_arn),
                      member("At", &RestoredSetting::at)};
  }
  bool operator==(const RestoredSetting&) const = default;
};

struct TableRecord {
  static constexpr RecordType record{Family::meta, "dynamodb.table", 5};
  std::string name;
  std::string id;  // a random UUID, so that a new table with an old name never shows old items
  Time created = 0;
  std::string hash, hash_type;    // the partition key, and its type: S, N or B
  std::string range, range_type;  // the sort key; "": the table has none
  std::string kms_key_arn;        // "": the service's own key, alias/aws/dynamodb
  std::string wrapped_data_key;   // base64
  // base64: the key of the items, sealed under the data key. "": the data key itself is the key of
  // the items, as long as the table has never changed its KMS key.
  std::string sealed_items_key;
  bool deletion_protection = false;
  bool provisioned = false;
  ThroughputRecord throughput;
  Time on_demand_since = 0;
  std::string table_class;  // "": the default, which nobody has asked for
  std::map<std::string, std::string> tags;
  policy::Stored<policy::Kind::resource> policy;  // its roles pinned to their ids
  std::string policy_revision;
  ExpiryRecord expiry;
  std::vector<IndexRecord> indexes;
  StreamSetting stream;
  RecoverySetting recovery;
  // What it is filled from ("import", "restore"): until that is done nobody reads or writes it. "":
  // it is ACTIVE.
  std::string filled_by;
  RestoredSetting restored;
  std::string last_export;  // its id. Exports that begin at once meet here.
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &TableRecord::name),
                      member("Id", &TableRecord::id),
                      member("Created", &TableRecord::created),
                      member("Hash", &TableRecord::hash),
                      member("HashType", &TableRecord::hash_type),
                      member("Range", &TableRecord::range),
                      member("RangeType", &TableRecord::range_type),
                      member("KmsArn", &TableRecord::kms_key_arn),
                      member("Wrapped", &TableRecord::wrapped_data_key),
                      member("SealedItemsKey", &TableRecord::sealed_items_key),
                      member("DeletionProtection", &TableRecord::deletion_protection),
                      member("Provisioned", &TableRecord::provisioned),
                      member("Throughput", &TableRecord::throughput),
                      member("OnDemandSince", &TableRecord::on_demand_since),
                      member("Class", &TableRecord::table_class),
                      member("Tags", &TableRecord::tags),
                      member("Policy", &TableRecord::policy),
                      member("PolicyRevision", &TableRecord::policy_revision),
                      member("Expiry", &TableRecord::expiry),
                      member("Indexes", &TableRecord::indexes),
                      member("Stream", &TableRecord::stream),
                      member("Recovery", &TableRecord::recovery),
                      member("FilledBy", &TableRecord::filled_by),
                      member("Restored", &TableRecord::restored),
                      member("LastExport", &TableRecord::last_export)};
  }
  bool operator==(const TableRecord&) const = default;
};
inline RecordKey<TableRecord> table_key(std::string_view name) { return {name}; }

// A deleted table whose stream may still be read. Its items can be opened no longer than that.
struct FormerTable : TableRecord {
  static constexpr RecordType record{Family::meta, "dynamodb.former-table", 2};
};
inline RecordKey<FormerTable> former_table_key(std::string_view table_id) { return {table_id}; }

// A stream of a table, or of a former one. Its changes are in the log of the table (change_log.h).
struct StreamRecord {
  static constexpr RecordType record{Family::meta, "dynamodb.stream", 1};
  std::string table, table_id;
  std::string id, label, view;  // view: KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES
  Time created = 0;
  Time ended = 0;     // 0: it is enabled
  int64_t first = 1;  // no change before this number of the log belongs to it
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{
        member("Table", &StreamRecord::table), member("TableId", &StreamRecord::table_id),
        member("Id", &StreamRecord::id),       member("Label", &StreamRecord::label),
        member("View", &StreamRecord::view),   member("Created", &StreamRecord::created),
        member("Ended", &StreamRecord::ended), member("First", &StreamRecord::first)};
  }
  bool operator==(const StreamRecord&) const = default;
};
inline RecordKey<StreamRecord> stream_key(std::string_view table, std::string_view label) {
  return {table, label};
}

// An export of a table (exports.h).
struct ExportRecord {
  static constexpr RecordType record{Family::meta, "dynamodb.export", 1};
  std::string table, table_id, id;
  std::string status = "IN_PROGRESS";  // or COMPLETED, FAILED
  std::string bucket, prefix, sse_algorithm, sse_key, client_token, fingerprint;
  Time started = 0, ended = 0;
  Time at = 0;            // of a full export
  Time from = 0, to = 0;  // of an incremental one; to 0: it is a full one
  std::string view;       // of an incremental one: NEW_IMAGE or NEW_AND_OLD_IMAGES
  std::string manifest, failure_code, failure_message;
  int64_t items = 0, bytes = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Table", &ExportRecord::table),
                      member("TableId", &ExportRecord::table_id),
                      member("Id", &ExportRecord::id),
                      member("Status", &ExportRecord::status),
                      member("Bucket", &ExportRecord::bucket),
                      member("Prefix", &ExportRecord::prefix),
                      member("SseAlgorithm", &ExportRecord::sse_algorithm),
                      member("SseKey", &ExportRecord::sse_key),
                      member("ClientToken", &ExportRecord::client_token),
                      member("Fingerprint", &ExportRecord::fingerprint),
                      member("Started", &ExportRecord::started),
                      member("Ended", &ExportRecord::ended),
                      member("At", &ExportRecord::at),
                      member("From", &ExportRecord::from),
                      member("To", &ExportRecord::to),
                      member("View", &ExportRecord::view),
                      member("Manifest", &ExportRecord::manifest),
                      member("FailureCode", &ExportRecord::failure_code),
                      member("FailureMessage", &ExportRecord::failure_message),
                      member("Items", &ExportRecord::items),
                      member("Bytes", &ExportRecord::bytes)};
  }
  bool operator==(const ExportRecord&) const = default;
};
inline RecordKey<ExportRecord> export_key(std::string_view table, std::string_view id) {
  return {table, id};
}

// An import of a table (imports.h).
struct ImportRecord {
  static constexpr RecordType record{Family::meta, "dynamodb.import", 1};
  std::string table, table_id, id;
  std::string status = "IN_PROGRESS";  // or COMPLETED, FAILED
  json::object request;                // what was asked for
  std::string fingerprint, client_token, failure_code, failure_message;
  Time started = 0, ended = 0;
  int64_t errors = 0, bytes = 0, processed = 0, imported = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Table", &ImportRecord::table),
                      member("TableId", &ImportRecord::table_id),
                      member("Id", &ImportRecord::id),
                      member("Status", &ImportRecord::status),
                      member("Request", &ImportRecord::request),
                      member("Fingerprint", &ImportRecord::fingerprint),
                      member("ClientToken", &ImportRecord::client_token),
                      member("FailureCode", &ImportRecord::failure_code),
                      member("FailureMessage", &ImportRecord::failure_message),
                      member("Started", &ImportRecord::started),
                      member("Ended", &ImportRecord::ended),
                      member("Errors", &ImportRecord::errors),
                      member("Bytes", &ImportRecord::bytes),
                      member("Processed", &ImportRecord::processed),
                      member("Imported", &ImportRecord::imported)};
  }
  bool operator==(const ImportRecord&) const = default;
};
inline RecordKey<ImportRecord> import_key(std::string_view table, std::string_view id) {
  return {table, id};
}

// A transaction that was done, by its ClientRequestToken: for ten minutes it is not done again.
struct TransactionRecord {
  static constexpr RecordType record{Family::items, "dynamodb.transaction", 1};
  Time made = 0;
  std::string fingerprint;  // base64: of what was asked for
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Made", &TransactionRecord::made),
                      member("Fingerprint", &TransactionRecord::fingerprint)};
  }
  bool operator==(const TransactionRecord&) const = default;
};
inline RecordKey<TransactionRecord> transaction_key(std::string_view token) { return {token}; }

// Where the items of a table stand: "i", the id of the table, and the values of the attributes of
// the key, in their order, as Table::encode makes them.
inline Key items_of(std::string_view table_id) {
  return schema::prefix(Family::items, "i", {table_id});
}
inline Key item_key(std::string_view table_id, std::string_view hash) {
  return schema::key(Family::items, "i", {table_id, hash});
}
inline Key item_key(std::string_view table_id, std::string_view hash, std::string_view range) {
  return schema::key(Family::items, "i", {table_id, hash, range});
}
// Where the entries of an index stand: "x", the id of the index, the values of its own key, and
// then those of the key of the item.
inline Key entries_of(std::string_view index_id) {
  return schema::prefix(Family::items, "x", {index_id});
}

// The event of a job of the queue "dynamodb.purge".
struct PurgeEvent {
  std::string table_id;  // "": only indexes go
  std::vector<std::string> index_ids;
  bool changes = false;  // the log of the table's changes goes too
  static constexpr auto members() {
    return std::tuple{member("Id", &PurgeEvent::table_id),
                      member("Indexes", &PurgeEvent::index_ids),
                      member("Changes", &PurgeEvent::changes)};
  }
};
// The event of a job of the queue "dynamodb.backfill".
struct BackfillEvent {
  std::string table, index_id;
  std::string next_base64;  // the first key that has not been looked at; "": all of them
  static constexpr auto members() {
    return std::tuple{member("Table", &BackfillEvent::table),
                      member("Index", &BackfillEvent::index_id),
                      member("Next", &BackfillEvent::next_base64)};
  }
};

}  // namespace sluice::dynamodb
