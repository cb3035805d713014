// SPDX-License-Identifier: Apache-2.0
#include "services/kms/mac.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/kms/specs.h"

namespace sluice::kms {
namespace {
struct Mac {
  std::shared_ptr<const KmsKey> key;
  std::string algorithm, bytes;
};
Result<Mac> mac_of(const KeyIn& in, std::string_view operation, const Snapshot& snapshot) {
  TRY(auto key, usable_key(snapshot, in.key_id, in.body));
  CHECK(check_usage(*key, "GENERATE_VERIFY_MAC", operation, snapshot.scope()));
  std::string algorithm = text_of(in.body, "MacAlgorithm");
  CHECK(check_algorithm(*key, algorithm));
  TRY(const std::string message, blob_of(in.body, "Message", kPlaintextBytesMax));
  std::string bytes =
      hmac_of(hash_of(algorithm), current_material(*key, wrapping_key(snapshot)), message);
  return Mac{std::move(key), std::move(algorithm), std::move(bytes)};
}
}  // namespace

Result<KeyIn> GenerateMac::parse(const Request& request) {
  TRY(KeyIn in, parse_key_in(request, true));
  CHECK(blob_of(in.body, "Message", kPlaintextBytesMax));
  CHECK(Fields(in.body).required_text("MacAlgorithm"));
  return in;
}
Result<JsonOut> GenerateMac::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Mac mac, mac_of(*in, name, snapshot));
  CHECK(not_a_dry_run(in->body));
  return JsonOut{{{"KeyId", key_arn(snapshot.scope(), mac.key->id)},
                  {"Mac", base64(mac.bytes)},
                  {"MacAlgorithm", mac.algorithm}}};
}

Result<KeyIn> VerifyMac::parse(const Request& request) {
  TRY(KeyIn in, GenerateMac::parse(request));
  CHECK(blob_of(in.body, "Mac", kCiphertextBytesMax));
  return in;
}
Result<JsonOut> VerifyMac::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Mac mac, mac_of(*in, name, snapshot));
  TRY(const std::string given, blob_of(in->body, "Mac", kCiphertextBytesMax));
  if (!equal_constant_time(mac.bytes, given)) return Error{400, "KMSInvalidMacException", "", {}};
  CHECK(not_a_dry_run(in->body));
  return JsonOut{{{"KeyId", key_arn(snapshot.scope(), mac.key->id)},
                  {"MacValid", true},
                  {"MacAlgorithm", mac.algorithm}}};
}

}  // namespace sluice::kms
