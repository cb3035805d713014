// SPDX-License-Identifier: Apache-2.0
// Encrypt, Decrypt, ReEncrypt, data keys, pairs of data keys, and GenerateRandom.
#include "services/kms/cryptography.h"

#include "base/bytes.h"
#include "base/random.h"
#include "services/kms/granting.h"
#include "services/kms/specs.h"

namespace sluice::kms {
Result<std::string> blob_of(const json::object& body, std::string_view name, size_t max) {
  TRY(const auto text, Fields(body).text(name));
  auto bytes = text ? unbase64(*text) : std::nullopt;
  if (text && !bytes)
    return Error{400, "SerializationException", std::string(name) + " is not base64", {}};
  if (!bytes || bytes->empty() || bytes->size() > max)
    return invalid(std::string(name) + " must have 1 to " + std::to_string(max) + " bytes");
  return *std::move(bytes);
}
Result<std::shared_ptr<const KmsKey>> usable_key(const Snapshot& snapshot,
                                                 const std::string& reference,
                                                 const json::object& body) {
  TRY(auto key, find_key(snapshot, reference));
  CHECK(usable(*key, snapshot.scope()));
  CHECK(check_grant_tokens(body, snapshot));
  return key;
}

namespace {
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
// The algorithm that `member` names, or the symmetric one: it must be one of the key's.
Result<std::string> algorithm_of(const json::object& body, std::string_view member,
                                 const KmsKey& key) {
  TRY(const auto named, Fields(body).text(member));
  std::string algorithm = named.value_or("SYMMETRIC_DEFAULT");
  CHECK(check_algorithm(key, algorithm));
  return algorithm;
}
Result<Done> check_common(const json::object& body) {
  const Fields fields(body);
  for (const char* member :
       {"EncryptionAlgorithm", "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"})
    CHECK(fields.text(member));
  if (fields.find("Recipient"))
    return Error{
        400, "UnsupportedOperationException", "Recipient is not implemented by Sluice.", {}};
  return Done{};
}
Result<Done> no_context(const json::object& context) {
  if (context.empty()) return Done{};
  return invalid("An encryption context is for symmetric encryption keys only.");
}
Result<std::string> seal(const KmsKey& key, const std::string& algorithm, std::string_view plain,
                         const json::object& context, const Snapshot& snapshot) {
  if (is_symmetric(key)) return encrypt(key, wrapping_key(snapshot), plain, context);
  CHECK(no_context(context));
  auto sealed = oaep_encrypt(unbase64(key.public_key).value_or(""), hash_of(algorithm), plain);
  if (!sealed)
    return invalid("Algorithm " + algorithm + " and key spec " + key.spec +
                   " cannot encrypt data of " + std::to_string(plain.size()) + " bytes.");
  return *std::move(sealed);
}
bool is_asymmetric(const json::object& body, std::string_view algorithm_member) {
  const std::string algorithm = text_of(body, algorithm_member);
  return !algorithm.empty() && algorithm != "SYMMETRIC_DEFAULT";
}
// The key in the head of a ciphertext. Whether it exists is not told to those who may not use it.
Result<std::shared_ptr<const KmsKey>> key_of_ciphertext(const KeyIn& in,
                                                        std::string_view algorithm_member,
                                                        const Snapshot& snapshot) {
  auto key = find_key(snapshot, in.key_id);
  if (!key && !is_asymmetric(in.body, algorithm_member))
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
// A symmetric ciphertext names its key, any other is under the one that the request names.
Result<KeyIn> parse_ciphertext_in(const Request& request, std::string_view key_member,
                                  std::string_view algorithm_member) {
  TRY(KeyIn in, parse_key_in(request, false));
  CHECK(check_common(in.body));
  TRY(const std::string ciphertext, blob_of(in.body, "CiphertextBlob", kCiphertextBytesMax));
  TRY(const auto named, Fields(in.body).text(key_member));
  if (is_asymmetric(in.body, algorithm_member)) {
    if (!named) return invalid(std::string(key_member) + " is required for asymmetric keys.");
    in.key_id = *named;
    return in;
  }
  const auto opened = peek(ciphertext);
  if (!opened) return Error{400, "InvalidCiphertextException", "", {}};
  in.key_id = opened->key_id;
  return in;
}
struct Plain {
  Secret bytes;
  std::string material;
};
Result<Plain> open_ciphertext(const json::object& body, const KmsKey& key,
                              const std::string& algorithm, std::string_view context_member,
                              const Snapshot& snapshot) {
  TRY(const std::string ciphertext, blob_of(body, "CiphertextBlob", kCiphertextBytesMax));
  TRY(const json::object context, context_of(body, context_member));
  if (!is_symmetric(key)) {
    CHECK(no_context(context));
    auto opened =
        oaep_decrypt(current_material(key, wrapping_key(snapshot)), hash_of(algorithm), ciphertext);
    if (!opened) return Error{400, "InvalidCiphertextException", "", {}};
    return Plain{*std::move(opened), ""};
  }
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
  TRY(const auto key, usable_key(snapshot, in->key_id, in->body));
  CHECK(check_usage(*key, "ENCRYPT_DECRYPT", name, snapshot.scope()));
  TRY(const std::string algorithm, algorithm_of(in->body, "EncryptionAlgorithm", *key));
  TRY(const std::string plain, blob_of(in->body, "Plaintext", kPlaintextBytesMax));
  TRY(const json::object context, context_of(in->body));
  TRY(const std::string sealed, seal(*key, algorithm, plain, context, snapshot));
  CHECK(not_a_dry_run(in->body));
  return JsonOut{{{"CiphertextBlob", base64(sealed)},
                  {"KeyId", key_arn(snapshot.scope(), key->id)},
                  {"EncryptionAlgorithm", algorithm}}};
}

Result<KeyIn> Decrypt::parse(const Request& request) {
  return parse_ciphertext_in(request, "KeyId", "EncryptionAlgorithm");
}
Result<std::vector<Need>> Decrypt::needs(const In& in, const Snapshot& snapshot) {
  TRY(const auto key, key_of_ciphertext(in, "EncryptionAlgorithm", snapshot));
  TRY(const json::object context, context_of(in.body));
  Need need = key_need(action, *key, context, snapshot);
  add_algorithm(need.context, in.body, "EncryptionAlgorithm");
  add_alias(need.context, text_of(in.body, "KeyId"));
  return std::vector<Need>{std::move(need)};
}
Result<JsonOut> Decrypt::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, usable_key(snapshot, in->key_id, in->body));
  CHECK(check_named_key(in->body, "KeyId", *key, snapshot));
  CHECK(check_usage(*key, "ENCRYPT_DECRYPT", name, snapshot.scope()));
  TRY(const std::string algorithm, algorithm_of(in->body, "EncryptionAlgorithm", *key));
  TRY(const Plain plain, open_ciphertext(in->body, *key, algorithm, "EncryptionContext", snapshot));
  CHECK(not_a_dry_run(in->body));
  JsonOut out{{{"KeyId", key_arn(snapshot.scope(), key->id)},
               {"Plaintext", base64(plain.bytes.expose())},
               {"EncryptionAlgorithm", algorithm}}};
  if (!plain.material.empty()) out.body["KeyMaterialId"] = plain.material;
  return out;
}

Result<KeyIn> ReEncrypt::parse(const Request& request) {
  TRY(KeyIn in, parse_ciphertext_in(request, "SourceKeyId", "SourceEncryptionAlgorithm"));
  CHECK(Fields(in.body).required_text("DestinationKeyId"));
  for (const char* member : {"SourceEncryptionContext", "DestinationEncryptionContext"})
    CHECK(context_of(in.body, member));
  return in;
}
Result<std::vector<Need>> ReEncrypt::needs(const In& in, const Snapshot& snapshot) {
  TRY(const auto from, key_of_ciphertext(in, "SourceEncryptionAlgorithm", snapshot));
  TRY(const auto to, find_key(snapshot, text_of(in.body, "DestinationKeyId")));
  TRY(const json::object from_context, context_of(in.body, "SourceEncryptionContext"));
  TRY(const json::object to_context, context_of(in.body, "DestinationEncryptionContext"));
  std::vector<Need> needs{key_need(action, *from, from_context, snapshot),
                          key_need("kms:ReEncryptTo", *to, to_context, snapshot)};
  for (Need& need : needs)
    need.context["kms:reencryptonsamekey"] = {from->id == to->id ? "true" : "false"};
  add_algorithm(needs[0].context, in.body, "SourceEncryptionAlgorithm");
  add_algorithm(needs[1].context, in.body, "DestinationEncryptionAlgorithm");
  add_alias(needs[0].context, text_of(in.body, "SourceKeyId"));
  add_alias(needs[1].context, text_of(in.body, "DestinationKeyId"));
  return needs;
}
Result<JsonOut> ReEncrypt::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto from, usable_key(snapshot, in->key_id, in->body));
  TRY(const auto to, usable_key(snapshot, text_of(in->body, "DestinationKeyId"), in->body));
  CHECK(check_named_key(in->body, "SourceKeyId", *from, snapshot));
  for (const auto& key : {from, to})
    CHECK(check_usage(*key, "ENCRYPT_DECRYPT", name, snapshot.scope()));
  TRY(const std::string source, algorithm_of(in->body, "SourceEncryptionAlgorithm", *from));
  TRY(const std::string destination, algorithm_of(in->body, "DestinationEncryptionAlgorithm", *to));
  TRY(const Plain plain,
      open_ciphertext(in->body, *from, source, "SourceEncryptionContext", snapshot));
  TRY(const json::object context, context_of(in->body, "DestinationEncryptionContext"));
  TRY(const std::string sealed, seal(*to, destination, plain.bytes.expose(), context, snapshot));
  if (sealed.size() > kCiphertextBytesMax)
    return invalid("The plaintext is too large to be encrypted again");
  CHECK(not_a_dry_run(in->body));
  JsonOut out{{{"CiphertextBlob", base64(sealed)},
               {"SourceKeyId", key_arn(snapshot.scope(), from->id)},
               {"KeyId", key_arn(snapshot.scope(), to->id)},
               {"SourceEncryptionAlgorithm", source},
               {"DestinationEncryptionAlgorithm", destination}}};
  if (!plain.material.empty()) out.body["SourceKeyMaterialId"] = plain.material;
  if (is_symmetric(*to))
    out.body["DestinationKeyMaterialId"] = material_id(*to, to->current_version());
  return out;
}

