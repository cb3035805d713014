#include "services/kms/kms.h"

#include "base/bytes.h"
#include "services/kms/cryptography.h"

namespace sluice::kms {

Result<KeyIn> parse_key_in(const Request& request, bool key_required) {
  KeyIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const auto key, Fields(in.body).text("KeyId"));
  if (!key && key_required) return invalid("1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null");
  in.key_id = key.value_or("");
  if (in.key_id.size() > 2048) return invalid("Invalid keyId");
  CHECK(context_of(in.body));
  return in;
}
Result<json::object> context_of(const json::object& body) {
  TRY(const json::object* context, Fields(body).object("EncryptionContext"));
  if (!context) return json::object{};
  for (const auto& [name, value] : *context) if (!value.is_string()) return Error{400, "SerializationException", "EncryptionContext maps strings to strings", {}};
  return *context;
}
Result<json::object> tracked_key(Staged& staged, const std::string& reference) {
  if (reference.starts_with("alias/") || reference.find(":alias/") != std::string::npos) return Error{400, "InvalidArnException", "Invalid keyId '" + reference + "': this operation takes a key id or key ARN", {}};
  TRY(const json::object found, find_key(staged.snapshot(), reference));
  auto key = staged.get_json(record_key(text_of(found, "Id")));
  if (!key) return not_found(reference);
  return *std::move(key);
}
json::object metadata(const json::object& key, const Scope& scope) {
  const std::string state = text_of(key, "State");
  json::object m{{"AWSAccountId", scope.account_id}, {"KeyId", text_of(key, "Id")}, {"Arn", key_arn(scope, text_of(key, "Id"))}, {"CreationDate", static_cast<double>(int_of(key, "Created")) / 1000}, {"Enabled", state == "Enabled"},
                 {"Description", text_of(key, "Description")}, {"KeyUsage", "ENCRYPT_DECRYPT"}, {"KeyState", state}, {"Origin", "AWS_KMS"}, {"KeyManager", text_of(key, "Manager")}, {"CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"},
                 {"KeySpec", "SYMMETRIC_DEFAULT"}, {"EncryptionAlgorithms", json::array{"SYMMETRIC_DEFAULT"}}, {"MultiRegion", false}};
  if (const int64_t at = int_of(key, "DeleteAt")) m["DeletionDate"] = static_cast<double>(at) / 1000;
  return m;
}

