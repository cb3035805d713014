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

// Writes to a new file and renames, so that a crash leaves either nothing or the whole.
template <class Write>
bool write_pem(const std::string& path, mode_t mode, Write write) {
  const std::string fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
  if (fd < 0) return false;
  FILE* file = fdopen(fd, "w");
  const bool ok = file && write(file) == 1 && fflush(file) == 0 && fsync(fd) == 0;
  if (file) fclose(file);
  return ok && rename(fresh.c_str(), path.c_str()) == 0;
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
bool two_thirds_over(X509* cert) {
  const Time begins = time_of(X509_get0_notBefore(cert)), ends = time_of(X509_get0_notAfter(cert));
  return now() < begins || now() - begins > (ends - begins) / 3 * 2;
}

std::string printed_names(X509* cert) {
  const int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  if (at < 0 || !out || X509V3_EXT_print(out.get(), X509_get_ext(cert, at), 0, 0) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

constexpr std::string_view kSealedKeyAad = "sluice-ca-key-1";

struct Authority {
  Cert cert{nullptr, &X509_free};
  Pkey key{nullptr, &EVP_PKEY_free};
};

// The CA of the directory with its key; empty when it is not there whole, or at its last third.
Authority load_authority(const std::string& ca_file, const std::string& sealed_file,
                         const Secret& sealing) {
  Authority ca;
  ca.cert = read_pem(ca_file);
  const auto sealed = read_file(sealed_file);
  if (!ca.cert || !sealed || two_thirds_over(ca.cert.get())) return {};
  auto opened = aead_open_random(sealing, *sealed, kSealedKeyAad);
  if (!opened) return {};
  const Secret der(*std::move(opened));
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.expose().data());
  ca.key.reset(d2i_AutoPrivateKey(nullptr, &bytes, static_cast<long>(der.size())));
  if (!ca.key || X509_check_private_key(ca.cert.get(), ca.key.get()) != 1) return {};
  return ca;
}

Authority make_authority(const std::string& ca_file, const std::string& sealed_file,
                         const Secret& sealing) {
  Authority ca{new_certificate("Sluice local CA", nullptr, kCaDays), new_key()};
  if (!ca.cert || !ca.key) return {};
  X509* cert = ca.cert.get();
  X509_set_pubkey(cert, ca.key.get());
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  unsigned char* der = nullptr;
  const int size = i2d_PrivateKey(ca.key.get(), &der);
  if (size <= 0) return {};
  const Secret plain(std::string(reinterpret_cast<char*>(der), static_cast<size_t>(size)));
  OPENSSL_clear_free(der, static_cast<size_t>(size));
  const bool ok =
      add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
      X509_sign(cert, ca.key.get(), EVP_sha256()) > 0 &&
      replace_file(sealed_file, aead_seal_random(sealing, plain.expose(), kSealedKeyAad)) &&
      write_pem(ca_file, 0600, [&](FILE* f) { return PEM_write_X509(f, cert); });
  return ok ? std::move(ca) : Authority{};
}

Pkey read_key(const std::string& path) {
  FILE* file = fopen(path.c_str(), "r");
  Pkey key(file ? PEM_read_PrivateKey(file, nullptr, nullptr, nullptr) : nullptr, &EVP_PKEY_free);
  if (file) fclose(file);
  return key;
}

// The names are compared as OpenSSL prints those of a certificate that has the wanted ones.
bool serves(X509* cert, const Authority& ca, X509* wanted) {
  return X509_verify(cert, ca.key.get()) == 1 && !two_thirds_over(cert) &&
         printed_names(cert) == printed_names(wanted);
}

bool issue(const CertificateFiles& files, const Authority& ca, const std::string& names) {
  const Pkey key = new_key();
  const Cert cert = new_certificate("localhost", key.get(), kCertificateDays);
  if (!key || !cert) return false;
  X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.cert.get()));
  X509* issuer = ca.cert.get();
  bool ok = add_extension(cert.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") &&
            add_extension(cert.get(), issuer, NID_key_usage, "critical,digitalSignature") &&
            add_extension(cert.get(), issuer, NID_ext_key_usage, "serverAuth") &&
            add_extension(cert.get(), issuer, NID_authority_key_identifier, "keyid") &&
            add_extension(cert.get(), issuer, NID_subject_alt_name, names.c_str());
  // A crash between the two files leaves a certificate without its key.
  const Cert kept = read_pem(files.certificate);
  const Pkey kept_key = read_key(files.key);
  if (ok && kept && kept_key && X509_check_private_key(kept.get(), kept_key.get()) == 1 &&
      serves(kept.get(), ca, cert.get()))
    return true;
  return ok && X509_sign(cert.get(), ca.key.get(), EVP_sha256()) > 0 &&
         write_pem(files.key, 0600,
                   [&](FILE* f) {
                     return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr,
                                                 nullptr);
                   }) &&
         write_pem(files.certificate, 0600, [&](FILE* f) { return PEM_write_X509(f, cert.get()); });
}
}  // namespace

Result<CertificateFiles> ensure_certificates(const CertificateWishes& wishes) {
  const std::string dir = wishes.data_dir + "/tls";
  const CertificateFiles files{dir + "/ca.pem", dir + "/server.pem", dir + "/server.key"};
  const std::string sealed = dir + "/ca.key.sealed";
  mkdir(dir.c_str(), 0700);
  Authority ca = load_authority(files.ca, sealed, wishes.sealing);
  if (!ca.key) {
    if (access(files.ca.c_str(), F_OK) == 0)
      spdlog::warn(
          "a new CA is made, {}: the key of the one before was not kept, or it is near its "
          "end; give it to every client that trusted that one",
          files.ca);
    ca = make_authority(files.ca, sealed, wishes.sealing);
  }
  if (!ca.key || !issue(files, ca, alternative_names(wishes)))
    return Error{
        500,
        "CertificateFailure",
        "cannot make the server's certificate under " + dir + ": is the directory writable?",
        {}};
  return files;
}

Result<CertificateFacts> read_certificate(const std::string& pem_file) {
  const Cert cert = read_pem(pem_file);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!cert || X509_digest(cert.get(), EVP_sha256(), digest, &size) != 1)
    return Error{500, "CertificateFailure", "cannot read the certificate " + pem_file, {}};
  return CertificateFacts{
      time_of(X509_get0_notBefore(cert.get())), time_of(X509_get0_notAfter(cert.get())),
      hex(std::string_view(reinterpret_cast<char*>(digest), size)), printed_names(cert.get()),
      X509_check_issued(cert.get(), cert.get()) == X509_V_OK};
}

}  // namespace sluice::net
