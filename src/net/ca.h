// SPDX-License-Identifier: Apache-2.0
#pragma once
// The local certificate authority and the server's certificate under it (ECDSA P-256, RFC 5280).
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace sluice::net {

constexpr int kCertificateDays = 397;  // what clients take at most (CA/Browser Forum, 2020)
constexpr int kCaDays = 3650;

struct CertificateFiles {
  std::string ca, certificate, key;
};
struct CertificateWishes {
  std::string data_dir, region;
  std::vector<std::string> names;  // DNS names and addresses besides those of every certificate
  Secret sealing;                  // of the CA's key on disk
};
// <data_dir>/tls: ca.pem (10 years), ca.key.sealed, server.pem (397 days; localhost, 127.0.0.1,
// ::1, the host's name, *.s3.localhost, *.localhost, *.s3.<region>.localhost and `names`) and
// server.key. Makes what is missing; makes the server's certificate anew when two thirds of its
// life are over, when its names are others, or when the CA is another.
Result<CertificateFiles> ensure_certificates(const CertificateWishes& wishes);

struct CertificateFacts {
  Time begins = 0, ends = 0;
  std::string sha256;  // of the whole certificate (DER), in hex digits
  std::string names;   // as openssl prints its alternative names
  bool self_signed = false;
};
Result<CertificateFacts> read_certificate(const std::string& pem_file);  // the first of the file

}  // namespace sluice::net
