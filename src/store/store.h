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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arn.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "store/attached.h"
#include "store/readers.h"

namespace sluice {

// The column families of RocksDB. Every key is made by schema::key(): the name of a table and
// parts. On disk the account stands before it, and also the Region where the table is regional
// (docs/on-disk.md).
enum class Family : uint8_t { meta, objects, items, outbox, audit, logs, metrics };
struct Key {
  Family family;
  std::string bytes;
  auto operator<=>(const Key&) const = default;
};
// All keys from `low` on (included) to `high` (not included).
struct Span {
  Family family;
  std::string low, high;
};
namespace schema {
// Keys sort by their parts, each compared as a byte string, and no whole key is the beginning of
// another. `table` is a short constant ("iam.role").
Key key(Family family, std::string_view table, std::initializer_list<std::string_view> parts);
// The common prefix of all keys that start with these whole parts.
Key prefix(Family family, std::string_view table, std::initializer_list<std::string_view> parts);
// The parts of a key, without the name of its table.
std::vector<std::string> parts(std::string_view key_bytes);
// One part as it stands in a key.
std::string part(std::string_view part);
// The beginning of a part as it stands in a key: more bytes of the same part may follow.
std::string begun(std::string_view part);
// The smallest byte string that is above all keys that begin with `bytes`.
std::string after(std::string_view bytes);
// All keys with this prefix.
Span span(const Key& prefix);
}  // namespace schema

// Where the records of one type stand, and which version of their layout this program writes
// (store/record.h).
struct RecordType {
  Family family;
  std::string_view table;
  uint8_t version;
};
// The key of a record. Its type says what is stored there.
template <class R>
struct RecordKey : Key {
  RecordKey(std::initializer_list<std::string_view> parts)
      : Key(schema::key(R::record.family, R::record.table, parts)) {}
  explicit RecordKey(std::string_view whole) : Key{R::record.family, std::string(whole)} {}
};
// The common prefix of all records of a type whose keys begin with these whole parts.
template <class R>
struct RecordPrefix : Key {
  RecordPrefix(std::initializer_list<std::string_view> parts)
      : Key(schema::prefix(R::record.family, R::record.table, parts)) {}
};

struct StoreState;
struct Rocks;
struct Log;
struct Job;
class Jobs;
// A job that a commit asks for (store/jobs.h). `due` is a time of the jobs' clock; 0 means at once.
struct NewJob {
  std::string_view queue;
  std::string lane = {};
  json::object event = {};
  Time due = 0;
};
// What was committed at one moment. It never changes afterwards, and is cheap to copy.
class Snapshot {
 public:
  std::optional<std::string> get(const Key& key) const;
  // Calls fn(key bytes, value) for the keys with this prefix in their order, or backwards. It
  // begins at the key with the bytes `start` or the next one; "" begins at the first, or at the
  // last when it goes backwards. fn returns false to stop.
  void scan(const Key& prefix, std::string_view start, bool backwards,
            const std::function<bool(std::string_view key, std::string_view value)>& fn) const;
  // The same for the keys of a span. Nothing outside of the span is read.
  void scan(const Span& span, bool backwards,
            const std::function<bool(std::string_view key, std::string_view value)>& fn) const;
  // A record, or nullptr when there is none. It is parsed once and then shared until a commit
  // writes its table. A record that cannot be read means a broken store: UnreadableRecord is
  // thrown.
  template <class R>
  std::shared_ptr<const R> get(const RecordKey<R>& key) const;
  // Calls fn(key bytes, R&&) like the scan above. A record that cannot be read is named in the
  // server's log and left out.
  template <class R, class Fn>
  void scan(const RecordPrefix<R>& prefix, std::string_view start, bool backwards,
            const Fn& fn) const;
  const Scope& scope() const;
  // For what was worked out from whole tables of metadata and is kept. Keep the commit() of the
  // snapshot that was read. When unchanged_since() is true for a later snapshot, none of the tables
  // was written in between, so that the kept result still holds.
  uint64_t commit() const;
  bool unchanged_since(uint64_t read_at, std::initializer_list<std::string_view> tables) const;
  // Calls fn for the entries of a log in their order, or backwards, from the number `from` on. 0
  // begins at the first entry, or at the newest when it goes backwards. fn returns false to stop.
  void read(const Log& log, uint64_t from, bool backwards,
            const std::function<bool(uint64_t number, std::string_view value)>& fn) const;
  uint64_t newest(const Log& log) const;  // number of its newest entry; 0: it has none
  // What a service keeps in memory for this store.
  template <class T>
  T& attached() const {
    return attachments().get<T>();
  }
  // While this lives, every file that the snapshot names can be opened. For a body that is sent
  // after its call: lighter than the snapshot itself, which keeps old records from being dropped.
  std::shared_ptr<const void> hold_files() const;

