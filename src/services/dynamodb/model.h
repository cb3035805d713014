// SPDX-License-Identifier: Apache-2.0
#pragma once
// A table that is open for use: the keys of its items, and their seals.
#include "crypto/crypto.h"
#include "services/dynamodb/expression.h"
#include "services/dynamodb/records.h"

namespace sluice::dynamodb {

Result<std::string> table_name_of(
    const json::object& body);  // TableName: a name or an ARN of this Region
std::string table_arn(const Scope& scope, std::string_view name);
Need table_need(std::string_view action, std::string_view name, const Snapshot& snapshot,
                policy::Context context = {});
json::object key_context(const Scope& scope,
                         const std::string& table);  // encryption context of the table's data key

// A table ready for use: its record and its open data key. Errors: ResourceNotFoundException;
// AccessDeniedException when the KMS key cannot be used (AWS documents no code for this).
class Table {
 public:
  static Result<Table> open(const std::string& name, const Snapshot& snapshot, const Ports& ports);
  static Result<Table> open(const std::string& name, Staged& staged,
                            const Ports& ports);  // conflicts when the table goes meanwhile
  // The key of an item; `exact`: nothing but the key attributes may be there.
  Result<Key> key_of(const json::object& item, bool exact) const;
  std::string seal(const Key& key, const json::object& item) const;
  Result<json::object> open_item(std::string_view key_bytes, std::string_view sealed) const;
  json::object key_attributes(const json::object& item) const;
  Key all() const { return items_of(id); }
  Result<std::string> encode(const json::value& value,
                             bool hash) const;  // one key attribute as bytes that sort
  std::string id;
  struct KeyAttribute {
    std::string name, type;
  } hash, range;  // range.name "": the table has none

 private:
  Table(const TableRecord& record, const Secret& data_key);
  static Result<Table> unlock(const TableRecord& record, const Snapshot& snapshot,
                              const Ports& ports);
  mutable Aead aead_;
};

struct JsonOut {
  json::object body;
};
Response render_json(const JsonOut& out);  // with x-amz-crc32
json::object consumed(const std::string& table, double units);

}  // namespace sluice::dynamodb
