// SPDX-License-Identifier: Apache-2.0
#include "services/kms/keys.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "base/thread_safety.h"
#include "services/kms/granting.h"
#include "services/kms/specs.h"

namespace sluice::kms {
namespace {
constexpr size_t kIdBytes = 36, kHeadBytes = 1 + kIdBytes + 8;
constexpr int64_t kDayMs = 86'400'000;
// Set once, before the first call.
struct WrappingKey {
  Secret key;
};

// Sorted and length-prefixed: one byte string per context, whatever the order it was sent in.
std::string canonical(const json::object& context) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : context)
    pairs.emplace_back(name, std::string(value.get_string()));
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs)
    out += big_endian64(name.size()) + name + big_endian64(value.size()) + value;
  return out;
}
std::string material_aad(std::string_view id, uint64_t version) {
  return "kms-material" + std::string(id) + big_endian64(version);
}

Secret open_material(const KmsKey& key, const Secret& wrapping, uint64_t version) {
  if (version >= key.versions.size()) return {};
  const auto sealed = unbase64(key.versions[version]);
  auto plain =
      sealed ? aead_open_random(wrapping, *sealed, material_aad(key.id, version)) : std::nullopt;
  return plain ? Secret(*std::move(plain)) : Secret();
}

bool is_service_alias(std::string_view reference) { return reference.starts_with("alias/aws/"); }

class KmsDataKeys : public DataKeys {
 public:
  Result<KeyView> find(std::string_view reference, const Snapshot& snapshot) const override {
    TRY(const auto key, find_key(snapshot, reference));
    return KeyView{key_arn(snapshot.scope(), key->id), key->id, state_of(*key), is_symmetric(*key)};
  }
  Result<std::optional<Need>> need(std::string_view action, std::string_view reference,
                                   const json::object& context, std::string_view via,
                                   const Snapshot& snapshot) const override {
    if (is_service_alias(reference)) return std::optional<Need>();
    TRY(const auto key, find_key(snapshot, reference));
    if (key->manager == "AWS") return std::optional<Need>();
    Need need = key_need(action, *key, context, snapshot);
    if (!via.empty()) {
      need.context["kms:viaservice"] = {std::string(via)};
      need.context["aws:viaawsservice"] = {"true"};
    }
    return std::optional<Need>(std::move(need));
  }
  Result<DataKey> generate(std::string_view reference, const json::object& context,
                           Staged& staged) override {
    auto found = find_key(staged.snapshot(), reference);
    if (!found && is_service_alias(reference)) found = make_service_key(reference, staged);
    if (!found) return std::move(found).error();
    const KmsKey& key = **found;
    CHECK(usable(key, staged.snapshot().scope()));
    CHECK(makes_data_keys(key, "GenerateDataKey", staged.snapshot().scope()));
    Secret plain(random_bytes(32));
    std::string wrapped = encrypt(key, wrapping_key(staged.snapshot()), plain.expose(), context);
    return DataKey{std::move(plain), std::move(wrapped),
                   key_arn(staged.snapshot().scope(), key.id)};
  }
  Result<Secret> unwrap(std::string_view wrapped, const json::object& context,
                        const Snapshot& snapshot) override {
    const auto opened = peek(wrapped);
    if (!opened) return Error{400, "InvalidCiphertextException", "", {}};
    TRY(const auto key, find_key(snapshot, opened->key_id));
    CHECK(usable(*key, snapshot.scope()));
    auto plain = decrypt(*key, wrapping_key(snapshot), wrapped, context);
    if (!plain) return Error{400, "InvalidCiphertextException", "", {}};
    return *std::move(plain);
  }

  // alias/aws/s3 and its like, unless it is there; racing makers conflict on the alias and run
  // again.
  static std::shared_ptr<const KmsKey> make_service_key(std::string_view alias, Staged& staged) {
    if (const auto id = staged.get(alias_key(alias)))
      if (const auto key = staged.get(record_key(*id))) return std::make_shared<KmsKey>(*key);
    KmsKey key = new_key(default_policy(staged.snapshot().scope()),
                         "Default key that protects data of " + std::string(alias.substr(10)) +
                             " when no other key is named",
                         "AWS");
    make_material(key, wrapping_key(staged.snapshot()));
    key.rotation_days = kRotationDaysDefault;
    staged.put(alias_key(alias), key.id);
    staged.put(record_key(key.id), key);
    return std::make_shared<KmsKey>(std::move(key));
  }
};
}  // namespace

std::string key_arn(const Scope& scope, std::string_view id) {
  return make_arn(scope, "kms", "key/" + std::string(id));
}
Error not_found(const std::string& arn) {
  return {400, "NotFoundException", "Key '" + arn + "' does not exist", {}};
}

