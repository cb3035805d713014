// SPDX-License-Identifier: Apache-2.0
#include "net/ca.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <memory>
#include <set>

#include "base/bytes.h"
#include "base/files.h"
#include "crypto/crypto.h"

namespace sluice::net {
namespace {
using Pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Cert = std::unique_ptr<X509, decltype(&X509_free)>;

Pkey new_key() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

bool add_extension(X509* cert, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  const bool ok = extension && X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
  return ok;
}

Cert new_certificate(const char* name, EVP_PKEY* key, long days) {
  Cert cert(X509_new(), &X509_free);
  unsigned char serial[16];
  if (!cert || RAND_bytes(serial, sizeof serial) != 1) return {nullptr, &X509_free};
  serial[0] &= 0x7f;
  std::unique_ptr<BIGNUM, decltype(&BN_free)> number(BN_bin2bn(serial, sizeof serial, nullptr),
                                                     &BN_free);
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert.get()));
  X509_set_version(cert.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), days * 86400 - 3600 - 1);
  if (key) X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return cert;
}

bool is_address(const std::string& name) {
  unsigned char scratch[16];
  return inet_pton(AF_INET, name.c_str(), scratch) == 1 ||
         inet_pton(AF_INET6, name.c_str(), scratch) == 1;
}
bool is_dns_name(const std::string& name) {
  return !name.empty() && name.size() <= 253 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == name.npos;
}

