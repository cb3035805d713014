// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <stdexcept>

#include "base/bytes.h"

namespace sluice {
namespace {
// SHA-1 and RSA below 2048 bits are refused (OpenSSL's security level 2).
constexpr int kAuthLevel = 2;
constexpr int kDepthMax = 5;  // certificates between leaf and anchor

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(char* p) const { OPENSSL_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
Owned<BIO> reader(std::string_view text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
void must(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL has no memory for a certificate");
}
int no_password(char*, int, int, void*) { return 0; }

// As UTF-8; nullopt when it is no text.
std::optional<std::string> text_of(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return std::nullopt;
  std::string out(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

Certificate::Name parts_of(const X509_NAME* name) {
  Certificate::Name out;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
    const int nid = OBJ_obj2nid(type);
    char oid[128];
    std::string key = nid != NID_undef ? OBJ_nid2sn(nid) : "";
    if (key.empty() && OBJ_obj2txt(oid, sizeof oid, type, 1) > 0) key = oid;
    auto value = text_of(X509_NAME_ENTRY_get_data(entry));
    if (value && !key.empty()) out.emplace_back(std::move(key), *std::move(value));
  }
  return out;
}

Time time_of(const ASN1_TIME* time) {
  tm fields{};
  return ASN1_TIME_to_tm(time, &fields) == 1 ? static_cast<Time>(timegm(&fields)) * 1000 : 0;
}
}  // namespace

std::optional<Certificate> Certificate::from_der(std::string_view der) {
  if (der.empty() || der.size() > kBytesMax) return std::nullopt;
  const unsigned char* at = bytes(der);
  std::shared_ptr<X509> read(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  if (!read || at != bytes(der) + der.size()) return std::nullopt;
  // Reads the extensions, once and for all threads.
  if (X509_check_purpose(read.get(), -1, 0) < 0 ||
      X509_get_extension_flags(read.get()) & EXFLAG_INVALID)
    return std::nullopt;
  return Certificate(std::move(read));
}

std::optional<std::vector<Certificate>> Certificate::from_pem(std::string_view pem, size_t max) {
  std::vector<Certificate> out;
  const Owned<BIO> in = reader(pem);
  must(in != nullptr);
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(in.get(), &name, &header, &data, &size) != 1) break;
    const Owned<char> name_owned(name), header_owned(header);
    const std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
    OPENSSL_free(data);
    auto one = std::string_view(name) == PEM_STRING_X509 ? from_der(der) : std::nullopt;
    if (!one || out.size() == max) return std::nullopt;
    out.push_back(*std::move(one));
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::string Certificate::der() const {
  unsigned char* data = nullptr;
  const int size = i2d_X509(certificate_.get(), &data);
  must(size > 0);
  std::string out(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  return out;
}

std::string Certificate::serial_decimal() const {
  const Owned<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate_.get()), nullptr));
  must(number != nullptr);
  const Owned<char> text(BN_bn2dec(number.get()));
  must(text != nullptr);
  return text.get();
}

std::string Certificate::serial_hex() const {
  const Owned<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate_.get()), nullptr));
  must(number != nullptr);
  const Owned<char> text(BN_bn2hex(number.get()));
  must(text != nullptr);
  return lower(text.get());
}

Time Certificate::begins() const { return time_of(X509_get0_notBefore(certificate_.get())); }
Time Certificate::ends() const { return time_of(X509_get0_notAfter(certificate_.get())); }

bool Certificate::is_end_entity() const {
  const uint32_t flags = X509_get_extension_flags(certificate_.get());
  return X509_get_version(certificate_.get()) == X509_VERSION_3 && !(flags & EXFLAG_CA) &&
         flags & EXFLAG_KUSAGE && X509_get_key_usage(certificate_.get()) & KU_DIGITAL_SIGNATURE;
}
bool Certificate::is_ca() const {
  const uint32_t flags = X509_get_extension_flags(certificate_.get());
  return X509_get_version(certificate_.get()) == X509_VERSION_3 && flags & EXFLAG_CA &&
         (!(flags & EXFLAG_KUSAGE) || X509_get_key_usage(certificate_.get()) & KU_KEY_CERT_SIGN);
}

std::optional<PublicKey> Certificate::key() const {
  return PublicKey::of(X509_get0_pubkey(certificate_.get()));
}

