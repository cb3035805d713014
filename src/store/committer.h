// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes what requests have staged, many requests in one write. The first thread that comes leads:
// it takes all that wait, checks their reads, chains their audit records, writes one batch, syncs
// once and wakes the others (ARCHITECTURE.md, "Commit").
//
//   Committer committer(rocks, blobs, scope, jobs, options);
//   Staged staged = committer.stage();
//   staged.put(key, value);
//   Result<Receipt> receipt =
//       committer.commit(std::move(staged), {audit_record}, rerun, Wait::until_synced);
//
// Reads that do not wait for the disk (Wait::until_written) have a lane of their own: while the
// writers' group is synced, theirs are chained and written. No write is seen before it is on
// the disk: what writers did is published after their sync. Records of reads are when written.
//
// After a failed write nobody knows whether the batch is in RocksDB's log. So nothing more is
// written until a restart, and no file that either outcome names is unlinked
// (docs/decisions/0005-failed-writes.md).
#include <atomic>
#include <deque>
#include <set>

#include "base/baton.h"
#include "base/thread_safety.h"
#include "store/log.h"
#include "store/log_followers.h"
#include "store/rocks.h"
#include "store/wal_sync.h"

namespace sluice {

// The number of the last commit that wrote a key, or a later number. Several keys share one slot,
// so "written" may be true of another key only; the committer then looks at the key itself.
class RecentWrites {
 public:
  void note(Family family, std::string_view key, uint64_t commit) {
    slots_[slot(family, key)] = commit;
  }
  bool maybe_since(Family family, std::string_view key, uint64_t commit) const {
    return slots_[slot(family, key)] > commit;
  }

 private:
  static constexpr size_t kSlots = 1 << 16;
  static size_t slot(Family family, std::string_view key) {
    return (std::hash<std::string_view>{}(key) * 31 + static_cast<size_t>(family)) % kSlots;
  }
  std::vector<uint64_t> slots_ = std::vector<uint64_t>(kSlots);
};

class Committer {
 public:
  Committer(Rocks& rocks, Blobs& blobs, const Scope& scope, Jobs& jobs, LogFollowers& followers,
            const StoreOptions& options);
  Result<Receipt> commit(Staged&& staged, std::vector<std::string> records, const Rerun& rerun,
                         Wait wait);
  Snapshot snapshot();
  Staged stage();
  bool failed() const { return rocks_.failed; }
  // How many requests each commit held.
  const Histogram& group() const { return group_; }
  // How long it took to write and sync each commit.
  const Histogram& sync_us() const { return sync_us_; }

 private:
  struct Waiter {
    Staged* staged;
    const Rerun* rerun;
    std::vector<std::string> records;
    const bool reads;  // it waits for the write alone
    std::optional<Error> error;
    Baton turn;  // kLeads or kDone
  };
  static constexpr uint32_t kLeads = 1, kDone = 2;
  std::vector<Waiter*> next_group(bool of_reads) SLUICE_REQUIRES(mutex_);
  Waiter* appoint_next() SLUICE_REQUIRES(mutex_);
  // What it throws ends the server, which is started again (decision 0005): those that wait for it
  // would wait for ever.
  void lead(Waiter& me) noexcept;
  static void tell(Waiter& one, uint32_t turn, Waiter& me);
  static void release(std::vector<Waiter*>& group, bool reads, Waiter& me);
  uint64_t write(std::vector<Waiter*>& group);
  uint64_t write_batch(std::vector<Waiter*>& group);
  void sync(const std::vector<Waiter*>& group, uint64_t commit);
  void publish();
  std::optional<Error> check(const std::vector<Waiter*>& group, const Waiter& one) const;
  bool overwritten(const std::vector<Waiter*>& group, const Waiter& one, Family family,
                   const std::string& key) const;
  void stage_anew(const std::vector<Waiter*>& group, Waiter& one);
  bool occupied(const Staged::Data& data, const Key& prefix) const;
  void add_records(const std::vector<std::string>& records);
  void add_writes();
  // Where a log ends.
  struct End {
    uint64_t number;  // of the newest entry
    bool moved;       // it is in moved_
  };
  using Ends = std::map<Key, End>;
  Ends::iterator end_of(const Key& log);
  void append(Appended& entry);
  void note_ends();
  void stop_writing(const std::string& why);
  void fail(const std::vector<Waiter*>& group, const std::string& why);
  void finish(Staged::Data& data, uint64_t commit);

  Rocks& rocks_;
  Blobs& blobs_;
  const Scope& scope_;
  Jobs& jobs_;
  LogFollowers& followers_;
  const std::function<void(std::string_view)> crash_point_;
  const std::function<void()> on_failure_;
  Histogram group_, sync_us_;
  Mutex mutex_;
  std::deque<Waiter*> writers_ SLUICE_GUARDED_BY(mutex_), readers_ SLUICE_GUARDED_BY(mutex_);
  bool leader_active_ SLUICE_GUARDED_BY(mutex_) = false;  // somebody writes
  bool syncing_ SLUICE_GUARDED_BY(mutex_) = false;        // what writers wrote is not published
  // Only the leader touches these.
  rocksdb::WriteBatch batch_;  // what the group that is being written writes
  // What goes into it, before it is in order. Key and value belong to what a request of the group
  // has staged.
  struct Write {
    const std::pair<Family, std::string>* key;
    const std::optional<std::string>* value;  // nullopt: the key is erased
  };
  std::vector<Write> writes_;
  RecentWrites recent_;
  std::string chain_;  // the hash of the audit chain up to the newest record
  const Key audit_ = kAuditLog.entries();
  Ends log_ends_;
  std::vector<Ends::iterator> moved_;  // to which the group that is being written has appended
  std::atomic<uint64_t> commits_{1};   // the number of the newest commit
  // What everybody sees, and whom to tell when they see more.
  Mutex published_mutex_;
  std::shared_ptr<const Moment> published_ SLUICE_GUARDED_BY(published_mutex_);
  std::set<Key> grown_ SLUICE_GUARDED_BY(published_mutex_);  // logs, since it was published
  WalSync wal_;
};

// The hash before the first audit record.
constexpr std::string_view kChainStart = "00000000000000000000000000000000";

}  // namespace sluice
