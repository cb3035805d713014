// SPDX-License-Identifier: Apache-2.0
#include "store/garbage.h"

#include <rocksdb/metadata.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "store/disk_space.h"
#include "store/rocks.h"

namespace sluice {
namespace {
constexpr auto kLookEvery = std::chrono::seconds(10);
// After it was given up because the disk had no room: until then somebody may have made some.
constexpr auto kLookAgainForRoom = std::chrono::minutes(1);
// A collection is given up when less is left. By then the reserve is, too: DiskSpace::low().
constexpr uint64_t kLeaveBytes = kGiveUpBytes / 2;
// How often a collection that runs asks whether to stop. A fast disk takes some MiB in this time.
constexpr auto kAskEvery = std::chrono::milliseconds(10);
// Erased keys that are worth a compaction: that many, and one in so many of all.
constexpr uint64_t kErasuresLeast = 10'000, kErasuresLeastWhenShort = 500, kErasuresOneIn = 8;

// What one look finds.
struct Found {
  std::vector<BlobFileBytes> files;  // the oldest first
  uint64_t garbage = 0;              // bytes
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

enum class Outcome { done, broken_off, no_room };
// `share` of the blob files, the oldest ones, are written anew; with 0 the keys alone are
// compacted.
Outcome compact(Rocks& rocks, DiskSpace& disk, double share, const Stopping& stopping) {
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
  bool has_room = true;
  do {
    has_room = has_room && !(disk.low() && disk.free_bytes() < kLeaveBytes);
    canceled = !has_room || stopping() || rocks.failed;
  } while (done.wait_for(kAskEvery) != std::future_status::ready);
  const rocksdb::Status status = done.get();
  if (status.ok()) return Outcome::done;
  if (!has_room) {
    spdlog::error(
        "the disk has too little room to free what deleted objects leave on it: delete more of "
        "them, or make room beside them");
    // What was written until then would stay until the next start: RocksDB looks for such files
    // only here, and when a compaction failed by itself.
    rocks.db->DisableFileDeletions();
    rocks.db->EnableFileDeletions(false);
    return Outcome::no_room;
  }
  if (!canceled)
    spdlog::error("what deleted objects leave could not be taken off the disk: {}",
                  status.ToString());
  return Outcome::broken_off;
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
  jobs_.recur(std::string(kGarbageCollection), kLookEvery,
              [this](const Stopping& stopping) { return work(stopping); });
}

// What an erased key leaves counts as garbage only when RocksDB has dropped the key itself, which
// it does when it happens to write the key's table anew. So the keys are compacted first, which
// also brings all of them to one level: the bodies are then written once.
//
// How much room that takes nobody can say before: of the tables as much as is live in those of one
// job (rocks.cc bounds it), which is the less the more is erased. On a full disk a refusal would be
// final, whatever is deleted. So it is begun, and given up when it comes near the disk's end.
std::chrono::milliseconds GarbageCollector::work(const Stopping& stopping) {
  if (rocks_.failed) return kLookEvery;
  Found found = look_at(rocks_);
  const bool is_short = disk_.free_bytes() < kShortRoomBytes + found.garbage;
  // Bodies take half of the disk's room only: tables need some, and what others write meanwhile.
  const auto count = [&] {
    return files_to_collect(found.files, is_short ? kWhenRoomIsShort : kUsually,
                            disk_.free_bytes() / 2);
  };
  const bool many_erased =
      found.erasures >= (is_short ? kErasuresLeastWhenShort : kErasuresLeast) &&
      found.erasures >= found.keys / kErasuresOneIn;
  if (!many_erased && !(found.erasures && disk_.low()) && !count()) return kLookEvery;
  Outcome outcome = compact(rocks_, disk_, 0, stopping);
  found = look_at(rocks_);
  if (const size_t oldest = outcome == Outcome::done ? count() : 0) {
    // RocksDB makes a number of files of the share again, and rounds it down.
    constexpr double kAboveTheNumber = 0.01;
    const double share =
        (static_cast<double>(oldest) + kAboveTheNumber) / static_cast<double>(found.files.size());
    outcome = compact(rocks_, disk_, std::min(1.0, share), stopping);
  }
  return outcome == Outcome::no_room ? kLookAgainForRoom : std::chrono::milliseconds(kLookEvery);
}

}  // namespace sluice
