// SPDX-License-Identifier: Apache-2.0
#pragma once
// Secondary indexes: each item that has the attributes of an index's key has an entry in it, which
// holds what the index projects, sealed like the item. Source: Developer Guide, "Improving data
// access with secondary indexes in DynamoDB".
//
//   CHECK(check_index_keys(table, item));        // before an item is put
//   const IndexRecord* index = find_index(table, "by-time");
//   TRY(const Span span, wanted_span(wanted, keys_of(*index)));
#include "services/dynamodb/model.h"

namespace sluice::dynamodb {

// nullptr: the table has none of this name.
const IndexRecord* find_index(const std::vector<IndexRecord>& indexes, std::string_view name);
KeySpace keys_of(const IndexRecord& index);
// Whether an index holds this attribute of the items of its table.
bool projects(const IndexRecord& index, const Table& table, std::string_view attribute);

// Refuses an item whose attributes cannot be keys of the indexes: of another type, empty or too
// long; of several faults that of the index whose name comes first. An item may lack them.
// `updated`: an update has made the item.
Result<Done> check_index_keys(const Table& table, const json::object& item, bool updated = false);

// Where the entry of an item stands in an index. nullopt: it has none there.
std::optional<Key> entry_key(const Table& table, const IndexRecord& index,
                             const json::object& item);
// What an index holds of an item.
json::object entry_of(const Table& table, const IndexRecord& index, const json::object& item);
// Brings the entries of all indexes from one state of an item to the next one; nullptr stands for
// no item.
void write_entries(const Table& table, const json::object* before, const json::object* after,
                   Staged& staged);
// The keys of an entry, as LastEvaluatedKey shows them: of the index and of the table.
json::object entry_key_attributes(const Table& table, const IndexRecord& index,
                                  const json::object& entry);

// From now on indexes are filled that UpdateTable has added. A restart goes on where it was.
void start_backfill(Ports& ports);

}  // namespace sluice::dynamodb
