// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations of KMS share: the shape of their input, what they need on a key, and their
// answer in JSON.
//
//   SLUICE_KMS_CHANGE(RotateKeyOnDemand);
//   Result<Done> RotateKeyOnDemand::change(KmsKey& key, const Authorized<In>& in,
//                                          Staged& staged, json::object& out) { ... }
#include "request/audit.h"
#include "services/kms/keys.h"

namespace sluice::kms {

struct KeyIn {
  std::string key_id;  // as it was sent
  json::object body;   // the whole input, which parse has checked
};
struct JsonOut {
  json::object body;
  std::string key_arn = {};  // of the key that was changed, for the audit record
};
inline Response render_json(const JsonOut& out) {
  return {200, {}, json::serialize(out.body), nullptr, 0};
}
inline Error invalid(std::string text) { return {400, "ValidationException", std::move(text), {}}; }
// The body in camel case, but the encryption context as it is, and without plaintext and
// ciphertext.
json::value audit_key(const KeyIn& in);
// responseElements: the answer and the ARN of the key, also when the answer does not have it.
json::value audit_change(const JsonOut& out);
Result<KeyIn> parse_key_in(const Request& request, bool key_required);
// The EncryptionContext, or another member of its kind: names and texts. No two names may differ
// only by case.
Result<json::object> context_of(const json::object& body,
                                std::string_view member = "EncryptionContext");
// The record of a key that will be changed. It is read through `staged`, so that two changes at the
// same time conflict. `reference` must be an id or an ARN.
Result<KmsKey> tracked_key(Staged& staged, const std::string& reference);
// Errors: AccessDeniedException for the keys of AWS services.
Result<Done> customer_managed(const KmsKey& key, const std::string& reference);
// The answer to a call with DryRun that would have succeeded. Errors: DryRunOperationException.
Result<Done> not_a_dry_run(const json::object& body);
json::object metadata(const KmsKey& key, const Scope& scope);
// KeySpec, KeyUsage and the algorithms.
void add_kind(json::object& shown, const KmsKey& key);
// A blob of the request, which must have 1 to `max` bytes.
Result<std::string> blob_of(const json::object& body, std::string_view name, size_t max);
// The key of a cryptographic operation, which can be used, and whose grant tokens are ours.
Result<std::shared_ptr<const KmsKey>> usable_key(const Snapshot& snapshot,
                                                 const std::string& reference,
                                                 const json::object& body);
// Errors: KMSInvalidStateException while the deletion of the key is pending.
Result<Done> not_pending(const KmsKey& key, const Scope& scope);
// Errors: KMSInvalidStateException for a key whose material is still to be imported.
Result<Done> has_material(const KmsKey& key, const Scope& scope);
// Limit and Marker of the List calls. `max` and `otherwise` (the default) stand in the API
// Reference.
struct Page {
  std::string marker;
  size_t limit;
};
Result<Page> page_of(const json::object& body, int64_t max, int64_t otherwise);
// Ends a page with Truncated, and with NextMarker when another page follows.
void end_page(json::object& body, const std::string& next_marker);

// kms:RequestAlias, when the request names the key by one.
inline void add_alias(policy::Context& context, std::string_view reference) {
  if (const size_t alias = reference.find("alias/"); alias != reference.npos)
    context["kms:requestalias"] = {std::string(reference.substr(alias))};
}
// kms:EncryptionAlgorithm, when the request names one.
inline void add_algorithm(policy::Context& context, const json::object& body,
                          std::string_view member) {
  if (auto algorithm = text_of(body, member); !algorithm.empty())
    context["kms:encryptionalgorithm"] = {std::move(algorithm)};
}

// An operation on the key that KeyId names. `Self` has the name and the action, and may have
// `add_context`, which adds condition keys to its need.
template <class Self>
struct OnKey {
  using In = KeyIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) { return parse_key_in(request, true); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot) {
    TRY(const auto key, find_key(snapshot, in.key_id));
    TRY(const json::object context, context_of(in.body));
    Need need = key_need(Self::action, *key, context, snapshot);
    add_alias(need.context, in.key_id);
    if constexpr (requires { Self::add_context(need.context, in.body); })
      Self::add_context(need.context, in.body);
    return std::vector<Need>{std::move(need)};
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) {
    json::value shown = audit_key(in);
    if (Self::name != "Encrypt" && Self::name != "Decrypt") return shown;
    if (shown.is_null()) shown = json::object{};
    shown.as_object().emplace("encryptionAlgorithm", "SYMMETRIC_DEFAULT");
    return shown;
  }
};

// An operation that changes a key: it reads the record, lets `Self::change` change it, and writes
// it.
template <class Self>
struct ChangesKey : OnKey<Self> {
  static Result<JsonOut> run(const Authorized<KeyIn>& in, Staged& staged) {
    TRY(KmsKey key, tracked_key(staged, in->key_id));
    CHECK(customer_managed(key, in->key_id));
    JsonOut out;
    CHECK(Self::change(key, in, staged, out.body));
    staged.put(record_key(key.id), key);
    out.key_arn = key_arn(staged.snapshot().scope(), key.id);
    return out;
  }
  static json::value audit_result(const JsonOut& out) { return audit_change(out); }
};
#define SLUICE_KMS_CHANGE(operation)                                                  \
  struct operation : ChangesKey<operation> {                                          \
    static constexpr std::string_view name = #operation, action = "kms:" #operation;  \
    static Result<Done> change(KmsKey& key, const Authorized<In>& in, Staged& staged, \
                               json::object& out);                                    \
  }
#define SLUICE_KMS_READ(operation)                                                   \
  struct operation : OnKey<operation> {                                              \
    static constexpr std::string_view name = #operation, action = "kms:" #operation; \
    static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);      \
  }

}  // namespace sluice::kms
