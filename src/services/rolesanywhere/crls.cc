// SPDX-License-Identifier: Apache-2.0
#include "services/rolesanywhere/crls.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/certificate.h"
#include "services/rolesanywhere/trust_anchors.h"

namespace sluice::rolesanywhere {
namespace {
Result<std::string> data_of(const Fields& fields) {
  TRY(const auto text, fields.text("crlData"));
  const auto data = text ? unbase64(*text) : std::nullopt;
  if (!data || !RevocationList::from(*data))
    return invalid("crlData must be a revocation list in PEM or DER, of 1 to 300000 bytes.");
  return *text;
}
// Only what the anchor's own CA has signed can revoke.
Result<Done> check_issuer(const std::string& data, const std::string& anchor_id,
                          const Snapshot& snapshot) {
  const auto anchor = snapshot.get(key_of<TrustAnchor>(anchor_id));
  if (!anchor) return not_found<TrustAnchor>();
  const auto list = RevocationList::from(unbase64(data).value_or(""));
  const auto authorities = Certificate::from_pem(anchor->certificates, kBundleCertificatesMax);
  if (list && authorities &&
      std::any_of(authorities->begin(), authorities->end(),
                  [&](const Certificate& ca) { return list->issued_by(ca); }))
    return Done{};
  return invalid("The revocation list is not signed by a CA of the trust anchor.");
}
}  // namespace

Result<CrlIn> ImportCrl::parse(const Request& request) {
  TRY(const json::object body, body_of(request));
  const Fields fields(body);
  if (fields.find("tags")) return invalid("tags are not implemented by Sluice.");
  In in;
  TRY(in.name, name_of(fields));
  TRY(in.data, data_of(fields));
  TRY(const auto anchor, fields.text("trustAnchorArn"));
  in.anchor = anchor.value_or("");
  TRY(const auto enabled, fields.boolean("enabled"));
  in.enabled = enabled.value_or(false);
  return in;
}
Result<Shown> ImportCrl::run(const Authorized<In>& in, Staged& staged) {
  CHECK(check_room<Crl>(staged.snapshot()));
  const Scope& scope = staged.snapshot().scope();
  const std::string anchor = id_in(in->anchor, kWords<TrustAnchor>.arn, scope);
  if (anchor.empty()) return invalid("trustAnchorArn is not the ARN of a trust anchor here.");
  if (!staged.look(key_of<TrustAnchor>(anchor))) return not_found<TrustAnchor>();
  CHECK(check_issuer(in->data, anchor, staged.snapshot()));
  const Crl crl{.id = random_uuid(),
                .name = in->name,
                .anchor = anchor,
                .data = in->data,
                .enabled = in->enabled,
                .created = in.time(),
                .updated = in.time()};
  staged.put(key_of<Crl>(crl.id), crl);
  return answer(crl, scope, 201);
}

Result<CrlIn> UpdateCrl::parse(const Request& request) {
  TRY(const ById one, (OnOne<UpdateCrl, Crl>::parse(request)));
  TRY(const json::object body, body_of(request));
  const Fields fields(body);
  In in{one.id, {}, {}, {}, false};
  if (fields.find("name")) {
    TRY(in.name, name_of(fields));
  }
  if (fields.find("crlData")) {
    TRY(in.data, data_of(fields));
  }
  return in;
}
Result<Shown> UpdateCrl::run(const Authorized<In>& in, Staged& staged) {
  auto crl = staged.get(key_of<Crl>(in->id));
  if (!crl) return not_found<Crl>();
  if (!in->name.empty()) crl->name = in->name;
  if (!in->data.empty()) {
    CHECK(check_issuer(in->data, crl->anchor, staged.snapshot()));
    crl->data = in->data;
  }
  crl->updated = in.time();
  staged.put(key_of<Crl>(in->id), *crl);
  return answer(*crl, staged.snapshot().scope());
}

}  // namespace sluice::rolesanywhere
