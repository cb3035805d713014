// SPDX-License-Identifier: Apache-2.0
#include "store/staged.h"

#include "base/bytes.h"
#include "base/random.h"
#include "store/jobs.h"
#include "store/log.h"
#include "store/rocks.h"

namespace sluice {
namespace {
// What this request, or one before it in the same commit, writes under the key; nullptr: nothing.
const std::optional<std::string>* uncommitted(const Staged::Data& data, const Key& key) {
  const std::pair<Family, std::string> place{key.family, key.bytes};
  if (const auto own = data.writes.find(place); own != data.writes.end()) return &own->second;
  for (auto other = data.ahead.rbegin(); other != data.ahead.rend(); ++other)
    if (const auto theirs = (*other)->writes.find(place); theirs != (*other)->writes.end())
      return &theirs->second;
  return nullptr;
}
}  // namespace
std::optional<std::string> Staged::get(const Key& key) {
  if (const auto* written = uncommitted(*data_, key)) return *written;
  data_->reads.emplace_back(key.family, key.bytes);
  return data_->snapshot.get(key);
}
std::shared_ptr<const void> Staged::value(const Key& key, const Snapshot::Form& form) {
  if (const auto* written = uncommitted(*data_, key))
    return *written ? form.decode(**written) : nullptr;
  data_->reads.emplace_back(key.family, key.bytes);
  return data_->snapshot.value(key, form);
}
void Staged::put(const Key& key, std::string value) {
  data_->writes[{key.family, key.bytes}] = std::move(value);
}
void Staged::erase(const Key& key) { data_->writes[{key.family, key.bytes}] = std::nullopt; }
void Staged::expect_empty(const Key& prefix) { data_->empty_prefixes.push_back(prefix); }
void Staged::append(const Log& log, std::string value) {
  data_->appended.push_back({log.entries(), log.entries(), std::move(value), false});
}
namespace {
Appended job_entry(const Job& job, Time due) {
  return {schema::prefix(Family::outbox, kJobTable, {}),
          schema::prefix(Family::outbox, kJobTable,
                         {job.queue, job.lane, big_endian64(static_cast<uint64_t>(due))}),
          encode_job(job), true};
}
}  // namespace
std::string Staged::enqueue(NewJob job) {
  Job made{
      std::string(job.queue), std::move(job.lane), random_hex(24), std::move(job.event), 0, {}};
  data_->appended.push_back(job_entry(made, job.due));
  return made.id;
}
void Staged::finish(const Job& job) {
  erase(job.key);
  data_->finished.push_back(job.key);
}
void Staged::put_off(const Job& job, Time due) {
  finish(job);
  data_->appended.push_back(job_entry(job, due));
}
void Staged::update(const Job& job) { put(job.key, encode_job(job)); }
size_t Staged::jobs() const { return data_->appended.size(); }
void Staged::adopt(const BlobRef& blob) {
  put(blob_key(blob.id), std::to_string(blob.bytes));
  data_->adopted.push_back(blob);
}
void Staged::release(const BlobRef& blob) {
  erase(blob_key(blob.id));
  data_->released.push_back(blob);
}
void Staged::after_commit(std::function<void()> fn) { data_->after.push_back(std::move(fn)); }
const Snapshot& Staged::snapshot() const { return data_->snapshot; }
size_t Staged::place() const { return data_->ahead.size(); }

}  // namespace sluice
