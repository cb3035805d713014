// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/cost.h"

#include <algorithm>
#include <cmath>

#include "services/dynamodb/index.h"

namespace sluice::dynamodb {

double write_units(size_t bytes) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / 1024));
}
double read_units(size_t bytes, bool consistent) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / 4096)) * (consistent ? 1 : 0.5);
}
bool wants_consumed(const json::object& body) {
  const std::string v = text_of(body, "ReturnConsumedCapacity");
  return v == "TOTAL" || v == "INDEXES";
}

double Cost::total() const {
  double sum = table;
  for (const auto* indexes : {&local, &global})
    for (const auto& [name, units] : *indexes) sum += units;
  return sum;
}
void Cost::add(const Cost& other, double times) {
  table += times * other.table;
  for (const auto& [name, units] : other.local) local[name] += times * units;
  for (const auto& [name, units] : other.global) global[name] += times * units;
}
json::object Cost::shown(const std::string& table_name, const json::object& body,
                         const char* kind) const {
  const auto units = [&](double count) {
    json::object out{{"CapacityUnits", count}};
    if (*kind) out[kind] = count;
    return out;
  };
  json::object out = units(total());
  out["TableName"] = table_name;
  if (text_of(body, "ReturnConsumedCapacity") != "INDEXES") return out;
  out["Table"] = units(table);
  for (const auto& [member, indexes] :
       {std::pair("LocalSecondaryIndexes", &local), std::pair("GlobalSecondaryIndexes", &global)}) {
    json::object each;
    for (const auto& [name, count] : *indexes) each[name] = units(count);
    if (!each.empty()) out[member] = std::move(each);
  }
  return out;
}

Cost write_cost(const Table& table, const json::object* before, const json::object* after) {
  Cost cost;
  cost.table =
      write_units(std::max(before ? item_bytes(*before) : 0, after ? item_bytes(*after) : 0));
  for (const IndexRecord& index : table.indexes()) {
    const auto old_key = before ? entry_key(table, index, *before) : std::nullopt;
    const auto key = after ? entry_key(table, index, *after) : std::nullopt;
    const json::object old_entry = old_key ? entry_of(table, index, *before) : json::object();
    const json::object entry = key ? entry_of(table, index, *after) : json::object();
    double units = 0;
    if (old_key && old_key == key)
      units =
          old_entry == entry ? 0 : write_units(std::max(item_bytes(old_entry), item_bytes(entry)));
    else
      units = (old_key ? write_units(item_bytes(old_entry)) : 0) +
              (key ? write_units(item_bytes(entry)) : 0);
    if (units > 0) cost.add_index(index, units);
  }
  return cost;
}

std::optional<json::object> collection_of(const Table& table, const json::object& item,
                                          const json::object& body, const Snapshot& snapshot) {
  const auto is_local = [](const IndexRecord& index) { return !index.global; };
  if (text_of(body, "ReturnItemCollectionMetrics") != "SIZE" ||
      std::none_of(table.indexes().begin(), table.indexes().end(), is_local))
    return std::nullopt;
  const KeyAttribute& hash = table.keys().hash;
  const auto encoded = encode_key(hash, item.at(hash.name), true);
  if (!encoded) return std::nullopt;
  size_t bytes = 0, count = 0;
  snapshot.scan(schema::span(table.keys().under(*encoded)), false,
                [&](std::string_view, std::string_view sealed) {
                  bytes += sealed.size();
                  return ++count < kCollectionItemsMax && bytes < kCollectionBytesMax;
                });
  const double gigabytes = std::floor(static_cast<double>(bytes) / (1 << 30));
  return json::object{{"ItemCollectionKey", json::object{{hash.name, item.at(hash.name)}}},
                      {"SizeEstimateRangeGB", json::array{gigabytes, gigabytes + 1}}};
}

}  // namespace sluice::dynamodb
