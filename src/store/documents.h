// SPDX-License-Identifier: Apache-2.0
#pragma once
// Metadata (buckets, keys, tables, functions) is read by every request and changes seldom: what was
// read of it stays parsed until the next commit that writes any. Inside the store; not for others.
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "base/json.h"

namespace sluice {

class Documents {
 public:
  struct Document {
    std::optional<std::string> text;
    std::optional<json::object> value;
  };  // nullopt: there is none; not JSON, or not asked for as JSON
  // `version`: Snapshot::meta_version. nullptr: not known.
  std::shared_ptr<const Document> find(uint64_t version, const std::string& key) const;
  void keep(uint64_t version, const std::string& key, std::shared_ptr<const Document> document);

 private:
  static constexpr size_t kEntriesMax = 4096, kDocumentBytesMax = 64 << 10, kBytesMax = 8 << 20;
  mutable std::shared_mutex mutex_;
  uint64_t version_ = 0;
  size_t bytes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<const Document>> known_;
};

}  // namespace sluice
