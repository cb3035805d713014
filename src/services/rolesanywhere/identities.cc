// SPDX-License-Identifier: Apache-2.0
// Whether a certificate leads to a trust anchor, and who its holder then is. Source: IAM Roles
// Anywhere User Guide, "The trust model", "Certificate attribute mapping".
#include <algorithm>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "request/role_session.h"
#include "services/rolesanywhere/mappings.h"
#include "services/rolesanywhere/rolesanywhere.h"
#include "services/rolesanywhere/trust_anchors.h"

namespace sluice::rolesanywhere {
namespace {
// Which anchors there are is not told to strangers.
Error untrusted(const std::string& why) {
  return {403, "AccessDeniedException", "Untrusted certificate. " + why, {}};
}

bool is_revoked(const std::vector<Certificate>& chain, const std::string& anchor_id,
                const Snapshot& snapshot) {
  bool revoked = false;
  snapshot.scan(RecordPrefix<Crl>{}, "", false, [&](std::string_view, const Crl& crl) {
    if (crl.anchor != anchor_id || !crl.enabled) return true;
    const auto list = RevocationList::from(unbase64(crl.data).value_or(""));
    for (size_t i = 0; i + 1 < chain.size(); ++i)
      revoked = revoked || !list || (list->issued_by(chain[i + 1]) && list->revokes(chain[i]));
    return !revoked;
  });
  return revoked;
}

// Of several parts of a name with one key the first counts. What no session tag can hold is left
// out.
void add_tags(std::map<std::string, std::string>& tags, const Profile& profile,
              const std::string& field, const Certificate::Name& name) {
  const std::string prefix = field + "/";
  for (const auto& [key, value] : name) {
    if (!maps(profile, field, key)) continue;
    // Policies do not tell UID and uid apart.
    const auto same = std::find_if(tags.begin(), tags.end(), [&](const auto& known) {
      return equals_ignore_case(known.first, prefix + key);
    });
    if (same == tags.end() && is_tag(prefix + key, value) && tags.size() < kSessionTagsMax)
      tags.emplace(prefix + key, value);
  }
}

// One id for one subject below one anchor, as a UUID.
std::string subject_id_of(const Certificate& leaf, const std::string& anchor_id) {
  std::string text = anchor_id;
  for (const auto& [key, value] : leaf.subject()) text += "\n" + key + "=" + value;
  std::string id = hex(sha256(text)).substr(0, 32);
  for (const size_t at : {8UL, 13UL, 18UL, 23UL}) id.insert(at, "-");
  return id;
}

class AnchoredIdentities : public CertificateIdentities {
 public:
  Result<CertificateIdentity> verify(const CertificateClaim& claim, Time now,
                                     const Snapshot& snapshot) const override {
    const std::string id = id_in(claim.anchor_arn, kWords<TrustAnchor>.arn, snapshot.scope());
    const auto anchor = id.empty() ? nullptr : snapshot.get(key_of<TrustAnchor>(id));
    const auto authorities =
        anchor && anchor->enabled
            ? Certificate::from_pem(anchor->certificates, kBundleCertificatesMax)
            : std::nullopt;
    if (!authorities) return untrusted("Insufficient certificate");
    if (!claim.leaf.is_end_entity())
      return untrusted(
          "It must be of X.509 version 3, of no CA, and its key usage must have digitalSignature.");
    std::string why;
    const auto chain = follow(claim.leaf, claim.between, *authorities, now, why);
    if (chain.empty()) return untrusted(why);
    if (is_revoked(chain, id, snapshot)) return untrusted("It was revoked.");
    CertificateIdentity out;
    out.anchor_arn = claim.anchor_arn;
    out.serial = claim.leaf.serial_hex();
    out.subject_id = subject_id_of(claim.leaf, id);
    // A profile that there is not gives no session, whatever it would map.
    const auto stored = snapshot.get(
        key_of<Profile>(id_in(claim.profile_arn, kWords<Profile>.arn, snapshot.scope())));
    const Profile profile = stored ? *stored : Profile{};
    add_tags(out.tags, profile, "x509Subject", claim.leaf.subject());
    add_tags(out.tags, profile, "x509Issuer", claim.leaf.issuer());
    add_tags(out.tags, profile, "x509SAN", claim.leaf.alternative_names());
    return out;
  }
};
}  // namespace

std::unique_ptr<CertificateIdentities> certificate_identities() {
  return std::make_unique<AnchoredIdentities>();
}

}  // namespace sluice::rolesanywhere