namespace {
Result<JsonOut> generate(const KeyIn& in, const Snapshot& snapshot, bool with_plaintext) {
  TRY(const size_t count, data_key_bytes(in.body));
  TRY(const auto key, usable_key(snapshot, in.key_id, in.body));
  CHECK(makes_data_keys(*key, "GenerateDataKey", snapshot.scope()));
  TRY(const json::object context, context_of(in.body));
  CHECK(not_a_dry_run(in.body));
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

namespace {
Result<const KeySpec*> pair_spec(const json::object& body) {
  TRY(const std::string named, Fields(body).required_text("KeyPairSpec"));
  TRY(const KeySpec* spec, spec_named(named));
  if (spec->family != KeySpec::Family::rsa && spec->family != KeySpec::Family::curve)
    return invalid("1 validation error detected: Value '" + named +
                   "' at 'keyPairSpec' failed to satisfy constraint: Member must satisfy enum "
                   "value set");
  return spec;
}
Result<JsonOut> generate_pair(const KeyIn& in, const Snapshot& snapshot, bool with_plaintext) {
  TRY(const KeySpec* spec, pair_spec(in.body));
  TRY(const auto key, usable_key(snapshot, in.key_id, in.body));
  CHECK(makes_data_keys(*key, "GenerateDataKeyPair", snapshot.scope()));
  TRY(const json::object context, context_of(in.body));
  CHECK(not_a_dry_run(in.body));
  const KeyPair pair = make_pair(*spec);
  JsonOut out{{{"PrivateKeyCiphertextBlob",
                base64(encrypt(*key, wrapping_key(snapshot), pair.private_der.expose(), context))},
               {"PublicKey", base64(pair.public_der)},
               {"KeyId", key_arn(snapshot.scope(), key->id)},
               {"KeyPairSpec", spec->name},
               {"KeyMaterialId", material_id(*key, key->current_version())}}};
  if (with_plaintext) out.body["PrivateKeyPlaintext"] = base64(pair.private_der.expose());
  return out;
}
}  // namespace
Result<KeyIn> GenerateDataKeyPair::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  CHECK(check_common(in.body));
  CHECK(pair_spec(in.body));
  return in;
}
Result<JsonOut> GenerateDataKeyPair::run(const Authorized<In>& in, const Snapshot& snapshot) {
  return generate_pair(*in, snapshot, true);
}
Result<JsonOut> GenerateDataKeyPairWithoutPlaintext::run(const Authorized<In>& in,
                                                         const Snapshot& snapshot) {
  return generate_pair(*in, snapshot, false);
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
