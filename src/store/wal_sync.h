// SPDX-License-Identifier: Apache-2.0
#pragma once
// Brings RocksDB's log to the disk: at once for whoever waits for it, and within kSyncWithin for
// the audit records of reads, whose answers do not wait (decision 0013).
//
//   db->Write(unsynced, &batch);
//   wal.owe();                                  // a read: somebody will sync it soon
//   if (!wal.sync().ok()) return fail(group);   // a write: everything until here is on the disk
#include <rocksdb/db.h>

#include <chrono>
#include <functional>
#include <thread>

#include "base/thread_safety.h"

namespace sluice {

constexpr auto kSyncWithin = std::chrono::milliseconds(20);

class WalSync {
 public:
  // `failed` is called when a sync that nobody waits for fails.
  WalSync(rocksdb::DB& db, std::function<void(const rocksdb::Status&)> failed);
  ~WalSync();
  WalSync(const WalSync&) = delete;
  WalSync& operator=(const WalSync&) = delete;
  // All that was written before this call is on the disk when it returns. Any thread may call it.
  rocksdb::Status sync();
  // What was just written is to be on the disk within kSyncWithin.
  void owe();

 private:
  void pay_in_time();

  rocksdb::DB& db_;
  const std::function<void(const rocksdb::Status&)> failed_;
  Mutex mutex_;
  ConditionVariable changed_;
  uint64_t owed_ SLUICE_GUARDED_BY(mutex_) = 0, paid_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point due_ SLUICE_GUARDED_BY(mutex_);  // of the oldest debt
  // The payer waits for a debt, and not for the time of one: it must be told of the next.
  bool payer_sleeps_ SLUICE_GUARDED_BY(mutex_) = false;
  bool ending_ SLUICE_GUARDED_BY(mutex_) = false;
  std::thread payer_;
};

}  // namespace sluice
