// SPDX-License-Identifier: Apache-2.0
// What happens to keys by the clock: rotation when the period is over, destruction when the
// deletion date has come or imported material expires. And what destruction asks of the disk.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "request/audit.h"
#include "services/kms/granting.h"
#include "services/kms/keys.h"

namespace sluice::kms {
namespace {
constexpr std::string_view kScrubQueue = "kms.scrub";
constexpr int kReaderWaitsMax = 100;  // of 100 ms

// CloudTrail's record of what KMS does by itself.
std::string service_event(const Store& store, std::string_view name, const std::string& id,
                          Time at) {
  json::object details{{"keyId", id}};
  if (name == "RotateKey") details["rotationType"] = "AUTOMATIC";
  return service_event_record(
      {.source = service.event_source,
       .name = name,
       .agent = "AWS Internal",
       .user_identity = {{"accountId", store.scope().account_id}, {"invokedBy", "AWS Internal"}},
       .read_only = false,
       .time = at,
       .resource_type = "AWS::KMS::Key",
       .resource = key_arn(store.scope(), id),
       .details = std::move(details)},
      store.scope());
}

// The record with every version of its material, the aliases that lead to it, and its grants.
void erase_key(Staged& staged, const std::string& id) {
  staged.snapshot().scan(schema::prefix(Family::meta, "kms.alias", {}), "", false,
                         [&](std::string_view key, std::string_view target) {
                           if (target == id) staged.erase({Family::meta, std::string(key)});
                           return true;
                         });
  erase_grants(staged, id);
  staged.erase(record_key(id));
  scrub_after(staged);
}

// What is due for a key, by the name of its event; "": nothing.
std::string_view due_for(const KmsKey& key, Time at) {
  return deletion_due(key, at)   ? "DeleteKey"
         : rotation_due(key, at) ? "RotateKey"
         : expiry_due(key, at)   ? "DeleteExpiredKeyMaterial"
                                 : "";
}
void do_what_is_due(KmsKey& key, std::string_view event, Staged& staged, Time at) {
  if (event == "DeleteKey") return erase_key(staged, key.id);
  if (event == "RotateKey")
    rotate(key, wrapping_key(staged.snapshot()), "AUTOMATIC", at);
  else
    destroy_material(key, staged);
  staged.put(record_key(key.id), key);
}

// A reader of before keeps what it sees in the files, so the work waits until there is none.
JobResult scrub(Store& store, const Job& job, const Stopping& stopping) {
  const uint64_t erased = store.snapshot().commit();
  const auto is_before = [&](const ActiveReader& reader) { return reader.commit < erased; };
  for (int waited = 0; std::ranges::any_of(store.readers(), is_before); ++waited) {
    if (stopping() || waited == kReaderWaitsMax)
      return JobResult::park("somebody still reads what was there before");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  store.scrub(Family::meta);
  Staged staged = store.stage();
  staged.finish(job);
  if (const auto done = store.commit(std::move(staged), {}); !done)
    return JobResult::park(done.error().message);
  return JobResult::finished();
}
}  // namespace

void scrub_after(Staged& staged) { staged.enqueue({.queue = kScrubQueue}); }

void sweep_once(Store& store, Time at) {
  std::vector<std::string> due;
  store.snapshot().scan(RecordPrefix<KmsKey>{}, "", false,
                        [&](std::string_view, const KmsKey& key) {
                          if (!due_for(key, at).empty()) due.push_back(key.id);
                          return true;
                        });
  for (const std::string& id : due) {
    Staged staged = store.stage();
    auto key = staged.get(record_key(id));
    const std::string_view event = key ? due_for(*key, at) : "";
    if (event.empty()) continue;  // changed meanwhile
    do_what_is_due(*key, event, staged, at);
    if (const auto committed =
            store.commit(std::move(staged), {service_event(store, event, id, at)});
        !committed)
      spdlog::warn("the KMS key {} waits for the next sweep: {}", id, committed.error().message);
  }
}

void start_sweep(Store& store) {
  store.jobs().serve({.name = std::string(kScrubQueue),
                      .work = [&store](const Job& job, const Stopping& stopping) {
                        return scrub(store, job, stopping);
                      }});
  sweep_once(store, store.jobs().clock().calendar());  // before the first request
  store.jobs().every("the sweep of KMS keys", std::chrono::hours(1), [&store](const Stopping&) {
    sweep_once(store, store.jobs().clock().calendar());
  });
}

}  // namespace sluice::kms