// In the notation of OpenSSL's configuration; each name once, in order.
std::string alternative_names(const CertificateWishes& wishes) {
  std::set<std::string> names{"DNS:localhost",
                              "IP:127.0.0.1",
                              "IP:::1",
                              "DNS:*.localhost",
                              "DNS:s3.localhost",
                              "DNS:*.s3.localhost",
                              "DNS:*.s3." + wishes.region + ".localhost"};
  std::vector<std::string> own = wishes.names;
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  own.emplace_back(host);
  for (const std::string& name : own) {
    if (is_address(name)) {
      names.insert("IP:" + name);
    } else if (is_dns_name(name)) {
      names.insert("DNS:" + name);
      names.insert("DNS:*.s3." + name);
    }
  }
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

Cert read_pem(const std::string& path) {
  FILE* file = fopen(path.c_str(), "r");
  Cert cert(file ? PEM_read_X509(file, nullptr, nullptr, nullptr) : nullptr, &X509_free);
  if (file) fclose(file);
  return cert;
}

Time time_of(const ASN1_TIME* at) {
  tm parts{};
  return ASN1_TIME_to_tm(at, &parts) == 1 ? static_cast<Time>(timegm(&parts)) * 1000 : 0;
}
Time begin_of(X509* cert) { return time_of(X509_get0_notBefore(cert)); }
Time end_of(X509* cert) { return time_of(X509_get0_notAfter(cert)); }
bool has_begun(X509* cert) { return now() >= begin_of(cert); }
bool two_thirds_over(X509* cert) {
  const Time begins = begin_of(cert);
  return now() - begins > (end_of(cert) - begins) / 3 * 2;
}

std::string printed_names(X509* cert) {
  const int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  if (at < 0 || !out || X509V3_EXT_print(out.get(), X509_get_ext(cert, at), 0, 0) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;
template <class Write>
std::string as_pem(Write write) {
  const Memory out(BIO_new(BIO_s_secmem()), &BIO_free);
  char* text = nullptr;
  if (!out || write(out.get()) != 1) return {};
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}
bool write_certificate(const std::string& path, X509* cert) {
  const std::string pem = as_pem([&](BIO* to) { return PEM_write_bio_X509(to, cert); });
  return !pem.empty() && replace_file(path, pem);
}
// In the memory of Secrets, as far as that reaches.
Secret private_key_pem(EVP_PKEY* key) {
  return Secret(as_pem([&](BIO* to) {
    return PEM_write_bio_PKCS8PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
  }));
}

// Private keys lie sealed, each bound to what it is for.
constexpr std::string_view kCaKeyAad = "sluice-ca-key-1", kServerKeyAad = "sluice-server-key-1";

bool write_key(const std::string& path, EVP_PKEY* key, const Secret& sealing,
               std::string_view aad) {
  unsigned char* der = nullptr;
  const int size = i2d_PrivateKey(key, &der);
  if (size <= 0) return false;
  const Secret plain(std::string(reinterpret_cast<char*>(der), static_cast<size_t>(size)));
  OPENSSL_clear_free(der, static_cast<size_t>(size));
  return replace_file(path, aead_seal_random(sealing, plain.expose(), aad));
}
// nullptr: it is not there, or is not sealed under this key.
Pkey read_key(const std::string& path, const Secret& sealing, std::string_view aad) {
  Pkey key(nullptr, &EVP_PKEY_free);
  const auto sealed = read_file(path);
  auto opened = sealed ? aead_open_random(sealing, *sealed, aad) : std::nullopt;
  if (!opened) return key;
  const Secret der(*std::move(opened));
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.expose().data());
  key.reset(d2i_AutoPrivateKey(nullptr, &bytes, static_cast<long>(der.size())));
  return key;
}

std::string serial_of(X509* cert) {
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
      ASN1_INTEGER_to_BN(X509_get_serialNumber(cert), nullptr), &BN_free);
  char* text = number ? BN_bn2hex(number.get()) : nullptr;
  const std::string out = text ? lower(text) : "";
  OPENSSL_free(text);
  return out;
}

struct Authority {
  Cert cert{nullptr, &X509_free};
  Pkey key{nullptr, &EVP_PKEY_free};
};

// The CA of <stem>.pem and <stem>.key.sealed; empty when it is not there whole.
Authority load_authority(const std::string& stem, const Secret& sealing) {
  Authority ca{read_pem(stem + ".pem"), read_key(stem + ".key.sealed", sealing, kCaKeyAad)};
  if (!ca.cert || !ca.key || X509_check_private_key(ca.cert.get(), ca.key.get()) != 1) return {};
  return ca;
}
bool write_authority(const std::string& stem, const Authority& ca, const Secret& sealing) {
  return write_key(stem + ".key.sealed", ca.key.get(), sealing, kCaKeyAad) &&
         write_certificate(stem + ".pem", ca.cert.get());
}

Authority make_authority(const std::string& stem, const Secret& sealing, const char* name) {
  Authority ca{new_certificate(name, nullptr, kCaDays), new_key()};
  if (!ca.cert || !ca.key) return {};
  X509* cert = ca.cert.get();
  X509_set_pubkey(cert, ca.key.get());
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  const bool ok = add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                  add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                  add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
                  X509_sign(cert, ca.key.get(), EVP_sha256()) > 0 &&
                  write_authority(stem, ca, sealing);
  return ok ? std::move(ca) : Authority{};
}

// ---- the CA of the server. The one in use is ca.pem, which clients are given. The clock may be
// wrong (docs/decisions/0007-certificates.md), so another takes its place only after it was kept
// beside it, and it comes back with the time that it is for.
std::string kept_stem(const std::string& dir, const Authority& ca) {
  return dir + "/ca-" + serial_of(ca.cert.get());
}

bool is_for_now(const Authority& ca) {
  return ca.key && has_begun(ca.cert.get()) && !two_thirds_over(ca.cert.get());
}

// Of those that were kept, the one that is for now; the oldest, which most clients know. One that
// was made before somebody had set the clock could be used by nobody, for it was over on that day,
// and must not come back whenever the clock is lost.
Authority kept_authority(const std::string& dir, const Secret& sealing) {
  constexpr Time kFirst = 1'767'225'600'000;  // 2026, the year of the program's first version
  constexpr std::string_view kBegin = "ca-", kEnd = ".pem";
  Authority oldest;
  for (const std::string& name : entries_of(dir)) {
    if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) continue;
    const std::string stem = dir + "/" + name.substr(0, name.size() - kEnd.size());
    Authority kept = load_authority(stem, sealing);
    if (is_for_now(kept) && begin_of(kept.cert.get()) >= kFirst &&
        (!oldest.key || begin_of(kept.cert.get()) < begin_of(oldest.cert.get())))
      oldest = std::move(kept);
  }
  return oldest;
}

// Empty: a new one was needed and could not be made.
Authority server_authority(const std::string& dir, const Secret& sealing) {
  const std::string stem = dir + "/ca", file = stem + ".pem";
  Authority ca = load_authority(stem, sealing);
  if (is_for_now(ca)) return ca;
  Authority kept = kept_authority(dir, sealing);
  // It is the clock that is wrong, or was when this CA was made. Clients trust it all the same.
  if (ca.key && !kept.key && !has_begun(ca.cert.get())) return ca;
  if (ca.key && !write_authority(kept_stem(dir, ca), ca, sealing)) return {};
  if (kept.key) {
    spdlog::warn("the CA that began {} is in use again as {}: by the clock, this is its time",
                 iso_seconds(begin_of(kept.cert.get())), file);
    return write_authority(stem, kept, sealing) ? std::move(kept) : Authority{};
  }
  if (ca.key)
    spdlog::warn(
        "a new CA is made, {}: the one before, which is kept as {}.pem, is in the last third of "
        "its time, from {} to {}; give the new one to every client",
        file, kept_stem(dir, ca), iso_seconds(begin_of(ca.cert.get())),
        iso_seconds(end_of(ca.cert.get())));
  else if (access(file.c_str(), F_OK) == 0)
    spdlog::warn(
        "a new CA is made, {}: the one before has no key that can be opened; give the new one to "
        "every client",
        file);
  return make_authority(stem, sealing, "Sluice local CA");
}

