// SPDX-License-Identifier: Apache-2.0
// Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.
#include "services/kms/cryptography.h"

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::kms {
namespace {
Result<std::string> blob_of(const json::object& body, std::string_view name, size_t max) {
  TRY(const auto text, Fields(body).text(name));
  auto bytes = text ? unbase64(*text) : std::nullopt;
  if (text && !bytes)
    return Error{400, "SerializationException", std::string(name) + " is not base64", {}};
  if (!bytes || bytes->empty() || bytes->size() > max)
    return invalid(std::string(name) + " must have 1 to " + std::to_string(max) + " bytes");
  return *std::move(bytes);
}
Result<Done> check_count(int64_t count) {
  const std::string value =
      "1 validation error detected: Value '" + std::to_string(count) +
      "' at 'numberOfBytes' failed to satisfy constraint: Member must have value ";
  if (count < 1) return invalid(value + "greater than or equal to 1");
  if (count > 1024) return invalid(value + "less than or equal to 1024");
  return Done{};
}
Result<size_t> data_key_bytes(const json::object& body) {
  const Fields fields(body);
  TRY(const auto spec, fields.text("KeySpec"));
  TRY(const auto count, fields.integer("NumberOfBytes"));
  if (spec.has_value() == count.has_value())
    return invalid("Please specify either number of bytes or key spec.");
  if (count) CHECK(check_count(*count));
  if (spec && *spec != "AES_256" && *spec != "AES_128")
    return invalid("1 validation error detected: Value '" + *spec +
                   "' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value "
                   "set: [AES_256, AES_128]");
  return count ? static_cast<size_t>(*count) : *spec == "AES_256" ? size_t{32} : size_t{16};
}
Result<std::shared_ptr<const KmsKey>> usable_key(const Snapshot& snapshot,
                                                 const std::string& reference) {
  TRY(auto key, find_key(snapshot, reference));
  CHECK(usable(*key, snapshot.scope()));
  return key;
}
// What every cryptographic operation may say and we have one answer to.
Result<Done> check_common(const json::object& body) {
  const Fields fields(body);
  for (const char* member :
       {"EncryptionAlgorithm", "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"}) {
    TRY(const auto algorithm, fields.text(member));
    if (algorithm && *algorithm != "SYMMETRIC_DEFAULT")
      return Error{400,
                   "InvalidKeyUsageException",
                   "Keys of Sluice are symmetric: the encryption algorithm is SYMMETRIC_DEFAULT.",
                   {}};
  }
  TRY(const json::array* tokens, fields.array("GrantTokens"));
  if (tokens && !tokens->empty())
    return Error{400, "InvalidGrantTokenException", "Sluice has no grants.", {}};
  TRY(const auto dry_run, fields.boolean("DryRun"));
  if (dry_run.value_or(false) || fields.find("Recipient"))
    return Error{400,
                 "UnsupportedOperationException",
                 "DryRun and Recipient are not implemented by Sluice.",
                 {}};
  return Done{};
}
// The key in the head of a ciphertext. Whether it exists is not told to those who may not use it.
Result<std::shared_ptr<const KmsKey>> key_of_ciphertext(const std::string& key_id,
                                                        const Snapshot& snapshot) {
  auto key = find_key(snapshot, key_id);
  if (!key)
    return Error{400,
                 "AccessDeniedException",
                 "The ciphertext refers to a customer master key that does not exist, does not "
                 "exist in this region, or you are not allowed to access.",
                 {}};
  return key;
}
// KeyId or SourceKeyId, when given, must be the key that the ciphertext names.
Result<Done> check_named_key(const json::object& body, std::string_view member, const KmsKey& key,
                             const Snapshot& snapshot) {
  const std::string named = text_of(body, member);
  if (named.empty()) return Done{};
  TRY(const auto other, find_key(snapshot, named));
  if (other->id != key.id)
    return Error{
        400,
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
        {}};
  return Done{};
}
Result<KeyIn> parse_ciphertext_in(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, false));
  CHECK(check_common(in.body));
  TRY(const std::string ciphertext, blob_of(in.body, "CiphertextBlob", kCiphertextBytesMax));
  const auto opened = peek(ciphertext);
  if (!opened) return Error{400, "InvalidCiphertextException", "", {}};
  in.key_id = opened->key_id;  // the ciphertext names its key
  return in;
}
struct Plain {
  Secret bytes;
  std::string material;
};
Result<Plain> open_ciphertext(const json::object& body, const KmsKey& key,
                              std::string_view context_member, const Snapshot& snapshot) {
  TRY(const std::string ciphertext, blob_of(body, "CiphertextBlob", kCiphertextBytesMax));
  TRY(const json::object context, context_of(body, context_member));
  auto plain = decrypt(key, wrapping_key(snapshot), ciphertext, context);
  if (!plain) return Error{400, "InvalidCiphertextException", "", {}};
  return Plain{*std::move(plain), material_id(key, peek(ciphertext)->version)};
}
}  // namespace

Result<KeyIn> Encrypt::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  CHECK(check_common(in.body));
  CHECK(blob_of(in.body, "Plaintext", kPlaintextBytesMax));
  return in;
}
Result<JsonOut> Encrypt::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, usable_key(snapshot, in->key_id));
  TRY(const std::string plain, blob_of(in->body, "Plaintext", kPlaintextBytesMax));
  TRY(const json::object context, context_of(in->body));
  return JsonOut{{{"CiphertextBlob", base64(encrypt(*key, wrapping_key(snapshot), plain, context))},
                  {"KeyId", key_arn(snapshot.scope(), key->id)},
                  {"EncryptionAlgorithm", "SYMMETRIC_DEFAULT"}}};
}

