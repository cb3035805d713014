// SPDX-License-Identifier: Apache-2.0
#include "ingest/write.h"

#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "base/thread_safety.h"

namespace sluice::ingest {
namespace {
constexpr size_t kSlotsMin = 1 << 14, kSlotsMax = 1 << 22;
constexpr size_t kStackBytes = 256 << 10;  // thread stacks count against the function's memory
Error unavailable(std::string why) { return {503, "WriteFailure", std::move(why), {}}; }

AwsClient::Call call_of(const char* operation, std::string body) {
  AwsClient::Call call;
  call.headers = {{"content-type", "application/x-amz-json-1.0"},
                  {"x-amz-target", std::string("DynamoDB_20120810.") + operation}};
  call.body = std::move(body);
  return call;
}
std::string quoted(const std::string& text) { return json::serialize(json::string_view(text)); }
bool is_transient(const HttpReply& reply, const std::string& code) {  // worth another try
  return reply.status >= 500 || code == "ThrottlingException" ||
         code == "ProvisionedThroughputExceededException" || code == "RequestLimitExceeded";
}
}  // namespace

struct TableWriter::Lane {
  TableWriter* owner = nullptr;
  AwsClient& client;
  pthread_t thread{};
  bool started = false;
  Mutex mutex;
  ConditionVariable changed;
  std::deque<Batch> queue SLUICE_GUARDED_BY(mutex);
  bool closed SLUICE_GUARDED_BY(mutex) = false;
  bool busy SLUICE_GUARDED_BY(mutex) = false;
  std::optional<Error> failure SLUICE_GUARDED_BY(mutex);
  Batch building;  // of the caller's thread
  size_t building_bytes = 0;
  explicit Lane(AwsClient& c) : client(c) {}
};

TableWriter::TableWriter(Connections& connections, std::string table, Refused refused)
    : table_(std::move(table)), refused_(std::move(refused)) {
  for (const auto& client : connections.tables) {
    lanes_.push_back(std::make_unique<Lane>(*client));
    lanes_.back()->owner = this;
  }
}

TableWriter::~TableWriter() {
  for (auto& lane : lanes_) {
    const MutexLock lock(lane->mutex);
    lane->closed = true;
    lane->changed.notify_all();
  }
  for (auto& lane : lanes_)
    if (lane->started) pthread_join(lane->thread, nullptr);
}

void* TableWriter::run(void* raw) {
  Lane& lane = *static_cast<Lane*>(raw);
  MutexLock lock(lane.mutex);
  for (;;) {
    while (!lane.closed && lane.queue.empty()) lane.changed.wait(lock);
    if (lane.queue.empty()) return nullptr;
    Batch batch = std::move(lane.queue.front());
    lane.queue.pop_front();
    lane.busy = true;
    lane.changed.notify_all();
    const bool skip = lane.failure.has_value();  // the invocation has failed already
    lock.unlock();
    auto done = skip ? Result<Done>(Done{}) : lane.owner->send_batch(lane.client, batch);
    lock.lock();
    if (!done && !lane.failure) lane.failure = done.error();
    lane.busy = false;
    lane.changed.notify_all();
  }
}

Result<Done> TableWriter::push(Lane& lane) {
  if (!lane.started) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    lane.started = pthread_create(&lane.thread, &attributes, run, &lane) == 0;
    pthread_attr_destroy(&attributes);
    if (!lane.started) return unavailable("no thread could be started");
  }
  MutexLock lock(lane.mutex);
  while (lane.queue.size() >= kQueueMax) lane.changed.wait(lock);
  lane.queue.push_back(std::move(lane.building));
  lane.building = {};
  lane.building_bytes = 0;
  lane.changed.notify_all();
  return Done{};
}

Result<Done> TableWriter::write(Pending pending) {
  Lane& lane =
      *lanes_[std::hash<std::string>{}(pending.item.device_id + '\n' + pending.item.timestamp) %
              kWriters];
  {
    const MutexLock lock(lane.mutex);
    if (lane.failure) return *lane.failure;
  }
  for (Pending& other : lane.building)  // a batch may not name a key twice
    if (other.item.device_id == pending.item.device_id &&
        other.item.timestamp == pending.item.timestamp) {
      other = std::move(pending);
      return Done{};
    }
  lane.building_bytes += pending.item.json.size() + pending.text.size();
  lane.building.push_back(std::move(pending));
  if (lane.building.size() == kBatchItemsMax || lane.building_bytes >= kBatchBytesMax)
    return push(lane);
  return Done{};
}