// The names are compared as OpenSSL prints those of a certificate that has the wanted ones. A
// certificate that begins in the future was made by a clock that was ahead, and clients refuse it;
// but where the CA has not begun either, it is now that the clock is wrong.
bool serves(X509* cert, const Authority& ca, X509* wanted) {
  return X509_verify(cert, ca.key.get()) == 1 && !two_thirds_over(cert) &&
         (has_begun(cert) || !has_begun(ca.cert.get())) &&
         printed_names(cert) == printed_names(wanted);
}

struct CertificateFiles {
  std::string certificate, sealed_key;
};

// The key of the certificate that the server has from now on: the one that is there, when it serves
// `names` still, or a new one. nullptr: neither could be had.
Pkey issue(const CertificateFiles& files, const Authority& ca, const Secret& sealing,
           const std::string& names) {
  Pkey key = new_key();
  const Cert cert = new_certificate("localhost", key.get(), kCertificateDays);
  Pkey none(nullptr, &EVP_PKEY_free);
  if (!key || !cert) return none;
  X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.cert.get()));
  X509* issuer = ca.cert.get();
  if (!add_extension(cert.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(cert.get(), issuer, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(cert.get(), issuer, NID_ext_key_usage, "serverAuth") ||
      !add_extension(cert.get(), issuer, NID_authority_key_identifier, "keyid") ||
      !add_extension(cert.get(), issuer, NID_subject_alt_name, names.c_str()))
    return none;
  // A crash between the two files leaves a certificate without its key.
  const Cert kept = read_pem(files.certificate);
  Pkey kept_key = read_key(files.sealed_key, sealing, kServerKeyAad);
  if (kept && kept_key && X509_check_private_key(kept.get(), kept_key.get()) == 1 &&
      serves(kept.get(), ca, cert.get()))
    return kept_key;
  const bool ok = X509_sign(cert.get(), ca.key.get(), EVP_sha256()) > 0 &&
                  write_key(files.sealed_key, key.get(), sealing, kServerKeyAad) &&
                  write_certificate(files.certificate, cert.get());
  return ok ? std::move(key) : std::move(none);
}

Error device_failure(std::string why) { return {500, "CertificateFailure", std::move(why), {}}; }

// What a CA issued it can still revoke when it issues nothing any more.
enum class For { issuing, revoking };
Result<Authority> device_authority(const std::string& dir, const Secret& sealing, For purpose) {
  const std::string stem = dir + "/ca", ca_file = stem + ".pem";
  mkdir(dir.c_str(), 0700);
  const bool there = access(ca_file.c_str(), F_OK) == 0;
  Authority ca =
      there ? load_authority(stem, sealing) : make_authority(stem, sealing, "Sluice device CA");
  if (ca.key && purpose == For::issuing && !has_begun(ca.cert.get()))
    return device_failure("the clock stands before the time of the CA of " + ca_file +
                          ", which begins " + iso_seconds(begin_of(ca.cert.get())) +
                          ": set the clock first");
  if (ca.key && (purpose == For::revoking || !two_thirds_over(ca.cert.get()))) return ca;
  return device_failure(there ? "the CA of " + ca_file +
                                    " cannot be opened, or is near its end: move the folder away "
                                    "to begin with a new one, and enroll its devices again"
                              : "cannot make a CA under " + dir + ": is the directory writable?");
}

using Crl = std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)>;
bool add_revoked(X509_CRL* list, std::string_view serial, ASN1_TIME* when) {
  BIGNUM* number = nullptr;
  X509_REVOKED* entry = X509_REVOKED_new();
  const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> wanted(ASN1_INTEGER_new(),
                                                                           &ASN1_INTEGER_free);
  const bool ok = entry && wanted && BN_hex2bn(&number, std::string(serial).c_str()) > 0 &&
                  BN_to_ASN1_INTEGER(number, wanted.get()) &&
                  X509_REVOKED_set_serialNumber(entry, wanted.get()) == 1 &&
                  X509_REVOKED_set_revocationDate(entry, when) == 1 &&
                  X509_CRL_add0_revoked(list, entry) == 1;
  BN_free(number);
  if (!ok) X509_REVOKED_free(entry);
  return ok;
}

