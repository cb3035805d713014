// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes items into the table: in batches of 25, several of them at once. Of two items with one key
// the later one is written later. Source: DynamoDB API Reference, BatchWriteItem.
//
//   TableWriter writer(connections, settings.table, [&](Pending&& refused, const std::string& why)
//   {
//     quarantine.add(refused.index, refused.offset, "RefusedByTable", why, refused.text);
//   });
//   CHECK(writer.write({item, key_hash(item), record.index, record.offset, record.text}));
//   CHECK(writer.finish(deadline_ms));
#include <pthread.h>

#include <atomic>
#include <list>

#include "base/thread_safety.h"
#include "ingest/aws.h"
#include "ingest/validate.h"

namespace sluice::ingest {

constexpr size_t kBatchItemsMax = 25, kBatchBytesMax = 1 << 20;
constexpr size_t kBatchesWaitingMax = 4;
constexpr int64_t kBackoffMinMs = 25, kBackoffMaxMs = 5000;

// A record on its way: the item for the table, and what quarantine needs when the table refuses it.
struct Pending {
  Item item;
  uint64_t key = 0;  // key_hash(item)
  uint64_t index = 0, offset = 0;
  std::string text;
};

// Several senders with a connection each. Batches are filled one after the other, so that a small
// object takes as few of them as it can. A batch that names a key of one that is still under way
// waits until nothing is.
class TableWriter {
 public:
  // Called by a sender's thread, or by the one that calls finish().
  using Refused = std::function<void(Pending&&, const std::string& message)>;
  TableWriter(Connections& connections, std::string table, Refused refused);
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;
  // Blocks while too many batches wait.
  Result<Done> write(Pending pending);
  // Returns when everything is in the table, or with the first error.
  Result<Done> finish(int64_t deadline_ms);
  void set_deadline(int64_t unix_ms) { deadline_ms_ = unix_ms; }

 private:
  struct Batch {
    std::vector<Pending> items;
    std::vector<uint64_t> keys;  // of the items, side by side: they are looked through often
  };
  struct Sender {
    TableWriter& owner;
    AwsClient& client;
    pthread_t thread{};
  };
  static void* run(void* sender);
  void send_what_comes(AwsClient& client);
  Result<Done> push();
  Result<Done> send_here();
  bool nothing_under_way();
  bool meets_one_under_way(const Batch& batch) const SLUICE_REQUIRES(mutex_);
  bool all_done() const SLUICE_REQUIRES(mutex_) { return waiting_.empty() && sent_now_.empty(); }
  Result<Done> start_sender();
  Result<Done> send_batch(AwsClient& client, Batch& batch);
  Result<Done> send_singly(AwsClient& client, Batch& batch);
  Result<Done> pause(int attempt);

  Connections& connections_;
  const std::string table_;
  const Refused refused_;
  std::atomic<int64_t> deadline_ms_{0};
  // Of the thread that calls.
  Batch building_;
  size_t building_bytes_ = 0;
  std::list<Sender> senders_;

  Mutex mutex_;
  ConditionVariable came_, went_;
  std::list<Batch> waiting_ SLUICE_GUARDED_BY(mutex_), sent_now_ SLUICE_GUARDED_BY(mutex_);
  size_t idle_ SLUICE_GUARDED_BY(mutex_) = 0;  // senders that wait
  bool closed_ SLUICE_GUARDED_BY(mutex_) = false;
  std::optional<Error> failure_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::ingest
