// SPDX-License-Identifier: Apache-2.0
#include "store/released_files.h"

#include <algorithm>

namespace sluice {

std::shared_ptr<const void> ReleasedFiles::hold(uint64_t commit) {
  const ActiveReader fresh{commit, ReaderName::current(), clock_.now()};
  const MutexLock lock(mutex_);
  const auto reader = readers_.emplace(commit, fresh);
  return {this, [this, reader](const void*) { let_go(reader); }};
}

void ReleasedFiles::release(std::string id, uint64_t commit) {
  std::vector<std::string> unread;
  {
    const MutexLock lock(mutex_);
    released_.emplace(commit, std::move(id));
    unread = take_unread();
  }
  if (!unread.empty()) free_(std::move(unread));
}

void ReleasedFiles::let_go(Readers::iterator reader) {
  std::vector<std::string> unread;
  {
    const MutexLock lock(mutex_);
    readers_.erase(reader);
    if (!released_.empty()) unread = take_unread();
  }
  if (!unread.empty()) free_(std::move(unread));
}

std::vector<std::string> ReleasedFiles::take_unread() {
  std::vector<std::string> unread;
  while (!released_.empty() &&
         (readers_.empty() || released_.begin()->first <= readers_.begin()->first)) {
    unread.push_back(std::move(released_.begin()->second));
    released_.erase(released_.begin());
  }
  return unread;
}

std::vector<ActiveReader> ReleasedFiles::readers() const {
  std::vector<ActiveReader> out;
  {
    const MutexLock lock(mutex_);
    for (const auto& [commit, reader] : readers_) out.push_back(reader);
  }
  std::sort(out.begin(), out.end(),
            [](const ActiveReader& a, const ActiveReader& b) { return a.since < b.since; });
  return out;
}

std::vector<ActiveReader> ReleasedFiles::held_too_long(Time since) {
  std::vector<ActiveReader> out;
  const MutexLock lock(mutex_);
  for (auto& [commit, reader] : readers_)
    if (!reader.told && reader.since < since) {
      reader.told = true;
      out.push_back(reader);
    }
  return out;
}

}  // namespace sluice
