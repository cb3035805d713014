// SPDX-License-Identifier: Apache-2.0
#pragma once
// A table that is ready for use: the keys of its items, and their seals.
//
//   TRY(const Table table, Table::open(in->table, staged, in.ports()));
//   TRY(const Key key, table.key_of(in->item, false));
//   const std::string sealed = table.seal(key, in->item);
#include "crypto/crypto.h"
#include "services/dynamodb/expression.h"
#include "services/dynamodb/records.h"

namespace sluice::dynamodb {

// TableName, which may be a name or an ARN of this Region.
Result<std::string> table_name_of(const json::object& body);
std::string table_arn(const Scope& scope, std::string_view name);
Need table_need(std::string_view action, std::string_view name, const Snapshot& snapshot,
                policy::Context context = {});
// The encryption context of the table's data key.
json::object key_context(const Scope& scope, const std::string& table);
// Whoever reads or writes items of a table under a key of the customer's must be allowed
// kms:Decrypt on that key through DynamoDB. Errors: AccessDeniedException when the key is gone.
Result<Done> add_key_need(std::vector<Need>& needs, const std::string& table,
                          const Snapshot& snapshot, const Ports& ports);

// What the key of the items is sealed for, when it is not the data key itself.
std::string items_key_purpose(const TableRecord& record);
std::string through_dynamodb(const Scope& scope);  // the value of kms:ViaService
Error no_table(const std::string& name);           // of the operations on tables themselves

// The record of a table and its open data key. Errors: ResourceNotFoundException;
// AccessDeniedException when the KMS key cannot be used (AWS documents no code for this).
class Table {
 public:
  static Result<Table> open(const std::string& name, const Snapshot& snapshot, const Ports& ports);
  // The commit fails with a conflict when the table is deleted meanwhile.
  static Result<Table> open(const std::string& name, Staged& staged, const Ports& ports);
  // The key of an item. With `exact`, the item may have only the attributes of the key.
  Result<Key> key_of(const json::object& item, bool exact) const;
  std::string seal(const Key& key, const json::object& item) const;
  Result<json::object> open_item(std::string_view key_bytes, std::string_view sealed) const;
  json::object key_attributes(const json::object& item) const;
  Key all() const { return items_of(id); }
  const Secret& items_key() const { return items_key_; }
  // One attribute of the key as bytes that sort like its values.
  Result<std::string> encode(const json::value& value, bool hash) const;
  std::string id;
  // The partition key and the sort key. range.name is "" when the table has no sort key.
  struct KeyAttribute {
    std::string name, type;
  } hash, range;

 private:
  Table(const TableRecord& record, const Secret& items_key);
  static Result<Table> unlock(const TableRecord& record, const Snapshot& snapshot,
                              const Ports& ports);
  Secret items_key_;
  mutable Aead aead_;
};

struct JsonOut {
  json::object body;
};
// The answer has the header x-amz-crc32.
Response render_json(const JsonOut& out);
// `body` is the request: its ReturnConsumedCapacity may ask for the table apart from its indexes.
json::object consumed(const std::string& table, double units, const json::object& body);

}  // namespace sluice::dynamodb