Certificate::Name Certificate::subject() const {
  return parts_of(X509_get_subject_name(certificate_.get()));
}
Certificate::Name Certificate::issuer() const {
  return parts_of(X509_get_issuer_name(certificate_.get()));
}
Certificate::Name Certificate::alternative_names() const {
  Name out;
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate_.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(names.get(), i);
    if (one->type == GEN_DIRNAME) {
      for (auto& [key, value] : parts_of(one->d.directoryName))
        out.emplace_back("Name/" + key, std::move(value));
      continue;
    }
    if (one->type != GEN_DNS && one->type != GEN_URI) continue;
    if (auto value =
            text_of(one->type == GEN_DNS ? one->d.dNSName : one->d.uniformResourceIdentifier))
      out.emplace_back(one->type == GEN_DNS ? "DNS" : "URI", *std::move(value));
  }
  return out;
}

std::vector<Certificate> follow(const Certificate& leaf, const std::vector<Certificate>& between,
                                const std::vector<Certificate>& anchors, Time now,
                                std::string& why) {
  const Owned<X509_STORE> store(X509_STORE_new());
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  const Owned<STACK_OF(X509)> untrusted(sk_X509_new_null());
  must(store && context && untrusted);
  for (const Certificate& one : anchors) must(X509_STORE_add_cert(store.get(), one.get()) == 1);
  for (const Certificate& one : between) must(sk_X509_push(untrusted.get(), one.get()) > 0);
  must(X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), untrusted.get()) == 1);
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(now / 1000));
  X509_VERIFY_PARAM_set_depth(rules, kDepthMax);
  X509_VERIFY_PARAM_set_auth_level(rules, kAuthLevel);
  // An anchor may be an intermediate CA. An extended key usage, where there is one, must have
  // clientAuth.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CHECK_SS_SIGNATURE);
  must(X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT) == 1);
  if (X509_verify_cert(context.get()) != 1) {
    why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
    return {};
  }
  std::vector<Certificate> out;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* one = sk_X509_value(chain, i);
    unsigned char* data = nullptr;
    const int size = i2d_X509(one, &data);
    must(size > 0);
    auto read = Certificate::from_der({reinterpret_cast<char*>(data), static_cast<size_t>(size)});
    OPENSSL_free(data);
    must(read.has_value());
    out.push_back(*std::move(read));
  }
  return out;
}

std::optional<CertificateKey> CertificateKey::from_pem(const Secret& pem) {
  const Owned<BIO> in = reader(pem.expose());
  must(in != nullptr);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr),
                                EVP_PKEY_free);
  if (!key || !PublicKey::of(key.get())) return std::nullopt;
  return CertificateKey(std::move(key));
}
bool CertificateKey::is_rsa() const { return EVP_PKEY_is_a(key_.get(), "RSA") == 1; }
std::string CertificateKey::sign_sha256(std::string_view text) const {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key_.get()));
  std::string out(size, '\0');
  must(context &&
       EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
       EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                      bytes(text), text.size()) == 1);
  out.resize(size);
  return out;
}

std::optional<RevocationList> RevocationList::from(std::string_view pem_or_der) {
  if (pem_or_der.empty() || pem_or_der.size() > kBytesMax) return std::nullopt;
  std::shared_ptr<X509_CRL> read;
  constexpr std::string_view kBegin = "-----BEGIN";
  if (const size_t first = pem_or_der.find(kBegin); first != pem_or_der.npos) {
    // Of a bundle only the first list would count.
    if (pem_or_der.find(kBegin, first + kBegin.size()) != pem_or_der.npos) return std::nullopt;
    const Owned<BIO> in = reader(pem_or_der);
    must(in != nullptr);
    read.reset(PEM_read_bio_X509_CRL(in.get(), nullptr, no_password, nullptr), X509_CRL_free);
  } else {
    const unsigned char* at = bytes(pem_or_der);
    read.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(pem_or_der.size())), X509_CRL_free);
    if (at != bytes(pem_or_der) + pem_or_der.size()) return std::nullopt;
  }
  if (!read) return std::nullopt;
  return RevocationList(std::move(read));
}

bool RevocationList::issued_by(const Certificate& ca) const {
  return X509_NAME_cmp(X509_CRL_get_issuer(list_.get()), X509_get_subject_name(ca.get())) == 0 &&
         X509_CRL_verify(list_.get(), X509_get0_pubkey(ca.get())) == 1;
}

bool RevocationList::revokes(const Certificate& certificate) const {
  X509_REVOKED* found = nullptr;
  // 2: it was revoked and is so no longer (removeFromCRL).
  return X509_CRL_get0_by_cert(list_.get(), &found, certificate.get()) == 1;
}

}  // namespace sluice
