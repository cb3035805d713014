// SPDX-License-Identifier: Apache-2.0
#pragma once
// The open RocksDB, and what Snapshot and Staged hold. Only the store itself uses this.
//
//   TRY(auto rocks, open_rocks(dir + "/db", keys.store, scope));
//   rocks->db->Put({}, rocks->family(key.family), rocks->on_disk(key.bytes), value);
#include <rocksdb/db.h>

#include <array>
#include <atomic>
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
  KnownValues known_metadata{Grain::table}, known_objects{Grain::key};
  Attachments attachments;
  std::atomic<bool> failed{false};  // a write or its sync did: nothing more comes to the disk
  std::string account, region;      // what keys on disk begin with: see place
  rocksdb::ColumnFamilyHandle* family(Family f) const { return families[static_cast<size_t>(f)]; }
  // What stands before a key on disk: the account, and also the Region when the key's table is
  // regional.
  const std::string& place(std::string_view key) const;
  std::string on_disk(std::string_view key) const { return std::string(place(key)).append(key); }
  // What is kept of the family's values; nullptr: nothing is.
  KnownValues* known(Family f) {
    return f == Family::meta ? &known_metadata : f == Family::objects ? &known_objects : nullptr;
  }
  // The size of each family, in memory and on disk, by its name.
  std::vector<std::pair<std::string_view, uint64_t>> bytes() const;
  ~Rocks();
};
Result<std::unique_ptr<Rocks>> open_rocks(const std::string& dir, const Secret& store_key,
                                          const Scope& scope);

// What RocksDB held at one moment: one for each commit, shared by all who read then.
struct Moment {
  Rocks& rocks;
  const rocksdb::Snapshot* const snapshot;
  const uint64_t commit;  // it shows this commit and all before it
  Moment(Rocks& r, uint64_t c) : rocks(r), snapshot(r.db->GetSnapshot()), commit(c) {}
  ~Moment() { rocks.db->ReleaseSnapshot(snapshot); }
  Moment(const Moment&) = delete;
  Moment& operator=(const Moment&) = delete;
};

struct StoreState {
  const std::shared_ptr<const void> files;  // holds the files
  const std::shared_ptr<const Moment> moment;
  Rocks& rocks;
  const Scope& scope;
  const rocksdb::Snapshot* const snapshot;
  const uint64_t commit;
  StoreState(std::shared_ptr<const void> held, std::shared_ptr<const Moment> of, const Scope& s)
      : files(std::move(held)),
        moment(std::move(of)),
        rocks(moment->rocks),
        scope(s),
        snapshot(moment->snapshot),
        commit(moment->commit) {}
};

// An entry of a log, or a job. It gets its number, and with it its key, in the commit.
struct Appended {
  Key log;    // the log whose next number it takes
  Key under;  // its key is this one with the number after it
  std::string value;
  bool is_job;
};
struct Staged::Data {
  Snapshot snapshot;
  // Set for a Rerun: the requests of the same commit that come before this one.
  std::vector<const Data*> ahead;
  // nullopt means that the key is erased.
  std::map<std::pair<Family, std::string>, std::optional<std::string>> writes;
  std::vector<std::pair<Family, std::string>> reads;
  std::vector<Key> empty_prefixes;
  std::vector<Appended> appended;
  std::vector<Key> finished;  // jobs
  std::vector<BlobRef> adopted, released;
  std::vector<std::function<void()>> after;
  // Nothing but the audit records goes with the commit, and nothing can be in its way.
  bool changes_nothing() const {
    return writes.empty() && reads.empty() && empty_prefixes.empty() && appended.empty() &&
           finished.empty() && adopted.empty() && released.empty();
  }
};

// Where the number of a log's newest entry stands. It stays when the entry is erased.
Key log_end_key(const Key& log);
Key blob_key(const std::string& id);

}  // namespace sluice
