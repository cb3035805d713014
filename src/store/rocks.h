// SPDX-License-Identifier: Apache-2.0
#pragma once
// Inside the store: the open RocksDB, and what Snapshot and Staged hold. Not for others.
#include <rocksdb/db.h>

#include <array>
#include <map>

#include "store/blob.h"
#include "store/known_values.h"
#include "store/store.h"

namespace sluice {

constexpr size_t kFamilies = 7;
struct Rocks {
  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};
  KnownValues known;  // of Family::meta
  Attachments attachments;
  std::string account, region;  // what keys on disk begin with: see place
  rocksdb::ColumnFamilyHandle* family(Family f) const { return families[static_cast<size_t>(f)]; }
  // What stands before a key on disk: the account, and the Region where the key's table is of one.
  const std::string& place(std::string_view key) const;
  std::string on_disk(std::string_view key) const { return std::string(place(key)).append(key); }
  // Of each family by its name: in memory and on disk.
  std::vector<std::pair<std::string_view, uint64_t>> bytes() const;
  ~Rocks();
};
Result<std::unique_ptr<Rocks>> open_rocks(const std::string& dir, const Secret& store_key,
                                          const Scope& scope);

struct StoreState {
  const std::shared_ptr<const void> files;  // held before the snapshot is taken
  Rocks& rocks;
  const Scope& scope;
  const rocksdb::Snapshot* snapshot;
  const uint64_t commit;  // the last that this sees, at least
  StoreState(std::shared_ptr<const void> f, Rocks& r, const Scope& s, uint64_t c)
      : files(std::move(f)), rocks(r), scope(s), snapshot(r.db->GetSnapshot()), commit(c) {}
  ~StoreState() { rocks.db->ReleaseSnapshot(snapshot); }
};

// What gets its number, and with it its key, in the commit.
struct Appended {
  Key log;    // whose numbers it takes
  Key under;  // its key is this one and the number
  std::string value;
  bool is_job;
};
struct Staged::Data {
  Snapshot snapshot;
  std::vector<const Data*> ahead;  // staged before this one in the same commit; of a Rerun
  std::map<std::pair<Family, std::string>, std::optional<std::string>> writes;  // nullopt: erased
  std::vector<std::pair<Family, std::string>> reads;
  std::vector<Key> empty_prefixes;
  std::vector<Appended> appended;
  std::vector<Key> finished;  // jobs
  std::vector<BlobRef> adopted, released;
  std::vector<std::function<void()>> after;
};

// The number of a log's newest entry. It outlives the entry.
Key log_end_key(const Key& log);
Key blob_key(const std::string& id);

}  // namespace sluice
