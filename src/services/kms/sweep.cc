// SPDX-License-Identifier: Apache-2.0
// What happens to keys by the clock: rotation when the period is over, destruction when the
// deletion date has come.
#include <spdlog/spdlog.h>

#include "base/random.h"
#include "request/audit.h"
#include "services/kms/keys.h"

namespace sluice::kms {
namespace {
// CloudTrail's record of what KMS does by itself.
json::object service_event(const Store& store, std::string_view name, const std::string& id,
                           Time at) {
  Request request;
  request.id = random_uuid();
  request.time = at;
  request.source_ip = "AWS Internal";
  request.headers.add("user-agent", "AWS Internal");
  json::object record =
      audit_record(request, service, nullptr, nullptr, {}, nullptr, store.scope());
  record["eventName"] = name;
  record["eventType"] = "AwsServiceEvent";
  record["readOnly"] = false;
  record["userIdentity"] =
      json::object{{"accountId", store.scope().account_id}, {"invokedBy", "AWS Internal"}};
  record["resources"] = json::array{json::object{{"ARN", key_arn(store.scope(), id)},
                                                 {"accountId", store.scope().account_id},
                                                 {"type", "AWS::KMS::Key"}}};
  record["serviceEventDetails"] = name == "RotateKey"
                                      ? json::object{{"keyId", id}, {"rotationType", "AUTOMATIC"}}
                                      : json::object{{"keyId", id}};
  return record;
}

// The record with every version of its material, and the aliases that lead to it.
void erase_key(Staged& staged, const std::string& id) {
  staged.snapshot().scan(schema::prefix(Family::meta, "kms.alias", {}), "", false,
                         [&](std::string_view key, std::string_view target) {
                           if (target == id) staged.erase({Family::meta, std::string(key)});
                           return true;
                         });
  staged.erase(record_key(id));
}
}  // namespace

void sweep_once(Store& store, Time at) {
  std::vector<std::string> due;
  store.snapshot().scan(RecordPrefix<KmsKey>{}, "", false,
                        [&](std::string_view, const KmsKey& key) {
                          if (deletion_due(key, at) || rotation_due(key, at)) due.push_back(key.id);
                          return true;
                        });
  bool destroyed = false;
  for (const std::string& id : due) {
    Staged staged = store.stage();
    auto key = staged.get(record_key(id));
    const bool dead = key && deletion_due(*key, at);
    if (!key || (!dead && !rotation_due(*key, at))) continue;  // changed meanwhile
    if (dead)
      erase_key(staged, id);
    else {
      rotate(*key, wrapping_key(staged.snapshot()), "AUTOMATIC", at);
      staged.put(record_key(id), *key);
    }
    std::vector<json::object> records;
    records.push_back(service_event(store, dead ? "DeleteKey" : "RotateKey", id, at));
    const auto committed = store.commit(std::move(staged), std::move(records));
    if (!committed)
      spdlog::warn("the KMS key {} waits for the next sweep: {}", id, committed.error().message);
    destroyed = destroyed || (committed && dead);
  }
  if (destroyed) store.scrub(Family::meta);
}

void start_sweep(Store& store) {
  sweep_once(store, store.jobs().clock().calendar());  // before the first request
  store.jobs().every("the sweep of KMS keys", std::chrono::hours(1), [&store](const Stopping&) {
    sweep_once(store, store.jobs().clock().calendar());
  });
}

}  // namespace sluice::kms
