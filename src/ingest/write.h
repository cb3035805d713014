// SPDX-License-Identifier: Apache-2.0
#pragma once
// Items into the table: batches of 25, several in flight, in order for each key. Source: DynamoDB
// API Reference, BatchWriteItem.
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "ingest/aws.h"
#include "ingest/validate.h"

namespace sluice::ingest {

constexpr size_t kBatchItemsMax = 25, kBatchBytesMax = 1 << 20, kQueueMax = 2;
constexpr int64_t kBackoffMinMs = 25, kBackoffMaxMs = 5000;

// A record on its way: what the table is told, and what quarantine needs if the table refuses it.
struct Pending {
  Item item;
  uint64_t index = 0, offset = 0;
  std::string text;
};

// Writers, each with its own connection; a key always goes to the same one, so that of two records
// with one key the later wins.
class TableWriter {
 public:
  using Refused =
      std::function<void(Pending&&, const std::string& message)>;  // called on a writer's thread
  TableWriter(Connections& connections, std::string table, Refused refused);
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;
  Result<Done> write(Pending pending);       // blocks while the writer's queue is full
  Result<Done> finish(int64_t deadline_ms);  // everything is in the table, or the first error
  void set_deadline(int64_t unix_ms) { deadline_ms_ = unix_ms; }

 private:
  struct Lane;
  using Batch = std::vector<Pending>;
  static void* run(void* lane);
  Result<Done> push(Lane& lane);  // starts its thread when it is the first batch
  Result<Done> send_batch(AwsClient& client, Batch& batch);
  Result<Done> send_singly(AwsClient& client, Batch& batch);
  Result<Done> pause(int attempt);
  const std::string table_;
  const Refused refused_;
  std::atomic<int64_t> deadline_ms_{0};
  std::vector<std::unique_ptr<Lane>> lanes_;
};

// Which keys an object has had: exact while they fit in 32 MB (three million), by 64 bits of a
// keyed hash.
class SeenKeys {
 public:
  SeenKeys();
  bool insert(const Item& item);  // false: seen before
  bool exact() const { return exact_; }

 private:
  void grow();
  std::vector<uint64_t> slots_;
  size_t used_ = 0;
  bool exact_ = true;
  const std::string salt_;
};

}  // namespace sluice::ingest
