// SPDX-License-Identifier: Apache-2.0
#include "store/wal_sync.h"

#include <algorithm>

namespace sluice {

WalSync::WalSync(rocksdb::DB& db, std::function<void(const rocksdb::Status&)> failed)
    : db_(db), failed_(std::move(failed)), payer_([this] { pay_in_time(); }) {}

WalSync::~WalSync() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  payer_.join();
}

rocksdb::Status WalSync::sync() {
  uint64_t until;
  {
    const MutexLock lock(mutex_);
    until = owed_;
  }
  rocksdb::Status status = db_.SyncWAL();
  const MutexLock lock(mutex_);
  if (status.ok()) paid_ = std::max(paid_, until);
  return status;
}

void WalSync::owe() {
  bool wakes = false;
  {
    const MutexLock lock(mutex_);
    if (owed_++ != paid_) return;  // the payer knows of an older one
    due_ = std::chrono::steady_clock::now() + kSyncWithin;
    // A payer who waits for the time of a debt that a writer has paid finds this one by himself,
    // and before it is due: where reads and writes take turns he would be woken by each.
    wakes = payer_sleeps_;
  }
  if (wakes) changed_.notify_one();
}

void WalSync::pay_in_time() {
  MutexLock lock(mutex_);
  while (!ending_) {
    if (owed_ == paid_) {
      payer_sleeps_ = true;
      changed_.wait(lock);
      payer_sleeps_ = false;
    } else if (std::chrono::steady_clock::now() < due_)
      changed_.wait_until(lock, due_);
    else {
      lock.unlock();
      const rocksdb::Status status = sync();
      lock.lock();
      if (!status.ok()) {
        lock.unlock();
        failed_(status);
        return;
      }
      due_ = std::chrono::steady_clock::now() + kSyncWithin;  // of what came meanwhile
    }
  }
  const bool owes = owed_ != paid_;
  lock.unlock();
  if (owes) sync();
}

}  // namespace sluice
