// SPDX-License-Identifier: Apache-2.0
#pragma once
// The RSA-2048 keys that sign digests, each for kKeyDays. The private half is sealed under a key
// derived from the master secret. The public halves stay for ever, because the digests do.
//
//   TRY(const SigningKey key, signing_key(store, time));
//   const std::string signature = rsa_sign_sha256(key.private_der, text);
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

constexpr int64_t kKeyDays = 90;

struct SigningKey {
  std::string fingerprint;
  Secret private_der;
};
// The key for this time. When there is none, or when the days of the last one are over, a new one
// is made in a commit of its own.
Result<SigningKey> signing_key(Store& store, Time time);

// ListPublicKeys:
//   https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
// Gives every key that was valid in the range, or now when no range is given. All come in one page,
// because the AWS CLI follows no token. Errors: InvalidTimeRangeException, InvalidTokenException.
struct ListPublicKeys : OnAccount<ListPublicKeys> {
  static constexpr std::string_view name = "ListPublicKeys", action = "cloudtrail:ListPublicKeys";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::cloudtrail
