// SPDX-License-Identifier: Apache-2.0
#include "store/committer.h"

#include <sched.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "store/jobs.h"

namespace sluice {
namespace {
constexpr size_t kGroupMax = 128, kBatchKeptBytes = 32 << 20;
Error conflict() {
  return {409, "Conflict", "What this request read was changed by another; it is run again.", {}};
}
Error read_only() {
  return {503,
          "ServiceUnavailable",
          "The server could not write to its disk and is about to stop; nothing was changed.",
          {}};
}
Error outcome_unknown() {
  return {503,
          "ServiceUnavailable",
          "The server could not write to its disk and is about to stop; whether this was done is "
          "known only when it runs again.",
          {}};
}
}  // namespace

Committer::Committer(Rocks& rocks, Blobs& blobs, const Scope& scope, Jobs& jobs,
                     LogFollowers& followers, const StoreOptions& options)
    : rocks_(rocks),
      blobs_(blobs),
      scope_(scope),
      jobs_(jobs),
      followers_(followers),
      crash_point_(options.crash_point),
      on_failure_(options.on_failure),
      chain_(kChainStart),
      published_(std::make_shared<const Moment>(rocks, commits_)),
      wal_(*rocks.db, [this](const rocksdb::Status& status) { stop_writing(status.ToString()); }) {
  // Format 1 noted no end, so the newest record may be newer than what is noted. When somebody has
  // cut records off, the noted end is newer: the numbers go on after it, and `sluice verify` sees
  // the gap.
  End& end = end_of(audit_)->second;
  snapshot().read(kAuditLog, 0, true, [&](uint64_t number, std::string_view value) {
    end.number = std::max(end.number, number);
    chain_ = value.substr(0, 32);
    return false;
  });
}

Snapshot Committer::snapshot() {
  Snapshot s;
  const MutexLock lock(published_mutex_);  // so that the files are held before the next moment
  s.state_ =
      std::make_shared<StoreState>(blobs_.released().hold(published_->commit), published_, scope_);
  return s;
}
Staged Committer::stage() {
  Staged staged;
  staged.data_ = std::make_shared<Staged::Data>();
  staged.data_->snapshot = snapshot();
  return staged;
}

Result<Receipt> Committer::commit(Staged&& staged, std::vector<std::string> records,
                                  const Rerun& rerun, Wait wait) {
  const bool reads = wait == Wait::until_written && staged.data_->changes_nothing();
  Waiter me{&staged, rerun ? &rerun : nullptr, std::move(records), reads, {}, {}};
  Waiter* next;
  {
    MutexLock lock(mutex_);
    (reads ? readers_ : writers_).push_back(&me);
    // While a group of writers is synced the next one gathers by itself. Reads wait for no sync, so
    // the threads that can run go first here: they may have records for the same group. Nobody
    // leads meanwhile, so that a writer who comes need not wait for that.
    if (reads && !leader_active_) {
      lock.unlock();
      sched_yield();
      lock.lock();
    }
    next = appoint_next();
  }
  if (next) tell(*next, kLeads, me);
  while (me.turn.await() == kLeads) lead(me);
  if (me.error) return *me.error;
  for (const auto& fn : staged.data_->after) fn();
  return Receipt();
}

// Writes what waits, and tells those whose turn it is. Nobody is woken under the lock: they would
// only wait for it. The next to lead is told last, so that those who are done can be in his group
// with their next requests: a few large groups take less of the processors than many small ones.
void Committer::lead(Waiter& me) noexcept {
  std::vector<Waiter*> group;
  {
    const MutexLock lock(mutex_);
    group = next_group(me.reads);
  }
  const uint64_t commit = write(group);
  const bool to_be_synced = commit && !me.reads;
  if (commit && me.reads) wal_.owe();
  Waiter* next;
  {
    const MutexLock lock(mutex_);
    if (commit && me.reads && !syncing_) publish();
    leader_active_ = false;
    syncing_ = syncing_ || to_be_synced;
    next = appoint_next();
  }
  release(group, true, me);
  if (next) tell(*next, kLeads, me);
  if (to_be_synced) {
    sync(group, commit);
    {
      const MutexLock lock(mutex_);
      syncing_ = false;
      // Reads that were written meanwhile left it to this thread to show them.
      if (!leader_active_) publish();
      next = appoint_next();
    }
  }
  release(group, false, me);
  if (to_be_synced && next) tell(*next, kLeads, me);
}

// Somebody who waits leads next, when nobody does and there is something that may be written now:
// he is to be told. A read does not lead writers, since it would wait for the disk with them.
Committer::Waiter* Committer::appoint_next() {
  if (leader_active_) return nullptr;
  const bool writers_may = !syncing_ && !writers_.empty();
  if (!writers_may && readers_.empty()) return nullptr;
  leader_active_ = true;
  return writers_may ? writers_.front() : readers_.front();
}

std::vector<Committer::Waiter*> Committer::next_group(bool of_reads) {
  std::vector<Waiter*> group;
  const auto take = [&group](std::deque<Waiter*>& from) {
    group.push_back(from.front());
    from.pop_front();
  };
  // A request with expect_empty looks at the database, so it is alone in its group.
  while (!of_reads && !writers_.empty() && group.size() < kGroupMax) {
    const bool alone = !writers_.front()->staged->data_->empty_prefixes.empty();
    if (alone && !group.empty()) break;
    take(writers_);
    if (alone) return group;
  }
  while (!readers_.empty() && group.size() < kGroupMax) take(readers_);
  return group;
}

void Committer::tell(Waiter& one, uint32_t turn, Waiter& me) {
  if (&one == &me)
    one.turn.keep(turn);
  else
    one.turn.pass(turn);
}

// Takes those out of the group that wait for no more than what is done. Once they are told they may
// have returned, and be gone.
void Committer::release(std::vector<Waiter*>& group, bool reads, Waiter& me) {
  std::erase_if(group, [&](Waiter* one) {
    if (one->reads != reads) return false;
    tell(*one, kDone, me);
    return true;
  });
}

std::optional<Error> Committer::check(const std::vector<Waiter*>& group, const Waiter& one) const {
  if (rocks_.failed) return read_only();
  const Staged::Data& data = *one.staged->data_;
  for (const auto& [family, key] : data.reads)
    if (recent_.maybe_since(family, key, data.snapshot.state_->commit) &&
        overwritten(group, one, family, key))
      return conflict();
  for (const Key& prefix : data.empty_prefixes)
    if (group.size() > 1 || occupied(data, prefix)) return conflict();
  return std::nullopt;
}

// Whether the key was really written, by a request before this one in the group or in the database
// since the request's snapshot.
bool Committer::overwritten(const std::vector<Waiter*>& group, const Waiter& one, Family family,
                            const std::string& key) const {
  for (const Waiter* other : group) {
    if (other == &one) break;
    if (!other->error && other->staged->data_->writes.contains({family, key})) return true;
  }
  const auto read = [&](const rocksdb::ReadOptions& options, std::string& value) {
    return rocks_.db->Get(options, rocks_.family(family), rocks_.on_disk(key), &value);
  };
  rocksdb::ReadOptions before;
  before.snapshot = one.staged->data_->snapshot.state_->snapshot;
  std::string then, now;
  const rocksdb::Status old_status = read(before, then), new_status = read({}, now);
  if (old_status.IsNotFound() || new_status.IsNotFound())
    return old_status.IsNotFound() != new_status.IsNotFound();
  // What cannot be read counts as changed.
  return !old_status.ok() || !new_status.ok() || then != now;
}

// Runs the request again after those before it in the group. It sees their writes, so that it
// cannot lose to them any more.
void Committer::stage_anew(const std::vector<Waiter*>& group, Waiter& one) {
  Staged fresh = stage();
  for (const Waiter* other : group) {
    if (other == &one) break;
    if (!other->error) fresh.data_->ahead.push_back(other->staged->data_.get());
  }
  try {
    one.records = (*one.rerun)(fresh);
    *one.staged = std::move(fresh);
    one.error.reset();
  } catch (const std::exception& bug) {
    spdlog::error("a request could not be run again in its commit: {}", bug.what());
    one.error = Error{500, "InternalFailure", "The server failed; nothing was changed.", {}};
  }
}

bool Committer::occupied(const Staged::Data& data, const Key& prefix) const {
  std::unique_ptr<rocksdb::Iterator> it(rocks_.db->NewIterator({}, rocks_.family(prefix.family)));
  const std::string place = rocks_.place(prefix.bytes), first = place + prefix.bytes;
  for (it->Seek(first); it->Valid() && it->key().starts_with(first); it->Next()) {
    const auto own = data.writes.find({prefix.family, it->key().ToString().substr(place.size())});
    // What this commit erases does not count.
    if (own == data.writes.end() || own->second.has_value()) return true;
  }
  return !it->status().ok();  // what cannot be read counts as taken
}

Committer::Ends::iterator Committer::end_of(const Key& log) {
  const auto known = log_ends_.find(log);
  if (known != log_ends_.end()) return known;
  const auto noted = snapshot().get(log_end_key(log));
  return log_ends_.emplace(log, End{noted ? from_big_endian64(*noted) : 0, false}).first;
}

void Committer::append(Appended& entry) {
  const Ends::iterator end = end_of(entry.log);
  if (!std::exchange(end->second.moved, true)) moved_.push_back(end);
  entry.under.bytes += schema::part(big_endian64(++end->second.number));
  batch_.Put(rocks_.family(entry.under.family), rocks_.on_disk(entry.under.bytes), entry.value);
}

void Committer::note_ends() {
  for (const Ends::iterator& end : moved_)
    batch_.Put(rocks_.family(Family::outbox), rocks_.on_disk(log_end_key(end->first).bytes),
               big_endian64(end->second.number));
}

// Each record is hashed together with the hash before it. It is stored with its own hash before it.
void Committer::add_records(const std::vector<std::string>& records) {
  for (const std::string& record : records) {
    std::string chained;
    chained.reserve(chain_.size() + record.size());
    chained.append(chain_).append(record);
    chain_ = sha256(chained);
    chained.replace(0, chain_.size(), chain_);
    Appended entry{audit_, audit_, std::move(chained), false};
    append(entry);
  }
}

// In the order of their keys: each is then inserted near the one before it, which RocksDB finds
// without a search from the top (rocks.cc). Of one key only the last value is written.
void Committer::add_writes() {
  const auto place = [](const Write& one) -> const auto& { return *one.key; };
  std::ranges::stable_sort(writes_, {}, place);
  for (auto one = writes_.begin(); one != writes_.end(); ++one) {
    if (const auto next = one + 1; next != writes_.end() && *next->key == *one->key) continue;
    const auto& [family, key] = *one->key;
    // The place and the key are copied into the batch, and nowhere else before.
    const rocksdb::Slice pieces[] = {rocks_.place(key), key};
    const rocksdb::SliceParts on_disk(pieces, 2);
    if (const auto& value = *one->value) {
      const rocksdb::Slice content(*value);
      batch_.Put(rocks_.family(family), on_disk, rocksdb::SliceParts(&content, 1));
    } else {
      batch_.Delete(rocks_.family(family), on_disk);
    }
  }
}

// The number of the commit; 0: nothing was written, since all of the group failed.
uint64_t Committer::write(std::vector<Waiter*>& group) {
  try {
    return write_batch(group);
  } catch (const std::exception& bug) {  // else those in the group would wait for ever
    fail(group, bug.what());
    return 0;
  }
}

uint64_t Committer::write_batch(std::vector<Waiter*>& group) {
  if (rocks_.failed) {  // the ends of logs, for one, are those of a commit that is not there
    for (Waiter* w : group) w->error = read_only();
    return 0;
  }
  // It keeps its memory from group to group, if that is not much.
  if (batch_.Data().capacity() > kBatchKeptBytes)
    batch_ = rocksdb::WriteBatch();
  else
    batch_.Clear();
  writes_.clear();
  const uint64_t commit = commits_ + 1;
  bool meta = false;
  for (Waiter* w : group) {
    w->error = check(group, *w);
    // A snapshot decides who may do what. When this commit changes metadata, policies for example,
    // the request is run again only after that is committed.
    if (w->error && w->error->code == "Conflict" && w->rerun && !meta) stage_anew(group, *w);
    if (w->error) continue;
    for (const auto& [key, value] : w->staged->data_->writes) {
      writes_.push_back({&key, &value});
      recent_.note(key.first, key.second, commit);
      meta = meta || key.first == Family::meta;
      if (KnownValues* known = rocks_.known(key.first)) known->writes.note(key.second, commit);
    }
    for (Appended& entry : w->staged->data_->appended) append(entry);
    add_records(w->records);
  }
  add_writes();
  note_ends();
  if (batch_.Count() == 0) return 0;
  if (crash_point_) crash_point_("before write");
  const rocksdb::Status status = rocks_.db->Write({}, &batch_);
  if (crash_point_) crash_point_("after write");
  group_.add(group.size());
  if (status.IsNoSpace()) blobs_.disk().give_up_reserve();
  if (!status.ok()) {
    fail(group, status.ToString());
    return 0;
  }
  commits_ = commit;
  const MutexLock lock(published_mutex_);
  for (const Ends::iterator& end : moved_) {
    end->second.moved = false;
    grown_.insert(end->first);
  }
  moved_.clear();
  return commit;
}

// Of the writers' group alone: no writer writes meanwhile, but reads do.
void Committer::sync(const std::vector<Waiter*>& group, uint64_t commit) {
  try {
    const int64_t begun_us = monotonic_us();
    const rocksdb::Status status = wal_.sync();
    sync_us_.add(static_cast<uint64_t>(monotonic_us() - begun_us));
    if (crash_point_) crash_point_("after sync");
    if (!status.ok()) return fail(group, status.ToString());
    publish();
    if (crash_point_) crash_point_("after publish");
    for (const Waiter* w : group)
      if (!w->error) finish(*w->staged->data_, commit);
    if (crash_point_) crash_point_("after finish");
  } catch (const std::exception& bug) {
    fail(group, bug.what());
  }
}

// From now on everybody sees what was written. Nothing of it may be a write that is not synced.
void Committer::publish() {
  if (rocks_.failed) return;
  std::set<Key> grown;
  {
    const MutexLock lock(published_mutex_);
    if (published_->commit == commits_) return;
    published_ = std::make_shared<const Moment>(rocks_, commits_);
    grown.swap(grown_);
  }
  for (const Key& log : grown) followers_.told(log);
}

// The whole batch may be in RocksDB's log and take effect at the next start, or it may not. So the
// files that it adopts and those that it releases stay until then.
void Committer::fail(const std::vector<Waiter*>& group, const std::string& why) {
  for (Waiter* w : group) {
    if (w->error) continue;
    w->error = outcome_unknown();
    for (const BlobRef& blob : w->staged->data_->adopted)
      if (blob.file) blob.file->may_be_named = true;
  }
  stop_writing(why);
}

void Committer::stop_writing(const std::string& why) {
  rocks_.failed = true;
  spdlog::critical(
      "the store could not write to its disk ({}): nothing more is written; which of its last "
      "changes are kept is known when it is opened again",
      why);
  if (on_failure_) on_failure_();
}

void Committer::finish(Staged::Data& data, uint64_t commit) {
  for (const BlobRef& blob : data.adopted)
    if (blob.file) blob.file->may_be_named = true;
  for (const BlobRef& blob : data.released) blobs_.released().release(blob.id, commit);
  for (const Appended& one : data.appended)
    if (one.is_job) jobs_.added(one.under);
  for (const Key& job : data.finished) jobs_.removed(job);
}

}  // namespace sluice
