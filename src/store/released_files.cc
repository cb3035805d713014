// SPDX-License-Identifier: Apache-2.0
#include "store/released_files.h"

namespace sluice {

std::shared_ptr<const void> ReleasedFiles::hold(uint64_t commit) {
  const std::lock_guard lock(mutex_);
  const auto reader = readers_.insert(commit);
  return {this, [this, reader](const void*) { let_go(reader); }};
}

void ReleasedFiles::release(std::string id, uint64_t commit) {
  std::vector<std::string> unread;
  {
    const std::lock_guard lock(mutex_);
    released_.emplace(commit, std::move(id));
    unread = take_unread();
  }
  for (const std::string& one : unread) unlink_(one);
}

void ReleasedFiles::let_go(Readers::iterator reader) {
  std::vector<std::string> unread;
  {
    const std::lock_guard lock(mutex_);
    readers_.erase(reader);
    if (!released_.empty()) unread = take_unread();
  }
  for (const std::string& one : unread) unlink_(one);
}

std::vector<std::string> ReleasedFiles::take_unread() {
  std::vector<std::string> unread;
  while (!released_.empty() &&
         (readers_.empty() || released_.begin()->first <= *readers_.begin())) {
    unread.push_back(std::move(released_.begin()->second));
    released_.erase(released_.begin());
  }
  return unread;
}

}  // namespace sluice
