// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes items into the table: in batches of 25, several batches at once, and the items of one key
// in their order. Source: DynamoDB API Reference, BatchWriteItem.
//
//   TableWriter writer(connections, settings.table, [&](Pending&& refused, const std::string& why)
//   {
//     quarantine.add(refused.index, refused.offset, "RefusedByTable", why, refused.text);
//   });
//   CHECK(writer.write({item, record.index, record.offset, record.text}));
//   CHECK(writer.finish(deadline_ms));
#include <pthread.h>

#include <atomic>
#include <deque>

#include "ingest/aws.h"
#include "ingest/validate.h"

namespace sluice::ingest {

constexpr size_t kBatchItemsMax = 25, kBatchBytesMax = 1 << 20, kQueueMax = 2;
constexpr int64_t kBackoffMinMs = 25, kBackoffMaxMs = 5000;

// A record on its way: the item for the table, and what quarantine needs when the table refuses it.
struct Pending {
  Item item;
  uint64_t index = 0, offset = 0;
  std::string text;
};

// Several writers with a connection each. The items of one key go to the same writer, so that of
// two records with one key the later one wins.
class TableWriter {
 public:
  // Called on a writer's thread.
  using Refused = std::function<void(Pending&&, const std::string& message)>;
  TableWriter(Connections& connections, std::string table, Refused refused);
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;
  // Blocks while the writer's queue is full.
  Result<Done> write(Pending pending);
  // Returns when everything is in the table, or with the first error.
  Result<Done> finish(int64_t deadline_ms);
  void set_deadline(int64_t unix_ms) { deadline_ms_ = unix_ms; }

 private:
  struct Lane;
  using Batch = std::vector<Pending>;
  static void* run(void* lane);
  Result<Done> push(Lane& lane);  // starts the thread of the lane at its first batch
  Result<Done> send_batch(AwsClient& client, Batch& batch);
  Result<Done> send_singly(AwsClient& client, Batch& batch);
  Result<Done> pause(int attempt);
  const std::string table_;
  const Refused refused_;
  std::atomic<int64_t> deadline_ms_{0};
  std::vector<std::unique_ptr<Lane>> lanes_;
};

// Knows which keys an object has had, by 64 bits of a keyed hash. It is exact while they fit in 32
// MB, which is three million keys.
class SeenKeys {
 public:
  SeenKeys();
  bool insert(const Item& item);  // false: its key was seen before
  bool exact() const { return exact_; }

 private:
  void grow();
  std::vector<uint64_t> slots_;
  size_t used_ = 0;
  bool exact_ = true;
  const std::string salt_;
};

}  // namespace sluice::ingest
