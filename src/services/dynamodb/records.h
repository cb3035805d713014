// SPDX-License-Identifier: Apache-2.0
#pragma once
// What DynamoDB stores: tables, and the job that erases the items of a deleted table. An item has a
// binary form of its own (codec.h). It is sealed under the data key of its table and bound to its
// key.
//
//   if (const auto table = snapshot.get(table_key(name))) use(table->id);
//   snapshot.scan(items_of(table->id), "", false, fn);
#include "store/record.h"

namespace sluice::dynamodb {

struct TableRecord {
  static constexpr RecordType record{Family::meta, "dynamodb.table", 1};
  std::string name;
  std::string id;  // a random UUID, so that a new table with an old name never shows old items
  Time created = 0;
  std::string hash, hash_type;    // the partition key, and its type: S, N or B
  std::string range, range_type;  // the sort key; "": the table has none
  std::string kms_key_arn;        // "": the service's own key, alias/aws/dynamodb
  std::string wrapped_data_key;   // base64
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
                      member("Wrapped", &TableRecord::wrapped_data_key)};
  }
  bool operator==(const TableRecord&) const = default;
};
inline RecordKey<TableRecord> table_key(std::string_view name) { return {name}; }

// Where the items stand. `hash` and `range` are the values of their key attributes as Table::encode
// makes them.
inline Key items_of(std::string_view table_id) {
  return schema::prefix(Family::items, "i", {table_id});
}
inline Key items_of(std::string_view table_id, std::string_view hash) {
  return schema::prefix(Family::items, "i", {table_id, hash});
}
inline Key item_key(std::string_view table_id, std::string_view hash) {
  return schema::key(Family::items, "i", {table_id, hash});
}
inline Key item_key(std::string_view table_id, std::string_view hash, std::string_view range) {
  return schema::key(Family::items, "i", {table_id, hash, range});
}

// The event of a job of the queue "dynamodb.purge".
struct PurgeEvent {
  std::string table_id;
  static constexpr auto members() { return std::tuple{member("Id", &PurgeEvent::table_id)}; }
};

}  // namespace sluice::dynamodb
