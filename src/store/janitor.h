// SPDX-License-Identifier: Apache-2.0
#pragma once
// Unlinks files that nobody names any more, on a thread of the jobs. Unlinking a gigabyte takes a
// large part of a second, and no commit should wait for that. What is left when the store is closed
// is unlinked at the next start.
//
//   Janitor janitor(blobs, jobs);
//   janitor.start();
//   janitor.free({blob.id});   // returns at once
#include <deque>
#include <string>
#include <vector>

#include "store/jobs.h"
#include "base/thread_safety.h"

namespace sluice {

class Blobs;

class Janitor {
 public:
  Janitor(Blobs& blobs, Jobs& jobs) : blobs_(blobs), jobs_(jobs) {}
  // From now on files are unlinked.
  void start();
  // Does not block.
  void free(std::vector<std::string> ids);
  // How many files are still to be unlinked.
  size_t waiting() const;

 private:
  void work(const Stopping& stopping);
  void name_who_holds_too_long();

  Blobs& blobs_;
  Jobs& jobs_;
  mutable Mutex mutex_;
  std::deque<std::string> files_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