Result<std::shared_ptr<const KmsKey>> find_key(const Snapshot& snapshot,
                                               std::string_view reference) {
  std::string id(reference);
  if (const auto arn = parse_arn(reference)) {
    if (arn->service != "kms" || arn->region != snapshot.scope().region ||
        arn->account_id != snapshot.scope().account_id)
      return not_found(id);
    id = arn->resource.starts_with("key/") ? arn->resource.substr(4) : arn->resource;
  }
  if (id.starts_with("alias/")) {
    const auto target = snapshot.get(alias_key(id));
    if (!target)
      return Error{400,
                   "NotFoundException",
                   "Alias " + make_arn(snapshot.scope(), "kms", id) + " is not found.",
                   {}};
    id = *target;
  }
  auto key = snapshot.get(record_key(id));
  if (!key && reference == id &&
      (id.size() != kIdBytes || id.find_first_not_of("0123456789abcdef-") != id.npos))
    return Error{400, "NotFoundException", "Invalid keyId '" + id.substr(0, 200) + "'", {}};
  if (!key || deletion_due(*key, now())) return not_found(key_arn(snapshot.scope(), id));
  return key;
}

std::string state_of(const KmsKey& key) {
  if (key.state == "PendingDeletion") return key.state;
  const bool expired = key.valid_to && key.valid_to <= now();
  return key.versions.empty() || expired ? "PendingImport" : key.state;
}
Result<Done> usable(const KmsKey& key, const Scope& scope) {
  const std::string state = state_of(key), arn = key_arn(scope, key.id);
  if (state == "Enabled") return Done{};
  if (state == "Disabled") return Error{400, "DisabledException", arn + " is disabled.", {}};
  return Error{400,
               "KMSInvalidStateException",
               arn + (state == "PendingImport" ? " is pending import." : " is pending deletion."),
               {}};
}

KmsKey new_key(const std::string& policy, const std::string& description,
               std::string_view manager) {
  return {.id = random_uuid(),
          .created = now(),
          .description = description,
          .state = "Enabled",
          .policy = policy,
          .manager = std::string(manager),
          .rotated_at = now()};
}
void add_material(KmsKey& key, const Secret& wrapping, const Secret& material) {
  key.versions.push_back(base64(
      aead_seal_random(wrapping, material.expose(), material_aad(key.id, key.versions.size()))));
}
void make_material(KmsKey& key, const Secret& wrapping) {
  const KeySpec& spec = spec_of(key);
  if (spec.family == KeySpec::Family::rsa || spec.family == KeySpec::Family::curve) {
    const KeyPair pair = make_pair(spec);
    key.public_key = base64(pair.public_der);
    add_material(key, wrapping, pair.private_der);
  } else {
    add_material(key, wrapping, Secret(random_bytes(static_cast<size_t>(spec.size))));
  }
}
void destroy_material(KmsKey& key, Staged& staged) {
  key.versions.clear();
  key.valid_to = 0;
  if (key.state != "PendingDeletion") key.state = "PendingImport";
  scrub_after(staged);
}
bool opens(const KmsKey& key, const Secret& wrapping, uint64_t version) {
  return !open_material(key, wrapping, version).empty();
}
Secret current_material(const KmsKey& key, const Secret& wrapping) {
  return open_material(key, wrapping, key.current_version());
}
void rotate(KmsKey& key, const Secret& wrapping, std::string_view type, Time at) {
  add_material(key, wrapping, Secret(random_bytes(32)));
  key.rotations.push_back({at, std::string(type)});
  if (type == "AUTOMATIC") key.rotated_at = at;  // one on demand leaves the schedule as it is
}
bool rotation_due(const KmsKey& key, Time at) {
  return key.rotation_days && key.state == "Enabled" &&
         key.rotated_at + key.rotation_days * kDayMs <= at;
}
bool deletion_due(const KmsKey& key, Time at) { return key.delete_at && key.delete_at <= at; }
bool expiry_due(const KmsKey& key, Time at) { return key.valid_to && key.valid_to <= at; }
std::string material_id(const KmsKey& key, uint64_t version) {
  return hex(sha256("kms-material-id" + key.id + big_endian64(version)));
}

std::string encrypt(const KmsKey& key, const Secret& wrapping, std::string_view plain,
                    const json::object& context) {
  const uint64_t version = key.current_version();
  const std::string head = "\x01" + key.id + big_endian64(version);
  return head +
         aead_seal_random(open_material(key, wrapping, version), plain, head + canonical(context));
}
std::optional<Opened> peek(std::string_view ciphertext) {
  if (ciphertext.size() < kHeadBytes + kAeadNonceBytes + kAeadTagBytes ||
      ciphertext.size() > kCiphertextBytesMax || ciphertext[0] != '\x01')
    return std::nullopt;
  return Opened{std::string(ciphertext.substr(1, kIdBytes)),
                from_big_endian64(ciphertext.substr(1 + kIdBytes))};
}
std::optional<Secret> decrypt(const KmsKey& key, const Secret& wrapping,
                              std::string_view ciphertext, const json::object& context) {
  const auto opened = peek(ciphertext);
  if (!opened || opened->key_id != key.id) return std::nullopt;
  const Secret material = open_material(key, wrapping, opened->version);
  if (material.empty()) return std::nullopt;
  auto plain = aead_open_random(material, ciphertext.substr(kHeadBytes),
                                std::string(ciphertext.substr(0, kHeadBytes)) + canonical(context));
  if (!plain) return std::nullopt;
  return Secret(*std::move(plain));
}

