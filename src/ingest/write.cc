// SPDX-License-Identifier: Apache-2.0
#include "ingest/write.h"

#include <time.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"

namespace sluice::ingest {
namespace {
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
std::string batch_body(const std::string& table, const std::vector<Pending>& batch) {
  constexpr std::string_view kBefore = "{\"PutRequest\":{\"Item\":", kAfter = "}}";
  std::string body = "{\"RequestItems\":{" + quoted(table) + ":[";
  size_t bytes = body.size() + 3;
  for (const Pending& p : batch) bytes += kBefore.size() + p.item.json.size() + kAfter.size() + 1;
  body.reserve(bytes);
  for (const Pending& p : batch) {
    if (&p != batch.data()) body += ',';
    body.append(kBefore).append(p.item.json).append(kAfter);
  }
  return body += "]}}";
}
bool is_transient(const HttpReply& reply, const std::string& code) {  // worth another try
  return reply.status >= 500 || code == "ThrottlingException" ||
         code == "ProvisionedThroughputExceededException" || code == "RequestLimitExceeded";
}
}  // namespace

TableWriter::TableWriter(Connections& connections, std::string table, Refused refused)
    : connections_(connections), table_(std::move(table)), refused_(std::move(refused)) {}

TableWriter::~TableWriter() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    came_.notify_all();
  }
  for (const Sender& sender : senders_) pthread_join(sender.thread, nullptr);
}

void* TableWriter::run(void* raw) {
  Sender& sender = *static_cast<Sender*>(raw);
  sender.owner.send_what_comes(sender.client);
  return nullptr;
}

void TableWriter::send_what_comes(AwsClient& client) {
  MutexLock lock(mutex_);
  for (;;) {
    ++idle_;
    while (!closed_ && waiting_.empty()) came_.wait(lock);
    --idle_;
    if (waiting_.empty()) return;
    sent_now_.splice(sent_now_.end(), waiting_, waiting_.begin());
    const auto batch = std::prev(sent_now_.end());
    const bool skip = failure_.has_value();  // the invocation has failed already
    lock.unlock();
    auto done = skip ? Result<Done>(Done{}) : send_batch(client, *batch);
    lock.lock();
    if (!done && !failure_) failure_ = done.error();
    sent_now_.erase(batch);
    went_.notify_all();
  }
}

Result<Done> TableWriter::start_sender() {
  Sender& sender = senders_.emplace_back(*this, *connections_.tables[senders_.size()]);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  const bool started = pthread_create(&sender.thread, &attributes, run, &sender) == 0;
  pthread_attr_destroy(&attributes);
  if (started) return Done{};
  senders_.pop_back();
  if (senders_.empty()) return unavailable("no thread could be started");
  return Done{};
}

bool TableWriter::meets_one_under_way(const Batch& batch) const {
  for (const auto* batches : {&waiting_, &sent_now_})
    for (const Batch& other : *batches)
      for (const uint64_t key : batch.keys)
        if (std::find(other.keys.begin(), other.keys.end(), key) != other.keys.end()) return true;
  return false;
}

Result<Done> TableWriter::push() {
  MutexLock lock(mutex_);
  if (meets_one_under_way(building_))
    while (!all_done()) went_.wait(lock);
  while (waiting_.size() >= kBatchesWaitingMax) went_.wait(lock);
  if (failure_) return *failure_;
  waiting_.push_back(std::exchange(building_, {}));
  building_bytes_ = 0;
  came_.notify_one();
  if (waiting_.size() <= idle_ || senders_.size() == connections_.tables.size()) return Done{};
  return start_sender();
}

Result<Done> TableWriter::write(Pending pending) {
  auto& [items, keys] = building_;
  building_bytes_ += pending.item.json.size() + pending.text.size();  // of one replaced, too
  for (size_t i = 0; i < items.size(); ++i)  // a batch may not name a key twice
    if (keys[i] == pending.key && items[i].item.device_id == pending.item.device_id &&
        items[i].item.timestamp == pending.item.timestamp) {
      items[i] = std::move(pending);
      return building_bytes_ >= kBatchBytesMax ? push() : Result<Done>(Done{});
    }
  if (items.empty()) {
    items.reserve(kBatchItemsMax);
    keys.reserve(kBatchItemsMax);
  }
  keys.push_back(pending.key);
  items.push_back(std::move(pending));
  return items.size() == kBatchItemsMax || building_bytes_ >= kBatchBytesMax ? push()
                                                                             : Result<Done>(Done{});
}

bool TableWriter::nothing_under_way() {
  const MutexLock lock(mutex_);
  return all_done() && !failure_;
}
// Then no sender uses its connection, and no thread need be started for the last batch.
Result<Done> TableWriter::send_here() {
  Batch last = std::exchange(building_, {});
  return send_batch(*connections_.tables.front(), last);
}

Result<Done> TableWriter::finish(int64_t deadline_ms) {
  deadline_ms_ = deadline_ms;
  if (!building_.items.empty()) CHECK(nothing_under_way() ? send_here() : push());
  MutexLock lock(mutex_);
  while (!all_done()) went_.wait(lock);
  if (failure_) return *failure_;
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
  AwsClient::Call call = call_of("BatchWriteItem", batch_body(table_, batch.items));
  for (int attempt = 0;; ++attempt) {
    auto reply = client.send(call);
    const std::string code = reply && reply->status != 200 ? error_code(*reply) : "";
    if (reply && reply->status == 200) {
      const auto body = parse_json_object(reply->body);
      const json::value* rest = body ? body->if_contains("UnprocessedItems") : nullptr;
      if (!rest || !rest->is_object() || rest->get_object().empty()) return Done{};
      call.body = "{\"RequestItems\":" + json::serialize(*rest) + "}";
    } else if (reply && code == "ValidationException") {
      return send_singly(client, batch);  // one bad item spoils a batch
    } else if (reply && !is_transient(*reply, code)) {
      return unavailable("DynamoDB refused the batch: " + code + " " + reply->body.substr(0, 300));
    }
    CHECK(pause(attempt));
  }
}

Result<Done> TableWriter::send_singly(AwsClient& client, Batch& batch) {
  for (Pending& p : batch.items) {
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

}  // namespace sluice::ingest
