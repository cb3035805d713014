#pragma once
// What the operations of KMS share: one input shape, needs on one key, a JSON answer.
#include "services/kms/keys.h"

namespace sluice::kms {

struct KeyIn {
  std::string key_id;                       // as sent
  json::object body;                        // the whole input, checked by parse
};
struct JsonOut { json::object body; };
inline Response render_json(const JsonOut& out) { return {200, {}, json::serialize(out.body), nullptr, 0}; }
inline Error invalid(std::string text) { return {400, "ValidationException", std::move(text), {}}; }
Result<KeyIn> parse_key_in(const Request& request, bool key_required);
Result<json::object> context_of(const json::object& body);               // EncryptionContext: strings to strings
// For changes: the record read through `staged`, so that a racing change conflicts. Mutations take an id or ARN only.
Result<json::object> tracked_key(Staged& staged, const std::string& reference);
json::object metadata(const json::object& key, const Scope& scope);

// An operation on one key, named by KeyId. `Self` gives name and action.
template <class Self>
struct OnKey {
  using In = KeyIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) { return parse_key_in(request, true); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot) {
    TRY(const json::object key, find_key(snapshot, in.key_id));
    TRY(const json::object context, context_of(in.body));
    return std::vector<Need>{key_need(Self::action, key, context, snapshot.scope())};
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) {
    json::object shown{{"keyId", in.key_id}};
    if (in.body.contains("EncryptionContext")) shown["encryptionContext"] = in.body.at("EncryptionContext");
    return shown;
  }
};

}  // namespace sluice::kms
