#include "store/committer.h"

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {
constexpr size_t kGroupMax = 128;
uint64_t key_hash(Family family, std::string_view key) { return std::hash<std::string_view>{}(key) * 31 + static_cast<uint64_t>(family); }
Error conflict() { return {409, "Conflict", "What this request read was changed by another; it is run again.", {}}; }
Error read_only() { return {503, "ServiceUnavailable", "The store could not write to its disk and is read-only until the server is restarted.", {}}; }
}  // namespace

void RecentWrites::note(Family family, std::string_view key, uint64_t commit) {
  if (young_.size() >= kWindow) {
    old_ = std::move(young_);
    young_.clear();
    floor_ = young_from_;
    young_from_ = commit;
  }
  young_[key_hash(family, key)] = commit;
}
bool RecentWrites::changed_since(Family family, std::string_view key, uint64_t commit) const {
  if (commit < floor_) return true;                    // too old to know
  const uint64_t hash = key_hash(family, key);
  for (const auto* map : {&young_, &old_})
    if (const auto found = map->find(hash); found != map->end()) return found->second > commit;
  return false;
}

Key audit_key(uint64_t sequence) { return schema::key(Family::audit, "audit", {big_endian64(sequence)}); }

Committer::Committer(Rocks& rocks, Blobs& blobs, const Scope& scope, Announce announce, std::function<void(std::string_view)> crash_point)
    : rocks_(rocks), blobs_(blobs), scope_(scope), announce_(std::move(announce)), crash_point_(std::move(crash_point)), chain_(kChainStart) {
  snapshot().scan(schema::prefix(Family::audit, "audit", {}), "", true, [&](std::string_view key, std::string_view value) {
    sequence_ = from_big_endian64(schema::parts(key).at(0));
    chain_ = value.substr(0, 32);
    return false;
  });
}

Snapshot Committer::snapshot() {
  Snapshot s;
  s.state_ = std::make_shared<StoreState>(rocks_, scope_, commits_);
  return s;
}
Staged Committer::stage() {
  Staged staged;
  staged.data_ = std::make_shared<Staged::Data>();
  staged.data_->snapshot = snapshot();
  staged.data_->blobs = &blobs_;
  return staged;
}

Result<Receipt> Committer::commit(Staged&& staged, std::vector<json::object> records) {
  Waiter me{&staged, {}, {}, false, false, {}};
  for (const json::object& record : records) me.records.push_back(json::serialize(record));
  std::unique_lock lock(mutex_);
  waiting_.push_back(&me);
  if (leader_active_) me.wake.wait(lock, [&] { return me.done || me.leads; });
  if (!me.done) {
    leader_active_ = true;
    std::vector<Waiter*> group;
    // An expect_empty looks at the database: it goes first in its group, and alone.
    while (!waiting_.empty() && group.size() < kGroupMax) {
      const bool alone = !waiting_.front()->staged->data_->empty_prefixes.empty();
      if (alone && !group.empty()) break;
      group.push_back(waiting_.front());
      waiting_.pop_front();
      if (alone) break;
    }
    lock.unlock();
    lead(group);
    lock.lock();
    for (Waiter* w : group) {
      w->done = true;
      if (w != &me) w->wake.notify_one();
    }
    leader_active_ = false;
    if (!waiting_.empty()) {
      leader_active_ = true;
      waiting_.front()->leads = true;
      waiting_.front()->wake.notify_one();
    }
    // Whoever leads need not be in its own group.
    if (!me.done) { me.leads = false; me.wake.wait(lock, [&] { return me.done; }); }
  }
  lock.unlock();
  if (me.error) return *me.error;
  for (const auto& fn : staged.data_->after) fn();
  return Receipt();
}

std::optional<Error> Committer::check(const Staged::Data& data, bool alone) const {
  if (failed_) return read_only();
  const uint64_t seen = data.snapshot.state_->commit;
  for (const auto& [family, key] : data.reads)
    if (recent_.changed_since(family, key, seen)) return conflict();
  for (const Key& prefix : data.empty_prefixes) {
    if (!alone) return conflict();
    bool found = false;
    std::unique_ptr<rocksdb::Iterator> it(rocks_.db->NewIterator({}, rocks_.family(prefix.family)));
    it->Seek(prefix.bytes);
    for (; it->Valid() && it->key().starts_with(prefix.bytes) && !found; it->Next()) {
      const auto own = data.writes.find({prefix.family, it->key().ToString()});
      found = own == data.writes.end() || own->second.has_value();     // what this commit erases does not count
    }
    if (found) return conflict();
  }
  return std::nullopt;
}

void Committer::lead(std::vector<Waiter*>& group) {
  rocksdb::WriteBatch batch;
  const uint64_t commit = commits_ + 1;
  uint64_t sequence = sequence_;
  std::string chain = chain_;
  for (Waiter* w : group) {
    const Staged::Data& data = *w->staged->data_;
    if ((w->error = check(data, group.size() == 1))) continue;
    for (const auto& [key, value] : data.writes) {
      if (value) batch.Put(rocks_.family(key.first), key.second, *value);
      else batch.Delete(rocks_.family(key.first), key.second);
      recent_.note(key.first, key.second, commit);
    }
    for (const std::string& record : w->records) {
      chain = sha256(chain + record);
      batch.Put(rocks_.family(Family::audit), audit_key(++sequence).bytes, chain + record);
    }
  }
  if (batch.Count() == 0) return;
  if (crash_point_) crash_point_("before write");
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = rocks_.db->Write(options, &batch);
  if (status.ok()) commits_ = commit;
  if (crash_point_) crash_point_("after write");
  if (!status.ok()) {
    failed_ = true;
    for (Waiter* w : group) if (!w->error) w->error = read_only();
    return;
  }
  sequence_ = sequence;
  chain_ = std::move(chain);
  for (Waiter* w : group) if (!w->error) finish(*w->staged->data_);
  if (crash_point_) crash_point_("after finish");
}

void Committer::finish(Staged::Data& data) {
  data.committed = true;
  for (const BlobRef& blob : data.released) blobs_.unlink(blob.id);
  if (!data.events.empty()) announce_(data.events);
}

}  // namespace sluice
