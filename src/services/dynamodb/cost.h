// SPDX-License-Identifier: Apache-2.0
#pragma once
// What calls cost, in capacity units: of the table and of each of its indexes. Source: Developer
// Guide, "DynamoDB read and write operations".
//
//   Cost cost = write_cost(table, before, after);
//   if (wants_consumed(body)) out.body["ConsumedCapacity"] = cost.shown("Readings", body);
#include "services/dynamodb/model.h"

namespace sluice::dynamodb {

double write_units(size_t bytes);
double read_units(size_t bytes, bool consistent);
bool wants_consumed(const json::object& body);

struct Cost {
  double table = 0;
  std::map<std::string, double> local, global;  // by the name of the index
  double total() const;
  void add(const Cost& other, double times = 1);
  void add_index(const IndexRecord& index, double units) {
    (index.global ? global : local)[index.name] += units;
  }
  // ConsumedCapacity. The ReturnConsumedCapacity of `body` may ask for table and indexes apart.
  // `kind` is "ReadCapacityUnits" or the like; "": it is not told.
  json::object shown(const std::string& table_name, const json::object& body,
                     const char* kind = "") const;
};
// A write costs by the larger one of the old item and the new one, and so does each entry that
// changes; one that moves costs twice. nullptr stands for no item.
Cost write_cost(const Table& table, const json::object* before, const json::object* after);

// So many items are counted for ItemCollectionMetrics: writers wait while it is done.
constexpr size_t kCollectionItemsMax = 10'000, kCollectionBytesMax = 64 << 20;
// ItemCollectionMetrics of a table with local indexes: how large all items of one partition key
// are. nullopt: it has none, or `body` does not ask.
std::optional<json::object> collection_of(const Table& table, const json::object& item,
                                          const json::object& body, const Snapshot& snapshot);

}  // namespace sluice::dynamodb
