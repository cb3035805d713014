// SPDX-License-Identifier: Apache-2.0
#include "services/kms/aliases.h"

#include "services/kms/specs.h"

namespace sluice::kms {
namespace {
size_t aliases_of(const Snapshot& snapshot, const std::string& id) {
  size_t count = 0;
  snapshot.scan(schema::prefix(Family::meta, "kms.alias", {}), "", false,
                [&](std::string_view, std::string_view target) {
                  count += target == id;
                  return true;
                });
  return count;
}
Result<Done> room_for_alias(const Snapshot& snapshot, const KmsKey& key) {
  if (aliases_of(snapshot, key.id) >= kAliasesMax)
    return Error{400, "LimitExceededException", "A key can have at most 50 aliases", {}};
  return Done{};
}
}  // namespace

Result<JsonOut> CreateAlias::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto key, find_key(staged.snapshot(), in->key_id));
  CHECK(not_pending(*key, staged.snapshot().scope()));
  if (staged.get(alias_key(in->alias)))
    return Error{400,
                 "AlreadyExistsException",
                 "An alias with the name " + make_arn(staged.snapshot().scope(), "kms", in->alias) +
                     " already exists",
                 {}};
  CHECK(room_for_alias(staged.snapshot(), *key));
  staged.put(alias_key(in->alias), key->id);
  return Out{{}, key_arn(staged.snapshot().scope(), key->id)};
}
Result<JsonOut> UpdateAlias::run(const Authorized<In>& in, Staged& staged) {
  TRY(const auto key, find_key(staged.snapshot(), in->key_id));
  CHECK(not_pending(*key, staged.snapshot().scope()));
  const auto old_id = staged.get(alias_key(in->alias));
  if (!old_id)
    return Error{
        400,
        "NotFoundException",
        "Alias " + make_arn(staged.snapshot().scope(), "kms", in->alias) + " is not found.",
        {}};
  const auto old = staged.snapshot().get(record_key(*old_id));
  if (old && (old->usage != key->usage || is_symmetric(*old) != is_symmetric(*key)))
    return invalid("An alias can only be moved to a key of the same type and usage.");
  CHECK(room_for_alias(staged.snapshot(), *key));
  staged.put(alias_key(in->alias), key->id);
  return Out{{}, key_arn(staged.snapshot().scope(), key->id)};
}
Result<JsonOut> DeleteAlias::run(const Authorized<In>& in, Staged& staged) {
  const auto id = staged.get(alias_key(in->alias));
  if (!id)
    return Error{
        400,
        "NotFoundException",
        "Alias " + make_arn(staged.snapshot().scope(), "kms", in->alias) + " is not found.",
        {}};
  staged.erase(alias_key(in->alias));
  return Out{{}, key_arn(staged.snapshot().scope(), *id)};
}

Result<JsonOut> ListAliases::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Page page, page_of(in->body, 100, 50));
  std::string wanted, last, next;
  if (!in->key_id.empty()) {
    TRY(const auto key, find_key(snapshot, in->key_id));
    wanted = key->id;
  }
  json::array aliases;
  snapshot.scan(
      schema::prefix(Family::meta, "kms.alias", {}),
      page.marker.empty() ? "" : alias_key(page.marker).bytes, false,
      [&](std::string_view key, std::string_view id) {
        const std::string alias = schema::parts(key).at(0);
        if (alias == page.marker || (!wanted.empty() && wanted != id)) return true;
        if (aliases.size() == page.limit) {
          next = last;
          return false;
        }
        aliases.push_back(json::object{{"AliasName", alias},
                                       {"AliasArn", make_arn(snapshot.scope(), "kms", alias)},
                                       {"TargetKeyId", id}});
        last = alias;
        return true;
      });
  JsonOut out{{{"Aliases", std::move(aliases)}}};
  end_page(out.body, next);
  return out;
}

}  // namespace sluice::kms