std::string default_policy(const Scope& scope) {
  return json::serialize(json::object{
      {"Version", "2012-10-17"},
      {"Id", "key-default-1"},
      {"Statement",
       json::array{json::object{
           {"Sid", "Enable IAM User Permissions"},
           {"Effect", "Allow"},
           {"Principal", json::object{{"AWS", "arn:aws:iam::" + scope.account_id + ":root"}}},
           {"Action", "kms:*"},
           {"Resource", "*"}}}}});
}

policy::Context kind_of_key(const KmsKey& key, const Scope& scope) {
  policy::Context context{{"kms:calleraccount", {scope.account_id}},
                          {"kms:keyspec", {key.spec}},
                          {"kms:keyusage", {key.usage}},
                          {"kms:keyorigin", {key.origin}},
                          {"kms:multiregion", {"false"}}};
  for (const auto& [name, value] : key.tags) context["aws:resourcetag/" + lower(name)] = {value};
  return context;
}
Result<Done> makes_data_keys(const KmsKey& key, std::string_view operation, const Scope& scope) {
  if (!is_symmetric(key)) return check_usage(key, "", operation, scope);
  return Done{};
}

namespace {
// The aliases of every key, read anew when one changed: each use of a key asks.
class KnownAliases {
 public:
  std::vector<std::string> of(const std::string& id, const Snapshot& snapshot) {
    const auto aliases = all(snapshot);
    std::vector<std::string> out;
    for (auto [it, end] = aliases->equal_range(id); it != end; ++it) out.push_back(it->second);
    return out;
  }

 private:
  using ByKey = std::multimap<std::string, std::string>;
  std::shared_ptr<const ByKey> all(const Snapshot& snapshot) {
    {
      const MutexLock lock(mutex_);
      if (known_ && snapshot.unchanged_since(read_at_, {"kms.alias"})) return known_;
    }
    auto fresh = std::make_shared<ByKey>();
    snapshot.scan(schema::prefix(Family::meta, "kms.alias", {}), "", false,
                  [&](std::string_view key, std::string_view value) {
                    fresh->emplace(value, schema::parts(key).at(0));
                    return true;
                  });
    const MutexLock lock(mutex_);
    if (!known_ || snapshot.commit() > read_at_) {
      known_ = fresh;
      read_at_ = snapshot.commit();
    }
    return fresh;
  }

  Mutex mutex_;
  std::shared_ptr<const ByKey> known_ SLUICE_GUARDED_BY(mutex_);
  uint64_t read_at_ SLUICE_GUARDED_BY(mutex_) = 0;
};
}  // namespace

Need key_need(std::string_view action, const KmsKey& key, const json::object& context,
              const Snapshot& snapshot) {
  const Scope& scope = snapshot.scope();
  Need need{std::string(action), key_arn(scope, key.id), kind_of_key(key, scope),
            key.policy.on(key_arn(scope, key.id)), "AWS::KMS::Key"};
  need.context["kms:resourcealiases"] = snapshot.attached<KnownAliases>().of(key.id, snapshot);
  if (action.find("crypt") != action.npos || action.find("GenerateDataKey") != action.npos)
    need.context["kms:encryptionalgorithm"] = {"SYMMETRIC_DEFAULT"};
  std::vector<std::string> names;
  for (const auto& [name, value] : context) {
    need.context["kms:encryptioncontext:" + lower(std::string(name))] = {
        std::string(value.get_string())};
    names.emplace_back(name);
  }
  if (!names.empty()) need.context["kms:encryptioncontextkeys"] = std::move(names);
  const std::string operation(action.substr(4));  // without "kms:"
  if (std::ranges::find(grant_operations(), operation) != grant_operations().end())
    need.grants = grants_that(
        [operation, context](const Grant& grant) { return covers(grant, operation, context); },
        key.id, snapshot);
  return need;
}

const Secret& wrapping_key(const Snapshot& snapshot) {
  return snapshot.attached<WrappingKey>().key;
}
std::unique_ptr<DataKeys> data_keys(Store& store) {
  store.snapshot().attached<WrappingKey>().key = store.derive_key("kms");
  // Made before the first call: the first uploads of a new server would all make it, and all but
  // one would conflict.
  Staged staged = store.stage();
  for (const char* alias : {"alias/aws/s3", "alias/aws/dynamodb"})
    KmsDataKeys::make_service_key(alias, staged);
  if (!store.commit(std::move(staged), {}))
    spdlog::error("the service keys could not be made: the store is read-only");
  return std::make_unique<KmsDataKeys>();
}

}  // namespace sluice::kms
