// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a service keeps in memory for one store: a cache, a sequence, a key. It is made when it is
// first asked for and ends with the store, so that two servers in one process share nothing. A test
// that opens a store gets its own.
//
//   struct LastSort { std::atomic<uint64_t> value{0}; };
//   LastSort& last = snapshot.attached<LastSort>();
#include <memory>
#include <unordered_map>

#include "base/thread_safety.h"

namespace sluice {

// Inside the store; services come to it through Snapshot::attached.
class Attachments {
 public:
  // The one T of this store. It lives as long as the store; T guards itself against its callers'
  // threads.
  template <class T>
  T& get() {
    static constexpr char kType = 0;  // its address tells T
    {
      const ReaderLock lock(mutex_);
      if (const auto known = all_.find(&kType); known != all_.end())
        return *static_cast<T*>(known->second.get());
    }
    const WriterLock lock(mutex_);
    std::shared_ptr<void>& place = all_[&kType];
    if (!place) place = std::make_shared<T>();
    return *static_cast<T*>(place.get());
  }

 private:
  SharedMutex mutex_;
  std::unordered_map<const void*, std::shared_ptr<void>> all_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
