// SPDX-License-Identifier: Apache-2.0
#pragma once
// The keys that sign digests: RSA-2048, one for kKeyDays, then the next. The private half is sealed
// under a key derived from the root key; public halves stay for ever, since digests do.
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

constexpr int64_t kKeyDays = 90;

struct SigningKey {
  std::string fingerprint;
  Secret private_der;
};
// The key of this time; made, in a commit of its own, when there is none or the last has had its
// days.
Result<SigningKey> signing_key(Store& store, Time time);

// ListPublicKeys: every key that was valid in the range, in one page: the AWS CLI follows no token.
// Default: of now.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html Errors:
// InvalidTimeRangeException, InvalidTokenException.
struct ListPublicKeys : OnAccount<ListPublicKeys> {
  static constexpr std::string_view name = "ListPublicKeys", action = "cloudtrail:ListPublicKeys";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::cloudtrail