 private:
  friend class Store;
  friend class Committer;
  friend class Staged;
  // As which type a stored value is read, and how it is decoded.
  struct Form {
    const void* type;
    std::shared_ptr<const void> (*decode)(std::string_view value);
  };
  template <class R>
  static constexpr Form form_of();
  std::shared_ptr<const void> value(const Key& key, const Form& form) const;
  static void pass_over(std::string_view key, std::string_view why);
  Attachments& attachments() const;
  std::shared_ptr<StoreState> state_;
};

// Names a sealed file of object bytes. Until a commit adopts the file, `file` owns it: the last
// copy of the ref unlinks it. So a request that runs again after a conflict still has its body.
struct UncommittedFile;
struct BlobRef {
  std::string id;
  uint64_t bytes = 0;  // of the plaintext
  std::shared_ptr<UncommittedFile> file = {};
};
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // Errors: ServiceUnavailable 503 when the disk is nearly full.
  virtual Result<Done> write(std::string_view plain) = 0;
  // Seals the file, and syncs it and its directory.
  virtual Result<BlobRef> finish() = 0;
};
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  // Reads up to `count` bytes at `offset`. Errors: InternalError 500 when the seal is broken,
  // ServiceUnavailable 503 when the disk does not answer.
  virtual Result<std::string> read(uint64_t offset, size_t count) = 0;
};

// What one request writes and which jobs it asks for. Store::commit makes it durable.
class Staged {
 public:
  // Sees what was put here before. If another commit overwrites the key first, this one fails with
  // the code "Conflict".
  std::optional<std::string> get(const Key& key);
  // A copy of the record, to be changed and put back.
  template <class R>
  std::optional<R> get(const RecordKey<R>& key);
  // The same read without a copy, for a record that is only looked at. nullptr: there is none.
  template <class R>
  std::shared_ptr<const R> look(const RecordKey<R>& key);
  template <class R>
  void put(const RecordKey<R>& key, const R& record);
  void put(const Key& key, std::string value);
  void erase(const Key& key);
  // The commit fails with "Conflict" when any key with this prefix exists by then.
  void expect_empty(const Key& prefix);
  // Adds an entry to a log, which gets its number in the commit (store/log.h).
  void append(const Log& log, std::string value);
  // Asks for a job that is done after the commit (store/jobs.h). Returns the job's id.
  std::string enqueue(NewJob job);
  // How many jobs were asked for here so far.
  size_t jobs() const;
  // For the work of a job: the job is done, and goes with this commit.
  void finish(const Job& job);
  // The job is to be done again at `due`, with the event that it has here.
  void put_off(const Job& job, Time due);
  // The job goes on, and keeps the event that it has here. This is how it notes how far it is.
  void update(const Job& job);
  // The commit names this file, so that it stays.
  void adopt(const BlobRef& blob);
  // The commit no longer names this file, so that it is freed.
  void release(const BlobRef& blob);
  // Called on the committing thread once the commit is durable. It must not block.
  void after_commit(std::function<void()> fn);
  const Snapshot& snapshot() const;
  // How many requests come before this one in the same commit, so that `get` sees their writes. It
  // is 0 except where a Rerun stages.
  size_t place() const;

  // Known only inside the store.
  struct Data;

 private:
  friend class Store;
  friend class Committer;
  std::shared_ptr<const void> value(const Key& key, const Snapshot::Form& form);
  std::shared_ptr<Data> data_;
};

// Runs a request again on `fresh`, inside a commit that found that its reads were overwritten.
// Returns the audit records of that run.
using Rerun = std::function<std::vector<json::object>(Staged& fresh)>;

// The proof that data, jobs and audit records are on disk. Only the committer can make one.
class Receipt {
  friend class Committer;
  Receipt() = default;
};

struct StoreOptions {
  std::string data_dir, root_key_file;
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
  virtual Result<Receipt> commit(Staged&& staged, std::vector<json::object> audit_records,
                                 const Rerun& rerun = {}) = 0;
  virtual std::unique_ptr<BlobWriter> write_blob(const Secret& data_key) = 0;
  virtual Result<std::unique_ptr<BlobReader>> read_blob(const BlobRef& blob,
                                                        const Secret& data_key) = 0;
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
  // A key for one purpose, derived from the root key by HKDF.
  virtual Secret derive_key(std::string_view purpose) = 0;
  virtual const Scope& scope() const = 0;
};

}  // namespace sluice
