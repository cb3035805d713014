// SPDX-License-Identifier: Apache-2.0
#include "store/known_values.h"

namespace sluice {

std::optional<std::shared_ptr<const void>> KnownValues::find(const std::string& key,
                                                             const void* type,
                                                             uint64_t commit) const {
  const ReaderLock lock(mutex_);
  const auto found = known_.find(key);
  if (found == known_.end() || found->second.type != type ||
      !writes.unchanged(key, found->second.read_at, commit))
    return std::nullopt;
  return found->second.value;
}

void KnownValues::keep(const std::string& key, const void* type, uint64_t read_at,
                       std::shared_ptr<const void> value, size_t bytes) {
  if (bytes > kValueBytesMax) return;
  decltype(known_) dropped;  // destroyed after the lock is given back
  const WriterLock lock(mutex_);
  if (known_.size() >= kEntriesMax || bytes_ + bytes > kBytesMax) {
    known_.swap(dropped);
    bytes_ = 0;
  }
  Entry& entry = known_[key];
  if (entry.read_at > read_at) return;  // what is kept already is newer
  bytes_ += bytes - entry.bytes;
  entry = {type, std::move(value), read_at, bytes};
}

}  // namespace sluice
