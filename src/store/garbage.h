// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gives the disk back what deleted and replaced objects leave in RocksDB's blob files. Such a file
// is never changed: what is live in it has to be written anew before the file can go, and RocksDB
// does that for the oldest files up to one of them. This says up to which it is worth most, and how
// many the disk has room for: docs/decisions/0017-bodies-in-blob-files.md.
//
//   GarbageCollector collector(*rocks, disk, jobs);
//   collector.start();
#include <chrono>
#include <cstdint>
#include <vector>

#include "store/disk_space.h"
#include "store/jobs.h"

namespace sluice {

struct Rocks;

// What a blob file holds, and how much of that nobody can reach any more.
struct BlobFileBytes {
  uint64_t all = 0, garbage = 0;
};
// What is to be gained at least: bytes, and one byte in so many of those that are looked at.
struct CollectFrom {
  uint64_t bytes, one_in;
};
constexpr CollectFrom kUsually{64 << 20, 2}, kWhenRoomIsShort{1 << 20, 8};
// Room is short when less is free than this and the garbage together.
constexpr uint64_t kShortRoomBytes = uint64_t{1} << 30;

// How many of the files, which come in the order of their age, are to be written anew: the oldest
// ones up to where most is gained for what is written. 0: none, it would gain too little, or what
// is live does not fit into `room` bytes.
size_t files_to_collect(const std::vector<BlobFileBytes>& oldest_first, const CollectFrom& from,
                        uint64_t room);

// Its name among the jobs.
constexpr std::string_view kGarbageCollection = "the collection of what deleted objects leave";

class GarbageCollector {
 public:
  GarbageCollector(Rocks& rocks, DiskSpace& disk, Jobs& jobs)
      : rocks_(rocks), disk_(disk), jobs_(jobs) {}
  // From now on it looks every ten seconds.
  void start();

 private:
  // Returns after how long it is to look again.
  std::chrono::milliseconds work(const Stopping& stopping);

  Rocks& rocks_;
  DiskSpace& disk_;
  Jobs& jobs_;
};

}  // namespace sluice
