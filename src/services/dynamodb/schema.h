// SPDX-License-Identifier: Apache-2.0
#pragma once
// What CreateTable and UpdateTable say of a table: the schema of its key, and its settings.
//
//   TableRecord table{.name = in->table};
//   CHECK(read_table(in->body, table));
#include "services/dynamodb/records.h"
#include "services/dynamodb/value.h"

namespace sluice::dynamodb {

constexpr size_t kLocalIndexesMax = 5, kGlobalIndexesMax = 20, kProjectedAttributesMax = 100;

// Reads KeySchema, AttributeDefinitions and the settings of a new table. Errors:
// ValidationException, as AWS's in its order of checks.
Result<Done> read_table(const json::object& body, TableRecord& table);
// BillingMode and ProvisionedThroughput of UpdateTable. `now` is the time of the call.
Result<Done> change_billing(const json::object& body, TableRecord& table, Time now);
// The indexes that UpdateTable makes and deletes: at most one of them.
struct IndexChange {
  std::string created, deleted;  // ids; "": none
};
// GlobalSecondaryIndexUpdates of UpdateTable.
Result<Done> change_indexes(const json::object& body, TableRecord& table, IndexChange& change);
// The body of CreateTable that would make a table with the keys, the indexes, the throughput and
// the encryption of this one.
json::object creation_of(const TableRecord& table, const Scope& scope);
// Drops the AttributeDefinitions of a CreateTable body that no key uses.
void keep_used_definitions(json::object& body);
// KeySchema of a table.
json::array key_schema(const TableRecord& table);
// TableDescription, without the sizes.
json::object description(const TableRecord& table, const Scope& scope);

}  // namespace sluice::dynamodb
