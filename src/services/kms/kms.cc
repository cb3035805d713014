// SPDX-License-Identifier: Apache-2.0
#include "services/kms/kms.h"

#include <set>

#include "base/bytes.h"
#include "request/principals.h"
#include "services/kms/aliases.h"
#include "services/kms/cryptography.h"
#include "services/kms/granting.h"
#include "services/kms/grants.h"
#include "services/kms/import.h"
#include "services/kms/mac.h"
#include "services/kms/rotation.h"
#include "services/kms/signing.h"
#include "services/kms/specs.h"
#include "services/kms/tags.h"

namespace sluice::kms {

json::value audit_change(const JsonOut& out) {
  json::object answer = out.body;
  answer.erase("PendingWindowInDays");  // not among AWS's
  answer["KeyId"] = out.key_arn;
  return shown_answer(answer);
}
json::value audit_key(const KeyIn& in) {
  json::object shown = camel_case(in.body).as_object();
  for (const char* member :
       {"plaintext", "ciphertextBlob", "recipient", "grantTokens", "grantToken", "message",
        "signature", "mac", "importToken", "encryptedKeyMaterial"})
    hide_member(shown, member);
  for (const char* member :
       {"EncryptionContext", "SourceEncryptionContext", "DestinationEncryptionContext"})
    if (const json::value* context = in.body.if_contains(member))
      shown[std::string(1, static_cast<char>(*member + 32)) + (member + 1)] = *context;
  return shown.empty() ? json::value() : json::value(std::move(shown));
}

Result<KeyIn> parse_key_in(const Request& request, bool key_required) {
  KeyIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const auto key, Fields(in.body).text("KeyId"));
  if (!key && key_required)
    return invalid(
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member "
        "must not be null");
  in.key_id = key.value_or("");
  if (in.key_id.size() > 2048) return invalid("Invalid keyId");
  CHECK(context_of(in.body));
  CHECK(Fields(in.body).boolean("DryRun"));
  return in;
}
Result<json::object> context_of(const json::object& body, std::string_view member) {
  TRY(const json::object* context, Fields(body).object(member));
  if (!context) return json::object{};
  std::set<std::string>
      names;  // condition keys have no case, so two such names could not be told apart
  for (const auto& [name, value] : *context) {
    if (!value.is_string())
      return Error{
          400, "SerializationException", std::string(member) + " maps strings to strings", {}};
    if (!names.insert(lower(std::string(name))).second)
      return invalid("The keys of an encryption context must not differ by case alone");
  }
  return *context;
}
Result<KmsKey> tracked_key(Staged& staged, const std::string& reference) {
  if (reference.starts_with("alias/") || reference.find(":alias/") != std::string::npos)
    return Error{400,
                 "InvalidArnException",
                 "Invalid keyId '" + reference + "': this operation takes a key id or key ARN",
                 {}};
  TRY(const auto found, find_key(staged.snapshot(), reference));
  auto key = staged.get(record_key(found->id));
  if (!key) return not_found(reference);
  return *std::move(key);
}
Result<Done> customer_managed(const KmsKey& key, const std::string& reference) {
  if (key.manager == "AWS")
    return Error{
        403, "AccessDeniedException", "Keys of AWS services cannot be changed: " + reference, {}};
  return Done{};
}
Result<Done> not_a_dry_run(const json::object& body) {
  if (!bool_of(body, "DryRun")) return Done{};
  return Error{400,
               "DryRunOperationException",
               "The request would have succeeded, but the DryRun parameter is set.",
               {}};
}
void add_kind(json::object& shown, const KmsKey& key) {
  shown["KeyUsage"] = key.usage;
  shown["CustomerMasterKeySpec"] = shown["KeySpec"] = key.spec;
  const auto [name, algorithms] = algorithms_of(key);
  json::array& list = shown[name].emplace_array();
  for (const auto algorithm : split(algorithms, ' ')) list.emplace_back(algorithm);
}
json::object metadata(const KmsKey& key, const Scope& scope) {
  json::object m{{"AWSAccountId", scope.account_id},
                 {"KeyId", key.id},
                 {"Arn", key_arn(scope, key.id)},
                 {"CreationDate", static_cast<double>(key.created) / 1000},
                 {"Enabled", state_of(key) == "Enabled"},
                 {"Description", key.description},
                 {"KeyState", state_of(key)},
                 {"Origin", key.origin},
                 {"KeyManager", key.manager},
                 {"MultiRegion", false}};
  add_kind(m, key);
  if (key.delete_at) m["DeletionDate"] = static_cast<double>(key.delete_at) / 1000;
  if (key.origin == "EXTERNAL" && state_of(key) != "PendingImport") {
    m["ExpirationModel"] = key.valid_to ? "KEY_MATERIAL_EXPIRES" : "KEY_MATERIAL_DOES_NOT_EXPIRE";
    if (key.valid_to) m["ValidTo"] = static_cast<double>(key.valid_to) / 1000;
  }
  const bool material = !key.versions.empty() && state_of(key) != "PendingImport";
  if (material && is_symmetric(key))
    m["CurrentKeyMaterialId"] = material_id(key, key.current_version());
  return m;
}
Result<Done> not_pending(const KmsKey& key, const Scope& scope) {
  if (key.state == "PendingDeletion")
    return Error{
        400, "KMSInvalidStateException", key_arn(scope, key.id) + " is pending deletion.", {}};
  return Done{};
}
Result<Done> has_material(const KmsKey& key, const Scope& scope) {
  if (state_of(key) == "PendingImport")
    return Error{
        400, "KMSInvalidStateException", key_arn(scope, key.id) + " is pending import.", {}};
  return Done{};
}
Result<Page> page_of(const json::object& body, int64_t max, int64_t otherwise) {
  TRY(const auto limit, Fields(body).integer("Limit"));
  TRY(const auto marker, Fields(body).text("Marker"));
  if (limit && (*limit < 1 || *limit > max))
    return invalid("1 validation error detected: Value '" + std::to_string(*limit) +
                   "' at 'limit' failed to satisfy constraint: Member must have value " +
                   (*limit < 1 ? "greater than or equal to 1"
                               : "less than or equal to " + std::to_string(max)));
  if (marker && (marker->empty() || marker->size() > 1024))
    return Error{
        400, "InvalidMarkerException", "The marker is not one that a call before this gave", {}};
  return Page{marker.value_or(""), static_cast<size_t>(limit.value_or(otherwise))};
}
void end_page(json::object& body, const std::string& next_marker) {
  body["Truncated"] = !next_marker.empty();
  if (!next_marker.empty()) body["NextMarker"] = next_marker;
}

