// SPDX-License-Identifier: Apache-2.0
#pragma once
// Metadata (buckets, keys, tables, functions) is read by every request and changes seldom: what was
// read of it stays parsed until a commit writes its table. Inside the store; not for others.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/thread_safety.h"

namespace sluice {

// In which commit each table of metadata was last written, at most: tables share slots, so that one
// may count as written when another was.
class TableWrites {
 public:
  // Before the commit can be seen: a snapshot that shows it, whatever number it has, finds it
  // noted.
  void note(std::string_view key, uint64_t commit) { slots_[slot(key)] = commit; }
  // Whether a snapshot of `commit` shows the table as it was when it was read at `read_at`.
  bool unchanged(std::string_view key, uint64_t read_at, uint64_t commit) const {
    const uint64_t written = slots_[slot(key)];
    return written <= read_at && written <= commit;
  }

 private:
  static constexpr size_t kSlots = 256;
  static size_t slot(std::string_view key) {
    return std::hash<std::string_view>{}(key.substr(0, key.find('\0'))) % kSlots;
  }
  std::array<std::atomic<uint64_t>, kSlots> slots_{};
};

class KnownValues {
 public:
  TableWrites writes;
  // A key's value of a type, told by its own address, as a snapshot of `commit` shows it; nullopt:
  // not known. A null pointer: there is none.
  std::optional<std::shared_ptr<const void>> find(const std::string& key, const void* type,
                                                  uint64_t commit) const;
  // `bytes`: of the value as it is stored.
  void keep(const std::string& key, const void* type, uint64_t read_at,
            std::shared_ptr<const void> value, size_t bytes);

 private:
  static constexpr size_t kEntriesMax = 4096, kValueBytesMax = 64 << 10, kBytesMax = 8 << 20;
  struct Entry {
    const void* type = nullptr;
    std::shared_ptr<const void> value;
    uint64_t read_at = 0;
    size_t bytes = 0;
  };
  mutable SharedMutex mutex_;
  size_t bytes_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, Entry> known_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
