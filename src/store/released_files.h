// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file that a commit released is unlinked when nobody is left who began to read before it:
// whoever was told what an object is can read it to the end, also when it is replaced or deleted
// meanwhile.
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace sluice {

class ReleasedFiles {
 public:
  using Unlink = std::function<void(const std::string& id)>;
  explicit ReleasedFiles(Unlink unlink) : unlink_(std::move(unlink)) {}
  // For a reader that sees at least `commit`. While this lives, no file that a later commit
  // releases is unlinked. Taken before the reader's snapshot.
  std::shared_ptr<const void> hold(uint64_t commit);
  void release(std::string id, uint64_t commit);  // no snapshot from `commit` on names it

 private:
  using Readers = std::multiset<uint64_t>;
  void let_go(Readers::iterator reader);
  std::vector<std::string> take_unread();

  const Unlink unlink_;
  std::mutex mutex_;  // guards what follows
  Readers readers_;
  std::multimap<uint64_t, std::string> released_;  // by the commit that released it
};

}  // namespace sluice
