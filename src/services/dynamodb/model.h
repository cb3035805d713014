// SPDX-License-Identifier: Apache-2.0
#pragma once
// A table that is ready for use: the keys of its items, and their seals.
//
//   TRY(const Table table, Table::open(in->table, staged, in.ports()));
//   TRY(const Key key, table.key_of(in->item, false));
//   const std::string sealed = table.seal(key, in->item);
#include "crypto/crypto.h"
#include "services/dynamodb/expression.h"
#include "services/dynamodb/packed_item.h"
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
Result<Done> add_key_need(std::vector<Need>& needs, const TableRecord& table,
                          const Snapshot& snapshot, const Ports& ports);

// What the key of the items is sealed for, when it is not the data key itself.
std::string items_key_purpose(const TableRecord& record);
std::string through_dynamodb(const Scope& scope);  // the value of kms:ViaService
Error no_table(const std::string& name);           // of the operations on tables themselves

// An attribute of a key. Its name is "" where a key has no sort key.
struct KeyAttribute {
  std::string name, type;
};
// Keys that sort by a partition key and a sort key: those of the items of a table, or those of the
// entries of an index.
struct KeySpace {
  std::string_view kind;  // "i" or "x" (records.h)
  std::string id;
  KeyAttribute hash, range;
  Key all() const { return schema::prefix(Family::items, kind, {id}); }
  Key under(std::string_view hash_bytes) const {
    return schema::prefix(Family::items, kind, {id, hash_bytes});
  }
  Key under(std::string_view hash_bytes, std::string_view range_bytes) const {
    return schema::prefix(Family::items, kind, {id, hash_bytes, range_bytes});
  }
};
// A value of a key as bytes that sort like its values. Errors: ValidationException when it is of
// another type, empty or too long.
Result<std::string> encode_key(const KeyAttribute& attribute, const json::value& value,
                               bool is_hash);

// The record of a table and its open data key. Errors: ResourceNotFoundException;
// AccessDeniedException when the KMS key cannot be used (AWS documents no code for this).
class Table {
 public:
  static Result<Table> open(const std::string& name, const Snapshot& snapshot, const Ports& ports);
  // The commit fails with a conflict when the table is deleted meanwhile.
  static Result<Table> open(const std::string& name, Staged& staged, const Ports& ports);
  // Of a table that is being filled, too.
  static Result<Table> open(std::shared_ptr<const TableRecord> record, const Snapshot& snapshot,
                            const Ports& ports);
  // The key of an item. With `exact`, the item may have only the attributes of the key.
  Result<Key> key_of(const json::object& item, bool exact) const;
  Result<Key> key_of(const PackedItem& item, bool exact) const;
  std::string seal(const Key& key, const json::object& item) const;
  std::string seal(const Key& key, const PackedItem& item) const;
  Result<json::object> open_item(std::string_view key_bytes, std::string_view sealed) const;
  // What else is sealed under the key of the items. It opens only for the same `bound_to`.
  std::string seal_text(std::string_view text, std::string_view bound_to) const;
  Result<std::string> open_text(std::string_view sealed, std::string_view bound_to) const;
  json::object key_attributes(const json::object& item) const;
  const std::string& id() const { return keys_.id; }
  const KeySpace& keys() const { return keys_; }
  const std::vector<IndexRecord>& indexes() const { return record_->indexes; }
  const StreamSetting& stream() const { return record_->stream; }
  // Somebody may want to read what happened to the items (change_log.h).
  bool keeps_changes() const { return !record_->stream.id.empty() || record_->recovery.since; }
  Time opened() const { return opened_; }
  // The key under which the items are sealed, of a table that is to change its KMS key.
  static Result<Secret> items_key(const TableRecord& record, const Snapshot& snapshot,
                                  const Ports& ports);

 private:
  Table(std::shared_ptr<const TableRecord> record, const Secret& items_key, Time opened);
  template <class Item>
  Result<Key> key_from(const Item& item, bool exact) const;
  std::shared_ptr<const TableRecord> record_;
  KeySpace keys_;
  mutable Aead aead_;
  Time opened_;
};

struct JsonOut {
  json::object body;
  // One more member of the answer, whose value is JSON already. Its name is "" when there is none.
  std::pair<std::string_view, std::string> written = {};
};
// The answer has the header x-amz-crc32.
Response render_json(const JsonOut& out);
}  // namespace sluice::dynamodb
