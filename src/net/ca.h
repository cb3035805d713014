#pragma once
// The local certificate authority and the server's certificate, made at first start (ECDSA P-256,
// RFC 5280).
#include <string>

#include "base/result.h"

namespace sluice::net {

struct CertificateFiles {
  std::string ca, certificate, key;
};  // PEM files; the keys have mode 0600
// Makes what is missing under <data_dir>/tls: ca.pem (10 years), server.pem (825 days; SAN
// localhost, 127.0.0.1, ::1, the host's name and *.s3.localhost, *.localhost,
// *.s3.<region>.localhost) and its key. The CA's key is not kept: a new server certificate means a
// new CA, and nobody can sign with a key that does not exist.
Result<CertificateFiles> ensure_certificates(const std::string& data_dir,
                                             const std::string& region);

}  // namespace sluice::net