namespace {
// The policy as it is stored, its roles pinned to their ids. The lockout check: whoever sets a
// policy must still be able to change it.
Result<std::string> checked_policy(const std::string& text, const Caller& caller,
                                   const Ports& ports, const Snapshot& snapshot, bool bypass) {
  if (text.size() > kPolicyBytesMax)
    return Error{400, "LimitExceededException", "The key policy is larger than 32 KB", {}};
  const auto malformed = [](const Error& e) {
    return Error{400, "MalformedPolicyDocumentException", e.message, {}};
  };
  if (auto valid = policy::parse(text, policy::Kind::key); !valid) return malformed(valid.error());
  auto pinned = pin_principals(text, *ports.identities, snapshot);
  if (!pinned) return malformed(pinned.error());
  auto parsed = policy::parse(*pinned, policy::Kind::key);
  if (!parsed) return malformed(parsed.error());
  if (bypass) return *std::move(pinned);
  policy::Question question{caller.principal(),
                            "kms:PutKeyPolicy",
                            "*",
                            caller.context(),
                            snapshot.scope().account_id,
                            {.identity = {}, .resource = {{policy::Kind::key, "", *parsed}}}};
  if (const auto rules = ports.identities->rules(
          caller.principal().role_arn.substr(caller.principal().role_arn.rfind('/') + 1), snapshot))
    question.policies.identity = rules->policies;
  if (!policy::decide(question).allowed())
    return Error{400,
                 "MalformedPolicyDocumentException",
                 "The new key policy will not allow you to update the key policy in the future.",
                 {}};
  return *std::move(pinned);
}

// Where the material comes from.
Result<std::string> origin_of(const json::object& body, const KeySpec& spec) {
  TRY(const auto asked, Fields(body).text("Origin"));
  const std::string origin = asked.value_or("AWS_KMS");
  const bool pair = spec.family == KeySpec::Family::rsa || spec.family == KeySpec::Family::curve;
  if (origin == "AWS_KMS" || (origin == "EXTERNAL" && !pair)) return origin;
  return Error{400,
               "UnsupportedOperationException",
               origin == "EXTERNAL" ? "Key pairs cannot be imported into Sluice."
                                    : "Sluice has the origins AWS_KMS and EXTERNAL.",
               {}};
}

void add_bypass(policy::Context& context, const json::object& body) {
  context["kms:bypasspolicylockoutsafetycheck"] = {
      bool_of(body, "BypassPolicyLockoutSafetyCheck") ? "true" : "false"};
}
struct CreateKey : OnKey<CreateKey> {
  static constexpr std::string_view name = "CreateKey", action = "kms:CreateKey";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot) {
    policy::Context context = kind_of_key({}, snapshot.scope());
    const Fields fields(in.body);
    // Else a condition could be asked about the one, and a key be made of the other.
    if (fields.find("KeySpec") && fields.find("CustomerMasterKeySpec"))
      return Error{400,
                   "ValidationException",
                   "You cannot specify KeySpec and CustomerMasterKeySpec in the same request.",
                   {}};
    for (const auto& [key, members] :
         {std::pair{"kms:keyspec", "KeySpec CustomerMasterKeySpec"},
          std::pair{"kms:keyusage", "KeyUsage"}, std::pair{"kms:keyorigin", "Origin"}})
      for (const auto member : split(members, ' '))
        if (const auto asked = fields.text(member); asked && *asked) context[key] = {**asked};
    if (bool_of(in.body, "MultiRegion")) context["kms:multiregion"] = {"true"};
    add_bypass(context, in.body);
    TRY(const Tags tags, tags_of(in.body));
    add_request_tags(context, tags);
    std::vector<Need> needs{{std::string(action), "*", context, {}, ""}};
    if (!tags.empty()) needs.push_back({"kms:TagResource", "*", std::move(context), {}, ""});
    return needs;
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged) {
    const Fields fields(in->body);
    TRY(const auto given, fields.text("Policy"));
    TRY(const auto description, fields.text("Description"));
    TRY(const auto named,
        fields.text(fields.find("KeySpec") ? "KeySpec" : "CustomerMasterKeySpec"));
    TRY(const auto asked_usage, fields.text("KeyUsage"));
    TRY(const auto bypass, fields.boolean("BypassPolicyLockoutSafetyCheck"));
    TRY(const KeySpec* spec, spec_named(named.value_or("SYMMETRIC_DEFAULT")));
    TRY(const std::string usage, usage_for(*spec, asked_usage));
    if (bool_of(in->body, "MultiRegion"))
      return Error{400, "UnsupportedOperationException", "Sluice has keys of one Region only.", {}};
    TRY(const std::string origin, origin_of(in->body, *spec));
    for (const char* later : {"CustomKeyStoreId", "XksKeyId"})
      if (fields.find(later))
        return Error{400,
                     "UnsupportedOperationException",
                     std::string(later) + " is not implemented by Sluice.",
                     {}};
    TRY(const Tags tags, tags_of(in->body));
    if (description.value_or("").size() > kDescriptionMax)
      return invalid("Description must have at most 8192 characters");
    const Scope& scope = staged.snapshot().scope();
    TRY(const std::string policy,
        checked_policy(given.value_or(default_policy(scope)), in.caller(), in.ports(),
                       staged.snapshot(), !given || bypass.value_or(false)));
    KmsKey key = new_key(policy, description.value_or(""), "CUSTOMER");
    key.spec = spec->name;
    key.usage = usage;
    key.tags = tags;
    key.origin = origin;
    if (origin == "EXTERNAL")
      key.state = "PendingImport";
    else
      make_material(key, wrapping_key(staged.snapshot()));
    staged.put(record_key(key.id), key);
    return Out{{{"KeyMetadata", metadata(key, scope)}}};
  }
  static json::value audit_result(const Out& out) { return shown_answer(out.body); }
};
struct DescribeKey : OnKey<DescribeKey> {
  static constexpr std::string_view name = "DescribeKey", action = "kms:DescribeKey";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    TRY(const auto key, find_key(s, in->key_id));
    CHECK(check_grant_tokens(in->body, s));
    return Out{{{"KeyMetadata", metadata(*key, s.scope())}}};
  }
};
struct ListKeys : OnKey<ListKeys> {
  static constexpr std::string_view name = "ListKeys", action = "kms:ListKeys";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    TRY(const Page page, page_of(in->body, 1000, 100));
    json::array keys;
    std::string last, next;
    s.scan(
        RecordPrefix<KmsKey>{}, page.marker.empty() ? "" : record_key(page.marker).bytes, false,
        [&](std::string_view, const KmsKey& key) {
          if (key.id == page.marker || deletion_due(key, in.time())) return true;
          if (keys.size() == page.limit) {
            next = last;
            return false;
          }
          keys.push_back(json::object{{"KeyId", key.id}, {"KeyArn", key_arn(s.scope(), key.id)}});
          last = key.id;
          return true;
        });
    Out out{{{"Keys", std::move(keys)}}};
    end_page(out.body, next);
    return out;
  }
};
struct GetKeyPolicy : OnKey<GetKeyPolicy> {
  static constexpr std::string_view name = "GetKeyPolicy", action = "kms:GetKeyPolicy";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    TRY(const auto key, find_key(s, in->key_id));
    TRY(const auto wanted, Fields(in->body).text("PolicyName"));
    if (wanted.value_or("default") != "default")
      return Error{400, "NotFoundException", "No such policy exists", {}};
    return Out{{{"Policy", show_principals(key->policy.text(), *in.ports().identities, s)},
                {"PolicyName", "default"}}};
  }
};
struct ListKeyPolicies : OnKey<ListKeyPolicies> {
  static constexpr std::string_view name = "ListKeyPolicies", action = "kms:ListKeyPolicies";
  static Result<Out> run(const Authorized<In>& in, const Snapshot&) {
    TRY(const Page page, page_of(in->body, 1000, 100));
    return Out{{{"PolicyNames", page.marker.empty() ? json::array{"default"} : json::array{}},
                {"Truncated", false}}};
  }
};
struct UpdateKeyDescription : ChangesKey<UpdateKeyDescription> {
  static constexpr std::string_view name = "UpdateKeyDescription",
                                    action = "kms:UpdateKeyDescription";
  static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged, json::object&) {
    CHECK(not_pending(key, staged.snapshot().scope()));
    TRY(const std::string text, Fields(in->body).required_text("Description"));
    if (text.size() > kDescriptionMax)
      return invalid("Description must have at most 8192 characters");
    key.description = text;
    return Done{};
  }
};
struct PutKeyPolicy : ChangesKey<PutKeyPolicy> {
  static constexpr std::string_view name = "PutKeyPolicy", action = "kms:PutKeyPolicy";
  static void add_context(policy::Context& context, const json::object& body) {
    add_bypass(context, body);
  }
  static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged, json::object&) {
    TRY(const std::string text, Fields(in->body).required_text("Policy"));
    TRY(const auto policy_name, Fields(in->body).text("PolicyName"));
    if (policy_name.value_or("default") != "default")
      return invalid("The name of a key policy is default");
    TRY(key.policy, checked_policy(text, in.caller(), in.ports(), staged.snapshot(),
                                   bool_of(in->body, "BypassPolicyLockoutSafetyCheck")));
    return Done{};
  }
};
struct EnableKey : ChangesKey<EnableKey> {
  static constexpr std::string_view name = "EnableKey", action = "kms:EnableKey";
  static Result<Done> change(KmsKey& key, const Authorized<In>&, Staged& staged, json::object&) {
    CHECK(not_pending(key, staged.snapshot().scope()));
    CHECK(has_material(key, staged.snapshot().scope()));
    key.state = "Enabled";
    return Done{};
  }
};
struct DisableKey : ChangesKey<DisableKey> {
  static constexpr std::string_view name = "DisableKey", action = "kms:DisableKey";
  static Result<Done> change(KmsKey& key, const Authorized<In>&, Staged& staged, json::object&) {
    CHECK(not_pending(key, staged.snapshot().scope()));
    CHECK(has_material(key, staged.snapshot().scope()));
    key.state = "Disabled";
    return Done{};
  }
};
struct ScheduleKeyDeletion : ChangesKey<ScheduleKeyDeletion> {
  static constexpr std::string_view name = "ScheduleKeyDeletion",
                                    action = "kms:ScheduleKeyDeletion";
  static void add_context(policy::Context& context, const json::object& body) {
    const auto days = Fields(body).integer("PendingWindowInDays");
    context["kms:schedulekeydeletionpendingwindowindays"] = {
        std::to_string(days && *days ? **days : 30)};
  }
  static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                             json::object& out) {
    CHECK(not_pending(key, staged.snapshot().scope()));
    TRY(const auto days, Fields(in->body).integer("PendingWindowInDays"));
    if (days && (*days < 7 || *days > 30)) return invalid("PendingWindowInDays must be 7 to 30");
    key.state = "PendingDeletion";
    key.delete_at = in.time() + days.value_or(30) * 86'400'000;
    out = {{"KeyId", key_arn(staged.snapshot().scope(), key.id)},
           {"DeletionDate", static_cast<double>(key.delete_at) / 1000},
           {"KeyState", "PendingDeletion"},
           {"PendingWindowInDays", days.value_or(30)}};
    return Done{};
  }
};
struct CancelKeyDeletion : ChangesKey<CancelKeyDeletion> {
  static constexpr std::string_view name = "CancelKeyDeletion", action = "kms:CancelKeyDeletion";
  static Result<Done> change(KmsKey& key, const Authorized<In>&, Staged& staged,
                             json::object& out) {
    const std::string arn = key_arn(staged.snapshot().scope(), key.id);
    if (key.state != "PendingDeletion")
      return Error{400, "KMSInvalidStateException", arn + " is not pending deletion.", {}};
    key.state = key.versions.empty() ? "PendingImport" : "Disabled";
    key.delete_at = 0;
    out = {{"KeyId", arn}};
    return Done{};
  }
};

constexpr auto rows =
    table<CreateKey, DescribeKey, ListKeys, UpdateKeyDescription, ListAliases, CreateAlias,
          UpdateAlias, DeleteAlias, GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, Encrypt, Decrypt,
          ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom, EnableKey,
          DisableKey, EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus,
          RotateKeyOnDemand, ListKeyRotations, ScheduleKeyDeletion, CancelKeyDeletion,
          ListResourceTags, TagResource, UntagResource, CreateGrant, ListGrants,
          ListRetirableGrants, RevokeGrant, RetireGrant, GenerateDataKeyPair,
          GenerateDataKeyPairWithoutPlaintext, Sign, Verify, GetPublicKey, GenerateMac, VerifyMac,
          GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial>();
}  // namespace

const Service service{"kms", "kms.amazonaws.com", Protocol::json11, "TrentService", "", rows, ""};

}  // namespace sluice::kms
