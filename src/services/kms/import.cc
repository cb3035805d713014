// SPDX-License-Identifier: Apache-2.0
#include "services/kms/import.h"

#include <cmath>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/kms/specs.h"

namespace sluice::kms {
namespace {
constexpr std::string_view kTokenPurpose = "kms-import-token";
constexpr int64_t kHourMs = 3'600'000, kDayMs = 24 * kHourMs;
constexpr size_t kWrappedKeyBytes = 32;  // the AES key of RSA_AES_KEY_WRAP

struct Wrapping {
  std::string_view algorithm;
  const char* hash;
  bool aes;  // the material is wrapped under an AES key, and that key is what RSA encrypts
};
constexpr Wrapping kWrappings[] = {{"RSAES_OAEP_SHA_1", "SHA1", false},
                                   {"RSAES_OAEP_SHA_256", "SHA256", false},
                                   {"RSA_AES_KEY_WRAP_SHA_1", "SHA1", true},
                                   {"RSA_AES_KEY_WRAP_SHA_256", "SHA256", true}};
const Wrapping* wrapping_named(std::string_view algorithm) {
  for (const Wrapping& one : kWrappings)
    if (one.algorithm == algorithm) return &one;
  return nullptr;
}
Error not_supported(std::string text) {
  return {400, "UnsupportedOperationException", std::move(text), {}};
}
Result<Done> takes_imports(const KmsKey& key, const Scope& scope) {
  if (key.origin == "EXTERNAL") return Done{};
  return not_supported(key_arn(scope, key.id) + " origin is " + key.origin +
                       " which is not valid for this operation.");
}

// What a token seals: the key's id, the end of its time, the algorithm, and the private key.
struct Token {
  std::string key_id, algorithm;
  Time until = 0;
  Secret private_der;
};
std::string sealed(const Token& token, const Snapshot& snapshot) {
  const std::string head =
      token.key_id + big_endian64(static_cast<uint64_t>(token.until)) + token.algorithm + '\0';
  std::string plain;
  plain.reserve(head.size() + token.private_der.size());  // so that no copy is left behind
  plain.append(head).append(token.private_der.expose());
  return aead_seal_random(wrapping_key(snapshot), Secret(std::move(plain)).expose(), kTokenPurpose);
}
std::optional<Token> opened(std::string_view bytes, size_t id_bytes, const Snapshot& snapshot) {
  auto plain = aead_open_random(wrapping_key(snapshot), bytes, kTokenPurpose);
  if (!plain) return std::nullopt;
  const Secret kept(*std::move(plain));
  const std::string_view all = kept.expose(), rest = all.substr(id_bytes + 8);
  const size_t end = rest.find('\0');
  return Token{std::string(all.substr(0, id_bytes)), std::string(rest.substr(0, end)),
               static_cast<Time>(from_big_endian64(all.substr(id_bytes))),
               Secret(std::string(rest.substr(end + 1)))};
}

// Errors: InvalidCiphertextException.
Result<Secret> opened_material(const Token& token, std::string_view encrypted) {
  const Wrapping* wrapping = wrapping_named(token.algorithm);
  const Error damaged{400, "InvalidCiphertextException", "", {}};
  if (!wrapping) return damaged;
  std::string_view for_rsa = encrypted;
  // The AES key comes first, in as many bytes as the RSA key has.
  if (wrapping->aes) for_rsa = encrypted.substr(0, rsa_bytes(token.private_der));
  auto plain = oaep_decrypt(token.private_der, wrapping->hash, for_rsa);
  if (!plain) return damaged;
  if (!wrapping->aes) return *std::move(plain);
  if (plain->size() != kWrappedKeyBytes) return damaged;
  auto material = unwrap_padded(*plain, encrypted.substr(for_rsa.size()));
  if (!material) return damaged;
  return *std::move(material);
}
bool has_right_size(const KmsKey& key, size_t bytes) {
  const KeySpec& spec = spec_of(key);
  const auto smallest = static_cast<size_t>(spec.size);
  if (spec.family == KeySpec::Family::symmetric) return bytes == smallest;
  return bytes >= smallest && bytes <= (spec.size > 32 ? 128U : 64U);
}
Result<Time> valid_to(const json::object& body, Time now) {
  TRY(const auto model, Fields(body).text("ExpirationModel"));
  TRY(const auto until, Fields(body).number("ValidTo"));
  const std::string kind = model.value_or("KEY_MATERIAL_EXPIRES");
  if (kind == "KEY_MATERIAL_DOES_NOT_EXPIRE") {
    if (until) return invalid("ValidTo must be left out when the key material does not expire.");
    return Time{0};
  }
  if (kind != "KEY_MATERIAL_EXPIRES")
    return invalid("1 validation error detected: Value '" + kind.substr(0, 50) +
                   "' at 'expirationModel' failed to satisfy constraint: Member must satisfy enum "
                   "value set: [KEY_MATERIAL_EXPIRES, KEY_MATERIAL_DOES_NOT_EXPIRE]");
  if (!until)
    return invalid("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES");
  const double latest = static_cast<double>(now + kImportValidDaysMax * kDayMs) / 1000;
  if (!std::isfinite(*until) || *until <= static_cast<double>(now) / 1000 || *until > latest)
    return invalid("ValidTo must be in the future, and at most 365 days away");
  return static_cast<Time>(*until * 1000);
}
// Refuses what AWS offers for more than one material of a key.
Result<Done> check_one_material(const json::object& body) {
  for (const char* member : {"KeyMaterialId", "KeyMaterialDescription"})
    if (Fields(body).find(member))
      return not_supported(std::string(member) + " is not implemented by Sluice.");
  TRY(const auto type, Fields(body).text("ImportType"));
  if (type.value_or("EXISTING_KEY_MATERIAL") != "EXISTING_KEY_MATERIAL")
    return not_supported(
        "ImportType is EXISTING_KEY_MATERIAL: Sluice keeps one imported material.");
  return Done{};
}
}  // namespace

Result<KeyIn> GetParametersForImport::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  TRY(const std::string algorithm, Fields(in.body).required_text("WrappingAlgorithm"));
  TRY(const std::string named, Fields(in.body).required_text("WrappingKeySpec"));
  if (algorithm == "RSAES_PKCS1_V1_5" || algorithm == "SM2PKE" || named == "SM2")
    return not_supported("The wrapping algorithm " + algorithm + " is not supported.");
  if (!wrapping_named(algorithm))
    return invalid("1 validation error detected: Value '" + algorithm.substr(0, 50) +
                   "' at 'wrappingAlgorithm' failed to satisfy constraint: Member must satisfy "
                   "enum value set");
  if (named != "RSA_2048" && named != "RSA_3072" && named != "RSA_4096")
    return invalid("1 validation error detected: Value '" + named.substr(0, 50) +
                   "' at 'wrappingKeySpec' failed to satisfy constraint: Member must satisfy enum "
                   "value set: [RSA_2048, RSA_3072, RSA_4096, SM2]");
  return in;
}
Result<JsonOut> GetParametersForImport::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, find_key(snapshot, in->key_id));
  CHECK(takes_imports(*key, snapshot.scope()));
  CHECK(not_pending(*key, snapshot.scope()));
  TRY(const KeySpec* spec, spec_named(text_of(in->body, "WrappingKeySpec")));
  const KeyPair pair = make_pair(*spec);
  const Time until = in.time() + kImportTokenHoursMax * kHourMs;
  const Token token{key->id, text_of(in->body, "WrappingAlgorithm"), until, pair.private_der};
  return JsonOut{{{"KeyId", key_arn(snapshot.scope(), key->id)},
                  {"ImportToken", base64(sealed(token, snapshot))},
                  {"PublicKey", base64(pair.public_der)},
                  {"ParametersValidTo", static_cast<double>(until) / 1000}}};
}