namespace {
// A change of one key: reads it tracked, lets `Self::change` alter it, writes it back.
template <class Self>
struct ChangesKey : OnKey<Self> {
  static Result<JsonOut> run(const Authorized<KeyIn>& in, Staged& staged) {
    TRY(json::object key, tracked_key(staged, in->key_id));
    if (text_of(key, "Manager") == "AWS") return Error{403, "AccessDeniedException", "Keys of AWS services cannot be changed: " + in->key_id, {}};
    JsonOut out;
    CHECK(Self::change(key, in, staged, out.body));
    staged.put_json(record_key(text_of(key, "Id")), key);
    return out;
  }
};
Result<Done> not_pending(const json::object& key, const Scope& scope) {
  if (text_of(key, "State") == "PendingDeletion") return Error{400, "KMSInvalidStateException", key_arn(scope, text_of(key, "Id")) + " is pending deletion.", {}};
  return Done{};
}
// The lockout check: whoever sets a policy must still be able to change it.
Result<Done> check_policy(const std::string& text, const Caller& caller, const Ports& ports, const Snapshot& snapshot, bool bypass) {
  if (text.size() > kPolicyBytesMax) return Error{400, "LimitExceededException", "The key policy is larger than 32 KB", {}};
  auto parsed = policy::parse(text, policy::Kind::key);
  if (!parsed) return Error{400, "MalformedPolicyDocumentException", parsed.error().message, {}};
  if (bypass) return Done{};
  policy::Question question{caller.principal(), "kms:PutKeyPolicy", "*", caller.context(), snapshot.scope().account_id, {}, {{policy::Kind::key, *parsed}}};
  if (const auto role = ports.identities->role(caller.principal().role_arn.substr(caller.principal().role_arn.rfind('/') + 1), snapshot))
    for (const std::string& one : role->inline_policies) question.identity.push_back(policy::parse_cached(one, policy::Kind::identity));
  if (!policy::decide(question).allowed()) return Error{400, "MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.", {}};
  return Done{};
}

struct CreateKey : OnKey<CreateKey> {
  static constexpr std::string_view name = "CreateKey", action = "kms:CreateKey";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) { return std::vector<Need>{{std::string(action), "*", {}, {}, ""}}; }
  static Result<Out> run(const Authorized<In>& in, Staged& staged) {
    const Fields fields(in->body);
    TRY(const auto given, fields.text("Policy"));
    TRY(const auto description, fields.text("Description"));
    TRY(const auto spec, fields.text("KeySpec"));
    TRY(const auto usage, fields.text("KeyUsage"));
    TRY(const auto bypass, fields.boolean("BypassPolicyLockoutSafetyCheck"));
    if (spec.value_or("SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT" || usage.value_or("ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT" || bool_of(in->body, "MultiRegion")) return Error{400, "UnsupportedOperationException", "Sluice has symmetric encryption keys of one Region only.", {}};
    const Scope& scope = staged.snapshot().scope();
    const std::string policy = given.value_or(default_policy(scope));
    CHECK(check_policy(policy, in.caller(), in.ports(), staged.snapshot(), bypass.value_or(false)));
    json::object key = new_key(the_wrapping_key(), policy, description.value_or(""), "CUSTOMER");
    staged.put_json(record_key(text_of(key, "Id")), key);
    return Out{{{"KeyMetadata", metadata(key, scope)}}};
  }
  static json::value audit_result(const Out& out) { return json::object{{"keyMetadata", json::object{{"keyId", out.body.at("KeyMetadata").at("KeyId")}}}}; }
};
struct DescribeKey : OnKey<DescribeKey> {
  static constexpr std::string_view name = "DescribeKey", action = "kms:DescribeKey";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    TRY(const json::object key, find_key(s, in->key_id));
    return Out{{{"KeyMetadata", metadata(key, s.scope())}}};
  }
};
struct ListKeys : OnKey<ListKeys> {
  static constexpr std::string_view name = "ListKeys", action = "kms:ListKeys";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) { return std::vector<Need>{{std::string(action), "*", {}, {}, ""}}; }
  static Result<Out> run(const Authorized<In>&, const Snapshot& s) {
    json::array keys;
    s.scan(schema::prefix(Family::meta, "kms.key", {}), "", false, [&](std::string_view key, std::string_view) {
      const std::string id = schema::parts(key).at(0);
      keys.push_back(json::object{{"KeyId", id}, {"KeyArn", key_arn(s.scope(), id)}});
      return true;
    });
    return Out{{{"Keys", std::move(keys)}, {"Truncated", false}}};
  }
};
struct ListAliases : OnKey<ListAliases> {
  static constexpr std::string_view name = "ListAliases", action = "kms:ListAliases";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) { return std::vector<Need>{{std::string(action), "*", {}, {}, ""}}; }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    std::string wanted;
    if (!in->key_id.empty()) { TRY(const json::object key, find_key(s, in->key_id)); wanted = text_of(key, "Id"); }
    json::array aliases;
    s.scan(schema::prefix(Family::meta, "kms.alias", {}), "", false, [&](std::string_view key, std::string_view id) {
      const std::string alias = schema::parts(key).at(0);
      if (wanted.empty() || wanted == id) aliases.push_back(json::object{{"AliasName", alias}, {"AliasArn", make_arn(s.scope(), "kms", alias)}, {"TargetKeyId", id}});
      return true;
    });
    return Out{{{"Aliases", std::move(aliases)}, {"Truncated", false}}};
  }
};
struct GetKeyPolicy : OnKey<GetKeyPolicy> {
  static constexpr std::string_view name = "GetKeyPolicy", action = "kms:GetKeyPolicy";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    TRY(const json::object key, find_key(s, in->key_id));
    return Out{{{"Policy", text_of(key, "Policy")}, {"PolicyName", "default"}}};
  }
};
struct GetKeyRotationStatus : OnKey<GetKeyRotationStatus> {
  static constexpr std::string_view name = "GetKeyRotationStatus", action = "kms:GetKeyRotationStatus";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s) {
    TRY(const json::object key, find_key(s, in->key_id));
    const int64_t days = int_of(key, "Rotation");
    Out out{{{"KeyRotationEnabled", days > 0}, {"KeyId", text_of(key, "Id")}}};
    if (days) { out.body["RotationPeriodInDays"] = days; out.body["NextRotationDate"] = static_cast<double>(int_of(key, "RotatedAt")) / 1000 + static_cast<double>(days) * 86400; }
    return out;
  }
};
struct PutKeyPolicy : ChangesKey<PutKeyPolicy> {
  static constexpr std::string_view name = "PutKeyPolicy", action = "kms:PutKeyPolicy";
  static Result<Done> change(json::object& key, const Authorized<In>& in, Staged& staged, json::object&) {
    TRY(const std::string text, Fields(in->body).required_text("Policy"));
    CHECK(check_policy(text, in.caller(), in.ports(), staged.snapshot(), bool_of(in->body, "BypassPolicyLockoutSafetyCheck")));
    key["Policy"] = text;
    return Done{};
  }
};
struct EnableKey : ChangesKey<EnableKey> {
  static constexpr std::string_view name = "EnableKey", action = "kms:EnableKey";
  static Result<Done> change(json::object& key, const Authorized<In>&, Staged& staged, json::object&) { CHECK(not_pending(key, staged.snapshot().scope())); key["State"] = "Enabled"; return Done{}; }
};
struct DisableKey : ChangesKey<DisableKey> {
  static constexpr std::string_view name = "DisableKey", action = "kms:DisableKey";
  static Result<Done> change(json::object& key, const Authorized<In>&, Staged& staged, json::object&) { CHECK(not_pending(key, staged.snapshot().scope())); key["State"] = "Disabled"; return Done{}; }
};
struct EnableKeyRotation : ChangesKey<EnableKeyRotation> {
  static constexpr std::string_view name = "EnableKeyRotation", action = "kms:EnableKeyRotation";
  static Result<Done> change(json::object& key, const Authorized<In>& in, Staged& staged, json::object&) {
    CHECK(usable(key, staged.snapshot().scope()));
    TRY(const auto days, Fields(in->body).integer("RotationPeriodInDays"));
    if (days && (*days < 90 || *days > 2560)) return invalid("RotationPeriodInDays must be 90 to 2560");
    key["Rotation"] = days.value_or(365);
    return Done{};
  }
};
struct DisableKeyRotation : ChangesKey<DisableKeyRotation> {
  static constexpr std::string_view name = "DisableKeyRotation", action = "kms:DisableKeyRotation";
  static Result<Done> change(json::object& key, const Authorized<In>&, Staged& staged, json::object&) { CHECK(usable(key, staged.snapshot().scope())); key["Rotation"] = 0; return Done{}; }
};
struct ScheduleKeyDeletion : ChangesKey<ScheduleKeyDeletion> {
  static constexpr std::string_view name = "ScheduleKeyDeletion", action = "kms:ScheduleKeyDeletion";
  static Result<Done> change(json::object& key, const Authorized<In>& in, Staged& staged, json::object& out) {
    CHECK(not_pending(key, staged.snapshot().scope()));
    TRY(const auto days, Fields(in->body).integer("PendingWindowInDays"));
    if (days && (*days < 7 || *days > 30)) return invalid("PendingWindowInDays must be 7 to 30");
    key["State"] = "PendingDeletion";
    key["DeleteAt"] = now() + days.value_or(30) * 86'400'000;
    out = {{"KeyId", key_arn(staged.snapshot().scope(), text_of(key, "Id"))}, {"DeletionDate", static_cast<double>(int_of(key, "DeleteAt")) / 1000}, {"KeyState", "PendingDeletion"}, {"PendingWindowInDays", days.value_or(30)}};
    return Done{};
  }
};
struct CancelKeyDeletion : ChangesKey<CancelKeyDeletion> {
  static constexpr std::string_view name = "CancelKeyDeletion", action = "kms:CancelKeyDeletion";
  static Result<Done> change(json::object& key, const Authorized<In>&, Staged& staged, json::object& out) {
    const std::string arn = key_arn(staged.snapshot().scope(), text_of(key, "Id"));
    if (text_of(key, "State") != "PendingDeletion") return Error{400, "KMSInvalidStateException", arn + " is not pending deletion.", {}};
    key["State"] = "Disabled";
    key["DeleteAt"] = 0;
    out = {{"KeyId", arn}};
    return Done{};
  }
};

