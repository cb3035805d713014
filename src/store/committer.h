#pragma once
// Group commit by leader (DESIGN section 5): who comes first takes all that wait, checks their reads, chains their audit
// records, writes one batch, syncs once, wakes the rest. After a failed write nothing more is written until a restart.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "store/rocks.h"

namespace sluice {

// Remembers in which commit a key was last written, for the last kWindow keys; what is older counts as changed.
class RecentWrites {
 public:
  static constexpr size_t kWindow = 1 << 17;
  void note(Family family, std::string_view key, uint64_t commit);
  bool changed_since(Family family, std::string_view key, uint64_t commit) const;

 private:
  std::unordered_map<uint64_t, uint64_t> young_, old_;
  uint64_t floor_ = 0, young_from_ = 0;                // the newest commit that old_ no longer knows; where young_ begins
};

class Committer {
 public:
  using Announce = std::function<void(const std::vector<std::pair<std::string, OutboxEvent>>&)>;
  Committer(Rocks& rocks, Blobs& blobs, const Scope& scope, Announce announce, std::function<void(std::string_view)> crash_point);
  Result<Receipt> commit(Staged&& staged, std::vector<json::object> records);
  Snapshot snapshot();
  Staged stage();

 private:
  struct Waiter { Staged* staged; std::vector<std::string> records; std::optional<Error> error; bool done = false, leads = false; std::condition_variable wake; };
  void lead(std::vector<Waiter*>& group);
  std::optional<Error> check(const Staged::Data& data, bool alone) const;
  void finish(Staged::Data& data);

  Rocks& rocks_;
  Blobs& blobs_;
  const Scope& scope_;
  const Announce announce_;
  const std::function<void(std::string_view)> crash_point_;
  std::mutex mutex_;                                   // guards waiting_, leader_active_
  std::deque<Waiter*> waiting_;
  bool leader_active_ = false;
  // Only the leader touches these.
  RecentWrites recent_;
  uint64_t sequence_ = 0;
  std::string chain_;
  bool failed_ = false;
  // Raised after a write: a snapshot taken in between sees more than its number says, which can only cause a retry.
  std::atomic<uint64_t> commits_{0};
};

Key audit_key(uint64_t sequence);
constexpr std::string_view kChainStart = "00000000000000000000000000000000";   // the hash before the first record

}  // namespace sluice
