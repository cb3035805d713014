// SPDX-License-Identifier: Apache-2.0
// For `sluice verify`: that the material of every key opens, that aliases and grants lead to a key,
// and that the entries beside grants are those that there should be.
#include "base/bytes.h"
#include "services/kms/keys.h"

namespace sluice::kms {
namespace {
void verify_keys(const Snapshot& snapshot, Verification& found) {
  snapshot.scan(RecordPrefix<KmsKey>{}, "", false, [&](std::string_view, const KmsKey& key) {
    for (uint64_t version = 0; version < key.versions.size(); ++version)
      if (!opens(key, wrapping_key(snapshot), version))
        found.damaged.push_back("KMS key " + key.id + ": the material of version " +
                                std::to_string(version) + " is not authentic");
    return true;
  });
  snapshot.scan(schema::prefix(Family::meta, "kms.alias", {}), "", false,
                [&](std::string_view key, std::string_view id) {
                  if (!snapshot.get(record_key(id)))
                    found.damaged.push_back(schema::parts(key).at(0) + ": its key is gone");
                  return true;
                });
}
// Every entry of the table must be that of a grant; returns how many there are.
size_t verify_entries(const Snapshot& snapshot, std::string_view table, size_t key_part,
                      Verification& found) {
  size_t entries = 0;
  snapshot.scan(schema::prefix(Family::meta, table, {}), "", false,
                [&](std::string_view key, std::string_view) {
                  const auto parts = schema::parts(key);
                  const auto grant = snapshot.get(grant_key(parts.at(key_part), parts.at(2)));
                  const Key wanted = !grant          ? Key{}
                                     : key_part == 0 ? grantee_key(*grant)
                                                     : retirable_key(*grant);
                  if (wanted.bytes != key)
                    found.damaged.push_back(std::string(table) + ": an entry without its grant " +
                                            parts.at(2));
                  ++entries;
                  return true;
                });
  return entries;
}
void verify_grants(const Snapshot& snapshot, Verification& found) {
  size_t grants = 0, retirable = 0;
  std::map<std::string, int64_t> of_key;
  snapshot.scan(RecordPrefix<Grant>{}, "", false, [&](std::string_view, const Grant& grant) {
    if (!snapshot.get(record_key(grant.key_id)))
      found.damaged.push_back("grant " + grant.id + ": its key is gone");
    ++grants;
    retirable += !grant.retiring.empty();
    ++of_key[grant.key_id];
    return true;
  });
  if (verify_entries(snapshot, "kms.grantee", 0, found) != grants ||
      verify_entries(snapshot, "kms.retirable", 1, found) != retirable)
    found.damaged.push_back("the grants of KMS keys: an entry is missing");
  for (const auto& [key_id, count] : of_key)
    if (parse_int(snapshot.get(grant_count_key(key_id)).value_or("")) != count)
      found.damaged.push_back("KMS key " + key_id + ": it has another number of grants");
}
}  // namespace

void verify(const Ports& ports, Verification& found) {
  const Snapshot snapshot = ports.store->snapshot();
  verify_keys(snapshot, found);
  verify_grants(snapshot, found);
}

}  // namespace sluice::kms
