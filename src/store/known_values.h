// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps parsed values in memory until a commit writes them. Every request reads metadata (buckets,
// keys, tables, functions), which changes seldom: a write of one drops what is kept of its whole
// table. Objects are many and change alone: a write of one drops what is kept of that one. Only the
// store itself uses this.
//
//   if (auto found = known.find(key.bytes, form.type, commit)) return *std::move(found);
//   known.keep(key.bytes, form.type, commit, decoded, text.size());
//   known.writes.note(key.bytes, commit);   // the committer: what is kept of it is old now
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/thread_safety.h"

namespace sluice {

// What a write makes old: everything in the table of its key, or the key alone.
enum class Grain { table, key };

// The number of the last commit that wrote a table or a key, or a later number: several share a
// slot, so that one counts as written when another was.
class WriteMarks {
 public:
  explicit WriteMarks(Grain grain) : grain_(grain), slots_(grain == Grain::table ? 256 : 1 << 15) {}
  // Must be called before the commit can be seen, so that every snapshot that shows the commit
  // finds it noted.
  void note(std::string_view key, uint64_t commit) { slots_[slot(key)] = commit; }
  // Whether a snapshot of `commit` shows what it was at `read_at`.
  bool unchanged(std::string_view key, uint64_t read_at, uint64_t commit) const {
    const uint64_t written = slots_[slot(key)];
    return written <= read_at && written <= commit;
  }

 private:
  size_t slot(std::string_view key) const {
    if (grain_ == Grain::table) key = key.substr(0, key.find('\0'));
    return std::hash<std::string_view>{}(key) % slots_.size();
  }
  const Grain grain_;
  std::vector<std::atomic<uint64_t>> slots_;
};

class KnownValues {
 public:
  explicit KnownValues(Grain grain) : writes(grain) {}
  WriteMarks writes;
  // The value of a key as a snapshot of `commit` shows it; `type` is an address that stands for the
  // type of the value. nullopt: nothing is known. A null pointer: it is known that there is no
  // value.
  std::optional<std::shared_ptr<const void>> find(const std::string& key, const void* type,
                                                  uint64_t commit) const;
  // `bytes` is the size of the value as it is stored.
  void keep(const std::string& key, const void* type, uint64_t read_at,
            std::shared_ptr<const void> value, size_t bytes);

 private:
  static constexpr size_t kEntriesMax = 4096, kBytesMax = 8 << 20;
  // A body of 64 KiB, the largest that stands in its record, and what is said of it.
  static constexpr size_t kValueBytesMax = 80 << 10;
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
