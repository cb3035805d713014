// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decides when a file that a commit released may be unlinked: when everybody who began to read
// before that commit has ended. So whoever has looked up an object can read it to its end, even if
// it is replaced or deleted meanwhile.
//
//   auto held = released.hold(commit);     // a reader, for as long as `held` lives
//   released.release(blob.id, commit);     // the committer: freed when no earlier reader is left
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/readers.h"
#include "base/thread_safety.h"

namespace sluice {

class ReleasedFiles {
 public:
  // Called on the thread of the last reader that ended, which may be in the middle of a commit. It
  // must not block.
  using Free = std::function<void(std::vector<std::string> ids)>;
  ReleasedFiles(const Clock& clock, Free free) : clock_(clock), free_(std::move(free)) {}
  // For a reader that sees at least `commit`. While the result lives, no file that a later commit
  // releases is freed. It must be taken before the reader's snapshot.
  std::shared_ptr<const void> hold(uint64_t commit);
  // No snapshot of `commit` or of a later one names this file.
  void release(std::string id, uint64_t commit);

  // All readers, the oldest first.
  std::vector<ActiveReader> readers() const;
  // The readers that began before `since` and that this has not returned before.
  std::vector<ActiveReader> held_too_long(Time since);

 private:
  using Readers = std::multimap<uint64_t, ActiveReader>;  // by commit
  void let_go(Readers::iterator reader);
  std::vector<std::string> take_unread() SLUICE_REQUIRES(mutex_);

  const Clock& clock_;
  const Free free_;
  mutable Mutex mutex_;
  Readers readers_ SLUICE_GUARDED_BY(mutex_);
  // By the commit that released it.
  std::multimap<uint64_t, std::string> released_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
