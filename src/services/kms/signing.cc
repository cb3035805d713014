// SPDX-License-Identifier: Apache-2.0
#include "services/kms/signing.h"

#include "base/bytes.h"
#include "services/kms/specs.h"

namespace sluice::kms {
namespace {
Scheme scheme_of(std::string_view algorithm) {
  if (algorithm.starts_with("RSASSA_PSS")) return Scheme::pss;
  return algorithm.starts_with("ECDSA") ? Scheme::ecdsa : Scheme::pkcs1;
}
Result<KeyIn> parse_signing(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  CHECK(blob_of(in.body, "Message", kPlaintextBytesMax));
  CHECK(Fields(in.body).required_text("SigningAlgorithm"));
  TRY(const auto type, Fields(in.body).text("MessageType"));
  if (type == "EXTERNAL_MU")
    return Error{400,
                 "UnsupportedOperationException",
                 "The message type EXTERNAL_MU is not implemented by Sluice.",
                 {}};
  if (type && *type != "RAW" && *type != "DIGEST")
    return invalid("1 validation error detected: Value '" + type->substr(0, 50) +
                   "' at 'messageType' failed to satisfy constraint: Member must satisfy enum "
                   "value set: [RAW, DIGEST, EXTERNAL_MU]");
  return in;
}
struct Signing {
  std::shared_ptr<const KmsKey> key;
  std::string algorithm, digest;
};
Result<Signing> signing_of(const KeyIn& in, std::string_view operation, const Snapshot& snapshot) {
  TRY(auto key, usable_key(snapshot, in.key_id, in.body));
  CHECK(check_usage(*key, "SIGN_VERIFY", operation, snapshot.scope()));
  std::string algorithm = text_of(in.body, "SigningAlgorithm");
  CHECK(check_algorithm(*key, algorithm));
  TRY(const std::string message, blob_of(in.body, "Message", kPlaintextBytesMax));
  std::string digest = digest_of(hash_of(algorithm), message);
  if (text_of(in.body, "MessageType") == "DIGEST") {
    if (message.size() != digest.size())
      return invalid("Digest is invalid length for algorithm " + algorithm + ".");
    digest = message;
  }
  return Signing{std::move(key), std::move(algorithm), std::move(digest)};
}
}  // namespace

Result<KeyIn> Sign::parse(const Request& request) { return parse_signing(request); }
Result<JsonOut> Sign::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Signing signing, signing_of(*in, name, snapshot));
  CHECK(not_a_dry_run(in->body));
  const std::string signature =
      sign_digest(current_material(*signing.key, wrapping_key(snapshot)),
                  scheme_of(signing.algorithm), hash_of(signing.algorithm), signing.digest);
  return JsonOut{{{"KeyId", key_arn(snapshot.scope(), signing.key->id)},
                  {"Signature", base64(signature)},
                  {"SigningAlgorithm", signing.algorithm}}};
}

Result<KeyIn> Verify::parse(const Request& request) {
  TRY(KeyIn in, parse_signing(request));
  CHECK(blob_of(in.body, "Signature", kCiphertextBytesMax));
  return in;
}
Result<JsonOut> Verify::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Signing signing, signing_of(*in, name, snapshot));
  TRY(const std::string signature, blob_of(in->body, "Signature", kCiphertextBytesMax));
  if (!verify_digest(unbase64(signing.key->public_key).value_or(""), scheme_of(signing.algorithm),
                     hash_of(signing.algorithm), signing.digest, signature))
    return Error{400, "KMSInvalidSignatureException", "", {}};
  CHECK(not_a_dry_run(in->body));
  return JsonOut{{{"KeyId", key_arn(snapshot.scope(), signing.key->id)},
                  {"SignatureValid", true},
                  {"SigningAlgorithm", signing.algorithm}}};
}

Result<JsonOut> GetPublicKey::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto key, usable_key(snapshot, in->key_id, in->body));
  const std::string arn = key_arn(snapshot.scope(), key->id);
  if (key->public_key.empty())
    return Error{400,
                 "UnsupportedOperationException",
                 arn + " key spec is " + key->spec + " which is not valid for GetPublicKey.",
                 {}};
  JsonOut out{{{"KeyId", arn}, {"PublicKey", key->public_key}}};
  add_kind(out.body, *key);
  return out;
}

}  // namespace sluice::kms