// Of all serial numbers, one a line.
std::string revocation_list(const Authority& ca, std::string_view serials) {
  constexpr long kListDays = 365;  // it counts until there is a newer one
  const Crl list(X509_CRL_new(), &X509_CRL_free);
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> now(X509_gmtime_adj(nullptr, 0),
                                                                  &ASN1_TIME_free),
      next(X509_gmtime_adj(nullptr, kListDays * 86400), &ASN1_TIME_free);
  bool ok = list && now && next && X509_CRL_set_version(list.get(), 1) == 1 &&
            X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(ca.cert.get())) == 1 &&
            X509_CRL_set1_lastUpdate(list.get(), now.get()) == 1 &&
            X509_CRL_set1_nextUpdate(list.get(), next.get()) == 1;
  for (const auto serial : split(serials, '\n'))
    ok = ok && (serial.empty() || add_revoked(list.get(), serial, now.get()));
  if (!ok || X509_CRL_sort(list.get()) != 1 ||
      X509_CRL_sign(list.get(), ca.key.get(), EVP_sha256()) <= 0)
    return {};
  return as_pem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}
}  // namespace

Result<IssuedCertificate> issue_device_certificate(const std::string& data_dir,
                                                   const Secret& sealing, const std::string& name,
                                                   int64_t days) {
  TRY(const Authority ca, device_authority(data_dir + "/devices", sealing, For::issuing));
  const Pkey key = new_key();
  const Cert cert = new_certificate(name.c_str(), key.get(), days);
  if (!key || !cert) return device_failure("a key could not be made");
  X509* issuer = ca.cert.get();
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer));
  const bool ok = add_extension(cert.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                  add_extension(cert.get(), issuer, NID_key_usage, "critical,digitalSignature") &&
                  add_extension(cert.get(), issuer, NID_ext_key_usage, "clientAuth") &&
                  add_extension(cert.get(), issuer, NID_authority_key_identifier, "keyid") &&
                  X509_sign(cert.get(), ca.key.get(), EVP_sha256()) > 0;
  IssuedCertificate out{as_pem([&](BIO* to) { return PEM_write_bio_X509(to, issuer); }),
                        as_pem([&](BIO* to) { return PEM_write_bio_X509(to, cert.get()); }),
                        serial_of(cert.get()), private_key_pem(key.get())};
  if (!ok || out.authority.empty() || out.certificate.empty() || out.key.expose().empty())
    return device_failure("a certificate for " + name + " could not be made");
  return out;
}

Result<std::string> revoke_device_certificate(const std::string& data_dir, const Secret& sealing,
                                              const std::string& serial) {
  constexpr size_t kRevokedBytesMax = 128 * 1024;  // a list of them fits into ImportCrl
  const std::string dir = data_dir + "/devices", file = dir + "/revoked";
  TRY(const Authority ca, device_authority(dir, sealing, For::revoking));
  std::string serials = read_file(file).value_or("");
  if (("\n" + serials).find("\n" + serial + "\n") == std::string::npos) serials += serial + "\n";
  if (serials.size() > kRevokedBytesMax)
    return device_failure("too many certificates are revoked: begin with a new CA of devices");
  std::string list = revocation_list(ca, serials);
  if (list.empty()) return device_failure("the revocation list could not be signed");
  if (!replace_file(file, serials)) return device_failure("cannot write " + file);
  return list;
}

Result<ServerCertificate> ensure_certificates(const CertificateWishes& wishes) {
  const std::string dir = wishes.data_dir + "/tls";
  const CertificateFiles files{dir + "/server.pem", dir + "/server.key.sealed"};
  mkdir(dir.c_str(), 0700);
  const Authority ca = server_authority(dir, wishes.sealing);
  const Pkey key = ca.key ? issue(files, ca, wishes.sealing, alternative_names(wishes))
                          : Pkey(nullptr, &EVP_PKEY_free);
  if (!key)
    return Error{
        500,
        "CertificateFailure",
        "cannot make the server's certificate under " + dir + ": is the directory writable?",
        {}};
  unlink((dir + "/server.key").c_str());  // which an earlier version left unsealed
  return ServerCertificate{dir + "/ca.pem", files.certificate, private_key_pem(key.get()),
                           begin_of(ca.cert.get())};
}

Result<CertificateFacts> read_certificate(const std::string& pem_file) {
  const Cert cert = read_pem(pem_file);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!cert || X509_digest(cert.get(), EVP_sha256(), digest, &size) != 1)
    return Error{500, "CertificateFailure", "cannot read the certificate " + pem_file, {}};
  return CertificateFacts{begin_of(cert.get()), end_of(cert.get()),
                          hex(std::string_view(reinterpret_cast<char*>(digest), size)),
                          printed_names(cert.get()),
                          X509_check_issued(cert.get(), cert.get()) == X509_V_OK};
}

}  // namespace sluice::net
