// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests of tables without KMS: one key that opens every table.
//
//   OneKey key;
//   Ports ports{.store = &open(), .data_keys = &key};
//   const Table table = *Table::open("table", store_->snapshot(), ports);
#include "request/ports.h"

namespace sluice::dynamodb {

class OneKey : public DataKeys {
 public:
  Result<KeyView> find(std::string_view, const Snapshot&) const override { return KeyView{}; }
  Result<std::optional<Need>> need(std::string_view, std::string_view, const json::object&,
                                   std::string_view, const Snapshot&) const override {
    return std::optional<Need>();
  }
  Result<DataKey> generate(std::string_view, const json::object&, Staged&) override {
    return DataKey{};
  }
  Result<Secret> unwrap(std::string_view, const json::object&, const Snapshot&) override {
    return Secret(std::string(32, 'k'));
  }
};

}  // namespace sluice::dynamodb