// Aliases: permission on the alias and on the key.
template <class Self>
struct OnAlias {
  struct In { std::string alias, key_id; };
  using Out = JsonOut;
  static Result<In> parse(const Request& request) {
    TRY(const KeyIn body, parse_key_in(request, false));
    In in{text_of(body.body, "AliasName"), text_of(body.body, "TargetKeyId")};
    if (!in.alias.starts_with("alias/") || in.alias.size() < 7 || in.alias.size() > 256 || in.alias.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-") != std::string::npos) return invalid("Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html");
    if (in.alias.starts_with("alias/aws/")) return Error{400, "NotAuthorizedException", "The prefix alias/aws/ is reserved for AWS services", {}};
    return in;
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    std::vector<Need> out{{std::string(Self::action), make_arn(s.scope(), "kms", in.alias), {}, {}, ""}};
    if (!in.key_id.empty()) { TRY(const json::object key, find_key(s, in.key_id)); out.push_back(key_need(Self::action, key, {}, s.scope())); }
    if (const auto old = s.get(alias_key(in.alias))) { TRY(const json::object key, find_key(s, *old)); out.push_back(key_need(Self::action, key, {}, s.scope())); }
    return out;
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) { return json::object{{"aliasName", in.alias}, {"targetKeyId", in.key_id}}; }
};
struct CreateAlias : OnAlias<CreateAlias> {
  static constexpr std::string_view name = "CreateAlias", action = "kms:CreateAlias";
  static Result<Out> run(const Authorized<In>& in, Staged& staged) {
    TRY(const json::object key, find_key(staged.snapshot(), in->key_id));
    CHECK(not_pending(key, staged.snapshot().scope()));
    if (staged.get(alias_key(in->alias))) return Error{400, "AlreadyExistsException", "An alias with the name " + make_arn(staged.snapshot().scope(), "kms", in->alias) + " already exists", {}};
    staged.put(alias_key(in->alias), text_of(key, "Id"));
    return Out{};
  }
};
struct UpdateAlias : OnAlias<UpdateAlias> {
  static constexpr std::string_view name = "UpdateAlias", action = "kms:UpdateAlias";
  static Result<Out> run(const Authorized<In>& in, Staged& staged) {
    TRY(const json::object key, find_key(staged.snapshot(), in->key_id));
    CHECK(not_pending(key, staged.snapshot().scope()));
    if (!staged.get(alias_key(in->alias))) return Error{400, "NotFoundException", "Alias " + make_arn(staged.snapshot().scope(), "kms", in->alias) + " is not found.", {}};
    staged.put(alias_key(in->alias), text_of(key, "Id"));
    return Out{};
  }
};
struct DeleteAlias : OnAlias<DeleteAlias> {
  static constexpr std::string_view name = "DeleteAlias", action = "kms:DeleteAlias";
  static Result<Out> run(const Authorized<In>& in, Staged& staged) {
    if (!staged.get(alias_key(in->alias))) return Error{400, "NotFoundException", "Alias " + make_arn(staged.snapshot().scope(), "kms", in->alias) + " is not found.", {}};
    staged.erase(alias_key(in->alias));
    return Out{};
  }
};

constexpr auto rows = table<CreateKey, DescribeKey, ListKeys, ListAliases, CreateAlias, UpdateAlias, DeleteAlias, GetKeyPolicy, PutKeyPolicy, Encrypt, Decrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom,
                            EnableKey, DisableKey, EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, ScheduleKeyDeletion, CancelKeyDeletion>();
}  // namespace

const Service service{"kms", "kms.amazonaws.com", Protocol::json11, "TrentService", "", rows, ""};

}  // namespace sluice::kms
