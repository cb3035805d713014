// SPDX-License-Identifier: Apache-2.0
#include "services/iam/absent.h"

#include "services/iam/records.h"

namespace sluice::iam {

Result<GetAccountSummary::Out> GetAccountSummary::run(const Authorized<In>&,
                                                      const Snapshot& snapshot) {
  Out out;
  snapshot.scan(RecordPrefix<ManagedPolicy>{}, "", false,
                [&](std::string_view, const ManagedPolicy& policy) {
                  ++out.policies;
                  out.versions += static_cast<int64_t>(policy.versions.size());
                  return true;
                });
  snapshot.scan(schema::prefix(Family::meta, "iam.role", {}), "", false,
                [&](std::string_view, std::string_view) {
                  ++out.roles;
                  return true;
                });
  snapshot.scan(RecordPrefix<OidcProvider>{}, "", false,
                [&](std::string_view, const OidcProvider&) {
                  ++out.providers;
                  return true;
                });
  return out;
}

// The counts of AWS's map, and those of its quotas that hold here.
Response GetAccountSummary::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("SummaryMap");
  const auto entry = [&](std::string_view key, int64_t value) {
    xml.open("entry").element("key", key).element("value", std::to_string(value)).close("entry");
  };
  for (const char* none :
       {"AccountAccessKeysPresent", "AccountMFAEnabled", "AccountPasswordPresent",
        "AccountSigningCertificatesPresent", "Groups", "InstanceProfiles", "MFADevices",
        "MFADevicesInUse", "ServerCertificates", "Users"})
    entry(none, 0);
  entry("Roles", out.roles);
  entry("Providers", out.providers);
  entry("Policies", out.policies);
  entry("PolicyVersionsInUse", out.versions);
  entry("PolicySizeQuota", kManagedPolicyBytesMax);
  entry("VersionsPerPolicyQuota", kPolicyVersionsMax);
  entry("AttachedPoliciesPerRoleQuota", kAttachedPoliciesMax);
  entry("AssumeRolePolicySizeQuota", kTrustPolicyBytesMax);
  entry("RolePolicySizeQuota", kInlinePoliciesBytesMax);
  xml.close("SummaryMap");
  return {200, {}, xml.take(), nullptr, 0};
}

Result<Nothing> GetAccountPasswordPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  (void)in;
  return Error{
      404,
      "NoSuchEntity",
      "The Password Policy with domain name " + snapshot.scope().account_id + " cannot be found.",
      {}};
}

// Its columns: IAM User Guide, "Generate credential reports".
Response GetCredentialReport::render(const Out& out) {
  constexpr std::string_view kHead =
      "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
      "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
      "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
      "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
      "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
      "cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.element("Content", base64(kHead))
      .element("ReportFormat", "text/csv")
      .element("GeneratedTime", iso_seconds(out.made));
  return {200, {}, xml.take(), nullptr, 0};
}

}  // namespace sluice::iam