Result<Done> TableWriter::finish(int64_t deadline_ms) {
  deadline_ms_ = deadline_ms;
  for (auto& lane : lanes_)
    if (!lane->building.empty()) CHECK(push(*lane));
  std::optional<Error> first;
  for (auto& lane : lanes_) {
    MutexLock lock(lane->mutex);
    while (!lane->queue.empty() || lane->busy) lane->changed.wait(lock);
    if (lane->failure && !first) first = lane->failure;
  }
  if (first) return *first;
  return Done{};
}

// Exponential backoff with full jitter, not past the invocation's end.
Result<Done> TableWriter::pause(int attempt) {
  const int64_t most = std::min(kBackoffMaxMs, kBackoffMinMs << std::min(attempt, 10));
  const int64_t wait_ms =
      static_cast<int64_t>(from_big_endian64(random_bytes(8)) % static_cast<uint64_t>(most)) + 1;
  if (now() + wait_ms > deadline_ms_)
    return unavailable("the table did not take every item before the invocation's time ran out");
  const timespec t{wait_ms / 1000, wait_ms % 1000 * 1000000};
  nanosleep(&t, nullptr);
  return Done{};
}

Result<Done> TableWriter::send_batch(AwsClient& client, Batch& batch) {
  std::string requests;
  for (const Pending& p : batch)
    requests += (requests.empty() ? "" : ",") + ("{\"PutRequest\":{\"Item\":" + p.item.json + "}}");
  std::string request_items = "{" + quoted(table_) + ":[" + requests + "]}";
  for (int attempt = 0;; ++attempt) {
    auto reply = client.send(call_of("BatchWriteItem", "{\"RequestItems\":" + request_items + "}"));
    const std::string code = reply && reply->status != 200 ? error_code(*reply) : "";
    if (reply && reply->status == 200) {
      const auto body = parse_json_object(reply->body);
      const json::value* rest = body ? body->if_contains("UnprocessedItems") : nullptr;
      if (!rest || !rest->is_object() || rest->get_object().empty()) return Done{};
      request_items = json::serialize(*rest);
    } else if (reply && code == "ValidationException") {
      return send_singly(client, batch);  // one bad item spoils a batch
    } else if (reply && !is_transient(*reply, code)) {
      return unavailable("DynamoDB refused the batch: " + code + " " + reply->body.substr(0, 300));
    }
    CHECK(pause(attempt));
  }
}

Result<Done> TableWriter::send_singly(AwsClient& client, Batch& batch) {
  for (Pending& p : batch) {
    for (int attempt = 0;; ++attempt) {
      auto reply = client.send(call_of(
          "PutItem", "{\"TableName\":" + quoted(table_) + ",\"Item\":" + p.item.json + "}"));
      if (reply && reply->status == 200) break;
      const std::string code = reply ? error_code(*reply) : "";
      if (code == "ValidationException") {
        const auto body = parse_json_object(reply->body);
        refused_(std::move(p), body ? text_of(*body, "message") : code);
        break;
      }
      if (reply && !is_transient(*reply, code))
        return unavailable("DynamoDB refused an item: " + code + " " + reply->body.substr(0, 300));
      CHECK(pause(attempt));
    }
  }
  return Done{};
}

SeenKeys::SeenKeys() : slots_(kSlotsMin), salt_(random_bytes(16)) {}

bool SeenKeys::insert(const Item& item) {
  uint64_t hash = from_big_endian64(
      sha256(salt_ + big_endian64(item.device_id.size()) + item.device_id + item.timestamp));
  if (hash == 0) hash = 1;  // 0 marks an empty slot
  if (used_ * 4 >= slots_.size() * 3) {
    if (slots_.size() >= kSlotsMax) {
      exact_ = false;
      return true;
    }
    grow();
  }
  for (size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at] == hash) return false;
    if (slots_[at] == 0) {
      slots_[at] = hash;
      ++used_;
      return true;
    }
  }
}

void SeenKeys::grow() {
  std::vector<uint64_t> larger(slots_.size() * 2);
  for (const uint64_t hash : slots_) {
    if (hash == 0) continue;
    size_t at = hash & (larger.size() - 1);
    while (larger[at]) at = (at + 1) & (larger.size() - 1);
    larger[at] = hash;
  }
  slots_.swap(larger);
}

}  // namespace sluice::ingest
