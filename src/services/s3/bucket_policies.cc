// SPDX-License-Identifier: Apache-2.0
// What other services may know of a bucket.
#include "services/s3/cors.h"

namespace sluice::s3 {
namespace {
class BucketPolicies : public Buckets {
 public:
  Result<std::vector<policy::Attached>> policies(const std::string& bucket,
                                                 const Snapshot& snapshot) const override {
    TRY(const auto record, find_bucket(snapshot, bucket));
    return record->policy.on(s3_arn(bucket));
  }
  std::optional<Headers> cross_origin(const CrossOrigin& asked,
                                      const Snapshot& snapshot) const override {
    const auto record = snapshot.get(bucket_key(asked.bucket));
    return record ? cross_origin_headers(*record, asked) : std::nullopt;
  }
};
}  // namespace

std::unique_ptr<Buckets> buckets() { return std::make_unique<BucketPolicies>(); }

}  // namespace sluice::s3
