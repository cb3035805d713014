// SPDX-License-Identifier: Apache-2.0
#pragma once
// The store: one RocksDB, encrypted files, one commit for data, events and audit record.
// Snapshot reads; Staged collects the writes of one request; Committer makes them durable in group
// commits. Conflicts: Staged::get records what it read; a commit whose reads were overwritten since
// its snapshot fails with the code "Conflict", and request/serve runs the operation again on a
// fresh snapshot.
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

// Column families. Every key is schema::key(...): table name, parts, order-preserving. The store
// puts the account, and for what is regional the Region, before it (docs/on-disk.md).
enum class Family : uint8_t { meta, objects, items, outbox, audit, logs, metrics };
struct Key {
  Family family;
  std::string bytes;
  auto operator<=>(const Key&) const = default;
};
// The keys from `low` on, before `high`.
struct Span {
  Family family;
  std::string low, high;
};
namespace schema {
// Order-preserving and prefix-free: parts compare as byte strings, part by part. `table` is a short
// constant ("iam.role").
Key key(Family family, std::string_view table, std::initializer_list<std::string_view> parts);
// The common prefix of all keys that start with these whole parts.
Key prefix(Family family, std::string_view table, std::initializer_list<std::string_view> parts);
std::vector<std::string> parts(std::string_view key_bytes);  // the parts back, without the table
std::string part(std::string_view part);                     // as it stands in a key
std::string begun(std::string_view part);   // as it stands in a key, open for more of the part
std::string after(std::string_view bytes);  // the least that is above all keys that begin so
Span span(const Key& prefix);               // all of its keys
}  // namespace schema

// Of a record (store/record.h).
struct RecordType {
  Family family;
  std::string_view table;
  uint8_t version;
};
// The key of a record, which says what its value is.
template <class R>
struct RecordKey : Key {
  RecordKey(std::initializer_list<std::string_view> parts)
      : Key(schema::key(R::record.family, R::record.table, parts)) {}
  explicit RecordKey(std::string_view whole) : Key{R::record.family, std::string(whole)} {}
};
// Of all records of a type whose key begins with these whole parts.
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
// Asks for a job (store/jobs.h). `due`: by the clock of the jobs; 0: at once.
struct NewJob {
  std::string_view queue;
  std::string lane = {};
  json::object event = {};
  Time due = 0;
};
// A consistent view of committed data. Cheap to copy.
class Snapshot {
 public:
  std::optional<std::string> get(const Key& key) const;
  // Calls fn(key bytes, value) in key order for keys with this prefix, at or after `start` (its
  // bytes; "" = from the beginning), backwards when asked (then at or before `start`). fn returns
  // false to stop.
  void scan(const Key& prefix, std::string_view start, bool backwards,
            const std::function<bool(std::string_view key, std::string_view value)>& fn) const;
  // The same for the keys of a span. No other is read.
  void scan(const Span& span, bool backwards,
            const std::function<bool(std::string_view key, std::string_view value)>& fn) const;
  // A record, parsed once for as long as its table stays as it is; nullptr: there is none. One that
  // cannot be read is a broken store, an exception (UnreadableRecord).
  template <class R>
  std::shared_ptr<const R> get(const RecordKey<R>& key) const;
  // fn(key bytes, R&&). A record that cannot be read is named in the log, and passed over.
  template <class R, class Fn>
  void scan(const RecordPrefix<R>& prefix, std::string_view start, bool backwards,
            const Fn& fn) const;
  const Scope& scope() const;
  // What was worked out from whole tables of metadata, read at the commit() of some snapshot, holds
  // for this one too when none of the tables was written between the two.
  uint64_t commit() const;
  bool unchanged_since(uint64_t read_at, std::initializer_list<std::string_view> tables) const;
  // The entries of a log in their order, from number `from` on (0: from the first; backwards, from
  // the newest). fn returns false to stop.
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
  // What a value is taken for, and how it becomes that.
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

// A sealed file of object bytes on its way into the store: unlinked with the last copy of the ref
// that finish() gave, unless a commit adopted it. So a request that is run again after a conflict
// still has its body.
struct UncommittedFile;
struct BlobRef {
  std::string id;
  uint64_t bytes = 0;
  std::shared_ptr<UncommittedFile> file = {};
};  // bytes of plaintext
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual Result<Done> write(
      std::string_view plain) = 0;       // ServiceUnavailable 503 when the disk is nearly full
  virtual Result<BlobRef> finish() = 0;  // sealed, synced (file and directory)
};
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  // Reads up to `count` bytes at `offset`; InternalError 500 when the seal is broken,
  // ServiceUnavailable 503 when the disk does not answer.
  virtual Result<std::string> read(uint64_t offset, size_t count) = 0;
};

