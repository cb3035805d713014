// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one request is about to write: collected while it runs, made durable by Store::commit, or
// dropped.
//
//   Staged staged = store.stage();
//   auto role = staged.get(role_key(name));
//   role->max_session_s = 7200;
//   staged.put(role_key(name), *role);
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "store/blob_ref.h"
#include "store/snapshot.h"

namespace sluice {

struct Job;
// A job that a commit asks for (store/jobs.h). `due` is a time of the jobs' clock; 0 means at once.
struct NewJob {
  std::string_view queue;
  std::string lane = {};
  json::object event = {};
  Time due = 0;
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

}  // namespace sluice
