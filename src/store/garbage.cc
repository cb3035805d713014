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
// Erased keys that are worth a look through all keys of the family: that many, and one in so many.
constexpr uint64_t kErasuresLeast = 1'000, kErasuresOneIn = 8;

rocksdb::ColumnFamilyMetaData facts_of_objects(const Rocks& rocks) {
  rocksdb::ColumnFamilyMetaData facts;
  rocks.db->GetColumnFamilyMetaData(rocks.family(Family::objects), &facts);
  return facts;
}

// `share` of the blob files, the oldest ones, are written anew; 0: none.
void compact(Rocks& rocks, double share, const Stopping& stopping) {
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
  while (done.wait_for(kLookForAStopEvery) != std::future_status::ready)
    if (stopping()) canceled = true;
  const rocksdb::Status status = done.get();
  if (!status.ok() && !canceled)
    spdlog::error("what deleted objects leave could not be taken off the disk: {}",
                  status.ToString());
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

void GarbageCollector::work(const Stopping& stopping) {
  if (rocks_.failed) return;
  const bool low = disk_.low();
  drop_erased_keys(low, stopping);
  std::vector<rocksdb::BlobMetaData> files = facts_of_objects(rocks_).blob_files;
  std::sort(files.begin(), files.end(),
            [](const rocksdb::BlobMetaData& a, const rocksdb::BlobMetaData& b) {
              return a.blob_file_number < b.blob_file_number;
            });
  std::vector<BlobFileBytes> bytes;
  for (const rocksdb::BlobMetaData& file : files)
    bytes.push_back({file.total_blob_bytes, file.garbage_blob_bytes});
  // Only half of the disk's room is taken: what others write meanwhile needs some too.
  const size_t count =
      files_to_collect(bytes, low ? kWhenTheDiskIsLow : kUsually, disk_.free_bytes() / 2);
  if (!count || stopping()) return;
  // RocksDB makes a number of files of the share again, and rounds it down.
  compact(rocks_,
          std::min(1.0, (static_cast<double>(count) + 0.5) / static_cast<double>(files.size())),
          stopping);
}

// What an erased key leaves counts as garbage only when RocksDB has dropped the key itself, which
// it does when it happens to write the key's table anew. The keys alone are small.
void GarbageCollector::drop_erased_keys(bool disk_is_low, const Stopping& stopping) {
  uint64_t keys = 0;
  rocks_.db->GetIntProperty(rocks_.family(Family::objects), "rocksdb.estimate-num-keys", &keys);
  const uint64_t erased = erasures();
  const uint64_t fresh = erased - std::min(erased, kept_erasures_);
  if (!fresh || (!disk_is_low && (fresh < kErasuresLeast || fresh < keys / kErasuresOneIn))) return;
  compact(rocks_, 0, stopping);
  kept_erasures_ = erasures();
}

uint64_t GarbageCollector::erasures() const {
  uint64_t count = 0;
  rocks_.db->GetIntProperty(rocks_.family(Family::objects), "rocksdb.num-deletes-active-mem-table",
                            &count);
  for (const rocksdb::LevelMetaData& level : facts_of_objects(rocks_).levels)
    for (const rocksdb::SstFileMetaData& file : level.files) count += file.num_deletions;
  return count;
}

}  // namespace sluice
