// SPDX-License-Identifier: Apache-2.0
// Certificates and revocation lists that strangers send: whatever the bytes are, reading them ends,
// and none leads to an anchor that there is not.
#include "crypto/certificate.h"
#include "fuzz.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = fuzz::text(data, size);
  if (const auto list = RevocationList::from(bytes))
    if (const auto pem = Certificate::from_pem(bytes, 4)) (void)list->issued_by(pem->front());
  const auto one = Certificate::from_der(bytes);
  if (!one) return 0;
  (void)one->serial_decimal();
  (void)one->is_end_entity();
  (void)one->is_ca();
  (void)one->subject();
  (void)one->issuer();
  (void)one->alternative_names();
  (void)one->key();
  std::string why;
  MUST(follow(*one, {*one}, {}, 1767225600000, why).empty());
  return 0;
}
