// SPDX-License-Identifier: Apache-2.0
#include "services/rolesanywhere/trust_anchors.h"

#include "base/random.h"
#include "crypto/certificate.h"

namespace sluice::rolesanywhere {
namespace {
// Of the member "source": the PEM bundle, each certificate of which is a CA's.
Result<std::string> bundle_of(const json::object& source) {
  const Fields fields(source);
  TRY(const auto type, fields.text("sourceType"));
  if (type.value_or("") != "CERTIFICATE_BUNDLE")
    return invalid("sourceType must be CERTIFICATE_BUNDLE; others are not implemented by Sluice.");
  TRY(const json::object* data, fields.object("sourceData"));
  if (!data) return invalid("sourceData must have x509CertificateData.");
  TRY(const auto pem, Fields(*data).text("x509CertificateData"));
  if (!pem || pem->size() > kBundleBytesMax)
    return invalid("x509CertificateData must be PEM of at most 32768 bytes.");
  const auto certificates = Certificate::from_pem(*pem, kBundleCertificatesMax);
  if (!certificates) return invalid("x509CertificateData must have 1 to 10 certificates in PEM.");
  for (const Certificate& one : *certificates)
    if (!one.is_ca() || !one.key())
      return invalid(
          "Incorrect basic constraints for CA certificate: a trust anchor is of X.509 version 3, "
          "says CA: true, and its key of RSA (2048 bits or more) or ECDSA may sign certificates.");
  return *pem;
}
}  // namespace

Result<TrustAnchorIn> CreateTrustAnchor::parse(const Request& request) {
  TRY(const json::object body, body_of(request));
  const Fields fields(body);
  if (fields.find("tags") || fields.find("notificationSettings"))
    return invalid("tags and notificationSettings are not implemented by Sluice.");
  In in;
  TRY(in.name, name_of(fields));
  TRY(const json::object* source, fields.object("source"));
  if (!source) return invalid("source must not be null.");
  TRY(in.certificates, bundle_of(*source));
  TRY(const auto enabled, fields.boolean("enabled"));
  in.enabled = enabled.value_or(false);
  return in;
}
Result<Shown> CreateTrustAnchor::run(const Authorized<In>& in, Staged& staged) {
  CHECK(check_room<TrustAnchor>(staged.snapshot()));
  const TrustAnchor anchor{.id = random_uuid(),
                           .name = in->name,
                           .certificates = in->certificates,
                           .enabled = in->enabled,
                           .created = in.time(),
                           .updated = in.time()};
  staged.put(key_of<TrustAnchor>(anchor.id), anchor);
  return answer(anchor, staged.snapshot().scope(), 201);
}

Result<TrustAnchorIn> UpdateTrustAnchor::parse(const Request& request) {
  TRY(const ById one, (OnOne<UpdateTrustAnchor, TrustAnchor>::parse(request)));
  TRY(const json::object body, body_of(request));
  const Fields fields(body);
  In in{one.id, {}, {}, false};
  if (fields.find("name")) {
    TRY(in.name, name_of(fields));
  }
  TRY(const json::object* source, fields.object("source"));
  if (source) {
    TRY(in.certificates, bundle_of(*source));
  }
  return in;
}
Result<Shown> UpdateTrustAnchor::run(const Authorized<In>& in, Staged& staged) {
  auto anchor = staged.get(key_of<TrustAnchor>(in->id));
  if (!anchor) return not_found<TrustAnchor>();
  if (!in->name.empty()) anchor->name = in->name;
  if (!in->certificates.empty()) anchor->certificates = in->certificates;
  anchor->updated = in.time();
  staged.put(key_of<TrustAnchor>(in->id), *anchor);
  return answer(*anchor, staged.snapshot().scope());
}

Result<Shown> DeleteTrustAnchor::run(const Authorized<ById>& in, Staged& staged) {
  const auto anchor = staged.get(key_of<TrustAnchor>(in->id));
  if (!anchor) return not_found<TrustAnchor>();
  std::vector<std::string> lists;
  staged.snapshot().scan(RecordPrefix<Crl>{}, "", false, [&](std::string_view, const Crl& crl) {
    if (crl.anchor == in->id) lists.push_back(crl.id);
    return true;
  });
  for (const std::string& id : lists) staged.erase(key_of<Crl>(id));
  staged.erase(key_of<TrustAnchor>(in->id));
  return answer(*anchor, staged.snapshot().scope());
}

}  // namespace sluice::rolesanywhere
