// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file that a commit released is freed when nobody is left who began to read before it: whoever
// was told what an object is can read it to the end, also when it is replaced or deleted meanwhile.
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
  // Called on whatever thread was the last to let go, also within a commit: must not block.
  using Free = std::function<void(std::vector<std::string> ids)>;
  explicit ReleasedFiles(Free free) : free_(std::move(free)) {}
  // For a reader that sees at least `commit`. While this lives, no file that a later commit
  // releases is freed. Taken before the reader's snapshot.
  std::shared_ptr<const void> hold(uint64_t commit);
  void release(std::string id, uint64_t commit);  // no snapshot from `commit` on names it

  std::vector<ActiveReader> readers() const;  // the oldest first
  // Those that began before `since_us` and were not told of yet.
  std::vector<ActiveReader> held_too_long(int64_t since_us);

 private:
  using Readers = std::multimap<uint64_t, ActiveReader>;  // by commit
  void let_go(Readers::iterator reader);
  std::vector<std::string> take_unread() SLUICE_REQUIRES(mutex_);

  const Free free_;
  mutable Mutex mutex_;
  Readers readers_ SLUICE_GUARDED_BY(mutex_);
  // By the commit that released it.
  std::multimap<uint64_t, std::string> released_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
