// SPDX-License-Identifier: Apache-2.0
#pragma once
// The certificates of a running server: the one that it serves (the local CA's, or the operator's
// own) and the local one for functions. A job looks at them again and again. It renews the local
// one, takes a file that has changed, and warns when one ends soon.
//
//   Certificates certificates(options, names, sealing, [&] { return write_endpoint(); });
//   CHECK(certificates.load());
//   certificates.keep_fresh(store.jobs());
#include <functional>
#include <memory>

#include "cli/server.h"
#include "net/ca.h"
#include "net/server.h"
#include "base/thread_safety.h"

namespace sluice::cli {

constexpr int kCertificateLookS = 10, kWarnDays = 30;

class Certificates {
 public:
  // `tell` is called when another certificate is served. It writes that where the command line
  // looks.
  Certificates(const ServeOptions& options, std::vector<std::string> names, Secret sealing,
               Jobs& jobs, std::function<Result<Done>()> tell);
  Result<Done> load();
  // By the jobs, which must be stopped before this object goes.
  void keep_fresh();
  std::shared_ptr<net::TlsContext> tls() const { return tls_; }
  std::shared_ptr<net::TlsContext> sandbox_tls() const { return sandbox_tls_; }
  net::CertificateFacts served() const;
  std::string local_ca_file() const { return local_ca_file_; }
  // The file that a client must trust. "": the certificate comes from a CA that this server does
  // not know.
  std::string ca_file() const;

 private:
  Result<Done> look();
  void warn_of_end(const net::CertificateFacts& facts);
  void warn_of_clock(const net::ServerCertificate& local);
  const std::string& served_file() const;
  Result<Secret> served_key(const net::ServerCertificate& local) const;

  const net::CertificateWishes wishes_;
  const std::string own_certificate_, own_key_;  // "" when the local one is served
  Jobs& jobs_;
  const std::function<Result<Done>()> tell_;
  std::string local_ca_file_, local_file_;
  std::shared_ptr<net::TlsContext> tls_, sandbox_tls_;
  mutable Mutex mutex_;
  net::CertificateFacts served_ SLUICE_GUARDED_BY(mutex_);
  std::string local_sha256_;
  Time warned_ = 0;
  bool clock_behind_ = false;  // that it stands before the time of the CA has been said
};

// The names that the certificate needs: those of --name, and the address of --listen, or all
// addresses of the machine when it listens on all.
std::vector<std::string> names_of(const ServeOptions& options, const net::Address& listen);

}  // namespace sluice::cli
