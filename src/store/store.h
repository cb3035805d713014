// SPDX-License-Identifier: Apache-2.0
#pragma once
// The store: one RocksDB database in encrypted files. A request reads from a Snapshot and collects
// its writes in a Staged. One commit then makes data, jobs and audit records durable together, or
// none of them.
//
//   Staged staged = store.stage();
//   auto role = staged.get(role_key(name));   // nullopt: there is no such role
//   role->max_session_s = 7200;
//   staged.put(role_key(name), *role);
//   Result<Receipt> receipt = store.commit(std::move(staged), {audit_record});
//
// Staged::get remembers what it read. When another commit overwrites that first, this commit fails
// with the code "Conflict", and request/serve runs the operation again on a fresh snapshot.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arn.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "store/readers.h"
#include "store/staged.h"

namespace sluice {

class Jobs;
// Runs a request again on `fresh`, inside a commit that found that its reads were overwritten.
// Returns the audit records of that run.
using Rerun = std::function<std::vector<std::string>(Staged& fresh)>;

// What a commit waits for.
enum class Wait {
  until_synced,   // all of it is on the disk
  until_written,  // it is in the log, which is synced with the next commit or within 20 ms: a crash
                  // of the process loses nothing, a power cut may. For the records of reads alone;
                  // a commit that changes anything is synced whatever it asks for
};

// The proof that data, jobs and audit records are on disk; of a read that asked for no more, that
// its record is in the log. Only the committer can make one.
class Receipt {
  friend class Committer;
  Receipt() = default;
};

struct StoreOptions {
  std::string data_dir, root_key;  // store/root_key.h
  Scope scope;
  bool read_only = false;
  // Called at each place of a commit, for tests that kill the process there.
  std::function<void(std::string_view place)> crash_point = {};
  // Called once, when a write failed. The server must then stop and be started again.
  std::function<void()> on_failure = {};
  // The clock of all work in the background.
  Clock clock = {};
};
// What was counted since the store was opened.
struct StoreCounts {
  // How many requests each commit held, and how long it took to write and sync it.
  Histogram::Shown group, sync_us;
  // Files that wait for the janitor.
  uint64_t files_to_free = 0;
  // The size of each family, in memory and on disk, by the family's name.
  std::vector<std::pair<std::string_view, uint64_t>> bytes;
};
struct VerifyFinding {
  std::string what;
};

// Keeps everybody else out of a data directory until the descriptor is closed. Errors: another
// process has it.
Result<int> lock_directory(const std::string& dir);

class Store {
 public:
  // Opens the directory, or makes a new one. The errors are texts that say what to do: another
  // server holds the lock, the format is newer than this program, the root key is wrong.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
  virtual ~Store() = default;
  virtual Snapshot snapshot() = 0;
  // An empty Staged on a fresh snapshot.
  virtual Staged stage() = 0;
  // Writes data, jobs and audit records in one atomic, synced write; the audit records are chained
  // in commit order. Errors:
  //   Conflict 409            something that was read is overwritten: nothing is written, run again
  //   ServiceUnavailable 503  this write failed, or one before it: the store must be opened again
  //
  // With `rerun`, a request whose reads were overwritten is staged again inside the commit, after
  // the requests that it lost to. So many writers of one key queue up and do not fail. It still
  // gets a Conflict when the same commit changes metadata. `rerun` is called on the committing
  // thread and must not block; all that it decides on must come from Staged::get.
  virtual Result<Receipt> commit(Staged&& staged, std::vector<std::string> audit_records,
                                 const Rerun& rerun = {}, Wait wait = Wait::until_synced) = 0;
  virtual std::unique_ptr<BlobWriter> write_blob(const Secret& data_key) = 0;
  virtual Result<std::unique_ptr<BlobReader>> read_blob(const BlobRef& blob,
                                                        const Secret& data_key) = 0;
  // Waits until a log has an entry past `number`. False: `until` has come, or stopping() answers
  // true, which is seen within a tenth of a second.
  virtual bool wait_past(const Log& log, uint64_t number,
                         std::chrono::steady_clock::time_point until,
                         const std::function<bool()>& stopping) = 0;
  virtual Jobs& jobs() = 0;
  // Who holds a snapshot now, the oldest first (store/readers.h).
  virtual std::vector<ActiveReader> readers() = 0;
  virtual StoreCounts counts() = 0;
  // The audit records, the newest first, from the sequence number `start` on; 0 begins at the
  // newest. fn returns false to stop.
  virtual void audit_scan(
      const Snapshot& snapshot, uint64_t start,
      const std::function<bool(uint64_t sequence, std::string_view record)>& fn) = 0;
  // The audit records, the oldest first, from the sequence number `first` on.
  virtual void audit_from(
      const Snapshot& snapshot, uint64_t first,
      const std::function<bool(uint64_t sequence, std::string_view record)>& fn) = 0;
  // Looks for a broken audit chain and for object files that are missing.
  virtual std::vector<VerifyFinding> verify() = 0;
  // The ids of the object files that commits have adopted.
  virtual std::vector<std::string> files() = 0;
  // Rewrites the files of a family and drops RocksDB's log, so that what was erased is no longer on
  // the disk.
  virtual void scrub(Family family) = 0;
  // True: requests that make the store grow must be refused (store/disk_space.h).
  virtual bool disk_is_low() = 0;
  // A write failed, so that nothing more is written.
  virtual bool failed() const = 0;
  // A key for one purpose, derived from the master secret by HKDF (docs/on-disk.md).
  virtual Secret derive_key(std::string_view purpose) = 0;
  virtual const Scope& scope() const = 0;
};

}  // namespace sluice
