// SPDX-License-Identifier: Apache-2.0
#pragma once
// Object Lock: a version cannot be removed before a date (retention) or while a legal hold is on
// it. Governance yields to who has s3:BypassGovernanceRetention and asks for it. Compliance and a
// legal hold yield to nobody, also not to the operator; compliance can be extended but never
// shortened. Time is the clock of the server. Source: S3 User Guide, "Locking objects with Object
// Lock".
//
//   const bool bypass = may_bypass(in, asked, in->bucket, in->key, staged.snapshot());
//   CHECK(removable(facts, bypass));   // AccessDenied while it is locked
#include "services/s3/buckets.h"
#include "services/s3/objects.h"

namespace sluice::s3 {

constexpr int64_t kRetentionDaysMax = 36500, kRetentionYearsMax = 100;

// Whether a version may be removed. `bypass` is what may_bypass says. Errors: AccessDenied while
// the version is locked.
Result<Done> removable(const Lock& lock, bool bypass);
// Puts on a new version the lock that x-amz-object-lock-* of the request say, or the default of the
// bucket. Errors: InvalidRequest when the bucket has no Object Lock or the request no checksum;
// InvalidArgument.
Result<Done> lock_new_version(const ObjectIn& in, const Bucket& bucket, Time time, Lock& lock);
Result<Done> check_lock_headers(const ObjectIn& in, Time time);
// Adds the permissions that those headers need.
void add_lock_needs(std::vector<Need>& needs, const ObjectIn& in, const Snapshot& snapshot);
// Adds to the answer of a read the headers that the caller may see.
void add_lock_headers(Headers& headers, const Lock& lock, bool retention, bool hold);
// Whether the caller asks to bypass governance and has s3:BypassGovernanceRetention.
template <class In>
bool may_bypass(const Authorized<In>& in, bool asked, const std::string& bucket,
                const std::string& key, const Snapshot& snapshot) {
  return asked &&
         in.ask({object_need("s3:BypassGovernanceRetention", bucket, key, snapshot)}, snapshot)
             .has_value();
}
constexpr std::string_view kBypass = "x-amz-bypass-governance-retention";

SLUICE_S3_BUCKET(PutObjectLockConfiguration, "PutBucketObjectLockConfiguration", "PUT",
                 "object-lock", Staged& staged);
SLUICE_S3_BUCKET(GetObjectLockConfiguration, "GetBucketObjectLockConfiguration", "GET",
                 "object-lock", const Snapshot& snapshot);

struct LockIn : ObjectIn {
  std::string text;
};
template <class Self>
struct OnLock {
  static constexpr bool data_event = true;
  using In = LockIn;
  using Out = Text;
  static Result<In> parse(const Request& request) {
    CHECK(check_document(request, Self::match.method == "PUT"));
    TRY(ObjectIn object, parse_object_in(request));
    return LockIn{std::move(object), request.body};
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return version_needs(Self::action, Self::action, in, s);
  }
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return audit_object(in); }
};
#define SLUICE_S3_LOCK(operation, verb, subresource, state)                         \
  struct operation : OnLock<operation> {                                            \
    static constexpr std::string_view name = #operation, action = "s3:" #operation; \
    static constexpr Match match{verb, "/{Bucket}/{Key+}", subresource, ""};        \
    static Result<Out> run(const Authorized<In>& in, state);                        \
  }
// It also needs s3:BypassGovernanceRetention when it shortens or lifts governance.
struct PutObjectRetention : OnLock<PutObjectRetention> {
  static constexpr std::string_view name = "PutObjectRetention", action = "s3:PutObjectRetention";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "retention", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
SLUICE_S3_LOCK(GetObjectRetention, "GET", "retention", const Snapshot& snapshot);
struct PutObjectLegalHold : OnLock<PutObjectLegalHold> {
  static constexpr std::string_view name = "PutObjectLegalHold", action = "s3:PutObjectLegalHold";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "legal-hold", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
SLUICE_S3_LOCK(GetObjectLegalHold, "GET", "legal-hold", const Snapshot& snapshot);

}  // namespace sluice::s3