// The writes and events of one request; cannot commit itself.
class Staged {
 public:
  std::optional<std::string> get(
      const Key& key);  // sees own writes; conflict if overwritten before the commit
  template <class R>
  std::optional<R> get(const RecordKey<R>& key);  // a copy, to be changed and put back
  // The same read, of what is only looked at: not copied. nullptr: there is none.
  template <class R>
  std::shared_ptr<const R> look(const RecordKey<R>& key);
  template <class R>
  void put(const RecordKey<R>& key, const R& record);
  void put(const Key& key, std::string value);
  void erase(const Key& key);
  void expect_empty(const Key& prefix);  // at commit, no key has this prefix; else conflict
  void append(const Log& log, std::string value);  // store/log.h: numbered in the commit
  // A job to be done once this is committed (store/jobs.h). Returns its id.
  std::string enqueue(NewJob job);
  size_t jobs() const;                     // how many it has so far
  void finish(const Job& job);             // the job is done
  void put_off(const Job& job, Time due);  // to be done again, as it is given here
  void update(const Job& job);             // how far it is: the same job, with another event
  void adopt(const BlobRef& blob);         // the commit names this file
  void release(const BlobRef& blob);       // the commit frees this file
  void after_commit(
      std::function<void()> fn);  // runs once durable, on the committing thread; must not block
  const Snapshot& snapshot() const;
  // How many requests of the same commit `get` sees the writes of, because they come before this
  // one: none, but where a Rerun stages.
  size_t place() const;

  struct Data;  // inside the store

 private:
  friend class Store;
  friend class Committer;
  std::shared_ptr<const void> value(const Key& key, const Snapshot::Form& form);
  std::shared_ptr<Data> data_;
};

// Stages a request anew, for a commit that found its reads overwritten; returns its audit records.
using Rerun = std::function<std::vector<json::object>(Staged& fresh)>;

class Receipt {
  friend class Committer;
  Receipt() = default;
};  // proof that data, events and audit record are on disk

struct StoreOptions {
  std::string data_dir, root_key_file;
  Scope scope;
  bool read_only = false;
  std::function<void(std::string_view place)> crash_point =
      {};                                 // called at each place of a commit; for tests that kill
  std::function<void()> on_failure = {};  // called once, when a write failed: stop, and start anew
  std::function<Time()> job_clock = {};   // of due times; null: the clock of the machine
};
// Since it was opened.
struct StoreCounts {
  Histogram::Shown group, sync_us;  // requests in a commit; how long writing and syncing it took
  uint64_t files_to_free = 0;       // what the janitor has not come to yet
  std::vector<std::pair<std::string_view, uint64_t>>
      bytes;  // of each family, in memory and on disk
};
struct VerifyFinding {
  std::string what;
};

class Store {
 public:
  // Creates or opens. Errors (plain texts that say what to do): locked by another server, newer
  // format, wrong root key.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
  virtual ~Store() = default;
  virtual Snapshot snapshot() = 0;
  virtual Staged stage() = 0;  // on a fresh snapshot
  // One atomic, synced write of data, events and audit records, chained in commit order. Errors:
  // Conflict 409, a read was overwritten, nothing is written, run again; ServiceUnavailable 503,
  // this write failed, or one before it: the store is to be opened anew.
  // With `rerun` a request that lost is staged anew inside the commit, behind those that it lost
  // to, so that many writers of one key queue up; a Conflict is left where the same commit changes
  // metadata. It runs on the committing thread, must not block, and what it decides on must come
  // from Staged::get.
  virtual Result<Receipt> commit(Staged&& staged, std::vector<json::object> audit_records,
                                 const Rerun& rerun = {}) = 0;
  virtual std::unique_ptr<BlobWriter> write_blob(const Secret& data_key) = 0;
  virtual Result<std::unique_ptr<BlobReader>> read_blob(const BlobRef& blob,
                                                        const Secret& data_key) = 0;
  virtual Jobs& jobs() = 0;
  virtual std::vector<ActiveReader> readers() = 0;  // store/readers.h; the oldest first
  virtual StoreCounts counts() = 0;
  // Newest first, from `start` (audit sequence; 0 = newest). fn returns false to stop.
  virtual void audit_scan(
      const Snapshot& snapshot, uint64_t start,
      const std::function<bool(uint64_t sequence, std::string_view record)>& fn) = 0;
  // Oldest first, from `first` on.
  virtual void audit_from(
      const Snapshot& snapshot, uint64_t first,
      const std::function<bool(uint64_t sequence, std::string_view record)>& fn) = 0;
  virtual std::vector<VerifyFinding> verify() = 0;  // audit chain, missing object files
  virtual std::vector<std::string> files() = 0;     // ids of the object files that a commit adopted
  virtual void scrub(Family family) = 0;  // rewrites the family's files and drops the log: what was
                                          // erased is gone from the disk
  virtual bool disk_is_low() = 0;         // store/disk_space.h: what makes it grow is to be refused
  virtual bool failed() const = 0;        // a write failed
  virtual Secret derive_key(std::string_view purpose) = 0;  // HKDF of the root key
  virtual const Scope& scope() const = 0;
};

}  // namespace sluice
