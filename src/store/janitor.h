// SPDX-License-Identifier: Apache-2.0
#pragma once
// Frees the files that nobody names any more, on a thread of the jobs: unlinking a gigabyte takes a
// large part of a second, in which no commit should wait. What is left when the store is closed
// goes at the next start.
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
  void start();                             // from now on files are freed
  void free(std::vector<std::string> ids);  // does not block
  size_t waiting() const;                   // files

 private:
  void work(const Stopping& stopping);
  void name_who_holds_too_long();

  Blobs& blobs_;
  Jobs& jobs_;
  mutable Mutex mutex_;
  std::deque<std::string> files_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
