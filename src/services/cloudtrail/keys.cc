// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/keys.h"

#include "crypto/crypto.h"
#include "crypto/rsa.h"

namespace sluice::cloudtrail {
namespace {
constexpr std::string_view kPurpose = "cloudtrail-signing-key";
Key key_key(Time created) {
  return schema::key(Family::meta, "cloudtrail.key",
                     {big_endian64(static_cast<uint64_t>(created))});
}
Key all_keys() { return schema::prefix(Family::meta, "cloudtrail.key", {}); }
}  // namespace

Result<SigningKey> signing_key(Store& store, Time time) {
  std::optional<json::object> newest;
  const Snapshot snapshot = store.snapshot();
  snapshot.scan(all_keys(), "", true, [&](std::string_view, std::string_view value) {
    if (auto record = parse_json_object(value)) newest = *std::move(record);
    return false;
  });
  const Secret wrapping = store.derive_key(kPurpose);
  if (newest && time < int_of(*newest, "Until")) {
    const std::string fingerprint = text_of(*newest, "Fingerprint");
    const auto sealed = unbase64(text_of(*newest, "Private"));
    auto plain = sealed ? aead_open_random(wrapping, *sealed, fingerprint) : std::nullopt;
    if (!plain)
      return Error{
          500, "InternalFailure", "The digest key " + fingerprint + " cannot be opened.", {}};
    return SigningKey{fingerprint, Secret(*std::move(plain))};
  }
  RsaKey fresh = rsa_generate();
  const std::string fingerprint =
      hex(md5(fresh.public_der));  // a name, not a proof: AWS's are opaque too
  const Time from = std::max(time, newest ? int_of(*newest, "Until") : 0);
  Staged staged = store.stage();
  staged.put_json(
      key_key(from),
      json::object{
          {"Fingerprint", fingerprint},
          {"Public", base64(fresh.public_der)},
          {"Private", base64(aead_seal_random(wrapping, fresh.private_der.expose(), fingerprint))},
          {"From", from},
          {"Until", from + kKeyDays * 86'400'000}});
  CHECK(store.commit(std::move(staged), {}));
  return SigningKey{fingerprint, std::move(fresh.private_der)};
}

Result<json::object> ListPublicKeys::run(const Authorized<In>& in, const Snapshot& s) {
  const Fields fields(*in);
  TRY(const auto start, fields.number("StartTime"));
  TRY(const auto end, fields.number("EndTime"));
  TRY(const auto token, fields.text("NextToken"));
  if (token)
    return Error{
        400, "InvalidTokenException", "ListPublicKeys answers in one page: it gave no token.", {}};
  if (start && end && *start > *end)
    return Error{
        400, "InvalidTimeRangeException", "The start time must be before the end time.", {}};
  const double now_s = seconds(in.time()), from = start.value_or(end.value_or(now_s)),
               until = end.value_or(std::max(from, now_s));
  json::array keys;
  s.scan(all_keys(), "", false, [&](std::string_view, std::string_view value) {
    const auto record = parse_json_object(value);
    if (!record) return true;
    const double valid_from = seconds(int_of(*record, "From")),
                 valid_until = seconds(int_of(*record, "Until"));
    if (valid_from <= until && valid_until >= from)
      keys.push_back(json::object{{"Value", text_of(*record, "Public")},
                                  {"ValidityStartTime", valid_from},
                                  {"ValidityEndTime", valid_until},
                                  {"Fingerprint", text_of(*record, "Fingerprint")}});
    return true;
  });
  return Out{{"PublicKeyList", std::move(keys)}};
}

}  // namespace sluice::cloudtrail
