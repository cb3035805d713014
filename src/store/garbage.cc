// SPDX-License-Identifier: Apache-2.0
#include "store/garbage.h"

#include <rocksdb/metadata.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>

#include "store/rocks.h"

namespace sluice {
namespace {
constexpr auto kLookEvery = std::chrono::seconds(10);
constexpr auto kLookForAStopEvery = std::chrono::milliseconds(100);
// Erased keys that are worth a compaction: that many, and one in so many of all.
constexpr uint64_t kErasuresLeast = 10'000, kErasuresLeastWhenShort = 500, kErasuresOneIn = 8;
// The tables that one job of a compaction reads and writes, before those that it has read can go.
constexpr uint64_t kTablesOfAJobBytes = 25 * kObjectTableBytes;

// What one look finds.
struct Found {
  std::vector<BlobFileBytes> files;  // the oldest first
  uint64_t garbage = 0, tables = 0;  // bytes
  uint64_t keys = 0, erasures = 0;   // those that a compaction can drop
};
Found look_at(const Rocks& rocks) {
  Found found;
  rocksdb::ColumnFamilyHandle* const objects = rocks.family(Family::objects);
  rocksdb::ColumnFamilyMetaData facts;
  rocks.db->GetColumnFamilyMetaData(objects, &facts);
  std::sort(facts.blob_files.begin(), facts.blob_files.end(),
            [](const rocksdb::BlobMetaData& a, const rocksdb::BlobMetaData& b) {
              return a.blob_file_number < b.blob_file_number;
            });
  for (const rocksdb::BlobMetaData& file : facts.blob_files) {
    found.files.push_back({file.total_blob_bytes, file.garbage_blob_bytes});
    found.garbage += file.garbage_blob_bytes;
  }
  found.tables = facts.size;
  rocks.db->GetIntProperty(objects, "rocksdb.estimate-num-keys", &found.keys);
  for (const char* property :
       {"rocksdb.num-deletes-active-mem-table", "rocksdb.num-deletes-imm-mem-tables"}) {
    uint64_t count = 0;
    rocks.db->GetIntProperty(objects, property, &count);
    found.erasures += count;
  }
  // On the deepest level only those are left that a snapshot still needs. When it goes, RocksDB
  // drops them by itself.
  while (!facts.levels.empty() && facts.levels.back().files.empty()) facts.levels.pop_back();
  if (facts.levels.size() > 1) facts.levels.pop_back();
  for (const rocksdb::LevelMetaData& level : facts.levels)
    for (const rocksdb::SstFileMetaData& file : level.files) found.erasures += file.num_deletions;
  return found;
}

// False: it failed, or was broken off. `share` of the blob files, the oldest ones, are written
// anew; with 0 the keys alone are compacted.
bool compact(Rocks& rocks, double share, const Stopping& stopping) {
  std::atomic<bool> canceled{false};
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.canceled = &canceled;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kDisable;
  if (share > 0) {
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
    options.blob_garbage_collection_age_cutoff = share;
  }
  auto done = std::async(std::launch::async, [&] {
    return rocks.db->CompactRange(options, rocks.family(Family::objects), nullptr, nullptr);
  });
  do canceled = stopping() || rocks.failed;
  while (done.wait_for(kLookForAStopEvery) != std::future_status::ready);
  const rocksdb::Status status = done.get();
  if (!status.ok() && !canceled)
    spdlog::error("what deleted objects leave could not be taken off the disk: {}",
                  status.ToString());
  return status.ok();
}
}  // namespace

size_t files_to_collect(const std::vector<BlobFileBytes>& oldest_first, const CollectFrom& from,
                        uint64_t room) {
  size_t best = 0;
  double best_gain = 0;
  BlobFileBytes sum;
  for (size_t i = 0; i < oldest_first.size(); ++i) {
    sum.all += oldest_first[i].all;
    sum.garbage += oldest_first[i].garbage;
    if (sum.all - sum.garbage > room) break;
    const double gain = static_cast<double>(sum.garbage) / static_cast<double>(sum.all);
    if (sum.garbage < from.bytes || sum.garbage < sum.all / from.one_in || gain < best_gain)
      continue;
    best = i + 1;
    best_gain = gain;
  }
  return best;
}

void GarbageCollector::start() {
  jobs_.every(std::string(kGarbageCollection), kLookEvery,
              [this](const Stopping& stopping) { work(stopping); });
}

// What an erased key leaves counts as garbage only when RocksDB has dropped the key itself, which
// it does when it happens to write the key's table anew. So the keys are compacted first, which
// also brings all of them to one level: the bodies are then written once.
void GarbageCollector::work(const Stopping& stopping) {
  // Only half of the disk's room is taken: what others write meanwhile needs some too.
  const uint64_t free_bytes = disk_.free_bytes(), room = free_bytes / 2;
  Found found = look_at(rocks_);
  const uint64_t tables = std::min(found.tables, kTablesOfAJobBytes);
  if (rocks_.failed || tables > room) return;
  const bool is_short = free_bytes < kShortRoomBytes + found.garbage;
  const auto count = [&] {
    return files_to_collect(found.files, is_short ? kWhenRoomIsShort : kUsually, room - tables);
  };
  const bool many_erased =
      found.erasures >= (is_short ? kErasuresLeastWhenShort : kErasuresLeast) &&
      found.erasures >= found.keys / kErasuresOneIn;
  if (!many_erased && !(found.erasures && disk_.low()) && !count()) return;
  if (!compact(rocks_, 0, stopping)) return;
  found = look_at(rocks_);
  const size_t oldest = count();
  if (!oldest) return;
  // RocksDB makes a number of files of the share again, and rounds it down.
  constexpr double kAboveTheNumber = 0.01;
  const double share =
      (static_cast<double>(oldest) + kAboveTheNumber) / static_cast<double>(found.files.size());
  compact(rocks_, std::min(1.0, share), stopping);
}

}  // namespace sluice
