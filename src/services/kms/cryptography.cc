// Encrypt, Decrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.
#include "services/kms/cryptography.h"

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::kms {
namespace {
Result<std::string> blob_of(const json::object& body, std::string_view name, size_t max) {
  TRY(const auto text, Fields(body).text(name));
  auto bytes = text ? unbase64(*text) : std::nullopt;
  if (text && !bytes) return Error{400, "SerializationException", std::string(name) + " is not base64", {}};
  if (!bytes || bytes->empty() || bytes->size() > max) return invalid(std::string(name) + " must have 1 to " + std::to_string(max) + " bytes");
  return *std::move(bytes);
}
Result<size_t> data_key_bytes(const json::object& body) {
  const Fields fields(body);
  TRY(const auto spec, fields.text("KeySpec"));
  TRY(const auto count, fields.integer("NumberOfBytes"));
  if (spec.has_value() == count.has_value()) return invalid("Please specify either number of bytes or key spec.");
  if (count && (*count < 1 || *count > 1024)) return invalid("1 validation error detected: Value '" + std::to_string(*count) + "' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024");
  if (spec && *spec != "AES_256" && *spec != "AES_128") return invalid("1 validation error detected: Value '" + *spec + "' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]");
  return count ? static_cast<size_t>(*count) : *spec == "AES_256" ? size_t{32} : size_t{16};
}
Result<json::object> usable_key(const Snapshot& snapshot, const std::string& reference) {
  TRY(json::object key, find_key(snapshot, reference));
  CHECK(usable(key, snapshot.scope()));
  return key;
}
}  // namespace

Result<JsonOut> Encrypt::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object key, usable_key(snapshot, in->key_id));
  TRY(const std::string plain, blob_of(in->body, "Plaintext", kPlaintextBytesMax));
  TRY(const json::object context, context_of(in->body));
  return JsonOut{{{"CiphertextBlob", base64(encrypt(key, the_wrapping_key(), plain, context))}, {"KeyId", key_arn(snapshot.scope(), text_of(key, "Id"))}, {"EncryptionAlgorithm", "SYMMETRIC_DEFAULT"}}};
}

Result<KeyIn> Decrypt::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, false));
  TRY(const std::string ciphertext, blob_of(in.body, "CiphertextBlob", kCiphertextBytesMax));
  const auto opened = peek(ciphertext);
  if (!opened) return Error{400, "InvalidCiphertextException", "", {}};
  in.key_id = opened->key_id;                              // the ciphertext names its key
  return in;
}
Result<JsonOut> Decrypt::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object key, usable_key(snapshot, in->key_id));
  if (const std::string named = text_of(in->body, "KeyId"); !named.empty()) {
    TRY(const json::object other, find_key(snapshot, named));
    if (text_of(other, "Id") != text_of(key, "Id")) return Error{400, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.", {}};
  }
  TRY(const std::string ciphertext, blob_of(in->body, "CiphertextBlob", kCiphertextBytesMax));
  TRY(const json::object context, context_of(in->body));
  const auto plain = decrypt(key, the_wrapping_key(), ciphertext, context);
  if (!plain) return Error{400, "InvalidCiphertextException", "", {}};
  return JsonOut{{{"KeyId", key_arn(snapshot.scope(), text_of(key, "Id"))}, {"Plaintext", base64(plain->expose())}, {"EncryptionAlgorithm", "SYMMETRIC_DEFAULT"}}};
}

namespace {
Result<JsonOut> generate(const KeyIn& in, const Snapshot& snapshot, bool with_plaintext) {
  TRY(const size_t count, data_key_bytes(in.body));
  TRY(const json::object key, usable_key(snapshot, in.key_id));
  TRY(const json::object context, context_of(in.body));
  const Secret plain(random_bytes(count));
  JsonOut out{{{"CiphertextBlob", base64(encrypt(key, the_wrapping_key(), plain.expose(), context))}, {"KeyId", key_arn(snapshot.scope(), text_of(key, "Id"))}}};
  if (with_plaintext) out.body["Plaintext"] = base64(plain.expose());
  return out;
}
}  // namespace
Result<JsonOut> GenerateDataKey::run(const Authorized<In>& in, const Snapshot& snapshot) { return generate(*in, snapshot, true); }
Result<JsonOut> GenerateDataKeyWithoutPlaintext::run(const Authorized<In>& in, const Snapshot& snapshot) { return generate(*in, snapshot, false); }

Result<JsonOut> GenerateRandom::run(const Authorized<In>& in, const Snapshot&) {
  TRY(const auto count, Fields(in->body).integer("NumberOfBytes"));
  if (!count || *count < 1 || *count > 1024) return invalid("NumberOfBytes must be 1 to 1024");
  return JsonOut{{{"Plaintext", base64(random_bytes(static_cast<size_t>(*count)))}}};
}

}  // namespace sluice::kms
