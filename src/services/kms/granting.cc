// SPDX-License-Identifier: Apache-2.0
#include "services/kms/granting.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/kms/keys.h"

namespace sluice::kms {
namespace {
constexpr std::string_view kOperations[] = {"Decrypt",
                                            "Encrypt",
                                            "GenerateDataKey",
                                            "GenerateDataKeyWithoutPlaintext",
                                            "ReEncryptFrom",
                                            "ReEncryptTo",
                                            "Sign",
                                            "Verify",
                                            "GetPublicKey",
                                            "CreateGrant",
                                            "RetireGrant",
                                            "DescribeKey",
                                            "GenerateDataKeyPair",
                                            "GenerateDataKeyPairWithoutPlaintext",
                                            "GenerateMac",
                                            "VerifyMac",
                                            "DeriveSharedSecret"};
constexpr std::string_view kTokenPurpose = "kms-grant-token";

using Pairs = std::map<std::string, std::string>;
Pairs folded(const Pairs& pairs) {
  Pairs out;
  for (const auto& [name, value] : pairs) out[lower(name)] = value;
  return out;
}
// In a constraint the names of an encryption context have no case, as on AWS.
Pairs folded(const json::object& context) {
  Pairs out;
  for (const auto& [name, value] : context)
    out[lower(std::string(name))] = std::string(value.get_string());
  return out;
}
bool has_all(const Pairs& context, const Pairs& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& pair) {
    const auto found = context.find(pair.first);
    return found != context.end() && found->second == pair.second;
  });
}
void set_count(Staged& staged, const std::string& key_id, int64_t count) {
  staged.put(grant_count_key(key_id), std::to_string(count));
}
}  // namespace

std::span<const std::string_view> grant_operations() { return kOperations; }

bool has_encryption_context(std::string_view operation) {
  return operation == "Encrypt" || operation == "Decrypt" ||
         operation.starts_with("GenerateDataKey") || operation.starts_with("ReEncrypt");
}

bool covers(const Grant& grant, std::string_view operation, const json::object& context) {
  if (std::ranges::find(grant.operations, operation) == grant.operations.end()) return false;
  if (!has_encryption_context(operation)) return true;
  const Pairs given = folded(context);
  if (!grant.context_equals.empty() && given != folded(grant.context_equals)) return false;
  return has_all(given, folded(grant.context_subset));
}

bool may_create(const Grant& parent, const Grant& child) {
  const auto parent_has = [&](const std::string& operation) {
    return std::ranges::find(parent.operations, operation) != parent.operations.end();
  };
  if (!parent_has("CreateGrant") || !std::ranges::all_of(child.operations, parent_has))
    return false;
  const Pairs equals = folded(child.context_equals);
  if (!parent.context_equals.empty() && equals != folded(parent.context_equals)) return false;
  const Pairs within = folded(parent.context_subset);
  return has_all(equals, within) || has_all(folded(child.context_subset), within);
}

GrantsOf grants_that(std::function<bool(const Grant&)> fits, std::string key_id,
                     const Snapshot& snapshot) {
  return [fits = std::move(fits), key_id = std::move(key_id),
          snapshot](const policy::Principal& principal) {
    std::vector<policy::Grant> out;
    for (const std::string& name :
         {principal.role_id, principal.arn, "arn:aws:iam::" + principal.account_id + ":root"})
      snapshot.scan(schema::prefix(Family::meta, "kms.grantee", {key_id, name}), "", false,
                    [&](std::string_view key, std::string_view) {
                      const auto grant = snapshot.get(grant_key(key_id, schema::parts(key).at(2)));
                      if (grant && fits(*grant)) out.push_back({grant->id, grant->grantee});
                      return true;
                    });
    return out;
  };
}

int64_t grant_count(Staged& staged, const std::string& key_id) {
  return parse_int(staged.get(grant_count_key(key_id)).value_or("0")).value_or(0);
}
Result<Done> put_grant(Staged& staged, const Grant& grant) {
  const int64_t count = grant_count(staged, grant.key_id);
  if (count >= static_cast<int64_t>(kGrantsMax))
    return Error{
        400,
        "LimitExceededException",
        "A key can have at most 50,000 grants: " + key_arn(staged.snapshot().scope(), grant.key_id),
        {}};
  set_count(staged, grant.key_id, count + 1);
  staged.put(grant_key(grant.key_id, grant.id), grant);
  staged.put(grantee_key(grant), "");
  if (!grant.retiring.empty()) staged.put(retirable_key(grant), "");
  return Done{};
}
void erase_grant(Staged& staged, const Grant& grant) {
  set_count(staged, grant.key_id, grant_count(staged, grant.key_id) - 1);
  staged.erase(grant_key(grant.key_id, grant.id));
  staged.erase(grantee_key(grant));
  if (!grant.retiring.empty()) staged.erase(retirable_key(grant));
}
void erase_grants(Staged& staged, const std::string& key_id) {
  if (!grant_count(staged, key_id)) return;
  std::vector<Grant> all;
  staged.snapshot().scan(RecordPrefix<Grant>{key_id}, "", false,
                         [&](std::string_view, Grant&& grant) {
                           all.push_back(std::move(grant));
                           return true;
                         });
  for (const Grant& grant : all) erase_grant(staged, grant);
  staged.erase(grant_count_key(key_id));
}

std::string grant_token(const Grant& grant, const Snapshot& snapshot) {
  return base64(
      aead_seal_random(wrapping_key(snapshot), grant.key_id + "/" + grant.id, kTokenPurpose));
}
Result<std::shared_ptr<const Grant>> grant_of_token(std::string_view token,
                                                    const Snapshot& snapshot) {
  const auto sealed = unbase64(token);
  const auto named = sealed ? aead_open_random(wrapping_key(snapshot), *sealed, kTokenPurpose)
                            : std::optional<std::string>();
  const size_t slash = named ? named->find('/') : std::string::npos;
  if (slash == std::string::npos)
    return Error{400, "InvalidGrantTokenException", "The grant token is not valid.", {}};
  return snapshot.get(grant_key(named->substr(0, slash), named->substr(slash + 1)));
}
Result<Done> check_grant_tokens(const json::object& body, const Snapshot& snapshot) {
  TRY(const auto tokens, Fields(body).texts("GrantTokens"));
  if (tokens.size() > kGrantTokensMax)
    return Error{400, "ValidationException", "GrantTokens must have at most 10 members", {}};
  for (const std::string& token : tokens) {
    if (token.empty() || token.size() > kGrantTokenBytesMax)
      return Error{400, "ValidationException", "A grant token must have 1 to 8192 characters", {}};
    CHECK(grant_of_token(token, snapshot));
  }
  return Done{};
}

}  // namespace sluice::kms