void ImportKeyMaterial::add_context(policy::Context& context, const json::object& body) {
  const std::string model = text_of(body, "ExpirationModel");
  context["kms:expirationmodel"] = {model.empty() ? "KEY_MATERIAL_EXPIRES" : model};
  if (const auto until = Fields(body).number("ValidTo"); until && *until)
    context["kms:validto"] = {std::to_string(static_cast<int64_t>(**until))};
}
Result<KeyIn> ImportKeyMaterial::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  CHECK(blob_of(in.body, "ImportToken", kCiphertextBytesMax));
  CHECK(blob_of(in.body, "EncryptedKeyMaterial", kCiphertextBytesMax));
  CHECK(valid_to(in.body, request.time));
  CHECK(check_one_material(in.body));
  return in;
}
Result<Done> ImportKeyMaterial::change(KmsKey& key, const Authorized<In>& in, Staged& staged,
                                       json::object& out) {
  const Snapshot& snapshot = staged.snapshot();
  CHECK(takes_imports(key, snapshot.scope()));
  CHECK(not_pending(key, snapshot.scope()));
  TRY(const std::string bytes, blob_of(in->body, "ImportToken", kCiphertextBytesMax));
  const auto token = opened(bytes, key.id.size(), snapshot);
  if (!token || token->key_id != key.id)
    return Error{400, "InvalidImportTokenException", "The import token is not valid.", {}};
  if (token->until <= in.time())
    return Error{400, "ExpiredImportTokenException", "The import token has expired.", {}};
  TRY(const std::string encrypted, blob_of(in->body, "EncryptedKeyMaterial", kCiphertextBytesMax));
  TRY(const Secret material, opened_material(*token, encrypted));
  const Secret& wrapping = wrapping_key(snapshot);
  // What it is known by says nothing about it to whoever does not hold the root key.
  const Secret of_key(hmac_of("SHA256", wrapping, "kms-imported" + key.id));
  const std::string fingerprint = hex(hmac_of("SHA256", of_key, material.expose()));
  if (!has_right_size(key, material.size()) ||
      (!key.fingerprint.empty() && key.fingerprint != fingerprint))
    return Error{400,
                 "IncorrectKeyMaterialException",
                 "The key material is not of the right length, or not the one that was imported "
                 "into this key before.",
                 {}};
  TRY(key.valid_to, valid_to(in->body, in.time()));
  if (key.state == "PendingImport" || key.versions.empty()) key.state = "Enabled";
  key.versions.clear();
  add_material(key, wrapping, material);
  key.fingerprint = fingerprint;
  out = {{"KeyId", key_arn(snapshot.scope(), key.id)}};
  if (is_symmetric(key)) out["KeyMaterialId"] = material_id(key, 0);
  return Done{};
}

Result<Done> DeleteImportedKeyMaterial::change(KmsKey& key, const Authorized<In>& in,
                                               Staged& staged, json::object& out) {
  CHECK(takes_imports(key, staged.snapshot().scope()));
  CHECK(check_one_material(in->body));
  if (is_symmetric(key) && !key.versions.empty()) out["KeyMaterialId"] = material_id(key, 0);
  out["KeyId"] = key_arn(staged.snapshot().scope(), key.id);
  destroy_material(key, staged);
  return Done{};
}

}  // namespace sluice::kms
