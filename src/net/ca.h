// SPDX-License-Identifier: Apache-2.0
#pragma once
// The local certificate authority, and the certificate that it gives the server (ECDSA P-256, RFC
// 5280).
//
//   TRY(const ServerCertificate own, ensure_certificates({data_dir, region, names, sealing}));
//   TRY(const auto tls, TlsContext::server(own.file, own.key));
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace sluice::net {

constexpr int kCertificateDays = 397;  // the most that clients accept (CA/Browser Forum, 2020)
constexpr int kCaDays = 3650;

struct ServerCertificate {
  std::string ca_file, file;
  Secret key;          // PEM
  Time ca_begins = 0;  // later than the clock: it is wrong, or was when the CA was made
};
struct CertificateWishes {
  std::string data_dir, region;
  std::vector<std::string> names;  // DNS names and addresses besides those that are always there
  Secret sealing;                  // the key under which private keys are sealed on disk
};
// Makes what is missing of these files in <data_dir>/tls:
//   ca.pem             the certificate of the CA, for 10 years
//   ca.key.sealed      its key
//   server.pem         the certificate of the server, for 397 days. Its names are localhost,
//                      127.0.0.1, ::1, that of the host, *.s3.localhost, *.localhost,
//                      *.s3.<region>.localhost and `names`
//   server.key.sealed  its key
//   ca-<serial number>.pem, .key.sealed   a CA that another has replaced
// The server gets a new certificate when two thirds of the time are over, when the names have
// changed, when the CA has, or when it begins in the future and the CA does not. The CA is replaced
// when two thirds of its time are over, or when its key cannot be opened; and by one that was kept,
// when that one's time is now and its own is not. Never because the clock stands before its time.
Result<ServerCertificate> ensure_certificates(const CertificateWishes& wishes);

// The authority for the certificates of devices, in <data_dir>/devices: ca.pem, ca.key.sealed, and
// in `revoked` the serial number of each certificate that was revoked, one a line. It is made when
// it is used first. When it can no longer be opened, that is an error, and no new one is made: the
// devices' certificates would be worth nothing.
struct IssuedCertificate {
  std::string authority, certificate, serial;  // PEM; the serial number in hex
  Secret key;                                  // PEM
};
Result<IssuedCertificate> issue_device_certificate(const std::string& data_dir,
                                                   const Secret& sealing, const std::string& name,
                                                   int64_t days);
// The revocation list, in PEM, with this certificate.
Result<std::string> revoke_device_certificate(const std::string& data_dir, const Secret& sealing,
                                              const std::string& serial);

struct CertificateFacts {
  Time begins = 0, ends = 0;
  std::string sha256;  // of the whole certificate (DER), in hex
  std::string names;   // as openssl prints its alternative names
  bool self_signed = false;
};
// Of the first certificate in the file.
Result<CertificateFacts> read_certificate(const std::string& pem_file);

}  // namespace sluice::net