Result<KeyIn> Decrypt::parse(const Request& request) {
  TRY(KeyIn in, parse_ciphertext_in(request));
  return in;
}
Result<std::vector<Need>> Decrypt::needs(const In& in, const Snapshot& snapshot) {
  TRY(const auto key, key_of_ciphertext(in.key_id, snapshot));
  TRY(const json::object context, context_of(in.body));
  return std::vector<Need>{key_need(action, *key, context, snapshot)};
}
Result<JsonOut> Decrypt::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, usable_key(snapshot, in->key_id));
  CHECK(check_named_key(in->body, "KeyId", *key, snapshot));
  TRY(const Plain plain, open_ciphertext(in->body, *key, "EncryptionContext", snapshot));
  return JsonOut{{{"KeyId", key_arn(snapshot.scope(), key->id)},
                  {"Plaintext", base64(plain.bytes.expose())},
                  {"EncryptionAlgorithm", "SYMMETRIC_DEFAULT"},
                  {"KeyMaterialId", plain.material}}};
}

Result<KeyIn> ReEncrypt::parse(const Request& request) {
  TRY(KeyIn in, parse_ciphertext_in(request));
  CHECK(Fields(in.body).required_text("DestinationKeyId"));
  for (const char* member : {"SourceEncryptionContext", "DestinationEncryptionContext"})
    CHECK(context_of(in.body, member));
  return in;
}
Result<std::vector<Need>> ReEncrypt::needs(const In& in, const Snapshot& snapshot) {
  TRY(const auto from, key_of_ciphertext(in.key_id, snapshot));
  TRY(const auto to, find_key(snapshot, text_of(in.body, "DestinationKeyId")));
  TRY(const json::object from_context, context_of(in.body, "SourceEncryptionContext"));
  TRY(const json::object to_context, context_of(in.body, "DestinationEncryptionContext"));
  std::vector<Need> needs{key_need(action, *from, from_context, snapshot),
                          key_need("kms:ReEncryptTo", *to, to_context, snapshot)};
  for (Need& need : needs)
    need.context["kms:reencryptonsamekey"] = {from->id == to->id ? "true" : "false"};
  return needs;
}
Result<JsonOut> ReEncrypt::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto from, usable_key(snapshot, in->key_id));
  TRY(const auto to, usable_key(snapshot, text_of(in->body, "DestinationKeyId")));
  CHECK(check_named_key(in->body, "SourceKeyId", *from, snapshot));
  TRY(const Plain plain, open_ciphertext(in->body, *from, "SourceEncryptionContext", snapshot));
  TRY(const json::object context, context_of(in->body, "DestinationEncryptionContext"));
  const std::string sealed = encrypt(*to, wrapping_key(snapshot), plain.bytes.expose(), context);
  if (sealed.size() > kCiphertextBytesMax)
    return invalid("The plaintext is too large to be encrypted again");
  return JsonOut{{{"CiphertextBlob", base64(sealed)},
                  {"SourceKeyId", key_arn(snapshot.scope(), from->id)},
                  {"KeyId", key_arn(snapshot.scope(), to->id)},
                  {"SourceEncryptionAlgorithm", "SYMMETRIC_DEFAULT"},
                  {"DestinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT"},
                  {"SourceKeyMaterialId", plain.material},
                  {"DestinationKeyMaterialId", material_id(*to, to->current_version())}}};
}

namespace {
Result<JsonOut> generate(const KeyIn& in, const Snapshot& snapshot, bool with_plaintext) {
  TRY(const size_t count, data_key_bytes(in.body));
  TRY(const auto key, usable_key(snapshot, in.key_id));
  TRY(const json::object context, context_of(in.body));
  const Secret plain(random_bytes(count));
  JsonOut out{
      {{"CiphertextBlob", base64(encrypt(*key, wrapping_key(snapshot), plain.expose(), context))},
       {"KeyId", key_arn(snapshot.scope(), key->id)},
       {"KeyMaterialId", material_id(*key, key->current_version())}}};
  if (with_plaintext) out.body["Plaintext"] = base64(plain.expose());
  return out;
}
}  // namespace
Result<KeyIn> GenerateDataKey::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  CHECK(check_common(in.body));
  CHECK(data_key_bytes(in.body));
  return in;
}
Result<JsonOut> GenerateDataKey::run(const Authorized<In>& in, const Snapshot& snapshot) {
  return generate(*in, snapshot, true);
}
Result<JsonOut> GenerateDataKeyWithoutPlaintext::run(const Authorized<In>& in,
                                                     const Snapshot& snapshot) {
  return generate(*in, snapshot, false);
}

Result<JsonOut> GenerateRandom::run(const Authorized<In>& in, const Snapshot&) {
  TRY(const auto count, Fields(in->body).integer("NumberOfBytes"));
  if (Fields(in->body).find("CustomKeyStoreId") || Fields(in->body).find("Recipient"))
    return Error{400,
                 "UnsupportedOperationException",
                 "CustomKeyStoreId and Recipient are not implemented by Sluice.",
                 {}};
  if (!count) return invalid("NumberOfBytes is required.");
  CHECK(check_count(*count));
  return JsonOut{{{"Plaintext", base64(random_bytes(static_cast<size_t>(*count)))}}};
}

}  // namespace sluice::kms
