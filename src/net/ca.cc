#include "net/ca.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

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
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), days * 86400);
  X509_set_pubkey(cert.get(), key);
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

std::string alternative_names(const std::string& region) {
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  std::string names =
      "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:*.localhost,DNS:s3.localhost,DNS:*.s3.localhost,DNS:*."
      "s3." +
      region + ".localhost";
  const std::string name(host);
  if (!name.empty() && name != "localhost" &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
          std::string::npos)
    names += ",DNS:" + name + ",DNS:*.s3." + name;
  return names;
}
}  // namespace

Result<CertificateFiles> ensure_certificates(const std::string& data_dir,
                                             const std::string& region) {
  const std::string dir = data_dir + "/tls";
  const CertificateFiles files{dir + "/ca.pem", dir + "/server.pem", dir + "/server.key"};
  if (access(files.ca.c_str(), R_OK) == 0 && access(files.certificate.c_str(), R_OK) == 0 &&
      access(files.key.c_str(), R_OK) == 0)
    return files;
  const Error failed{
      500,
      "CertificateFailure",
      "cannot make the server's certificate under " + dir + ": is the directory writable?",
      {}};
  mkdir(dir.c_str(), 0700);
  const Pkey ca_key = new_key(), key = new_key();
  if (!ca_key || !key) return failed;
  const Cert ca = new_certificate("Sluice local CA", ca_key.get(), 3650),
             cert = new_certificate("localhost", key.get(), 825);
  if (!ca || !cert) return failed;
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.get()));
  bool ok =
      add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash") &&
      X509_sign(ca.get(), ca_key.get(), EVP_sha256()) > 0;
  ok = ok && add_extension(cert.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE") &&
       add_extension(cert.get(), ca.get(), NID_key_usage, "critical,digitalSignature") &&
       add_extension(cert.get(), ca.get(), NID_ext_key_usage, "serverAuth") &&
       add_extension(cert.get(), ca.get(), NID_authority_key_identifier, "keyid") &&
       add_extension(cert.get(), ca.get(), NID_subject_alt_name,
                     alternative_names(region).c_str()) &&
       X509_sign(cert.get(), ca_key.get(), EVP_sha256()) > 0;
  ok = ok &&
       write_pem(files.key, 0600,
                 [&](FILE* f) {
                   return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                 }) &&
       write_pem(files.certificate, 0644, [&](FILE* f) { return PEM_write_X509(f, cert.get()); }) &&
       write_pem(files.ca, 0644, [&](FILE* f) { return PEM_write_X509(f, ca.get()); });
  if (!ok) return failed;
  return files;
}

}  // namespace sluice::net
