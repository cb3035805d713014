// SPDX-License-Identifier: Apache-2.0
#pragma once
// X.509 certificates that others made (RFC 5280): read, followed to an anchor, and looked up in
// revocation lists. Every byte is hostile; what does not parse is nullopt.
//
//   const auto leaf = Certificate::from_der(bytes);
//   const auto chain = follow(*leaf, intermediates, anchors, now, why);   // empty: untrusted
//   if (list.issued_by(chain[1]) && list.revokes(chain[0])) return refused;
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "crypto/public_key.h"

struct x509_st;
struct X509_crl_st;

namespace sluice {

class Certificate {
 public:
  static constexpr size_t kBytesMax = 16 * 1024;
  static std::optional<Certificate> from_der(std::string_view der);  // one, and nothing after it
  // One or more, in PEM; nullopt when there is anything else.
  static std::optional<std::vector<Certificate>> from_pem(std::string_view pem, size_t max);

  std::string der() const;
  std::string serial_decimal() const;
  std::string serial_hex() const;  // an even number of digits
  Time begins() const;
  Time ends() const;
  // Of version 3, no CA, and its key may sign (key usage digitalSignature).
  bool is_end_entity() const;
  // Of version 3, a CA, and its key may sign certificates where key usage says what it may.
  bool is_ca() const;
  std::optional<PublicKey> key() const;
  // Parts of a name as {"CN", "pump"}, in their order. Unknown ones have their OID.
  using Name = std::vector<std::pair<std::string, std::string>>;
  Name subject() const;
  Name issuer() const;
  // Alternative names: {"DNS", "pump.example"}, {"URI", "spiffe://x"}.
  Name alternative_names() const;
  x509_st* get() const { return certificate_.get(); }

 private:
  explicit Certificate(std::shared_ptr<x509_st> certificate)
      : certificate_(std::move(certificate)) {}
  std::shared_ptr<x509_st> certificate_;
};

// From the leaf to the anchor, both included. Empty, with the reason in `why`: it leads to none of
// the anchors, or something on the way is not valid at that time, is signed weakly, or may not be
// used by a client.
std::vector<Certificate> follow(const Certificate& leaf, const std::vector<Certificate>& between,
                                const std::vector<Certificate>& anchors, Time now,
                                std::string& why);

// The key of a certificate, to sign with: RSA with PKCS #1 v1.5, or ECDSA in DER; with SHA-256.
class CertificateKey {
 public:
  static std::optional<CertificateKey> from_pem(const Secret& pem);  // without a password
  bool is_rsa() const;
  std::string sign_sha256(std::string_view text) const;

 private:
  explicit CertificateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

class RevocationList {
 public:
  static constexpr size_t kBytesMax = 300000;
  static std::optional<RevocationList> from(std::string_view pem_or_der);
  bool issued_by(const Certificate& ca) const;  // its name, and its signature
  bool revokes(const Certificate& certificate) const;

 private:
  explicit RevocationList(std::shared_ptr<X509_crl_st> list) : list_(std::move(list)) {}
  std::shared_ptr<X509_crl_st> list_;
};

}  // namespace sluice
