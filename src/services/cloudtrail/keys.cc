// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/keys.h"

#include "crypto/crypto.h"
#include "crypto/rsa.h"

namespace sluice::cloudtrail {
namespace {
constexpr std::string_view kPurpose = "cloudtrail-signing-key";
}  // namespace

Result<SigningKey> signing_key(Store& store, Time time) {
  std::optional<DigestKeyRecord> newest;
  const Snapshot snapshot = store.snapshot();
  snapshot.scan(RecordPrefix<DigestKeyRecord>{}, "", true,
                [&](std::string_view, DigestKeyRecord record) {
                  newest = std::move(record);
                  return false;
                });
  const Secret wrapping = store.derive_key(kPurpose);
  if (newest && time < newest->until) {
    const std::string& fingerprint = newest->fingerprint;
    const auto sealed = unbase64(newest->private_half);
    auto plain = sealed ? aead_open_random(wrapping, *sealed, fingerprint) : std::nullopt;
    if (!plain)
      return Error{
          500, "InternalFailure", "The digest key " + fingerprint + " cannot be opened.", {}};
    return SigningKey{fingerprint, Secret(*std::move(plain))};
  }
  RsaKey fresh = rsa_generate();
  const std::string fingerprint =
      hex(md5(fresh.public_der));  // a name, not a proof: AWS's are opaque too
  const Time from = std::max(time, newest ? newest->until : 0);
  Staged staged = store.stage();
  staged.put(digest_signing_key(from),
             DigestKeyRecord{.fingerprint = fingerprint,
                             .public_half = base64(fresh.public_der),
                             .private_half = base64(aead_seal_random(
                                 wrapping, fresh.private_der.expose(), fingerprint)),
                             .from = from,
                             .until = from + kKeyDays * 86'400'000});
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
  s.scan(RecordPrefix<DigestKeyRecord>{}, "", false,
         [&](std::string_view, const DigestKeyRecord& record) {
           const double valid_from = seconds(record.from), valid_until = seconds(record.until);
           if (valid_from <= until && valid_until >= from)
             keys.push_back(json::object{{"Value", record.public_half},
                                         {"ValidityStartTime", valid_from},
                                         {"ValidityEndTime", valid_until},
                                         {"Fingerprint", record.fingerprint}});
           return true;
         });
  return Out{{"PublicKeyList", std::move(keys)}};
}

}  // namespace sluice::cloudtrail
